//! Billing > Balance: how much there is, how far it goes, and when to act.
use serde_json::Value;

use super::page::Reader;
use super::stack::{Person, stack};

/// A balance that would take many messages to come about.
fn balance_of(credits: i64, level: &str) -> String {
    format!(
        "const real = window.fetch.bind(window);
         window.fetch = (url, options) => String(url) !== '/v1/balance' ? real(url, options)
            : Promise.resolve(new Response(JSON.stringify({{ available_credits: {credits}, level: '{level}', low_below: 200,
                rates: {{ email: 1, whatsapp: {{ default: 2, US: 5 }}, sms: 3 }}, open_top_up: null }})));"
    )
}

#[test]
fn the_balance_tells_how_far_it_goes() {
    for (reader, shown) in [
        (
            Reader::ENGLISH,
            [
                "Available credits\n12,481",
                "Enough for about 12,481 emails, 6,240 WhatsApp messages or 4,160 SMS.",
                "Email\n1 credit each\nabout 12,481 sends",
                "WhatsApp\n2 credits each\nabout 6,240 sends\nSome countries cost more",
                "SMS\n3 credits each\nabout 4,160 sends",
            ],
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            [
                "Kredit tersedia\n12.481",
                "Cukup untuk sekitar 12.481 email, 6.240 pesan WhatsApp, atau 4.160 SMS.",
                "Email\n1 kredit per pesan\nsekitar 12.481 pesan",
                "WhatsApp\n2 kredit per pesan\nsekitar 6.240 pesan\nBeberapa negara lebih mahal",
                "SMS\n3 kredit per pesan\nsekitar 4.160 pesan",
            ],
        ),
    ] {
        let script = balance_of(12_481, "ok");
        let person = Person::of("balance-far");
        let Some(page) = stack().page_with(reader, person, "/billing/balance", &script) else { return };
        page.wait_for("document.querySelector('[data-credits]') !== null");
        let text = page.text_of("main").replace("\n\n", "\n");
        for words in shown {
            assert!(text.contains(words), "{words:?} is not in {text:?}");
        }
        assert_eq!(page.eval("document.querySelector('main .notice')"), Value::Null, "nothing to warn of");
        let size =
            page.eval("parseFloat(getComputedStyle(document.querySelector('[data-credits]')).fontSize)");
        assert!(size.as_f64() >= Some(40.0), "{size}");
    }
}

#[test]
fn a_low_balance_warns_and_an_empty_one_warns_more() {
    let cases = [
        (Reader::ENGLISH, 199, "low", "low", "Your balance is running low", "Below 200 credits."),
        (Reader::INDONESIAN, 199, "low", "low", "Saldo Anda hampir habis", "Kurang dari 200 kredit."),
        (Reader::ENGLISH, 0, "empty", "strong", "You have no credits left", "Messages are not being sent."),
        (Reader::INDONESIAN, 0, "empty", "strong", "Kredit Anda habis", "Pesan tidak terkirim."),
        (Reader::ENGLISH, -40, "empty", "strong", "Your balance is below zero", "-40"),
    ];
    for (reader, credits, level, tone, title, text) in cases {
        let script = balance_of(credits, level);
        let person = Person::of("balance-low");
        let Some(page) = stack().page_with(reader, person, "/billing/balance", &script) else { return };
        page.sees(title);
        page.sees(text);
        assert_eq!(
            page.eval(&format!("document.querySelector('main .notice').classList.contains('{tone}')")),
            true
        );
    }
}
