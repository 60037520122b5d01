//! How fast the pages are on a slow phone; prints figures, `cargo test -p saldo-tests dashboard::speed -- --ignored --nocapture`.
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::browser::{browser, skip};
use super::page::{Page, Reader};
use super::payment::transfers;
use super::stack::{Person, stack, top_up_elsewhere};

const ROUNDS: usize = 9;
const ORGANISATION: &str = "speed";
/// Milliseconds.
const LCP_GOAL: u64 = 1_200;
const DIALOG_GOAL: u64 = 120;

/// Notes when the first frame after a click on Top Up is painted, and whether the price is in it.
const STOPWATCH: &str = "addEventListener('click', (event) => {
    if (!event.target.closest?.('[data-key=top-up]')) return;
    requestAnimationFrame(() => {
        const painted = new MessageChannel();
        painted.port1.onmessage = () => { window.opened = {
            ms: Math.round(performance.now() - event.timeStamp),
            priced: document.querySelector('dialog .price')?.getAttribute('aria-busy') === 'false' }; };
        painted.port2.postMessage(null);
    });
}, true);";

#[test]
#[ignore = "measures, for which the machine must be at rest"]
fn how_fast_the_pages_are_on_a_slow_phone() {
    let Some(browser) = browser() else { return };
    let reader = Reader { width: 412, height: 823, ..Reader::ENGLISH };
    let person = Person::of(ORGANISATION);
    let Some(page) = stack().page(reader, person, "/billing/balance") else { return };
    let payer = Page::open(browser, Reader::ENGLISH);
    payer.go(top_up_elsewhere(&page, 5_000)["pay_url"].as_str().unwrap());
    transfers(&payer);
    page.eval("dispatchEvent(new Event('focus'))");
    page.wait_for("document.querySelector('[data-credits]').dataset.credits === '5000'");
    let opening: Vec<_> = (0..ROUNDS).map(|_| open_dialog(reader, person)).collect();
    tell("opening the Top Up dialog with its price, CPU four times slower", opening, DIALOG_GOAL);
    if let Some(painting) = lighthouse(&stack().token(person)) {
        tell("Lighthouse, mobile: largest contentful paint of Balance", painting, LCP_GOAL);
    }
}

fn tell(what: &str, mut figures: Vec<u64>, goal: u64) {
    figures.sort_unstable();
    let median = figures[figures.len() / 2];
    let word = if median <= goal { "reached" } else { "missed" };
    println!("{what}: median {median} ms of {figures:?}; goal {goal} ms, {word}");
}

/// From the click to the frame with the dialog, on a page that was just loaded.
fn open_dialog(reader: Reader, person: Person) -> u64 {
    let page = stack().page_with(reader, person, "/billing/balance", STOPWATCH).unwrap();
    page.wait_for(
        "document.querySelector('.usage-card') !== null && document.querySelector('.skeleton') === null",
    );
    page.wait_for("performance.getEntriesByType('resource').some(e => e.name.endsWith('/v1/quote') && e.responseEnd > 0)");
    page.call("Emulation.setCPUThrottlingRate", json!({ "rate": 4 }));
    page.eval("new Promise(r => setTimeout(r, 500))");
    page.click("[data-key='top-up']");
    page.wait_for("window.opened !== undefined");
    assert_eq!(page.eval("window.opened.priced"), true, "the first frame has the price");
    page.eval("window.opened.ms").as_u64().unwrap()
}

/// What Lighthouse says of Balance, several times; `None` where it is not installed.
fn lighthouse(token: &str) -> Option<Vec<u64>> {
    let modules = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/lighthouse/node_modules");
    if !Path::new(modules).exists() {
        skip(
            "Lighthouse is not in target/lighthouse (npm install --prefix target/lighthouse lighthouse@12 puppeteer-core@24)",
        );
        return None;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/dashboard/lighthouse.mjs");
    let address = stack().url("/billing/balance");
    let run = Command::new("node").args([script, modules, &address, token, &ROUNDS.to_string()]).output();
    let run = run.expect("node starts");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let figures: Value = serde_json::from_slice(&run.stdout).expect("figures");
    serde_json::from_value(figures).ok()
}
