//! What stands between Pay Now and the payment page: another price, an open top-up, someone else who pays.
use serde_json::Value;

use super::browser::browser;
use super::dialog::{PAY_NOW, TOP_UP, choose_custom, dialog};
use super::page::{Page, Reader};
use super::payment::{goes_to_pay, transfers};
use super::stack::{Person, elsewhere, stack, top_up_elsewhere};

#[test]
fn a_payment_page_that_is_still_being_prepared_is_waited_for() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("dialog-preparing")) else { return };
    page.eval("window.faults.push({ path: '/v1/top-ups', method: 'POST', times: 1, change: { status: 'requested', pay_url: null } })");
    page.click(PAY_NOW);
    page.sees("Preparing your payment…");
    goes_to_pay(&page);
}

#[test]
fn a_changed_price_is_shown_and_must_be_confirmed() {
    for (organisation, reader, words, button) in [
        (
            "dialog-price-en",
            Reader::ENGLISH,
            "The price has changed. The new total is Rp 277,500.",
            "Pay Rp 277,500",
        ),
        (
            "dialog-price-id",
            Reader::INDONESIAN,
            "Harga telah berubah. Total yang baru Rp 277.500.",
            "Bayar Rp 277.500",
        ),
    ] {
        let Some(page) = dialog(reader, Person::of(organisation)) else { return };
        // The page holds an older, lower price; the server's refusal is the real one.
        page.press("Escape");
        page.wait_for("document.querySelector('dialog') === null");
        page.eval("window.faults.push({ path: '/v1/quote', times: 1, change: { total: { currency: 'IDR', minor_units: 1110000, decimal: '11100.00' } } })");
        page.click(TOP_UP);
        page.sees("11.100".replace('.', if reader.language == "en-GB" { "," } else { "." }).as_str());
        page.click(PAY_NOW);
        page.sees(words);
        page.sees(button);
        assert_eq!(
            page.eval("location.pathname"),
            "/billing/balance",
            "nothing is paid before it is confirmed"
        );
        page.click(PAY_NOW);
        goes_to_pay(&page);
    }
}

#[test]
fn an_open_top_up_brings_a_notification_that_cancels_it() {
    for (organisation, reader, title, canceled) in [
        (
            "dialog-pending-en",
            Reader::ENGLISH,
            "You have an unpaid top-up",
            "Canceled. You can go on with your new top-up.",
        ),
        (
            "dialog-pending-id",
            Reader::INDONESIAN.on_a_phone(),
            "Ada top up yang belum dibayar",
            "Dibatalkan. Anda dapat melanjutkan top up baru.",
        ),
    ] {
        let Some(page) = dialog(reader, Person::of(organisation)) else { return };
        choose_custom(&page, "4321");
        let other = top_up_elsewhere(&page, 2500);
        page.click(PAY_NOW);
        page.sees(title);
        page.click("[data-key='pending-cancel']");
        page.click("[data-key='cancel-yes']");
        page.sees(canceled);
        page.wait_for("document.querySelector('#amount').value.replace(/\\D/g, '') === '4321'");
        let path = format!("/v1/top-ups/{}", other["id"].as_str().unwrap());
        assert_eq!(elsewhere(&page, "GET", &path, &Value::Null)["status"], "canceled");
        page.click(PAY_NOW);
        goes_to_pay(&page);
    }
}

#[test]
fn an_open_top_up_brings_a_notification_that_pays_it() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("dialog-pending-pay")) else { return };
    let other = top_up_elsewhere(&page, 2500);
    page.click(PAY_NOW);
    page.sees("2,500 credits");
    let focused = page.eval("document.activeElement.dataset.key");
    assert_eq!(focused, format!("pay-{}", other["id"].as_str().unwrap()), "the next step has the focus");
    page.click(&format!("dialog [data-key='pay-{}']", other["id"].as_str().unwrap()));
    assert_eq!(page.opened_tab().eval("location.href"), other["pay_url"]);
}

#[test]
fn who_pays_for_someone_else_gets_a_link_to_copy_and_to_share() {
    let Some(page) = dialog(Reader::INDONESIAN, Person::of("dialog-link")) else { return };
    page.eval(
        "window.copied = null; navigator.clipboard.writeText = async (text) => { window.copied = text; }",
    );
    page.click("[data-key='link-only']");
    page.sees("Link pembayaran siap");
    let balance = elsewhere(&page, "GET", "/v1/balance", &Value::Null);
    let pay_url = balance["open_top_up"]["pay_url"].as_str().expect("a link").to_owned();
    assert_eq!(page.eval("document.querySelector('dialog .link-field').value"), pay_url);
    assert_eq!(page.eval("document.querySelector('dialog .link-field').checkVisibility()"), true);
    page.click("dialog [data-key='copy-link']");
    page.sees("Tersalin");
    assert_eq!(page.eval("window.copied"), pay_url);
    let shared = page
        .eval("decodeURIComponent(document.querySelector('dialog a[href^=\"https://wa.me/?text=\"]').href)");
    let shared = shared.as_str().unwrap_or_default().replace('\u{a0}', " ");
    assert!(shared.contains("Rp 277.500") && shared.contains(&pay_url), "{shared}");
    let Some(browser) = browser() else { return };
    let payer = Page::open(browser, Reader::INDONESIAN.on_a_phone());
    payer.go(&pay_url);
    transfers(&payer);
    page.sees("1.000 kredit ditambahkan. Saldo Anda sekarang 1.000.");
    assert_eq!(
        page.eval("document.querySelector('dialog')"),
        Value::Null,
        "it spoke of a link that is used up"
    );
}

#[test]
fn after_a_changed_price_the_button_names_the_total_on_the_screen() {
    for (organisation, reader, words) in [
        ("dialog-label-en", Reader::ENGLISH, ["Pay Rp 277,500", "Pay Rp 693,750"]),
        ("dialog-label-id", Reader::INDONESIAN.on_a_phone(), ["Bayar Rp 277.500", "Bayar Rp 693.750"]),
    ] {
        let Some(page) = dialog(reader, Person::of(organisation)) else { return };
        page.press("Escape");
        page.wait_for("document.querySelector('dialog') === null");
        page.eval("window.faults.push({ path: '/v1/quote', times: 1, change: { total: { currency: 'IDR', minor_units: 1110000, decimal: '11100.00' } } })");
        page.click(TOP_UP);
        page.sees("11");
        page.wait_for("document.querySelector('.price')?.getAttribute('aria-busy') === 'false'");
        page.click(PAY_NOW);
        page.sees(words[0]);
        page.click("input[value='2500']");
        page.sees(words[1]);
        assert!(page.text_of(PAY_NOW).ends_with(&page.text_of(".breakdown.total dd")));
        page.click("input[value='1000']");
        page.sees(words[0]);
    }
}

#[test]
fn the_total_is_always_in_view() {
    // A low window, 200 % zoom in two windows, a phone, and a phone whose keyboard lies over the page.
    for (width, height, keyboard) in
        [(1366, 620, 0), (640, 430, 0), (683, 310, 0), (360, 780, 0), (360, 440, 0), (360, 780, 340)]
    {
        let reader = Reader { width, height, ..Reader::INDONESIAN };
        let covered = format!(
            "if ({keyboard}) {{ const seen = Object.assign(new EventTarget(), {{ height: {height} - {keyboard}, offsetTop: 0, scale: 1 }});
                Object.defineProperty(window, 'visualViewport', {{ get: () => seen }}); }}"
        );
        let person = Person::of("dialog-in-view");
        let Some(page) = stack().page_with(reader, person, "/billing/balance", &covered) else { return };
        page.click(TOP_UP);
        page.wait_for("document.querySelector('.price')?.getAttribute('aria-busy') === 'false'");
        choose_custom(&page, "12345");
        page.sees("3.425.738");
        page.eval("visualViewport.dispatchEvent(new Event('resize')); document.querySelector('#amount').scrollIntoView()");
        let hidden = page.eval(&format!(
            "['.breakdown.total dd', '{PAY_NOW}'].map(s => document.querySelector(\"dialog \" + s)).filter(e => {{
                const r = e.getBoundingClientRect();
                const seen = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
                return r.top < 0 || r.bottom > {height} - {keyboard} || !e.contains(seen); }}).map(e => e.outerHTML)"
        ).replace("[data-key='pay-now']", "[data-key=pay-now]"));
        assert_eq!(hidden, serde_json::json!([]), "{width} x {height}, {keyboard} covered");
    }
}

#[test]
fn a_top_up_that_could_not_be_made_is_told_in_words_and_the_next_try_is_another_one() {
    for (organisation, reader, title) in [
        ("dialog-failed-en", Reader::ENGLISH, "The top-up could not be made"),
        ("dialog-failed-id", Reader::INDONESIAN, "Top up tidak dapat dibuat"),
    ] {
        let Some(page) = dialog(reader, Person::of(organisation)) else { return };
        page.eval("window.faults.push({ path: '/v1/top-ups', method: 'POST', times: 1, status: 200, body: { id: 'top_1', status: 'failed', credits: 1000, pay_url: null,
            failure: { code: 'customer_has_balance', detail: 'Your account at Stripe has a balance of Rp 1.' } } })");
        page.click(PAY_NOW);
        page.sees(title);
        page.sees("Your account at Stripe has a balance of Rp 1.");
        assert_eq!(page.tabs_beside(), Vec::<Value>::new());
        page.click(PAY_NOW);
        goes_to_pay(&page);
        let keys = page
            .eval("window.sent.filter(s => s.method === 'POST' && s.url === '/v1/top-ups').map(s => s.key)");
        assert_eq!(keys.as_array().map(Vec::len), Some(2));
        assert_ne!(keys[0], keys[1]);
    }
}

#[test]
fn a_top_up_that_stripe_refused_is_told_and_when_the_cause_is_gone_the_next_try_can_be_paid() {
    let person = Person::of("dialog-refused");
    let Some(page) = stack().page(Reader::ENGLISH, person, "/billing/balance") else { return };
    let before = top_up_elsewhere(&page, 1000);
    let path = format!("/v1/top-ups/{}/cancel", before["id"].as_str().unwrap());
    assert_eq!(elsewhere(&page, "POST", &path, &Value::Null)["status"], "canceled");
    let stand_in = stack().saldo.stand_in();
    let invoices = stand_in.invoices();
    let invoice = invoices.iter().find(|invoice| invoice["metadata"]["top_up_id"] == before["id"]).unwrap();
    let customer = invoice["customer"].as_str().unwrap();
    stand_in.set_customer_balance(customer, -100).unwrap();
    let Some(page) = dialog(Reader::ENGLISH, person) else { return };
    for _ in 0..2 {
        page.click(PAY_NOW);
        page.sees("This can't be bought right now");
        page.sees("Ask support to settle it");
        assert_eq!(
            page.eval("document.querySelectorAll(\"[data-key='retry']\").length"),
            0,
            "it would not help"
        );
    }
    stand_in.set_customer_balance(customer, 0).unwrap();
    page.click(PAY_NOW);
    goes_to_pay(&page);
}
