//! Back, and what happens elsewhere meanwhile: dialogs close, pages recover.
use serde_json::{Value, json};

use super::browser::browser;
use super::dialog::{PAY_NOW, TOP_UP, choose_custom, dialog};
use super::page::{Page, Reader};
use super::payment::transfers;
use super::stack::{Person, stack, top_up_elsewhere};

fn go_back(page: &Page) {
    page.eval("history.back()");
}

fn balance_after_history(organisation: &'static str) -> Option<Page> {
    let page = stack().page(Reader::ENGLISH, Person::of(organisation), "/billing/history")?;
    page.click("nav a[href='/billing/balance']");
    page.wait_for("document.querySelector('[data-credits]') !== null");
    Some(page)
}

#[test]
fn back_closes_the_upper_dialog_and_stays_on_the_page() {
    let Some(page) = balance_after_history("back-dialog") else { return };
    page.click(TOP_UP);
    page.wait_for("document.querySelector('dialog .choice') !== null");
    top_up_elsewhere(&page, 1000);
    go_back(&page);
    page.wait_for("document.querySelector('dialog') === null");
    assert_eq!(page.eval("location.pathname"), "/billing/balance");
    page.wait_for("document.querySelector('.open-card') !== null");
    page.click(TOP_UP);
    page.click("[data-key='pending-cancel']");
    page.wait_for("document.querySelectorAll('dialog').length === 2");
    go_back(&page);
    page.wait_for("document.querySelectorAll('dialog').length === 1");
    page.sees("You have an unpaid top-up");
    go_back(&page);
    page.wait_for("document.querySelector('dialog') === null");
    assert_eq!(page.eval("location.pathname"), "/billing/balance");
    go_back(&page);
    page.wait_for("location.pathname === '/billing/history'");
}

#[test]
fn a_dialog_that_was_closed_leaves_nothing_for_back_to_do() {
    let Some(page) = balance_after_history("back-closed") else { return };
    for _ in 0..2 {
        page.click(TOP_UP);
        page.wait_for("document.querySelector('dialog .choice') !== null");
        page.press("Escape");
        page.wait_for("document.querySelector('dialog') === null && history.state === null");
    }
    go_back(&page);
    page.wait_for("location.pathname === '/billing/history'");
}

#[test]
fn back_waits_for_a_dialog_that_is_working() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("back-working")) else { return };
    page.eval("window.faults.push({ path: '/v1/top-ups', method: 'POST', delay: 1500, times: 1, status: 503, body: { code: 'payment_provider_unavailable' } })");
    page.click(PAY_NOW);
    page.sees("Preparing your payment…");
    go_back(&page);
    page.sees("The payment provider is not answering right now.");
    assert_eq!(page.eval("location.pathname"), "/billing/balance");
    go_back(&page);
    page.wait_for("document.querySelector('dialog') === null");
}

#[test]
fn the_pending_dialog_closes_by_itself_when_the_top_up_is_paid_elsewhere() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("back-paid")) else { return };
    choose_custom(&page, "4321");
    let other = top_up_elsewhere(&page, 2500);
    page.click(PAY_NOW);
    page.sees("You have an unpaid top-up");
    let Some(browser) = browser() else { return };
    let payer = Page::open(browser, Reader::INDONESIAN.on_a_phone());
    payer.go(other["pay_url"].as_str().unwrap());
    transfers(&payer);
    page.wait_for("document.querySelector('dialog') === null");
    page.sees("2,500 credits added. You now have 2,500.");
}

#[test]
fn history_recovers_when_the_connection_is_back() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("back-offline"), "/billing/balance") else {
        return;
    };
    let network = |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    page.call("Network.emulateNetworkConditions", network(true));
    page.click("nav a[href='/billing/history']");
    page.sees("We can't reach Saldo");
    page.call("Network.emulateNetworkConditions", network(false));
    page.sees("No top-ups yet");
    assert_eq!(page.eval("document.querySelector('[data-key=retry]')"), Value::Null);
}

/// A tab that is older than the latest release asks for a script that is no more; the second try takes what is there now.
#[test]
fn a_page_whose_script_does_not_come_says_so_and_then_is_loaded_anew() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("back-release"), "/billing/balance") else {
        return;
    };
    page.call("Network.enable", json!({}));
    page.call("Network.setBlockedURLs", json!({ "urls": ["*-rest.js"] }));
    page.click("nav a[href='/billing/history']");
    page.sees("We can't reach Saldo");
    page.eval("window.isBefore = true");
    page.call("Network.setBlockedURLs", json!({ "urls": [] }));
    page.click("[data-key='retry']");
    page.sees("No top-ups yet");

    page.go(&stack().url("/billing/balance"));
    page.call("Network.setBlockedURLs", json!({ "urls": ["*-rest.js"] }));
    page.call("Page.reload", json!({ "ignoreCache": true }));
    page.wait_for("document.querySelector('nav a[href=\"/billing/history\"]') !== null");
    page.click("nav a[href='/billing/history']");
    page.sees("We can't reach Saldo");
    page.eval("window.isBefore = true");
    page.click("[data-key='retry']");
    page.wait_for("window.isBefore === undefined");
}
