//! What is sold by one more line of configuration is on every page, in both languages.
use saldo_adapters::clock::Clock;
use saldo_local::Options;
use serde_json::json;

use super::page::Reader;
use super::stack::{Person, Stack};
use super::wire;
use crate::support::client::Client;
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
