//! Paying on the hosted page and coming back: the main journey, for each language, window and hand.
use serde_json::{Value, json};

use super::browser::browser;
use super::page::{Page, Reader};
use super::stack::{Person, elsewhere, stack, top_up_elsewhere};

fn on_the_hosted_page(page: &Page) {
    page.wait_for("location.pathname.startsWith('/i/') && document.readyState === 'complete'");
}

pub(super) fn transfers(page: &Page) {
    on_the_hosted_page(page);
    page.click(".banks a");
    page.click("button[value=transfer]");
    page.wait_for("document.querySelector('.outcome.good') !== null");
}

fn pays_by_card(page: &Page, number: &str) {
    on_the_hosted_page(page);
    page.click("#number");
    page.eval("document.activeElement.select()");
    page.pastes(number);
    page.click("button[value=card]");
}

/// The payment page that a click has opened in a tab of its own, while the page under test stays where it is.
#[track_caller]
pub(super) fn goes_to_pay(page: &Page) -> Page {
    goes_to_pay_from(page, "/billing/balance")
}

/// The same from another path.
#[track_caller]
pub(super) fn goes_to_pay_from(page: &Page, path: &str) -> Page {
    let tab = page.opened_tab();
    on_the_hosted_page(&tab);
    assert_eq!(page.eval("location.pathname"), path);
    tab
}

/// What the screen reader was told since this was called, as it was told.
fn listen(page: &Page) {
    page.eval(
        "window.told = []; new MutationObserver(() => {
            const words = document.getElementById('announcer').textContent;
            if (words) window.told.push(words.replaceAll('\\u00a0', ' ')); })
            .observe(document.getElementById('announcer'), { childList: true, subtree: true, characterData: true }); true",
    );
}

#[test]
fn a_person_tops_up_with_the_keyboard_alone() {
    for (organisation, reader, words) in [
        ("keys-en", Reader::ENGLISH, ["Rp 277,500", "1,000 credits added. You now have 1,000."]),
        (
            "keys-id",
            Reader::INDONESIAN,
            ["Rp 277.500", "1.000 kredit ditambahkan. Saldo Anda sekarang 1.000."],
        ),
        (
            "keys-en-phone",
            Reader::ENGLISH.on_a_phone(),
            ["Rp 277,500", "1,000 credits added. You now have 1,000."],
        ),
        (
            "keys-id-phone",
            Reader::INDONESIAN.on_a_phone(),
            ["Rp 277.500", "1.000 kredit ditambahkan. Saldo Anda sekarang 1.000."],
        ),
    ] {
        let Some(browser) = browser() else { return };
        let page = Page::open(browser, reader);
        page.go(&stack().url("/billing/sign-in"));
        page.wait_for("document.querySelector('#org') !== null");
        page.tabs_to("#org");
        page.eval("document.activeElement.select()");
        page.types(organisation);
        page.press("Enter");
        page.wait_for("document.querySelector('[data-credits]') !== null");
        page.tabs_to("[data-key='top-up']");
        page.press("Enter");
        page.wait_for("document.activeElement.matches('input[type=radio][value=\"1000\"]')");
        page.sees(&format!("Total\n{}", words[0]));
        page.press("ArrowRight");
        page.wait_for("document.querySelector('input[type=radio]:checked').value === '2500'");
        page.press("ArrowLeft");
        page.tabs_to("[data-key='pay-now']");
        page.press("Enter");
        let hosted = goes_to_pay(&page);
        hosted.tabs_to(".banks a");
        hosted.press("Enter");
        hosted.wait_for("document.querySelector('button[value=transfer]') !== null");
        hosted.tabs_to("button[value=transfer]");
        hosted.press("Enter");
        hosted.wait_for("document.querySelector('.outcome.good') !== null");
        drop(hosted);
        page.sees(words[1]);
        page.wait_for("document.querySelector('[data-credits]').innerText.replace(/\\D/g, '') === '1000'");
        assert_eq!(page.complaints(), Vec::<String>::new());
    }
}

#[test]
fn coming_back_tells_that_the_payment_arrived_and_shows_the_credits() {
    for (organisation, reader, adding, added) in [
        (
            "back-en",
            Reader::ENGLISH,
            "Payment received, adding your credits…",
            "1,000 credits added. You now have 1,000.",
        ),
        (
            "back-id",
            Reader::INDONESIAN,
            "Pembayaran diterima, menambahkan kredit Anda…",
            "1.000 kredit ditambahkan. Saldo Anda sekarang 1.000.",
        ),
    ] {
        let Some(page) = stack().page(reader, Person::of(organisation), "/billing/balance") else { return };
        page.click("[data-key='top-up']");
        page.wait_for("document.querySelector('.price')?.getAttribute('aria-busy') === 'false'");
        listen(&page);
        page.click("[data-key='pay-now']");
        transfers(&goes_to_pay(&page));
        page.sees(added);
        page.wait_for("window.told.length >= 2");
        assert_eq!(page.eval("window.told"), json!([adding, added]));
        page.wait_for("document.querySelector('[data-credits]').dataset.credits === '1000'");
        assert_eq!(page.eval("document.querySelector('.open-card, dialog')"), Value::Null);
    }
}

#[test]
fn a_payment_by_someone_else_is_seen_without_a_reload_and_told_to_a_screen_reader() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("watch-en"), "/billing/balance") else {
        return;
    };
    let top_up = top_up_elsewhere(&page, 2500);
    page.eval("window.dispatchEvent(new Event('focus')); window.mark = 'not reloaded'");
    page.wait_for("document.querySelector('.open-card') !== null");
    listen(&page);
    let Some(browser) = browser() else { return };
    let payer = Page::open(browser, Reader::INDONESIAN.on_a_phone());
    payer.go(top_up["pay_url"].as_str().unwrap());
    transfers(&payer);
    page.sees("2,500 credits added. You now have 2,500.");
    assert_eq!(page.eval("window.mark"), "not reloaded");
    page.wait_for("window.told.length >= 2");
    let told = page.eval("window.told");
    assert_eq!(
        told,
        json!(["Payment received, adding your credits…", "2,500 credits added. You now have 2,500."])
    );
}

#[test]
fn history_shows_a_payment_arrive_and_offers_its_invoice() {
    let Some(page) = stack().page(Reader::INDONESIAN, Person::of("watch-history"), "/billing/balance") else {
        return;
    };
    let top_up = top_up_elsewhere(&page, 1000);
    page.click("nav a[href='/billing/history']");
    page.sees("Menunggu pembayaran");
    let number = top_up["invoice_number"].as_str().unwrap();
    page.sees(number);
    let Some(browser) = browser() else { return };
    let payer = Page::open(browser, Reader::ENGLISH);
    payer.go(page.eval("document.querySelector('tbody a.button').href").as_str().unwrap());
    transfers(&payer);
    page.wait_for("document.querySelector('tbody a.pdf') !== null");
    assert_eq!(page.text_of("tbody .status"), "Lunas");
    let pdf = page.eval("document.querySelector('tbody a.pdf').href");
    assert!(pdf.as_str().is_some_and(|pdf| pdf.starts_with("http")), "{pdf}");
    let name = page.eval("document.querySelector('tbody a.pdf').getAttribute('aria-label')");
    assert!(name.as_str().unwrap().contains(number), "{name}");
}

#[test]
fn a_declined_card_is_explained_with_what_to_do_next() {
    for (organisation, reader, title, advice, again, total) in [
        (
            "declined-en",
            Reader::ENGLISH,
            "The payment did not go through",
            "The bank declined the card. Nothing was charged. Try again with another card",
            "Try paying again",
            "$20.00",
        ),
        (
            "declined-id",
            Reader::INDONESIAN.on_a_phone(),
            "Pembayaran tidak berhasil",
            "Bank menolak kartu ini. Tidak ada dana yang ditarik. Coba kartu lain",
            "Coba bayar lagi",
            "20,00",
        ),
    ] {
        let person = Person::of(organisation).paying_in_dollars();
        let Some(page) = stack().page(reader, person, "/billing/balance") else { return };
        page.click("[data-key='top-up']");
        page.sees(total);
        page.wait_for("document.querySelector('.price')?.getAttribute('aria-busy') === 'false'");
        page.click("[data-key='pay-now']");
        let tab = goes_to_pay(&page);
        pays_by_card(&tab, "4000 0000 0000 0002");
        tab.wait_for("document.querySelector('[role=alert]') !== null");
        drop(tab);
        page.sees(title);
        page.sees(advice);
        page.sees(again);
        page.click(".open-card a.primary");
        let tab = goes_to_pay(&page);
        pays_by_card(&tab, "4242 4242 4242 4242");
        tab.wait_for("document.querySelector('.outcome.good') !== null");
        drop(tab);
        page.wait_for("document.querySelector('[data-credits]')?.dataset.credits === '1000'");
    }
}

#[test]
fn a_top_up_whose_transfer_is_clearing_cant_be_canceled_and_the_page_says_why() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("clearing"), "/billing/balance") else {
        return;
    };
    let top_up = top_up_elsewhere(&page, 1000);
    let Some(browser) = browser() else { return };
    let payer = Page::open(browser, Reader::ENGLISH);
    payer.go(top_up["pay_url"].as_str().unwrap());
    payer.click(".banks a");
    payer.click("details summary");
    payer.click("button[value=clearing]");
    payer.wait_for("document.querySelector('.outcome.waiting') !== null");
    page.call("Page.reload", json!({}));
    page.click("[data-key='cancel-open']");
    page.click("[data-key='cancel-yes']");
    page.sees("A payment for this top-up is on its way, so it can't be canceled now.");
    let path = format!("/v1/top-ups/{}", top_up["id"].as_str().unwrap());
    assert_eq!(elsewhere(&page, "GET", &path, &Value::Null)["status"], "open");
}

#[test]
fn the_open_top_up_can_be_canceled_from_its_card() {
    for (organisation, reader, canceled) in [
        ("cancel-en", Reader::ENGLISH.on_a_phone(), "The top-up was canceled."),
        ("cancel-id", Reader::INDONESIAN, "Top up dibatalkan."),
    ] {
        let Some(page) = stack().page(reader, Person::of(organisation), "/billing/balance") else { return };
        let top_up = top_up_elsewhere(&page, 1000);
        page.call("Page.reload", json!({}));
        page.click("[data-key='cancel-open']");
        page.press("Enter");
        page.wait_for("document.querySelector('dialog') === null");
        let path = format!("/v1/top-ups/{}", top_up["id"].as_str().unwrap());
        let status = elsewhere(&page, "GET", &path, &Value::Null)["status"].clone();
        assert_eq!(status, "open", "the first button keeps it");
        page.click("[data-key='cancel-open']");
        page.click("[data-key='cancel-yes']");
        page.sees(canceled);
        page.wait_for("document.querySelector('.open-card') === null");
        assert_eq!(elsewhere(&page, "GET", &path, &Value::Null)["status"], "canceled");
    }
}

#[test]
fn what_became_of_a_top_up_meanwhile_is_told_in_words() {
    let cases = [
        (
            Reader::ENGLISH,
            "awaiting",
            "in_review",
            "We are checking a payment",
            "You don't need to pay again. You can top up in the meantime.",
        ),
        (
            Reader::INDONESIAN,
            "paying",
            "in_review",
            "Kami sedang memeriksa pembayaran",
            "Pembayaran Rp 277.500",
        ),
        (Reader::ENGLISH, "paying", "expired", "The top-up for 1,000 credits has expired.", "Top Up Balance"),
        (Reader::INDONESIAN, "awaiting", "failed", "Top up tidak dapat dibuat", "Isi Saldo"),
    ];
    for (reader, known_as, status, title, more) in cases {
        let gone = format!(
            "sessionStorage.setItem('saldo.{known_as}', '{{\"id\":\"top_gone\",\"available\":0}}');
             const real = window.fetch.bind(window);
             window.fetch = (url, options) => String(url) !== '/v1/top-ups/top_gone' ? real(url, options)
                : Promise.resolve(new Response(JSON.stringify({{ id: 'top_gone', status: '{status}', credits: 1000,
                    total: {{ currency: 'IDR', minor_units: 27750000, decimal: '277500.00' }} }})));"
        );
        let person = Person::of("became");
        let Some(page) = stack().page_with(reader, person, "/billing/balance", &gone) else { return };
        page.sees(title);
        page.sees(more);
    }
}
