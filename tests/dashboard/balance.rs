//! Billing > Balance: how much there is, how far it goes, and when to act.
use serde_json::Value;

use super::page::Reader;
use super::stack::{Person, stack};

/// A balance that would take many messages to come about.
fn balance_of(credits: i64, level: &str) -> String {
    balance_with(credits, level, 0)
}

/// Also with credits that are on hold.
fn balance_with(credits: i64, level: &str, on_hold: i64) -> String {
    format!(
        "const real = window.fetch.bind(window);
         window.fetch = (url, options) => String(url).startsWith('/v1/top-ups?') ? Promise.resolve(new Response('{{\"top_ups\":[{{}}]}}'))
            : String(url) !== '/v1/balance' ? real(url, options)
            : Promise.resolve(new Response(JSON.stringify({{ available_credits: {credits}, on_hold: {on_hold}, level: '{level}', low_below: 200,
                rates: {{ email: 1, whatsapp: 2, sms: 3 }}, open_top_up: null }})));"
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
                "WhatsApp\n2 credits each\nabout 6,240 sends",
                "SMS\n3 credits each\nabout 4,160 sends",
            ],
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            [
                "Kredit tersedia\n12.481",
                "Cukup untuk sekitar 12.481 email, 6.240 pesan WhatsApp, atau 4.160 SMS.",
                "Email\n1 kredit per pesan\nsekitar 12.481 pesan",
                "WhatsApp\n2 kredit per pesan\nsekitar 6.240 pesan",
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
fn what_is_on_hold_is_told_beside_what_is_available() {
    for (reader, told, of_many) in [
        (
            Reader::ENGLISH,
            "12,481\n1,250 on hold: set aside for messages whose price is not known yet.",
            "More is on hold, in too many holds to add up here.",
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            "12.481\n1.250 ditahan: disisihkan untuk pesan yang biayanya belum pasti.",
            "Ada lagi kredit yang ditahan",
        ),
    ] {
        let person = Person::of("balance-held");
        let script = balance_with(12_481, "ok", 1_250);
        let Some(page) = stack().page_with(reader, person, "/billing/balance", &script) else { return };
        page.wait_for("document.querySelector('[data-on-hold]') !== null");
        let text = page.text_of("main .hero").replace("\n\n", "\n");
        assert!(text.contains(told), "{told:?} is not in {text:?}");
        let many = balance_with(12_481, "ok", 1_250).replace("on_hold: 1250", "on_hold: null");
        let Some(page) = stack().page_with(reader, person, "/billing/balance", &many) else { return };
        page.wait_for("document.querySelector('[data-on-hold=many]') !== null");
        page.sees(of_many);
        let script = balance_with(12_481, "ok", 0);
        let Some(page) = stack().page_with(reader, person, "/billing/balance", &script) else { return };
        page.wait_for("document.querySelector('[data-credits]') !== null");
        assert_eq!(page.eval("document.querySelector('[data-on-hold]')"), Value::Null, "nothing is on hold");
    }
}

#[test]
fn a_low_balance_warns_and_an_empty_one_warns_more() {
    let cases = [
        (Reader::ENGLISH, 199, "low", "low", "Your balance is running low", "Below 200 credits."),
        (Reader::INDONESIAN, 199, "low", "low", "Saldo Anda hampir habis", "Kurang dari 200 kredit."),
        (Reader::ENGLISH, 0, "empty", "strong", "You have no credits left", "Messages are not being sent."),
        (Reader::INDONESIAN, 0, "empty", "strong", "Kredit Anda habis", "Pesan tidak terkirim."),
        (Reader::ENGLISH, -40, "empty", "strong", "Your balance is below zero: 40 credits are owed", "-40"),
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

#[test]
fn a_new_organisation_is_welcomed_and_not_alarmed() {
    for (reader, title) in
        [(Reader::ENGLISH, "Welcome to Saldo"), (Reader::INDONESIAN.on_a_phone(), "Selamat datang di Saldo")]
    {
        let Some(page) = stack().page(reader, Person::of("balance-new"), "/billing/balance") else { return };
        page.sees(title);
        assert_eq!(page.eval("document.querySelector('main .notice.strong, main .notice.low')"), Value::Null);
    }
}

#[test]
fn a_balance_below_zero_says_what_is_owed() {
    let owed = balance_of(0, "empty").replace("open_top_up: null", "open_top_up: null, owed: 40");
    for (reader, script, words) in [
        (Reader::ENGLISH, balance_of(-1_240, "empty"), "1,240 credits are owed"),
        (Reader::INDONESIAN, balance_of(-1_240, "empty"), "1.240 kredit terutang"),
        (Reader::ENGLISH, owed, "The next top-up pays these 40 credits first"),
    ] {
        let person = Person::of("balance-owed");
        let Some(page) = stack().page_with(reader, person, "/billing/balance", &script) else { return };
        page.sees(words);
    }
}

#[test]
fn what_can_be_sent_follows_the_rates_whatever_is_sold() {
    let script = balance_of(600, "ok").replace("sms: 3", "sms: 3, voice: 5");
    for (reader, words) in [
        (Reader::ENGLISH, "600 emails, 300 WhatsApp messages, 200 SMS or 120 messages by Voice."),
        (Reader::INDONESIAN, "600 email, 300 pesan WhatsApp, 200 SMS, atau 120 pesan Voice."),
    ] {
        let person = Person::of("balance-voice");
        let Some(page) = stack().page_with(reader, person, "/billing/balance", &script) else { return };
        page.sees(words);
        assert_eq!(page.eval("document.querySelectorAll('.rate').length"), 4);
    }
}
