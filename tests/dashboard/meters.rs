//! What is sold by one more line of configuration is on every page, in both languages.
use saldo_adapters::clock::Clock;
use saldo_local::Options;
use serde_json::json;

use super::page::Reader;
use super::stack::{Person, Stack};
use super::wire;
use crate::support::client::Client;
use crate::support::meters::with_full_words;
use crate::support::system;

/// The usual three, and one line more.
const METERS: &str = r#"{"email":{"default":1},"whatsapp":{"default":2,"class":{"utility":0}},"sms":{"default":3},
    "voice":{"unit":"minute","words":{"en":{"name":"Voice calls","unit":"minute"},"id":{"name":"Panggilan suara","unit":"menit"}},"icon":"phone","default":5}}"#;
const SENDER: Person = Person::of("meters");

async fn sends(stack: &Stack, clock: &Clock, message: serde_json::Value) {
    let client = Client::new(&stack.dashboard).with_token(stack.token(SENDER.who_may("credits:spend")));
    let path = format!("/v1/debits/{}", system::debit_id(clock, 0));
    let answer =
        client.send("PUT", &path, &[("content-type", "application/json")], message.to_string()).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
}

#[test]
fn a_meter_that_is_configured_is_on_all_pages_in_both_languages() {
    let clock = Clock::system();
    let parameters = [("Meters".to_owned(), METERS.to_owned())].into();
    let stack = Stack::start(Options { parameters, clock: clock.clone(), ..Options::default() });
    stack.runtime.block_on(async {
        system::with_credits(&stack.saldo, SENDER.organisation).await;
        sends(&stack, &clock, json!({"channel": "voice", "units": 14})).await;
        sends(&stack, &clock, json!({"channel": "whatsapp", "class": "utility"})).await;
    });
    for (reader, rates, used, table) in [
        (
            Reader::ENGLISH,
            [
                "What it costs",
                "Voice calls\n5 credits per minute\nenough for about 186",
                "WhatsApp\n2 credits each",
            ],
            ["Voice calls\nminute: 14\n70 credits", "WhatsApp\n1 message\n0 credits"],
            "Voice calls\t1\t14\t70",
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            [
                "Biaya",
                "Panggilan suara\n5 kredit per menit\ncukup untuk sekitar 186",
                "WhatsApp\n2 kredit per pesan",
            ],
            ["Panggilan suara\nmenit: 14\n70 kredit", "WhatsApp\n1 pesan\n0 kredit"],
            "Panggilan suara\t1\t14\t70",
        ),
    ] {
        let Some(page) = stack.page(reader, SENDER, "/billing/balance") else { return };
        page.wait_for("document.querySelector('.usage-card .usage-legend') !== null");
        let text = page.text_of(".rates-card").replace("\n\n", "\n");
        for words in rates {
            assert!(text.contains(words), "{words:?} is not in {text:?}");
        }
        let icons = page.eval(
            "new Set([...document.querySelectorAll('.rate-icon path')].map(p => p.getAttribute('d'))).size",
        );
        assert_eq!(icons, 4, "each has its own icon");
        let text = page.text_of(".usage-card").replace("\n\n", "\n");
        for words in used {
            assert!(text.contains(words), "{words:?} is not in {text:?}");
        }
        let wider = page.eval("document.documentElement.scrollWidth - innerWidth");
        assert!(wider.as_i64() <= Some(0), "{wider} px wider than the window");
        if let Some(axe) = wire::axe() {
            wire::judge(&page, &axe, "the meters");
        }
        assert_eq!(page.complaints(), Vec::<String>::new());
        let Some(page) = stack.page(reader, SENDER, "/billing/statements") else { return };
        page.wait_for("document.querySelectorAll('.statement .usage-table').length === 2");
        let lines = page.text_of(".statement");
        assert!(lines.contains(table), "{table:?} is not in {lines:?}");
        assert_eq!(page.complaints(), Vec::<String>::new());
    }
}

/// More than fit beside each other, with the longest words that there can be.
#[test]
fn sixty_four_meters_with_full_words_are_on_the_pages_in_both_languages() {
    let clock = Clock::system();
    let parameters = [("Meters".to_owned(), with_full_words(64))].into();
    let stack = Stack::start(Options { parameters, clock: clock.clone(), ..Options::default() });
    stack.runtime.block_on(async {
        system::with_credits(&stack.saldo, SENDER.organisation).await;
        for number in 0..9 {
            sends(&stack, &clock, json!({"channel": format!("service_{number:02}"), "units": 9 - number}))
                .await;
        }
    });
    for (reader, language) in [(Reader::ENGLISH, "en"), (Reader::INDONESIAN.on_a_phone(), "id")] {
        let Some(page) = stack.page(reader, SENDER, "/billing/balance") else { return };
        page.wait_for("document.querySelector('.usage-card .usage-legend') !== null");
        let names = page.eval("[...document.querySelectorAll('.rates-card')].map(c => c.innerText.match(/Service \\d\\d/g).length)[0]");
        assert_eq!(names, 64);
        let text = page.text_of(".rates-card");
        assert!(text.contains(&format!("Service 63 {language} ")), "{text}");
        let page = [page, stack.page(reader, SENDER, "/billing/usage").unwrap()];
        page[1].wait_for("document.querySelectorAll('.used-sums tbody tr').length === 9");
        let line = page[1].text_of(".used-sums tbody tr");
        assert!(line.starts_with(&format!("Service 04 {language} ")) && line.contains("pieces 04"), "{line}");
        for page in page {
            let wider = page.eval("document.documentElement.scrollWidth - innerWidth");
            assert!(wider.as_i64() <= Some(0), "{wider} px wider than the window");
            if let Some(axe) = wire::axe() {
                wire::judge(&page, &axe, "64 meters");
            }
            assert_eq!(page.complaints(), Vec::<String>::new());
        }
    }
}
