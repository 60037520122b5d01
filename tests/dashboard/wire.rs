//! What goes over the wire: little, from one host, under strict rules.
use serde_json::{Value, json};

use super::browser::{browser, skip};
use super::page::{Page, Reader};
use super::stack::{Person, stack, top_up_elsewhere};

const FIRST_LOAD_BYTES: u64 = 60 * 1024;

#[test]
fn the_first_load_is_small_and_asks_no_other_host() {
    let Some(browser) = browser() else { return };
    let page = Page::open(browser, Reader::INDONESIAN);
    page.go(&stack().url("/billing/sign-in"));
    page.wait_for("document.querySelector('#org') !== null");
    let finished = page.events("Network.loadingFinished");
    let bytes: u64 = finished
        .iter()
        .filter_map(|event| event["encodedDataLength"].as_f64())
        .map(|bytes| bytes as u64)
        .sum();
    assert!((10_000..FIRST_LOAD_BYTES).contains(&bytes), "{bytes} bytes with headers");
    let elsewhere: Vec<_> =
        page.requests().into_iter().filter(|url| !url.starts_with(&stack().dashboard)).collect();
    assert_eq!(elsewhere, Vec::<String>::new());
}

#[test]
fn using_every_part_asks_no_other_host_and_complains_about_nothing() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("wire-quiet"), "/billing/balance") else {
        return;
    };
    page.click("[data-key='top-up']");
    page.sees("Total\nRp 277,500");
    page.press("Escape");
    page.wait_for("document.querySelector('dialog') === null && history.state === null");
    top_up_elsewhere(&page, 1000);
    page.call("Page.reload", json!({}));
    page.wait_for("document.querySelector('.open-card') !== null");
    page.click("[data-key='cancel-open']");
    page.click("[data-key='cancel-yes']");
    page.sees("The top-up was canceled.");
    page.click("nav a[href='/billing/history']");
    page.sees("Canceled");
    page.click("[data-key='filter-paid']");
    page.sees("No top-ups with the status Paid");
    let elsewhere: Vec<_> =
        page.requests().into_iter().filter(|url| !url.starts_with(&stack().dashboard)).collect();
    assert_eq!((page.complaints(), elsewhere), (Vec::<String>::new(), Vec::<String>::new()));
}

#[test]
fn a_script_that_slips_in_does_not_run() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("wire-policy"), "/billing/balance") else {
        return;
    };
    let refused = page.eval(
        "(() => { const script = document.createElement('script');
            try { script.text = 'window.slipped = 1'; document.body.append(script); } catch { return true; }
            return window.slipped === undefined; })()",
    );
    assert_eq!(refused, true);
    assert_eq!(
        page.eval(
            "(() => { try { document.body.innerHTML = '<b>x</b>'; return false; } catch { return true; } })()"
        ),
        true
    );
    assert_eq!(page.eval("fetch('https://example.com/').then(() => false, () => true)"), true);
}

/// axe-core's rules for WCAG 2.1 AA and good practice on every page and dialog.
#[test]
fn axe_finds_nothing_serious_anywhere() {
    let Some(axe) = axe() else { return };
    for (reader, organisation) in [
        (Reader::ENGLISH, "axe-en"),
        (Reader::INDONESIAN.on_a_phone(), "axe-id"),
        (Reader::ENGLISH.on_a_phone().in_the_dark(), "axe-en-dark"),
        (Reader::INDONESIAN.in_the_dark(), "axe-id-dark"),
    ] {
        let Some(page) = stack().page(reader, Person::of(organisation), "/billing/balance") else { return };
        let check = |place: &str| judge(&page, &axe, &format!("{place} as {organisation}"));
        check("Balance");
        page.click("[data-key='top-up']");
        page.wait_for("document.querySelector('.price')?.getAttribute('aria-busy') === 'false'");
        page.click("input[value=custom]");
        page.wait_for("document.activeElement.id === 'amount'");
        page.types("999");
        page.press("Enter");
        check("the dialog with a refused amount");
        page.press("Escape");
        page.wait_for("document.querySelector('dialog') === null && history.state === null");
        top_up_elsewhere(&page, 1000);
        page.call("Page.reload", json!({}));
        page.wait_for("document.querySelector('.open-card') !== null");
        check("the open top-up");
        page.click("[data-key='top-up']");
        page.wait_for("document.querySelector('dialog .pending') !== null");
        check("the pending notification");
        page.press("Escape");
        page.wait_for("document.querySelector('dialog') === null && history.state === null");
        page.go(&stack().url("/billing/history"));
        page.wait_for("document.querySelector('tbody tr') !== null");
        check("History");
        page.click("[data-key='filter-expired']");
        page.wait_for("document.querySelector('.notice.large') !== null");
        check("an empty History");
        page.go(&stack().url("/billing/sign-in"));
        page.wait_for("document.querySelector('#org') !== null");
        check("the sign-in");
    }
}

/// The script of axe-core; `None` where it is not installed.
pub(super) fn axe() -> Option<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/axe/node_modules/axe-core/axe.min.js");
    let script = std::fs::read_to_string(file).ok();
    if script.is_none() {
        skip("axe-core is not in target/axe (npm install --prefix target/axe axe-core@4)");
    }
    script
}

/// No serious violation and nothing wider than the window.
pub(super) fn judge(page: &Page, axe: &str, place: &str) {
    if page.eval("typeof axe") == "undefined" {
        page.eval(&format!("{axe}; true"));
    }
    page.eval("Promise.allSettled(document.getAnimations().filter(a => a.effect.getComputedTiming().iterations === 1).map(a => a.finished)).then(() => true)");
    let found = page.eval(
        "axe.run(document, { resultTypes: ['violations'] }).then(r => r.violations
            .filter(v => ['serious', 'critical', 'moderate'].includes(v.impact))
            .map(v => ({ id: v.id, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 200) + ' ' + n.failureSummary) })))",
    );
    assert_eq!(found, Value::Array(Vec::new()), "{place}: {found:#}");
    let overlapping = page.eval(
        "[...document.querySelectorAll('.dialog-body > *, main section')].filter(e => e.scrollHeight > e.clientHeight + 2 && e.tagName !== 'INPUT')
            .map(e => e.outerHTML.slice(0, 120))",
    );
    assert_eq!(overlapping, Value::Array(Vec::new()), "{place}: parts stand over each other");
    let wider = page.eval("document.documentElement.scrollWidth - innerWidth");
    assert!(wider.as_i64() <= Some(0), "{place} is {wider} px wider than the window");
}
