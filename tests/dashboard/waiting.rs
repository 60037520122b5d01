//! Between paying and having the credits: the page waits, says so calmly, and sees at once what arrives.
use serde_json::{Value, json};

use super::browser::browser;
use super::dialog::{PAY_NOW, TOP_UP, dialog};
use super::page::{Page, Reader};
use super::payment::{goes_to_pay, transfers};
use super::stack::{Person, elsewhere, stack, top_up_elsewhere};

/// Everything that shouts, and everything that asks to pay, in what is on the screen.
const LOUD: &str =
    "[...document.querySelectorAll('main .notice.strong, main .button.primary')].map(e => e.innerText)";

#[test]
fn the_balance_waits_calmly_while_a_payment_is_expected() {
    for (organisation, reader, title, text, again) in [
        (
            "wait-en",
            Reader::ENGLISH,
            "Waiting for your payment",
            "A transfer can take a few minutes to arrive",
            "Open payment page",
        ),
        (
            "wait-id",
            Reader::INDONESIAN.on_a_phone(),
            "Menunggu pembayaran Anda",
            "Transfer dapat memerlukan beberapa menit",
            "Buka halaman pembayaran",
        ),
    ] {
        let Some(page) = dialog(reader, Person::of(organisation)) else { return };
        page.click(PAY_NOW);
        let tab = goes_to_pay(&page);
        page.sees(title);
        page.sees(text);
        assert_eq!(page.eval(LOUD), json!([]));
        assert_eq!(page.eval("document.querySelector('dialog')"), Value::Null);
        drop(tab);
        page.call("Page.reload", json!({}));
        page.sees(again);
        assert_eq!(page.eval(LOUD), json!([]));
        page.click(TOP_UP);
        page.wait_for("document.querySelector('dialog .pending') !== null");
        assert_eq!(page.eval("document.querySelector('dialog .button.primary')"), Value::Null);
        page.press("Escape");
        // Closing goes back in the history, and until it has, the card is under the dialog.
        page.wait_for("document.querySelector('dialog') === null && history.state === null");
        page.click(".open-card a.button");
        goes_to_pay(&page);
    }
}

#[test]
fn credits_are_shown_within_two_seconds_of_being_there() {
    // The second time a minute has passed, by the clock of the page.
    for (organisation, passed_ms) in [("wait-seconds", 0), ("wait-minutes", 60_000)] {
        let script = "const now = performance.now.bind(performance); window.passed = 0;
            performance.now = () => now() + window.passed; window.untouchedFetch = window.fetch.bind(window);";
        let person = Person::of(organisation);
        let Some(page) = stack().page_with(Reader::ENGLISH, person, "/billing/balance", script) else {
            return;
        };
        page.click(TOP_UP);
        page.wait_for("document.querySelector('.price')?.getAttribute('aria-busy') === 'false'");
        page.click(PAY_NOW);
        let tab = goes_to_pay(&page);
        page.sees("Waiting for your payment");
        page.eval(&format!("window.passed = {passed_ms}"));
        page.eval(
            "(async () => {
                const token = sessionStorage.getItem('saldo.token');
                const look = () => untouchedFetch('/v1/balance', { headers: { authorization: `Bearer ${token}` } }).then(a => a.json());
                while ((await look()).available_credits !== 1000) await new Promise(r => setTimeout(r, 40));
                window.there = Date.now();
            })();
            (function look() {
                if (document.querySelector('[data-credits]')?.innerText === '1,000') window.shown = Date.now();
                else setTimeout(look, 20);
            })()",
        );
        transfers(&tab);
        page.wait_for("window.there > 0 && window.shown > 0");
        let late = page.eval("window.shown - window.there").as_i64().unwrap();
        assert!(late < 2_000, "{late} ms after they were there, {passed_ms} ms on");
    }
}

#[test]
fn a_transfer_that_is_clearing_is_shown_as_on_its_way() {
    for (organisation, reader, words) in [
        ("wait-clearing-en", Reader::ENGLISH, "Your payment is on its way"),
        ("wait-clearing-id", Reader::INDONESIAN, "Pembayaran Anda sedang diproses"),
    ] {
        let Some(page) = stack().page(reader, Person::of(organisation), "/billing/balance") else { return };
        clears(&top_up_elsewhere(&page, 1000));
        page.call("Page.reload", json!({}));
        page.click("[data-key='cancel-open']");
        page.click("[data-key='cancel-yes']");
        page.wait_for("document.querySelector('dialog .notice.info') !== null");
        page.press("Escape");
        page.sees(words);
        assert_eq!(page.eval(LOUD), json!([]));
        page.call("Page.reload", json!({}));
        page.sees(words);
        page.click("nav a[href='/billing/history']");
        page.wait_for("document.querySelector('tbody tr') !== null");
        page.sees(words);
    }
}

#[test]
fn a_payment_that_is_told_but_not_paid_is_on_its_way() {
    let script = "const real = window.fetch.bind(window);
        window.fetch = async (url, options) => {
            const answer = await real(url, options);
            if (String(url) !== '/v1/balance') return answer;
            const balance = await answer.json();
            if (balance.open_top_up) balance.open_top_up.payment = { method: 'id_bank_transfer', paid_at: null, receipt_url: null };
            return new Response(JSON.stringify(balance)); };";
    let person = Person::of("wait-told");
    let Some(page) = stack().page_with(Reader::ENGLISH, person, "/billing/balance", script) else { return };
    top_up_elsewhere(&page, 1000);
    page.eval("dispatchEvent(new Event('focus'))");
    page.sees("Your payment is on its way");
    assert_eq!(page.eval(LOUD), json!([]));
}

fn clears(top_up: &Value) {
    let Some(browser) = browser() else { return };
    let payer = Page::open(browser, Reader::ENGLISH);
    payer.go(top_up["pay_url"].as_str().unwrap());
    payer.click(".banks a");
    payer.click("details summary");
    payer.click("button[value=clearing]");
    payer.wait_for("document.querySelector('.outcome.waiting') !== null");
}

#[test]
fn after_ten_minutes_without_money_paying_is_offered_again() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("wait-long")) else { return };
    page.click(PAY_NOW);
    drop(goes_to_pay(&page));
    page.sees("Waiting for your payment");
    page.eval(
        "(() => { const left = JSON.parse(sessionStorage.getItem('saldo.paying'));
            sessionStorage.setItem('saldo.paying', JSON.stringify({ ...left, at: left.at - 601000 })); })()",
    );
    page.wait_for("document.querySelector('.open-card a.primary') !== null");
}

#[test]
fn where_no_tab_may_be_opened_one_more_click_leads_to_the_payment() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("wait-blocked")) else { return };
    page.eval("window.open = () => null");
    page.click(PAY_NOW);
    page.sees("Your payment page is ready");
    let balance = elsewhere(&page, "GET", "/v1/balance", &Value::Null);
    let link = page.eval("document.querySelector('dialog a.primary').href");
    assert_eq!(link, balance["open_top_up"]["pay_url"]);
    page.click("dialog a.primary");
    goes_to_pay(&page);
    page.sees("Waiting for your payment");
}

#[test]
fn no_tab_stays_open_for_what_cant_be_paid() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("wait-no-tab")) else { return };
    page.eval("window.faults.push({ path: '/v1/top-ups', method: 'POST', delay: 900, times: 1, status: 503, body: { code: 'payment_provider_unavailable' } })");
    page.click(PAY_NOW);
    page.sees("The payment provider is not answering right now.");
    page.has_no_tab_beside();
}
