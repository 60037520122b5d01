//! Billing > Statements: what a month comes to, on the screen and on paper.
use std::sync::OnceLock;

use saldo_adapters::clock::Clock;
use serde_json::json;
use tokio::runtime::Builder;

use super::page::{Page, Reader};
use super::stack::{Person, Stack};
use super::wire;
use crate::support::system;

const READER: Person = Person::of("statement-reader");

/// A system in which `READER` bought and sent last month, which is closed, and this month, which is not.
fn books() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let clock = Clock::system();
        clock.advance(-31 * 86_400);
        let saldo = runtime.block_on(system::start(&clock));
        runtime.block_on(async {
            let world = saldo.world();
            system::with_credits(&saldo, READER.organisation).await;
            for channel in ["sms", "sms", "email"] {
                let id = system::debit_id(&clock, 0);
                let message = json!({ "channel": channel });
                assert_eq!(system::debit(&saldo, &world, READER.organisation, &id, &message).await.0, 201);
            }
            clock.advance(31 * 86_400);
            let id = system::debit_id(&clock, 0);
            let message = json!({"channel": "whatsapp"});
            assert_eq!(system::debit(&saldo, &world, READER.organisation, &id, &message).await.0, 201);
            clock.advance(3600);
            assert_eq!(system::reconcile(&saldo, &world, true).await["verdict"], "clean");
        });
        Stack { dashboard: saldo.api_url().to_owned(), saldo, runtime }
    })
}

fn opened(reader: Reader, path: &str) -> Option<Page> {
    books().page(reader, READER, path)
}

/// A month ago, as the pages write it.
fn last_month() -> String {
    let clock = Clock::system();
    clock.advance(-31 * 86_400);
    clock.now().rfc3339()[..7].to_owned()
}

#[test]
fn a_statement_is_read_in_both_languages_and_by_keys() {
    for (reader, tab, opening, debits, end) in [
        (Reader::ENGLISH, "Statements", "Opening balance", "Messages sent", "Closing balance"),
        (Reader::INDONESIAN.on_a_phone(), "Laporan", "Saldo awal", "Pesan terkirim", "Saldo akhir"),
    ] {
        let Some(page) = opened(reader, "/billing/balance") else { return };
        page.click("nav a[href='/billing/statements']");
        page.sees(opening);
        page.sees(end);
        page.sees("991");
        assert_eq!(page.text_of("nav a[aria-current]"), tab);
        page.tabs_to("#statement-month");
        page.press("ArrowDown");
        page.wait_for(&format!("location.search === '?month={}'", last_month()));
        page.sees(debits);
        page.sees("993");
        page.sees("1,000".replace(',', if tab == "Laporan" { "." } else { "," }).as_str());
        page.tabs_to("[data-key='print']");
        page.eval("window.print = () => { window.printed = true; }");
        page.press("Enter");
        page.wait_for("window.printed === true");
    }
}

#[test]
fn a_month_behind_an_address_is_shown_and_a_failure_can_be_tried_again() {
    let path = format!("/billing/statements?month={}", last_month());
    let Some(page) = opened(Reader::ENGLISH, &path) else { return };
    page.sees("993");
    let broken = r"window.untouchedFetch = window.fetch; let refused = 0;
        window.fetch = (url, options) => String(url).includes('/v1/statements/') && refused++ === 0
            ? Promise.resolve(new Response(JSON.stringify({ code: 'statement_not_ready' }), { status: 409 }))
            : window.untouchedFetch(url, options);";
    let Some(page) = books().page_with(Reader::ENGLISH, READER, "/billing/statements", broken) else {
        return;
    };
    page.sees("There is too much to add up yet");
}

#[test]
fn on_paper_there_is_the_statement_and_nothing_to_press() {
    let Some(page) = opened(Reader::ENGLISH, "/billing/statements") else { return };
    page.sees("Closing balance");
    page.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    let seen = |selector: &str| {
        page.eval(&format!("document.querySelector('{selector}').checkVisibility()")).as_bool().unwrap()
    };
    assert!(seen(".statement") && seen(".statement-org"));
    assert!(!seen("#statement-month") && !seen("[data-key=print]") && !seen(".tabs"));
    page.call("Emulation.setEmulatedMedia", json!({"media": ""}));
}

#[test]
fn axe_finds_nothing_serious_in_a_statement() {
    let Some(axe) = wire::axe() else { return };
    for reader in [Reader::ENGLISH, Reader::INDONESIAN.on_a_phone().in_the_dark()] {
        let Some(page) = opened(reader, "/billing/statements") else { return };
        page.sees("991");
        wire::judge(&page, &axe, "a statement");
    }
}
