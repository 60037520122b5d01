//! Who may see and do what, and what the page says to those who may not.
use serde_json::json;

use super::page::Reader;
use super::stack::{Person, stack};

#[test]
fn without_the_permission_to_buy_the_button_explains_who_can_help() {
    for (reader, words) in [
        (Reader::ENGLISH, "Ask an administrator of access-view to top up"),
        (Reader::INDONESIAN.on_a_phone(), "Minta admin access-view untuk mengisi saldo"),
    ] {
        let person = Person::of("access-view").who_may("billing:view");
        let Some(page) = stack().page(reader, person, "/billing/balance") else { return };
        page.click("[data-key='top-up']");
        page.sees(words);
        page.press("Escape");
        page.wait_for("document.querySelector('dialog') === null");
    }
}

#[test]
fn without_the_permission_to_see_billing_both_pages_say_so() {
    for (reader, words) in
        [(Reader::ENGLISH, "You can't see billing"), (Reader::INDONESIAN, "Anda tidak dapat melihat tagihan")]
    {
        for path in ["/billing/balance", "/billing/history"] {
            let person = Person::of("access-none").who_may("credits:spend");
            let Some(page) = stack().page(reader, person, path) else { return };
            page.sees(words);
            page.sees("access-none");
        }
    }
}

#[test]
fn a_token_without_an_organisation_says_so() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("no such name"), "/billing/history") else {
        return;
    };
    page.sees("Your sign-in names no organization");
    page.sees("Sign in again and choose one.");
}

#[test]
fn an_expired_session_asks_to_sign_in_and_keeps_what_was_typed() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("access-expired"), "/billing/balance") else {
        return;
    };
    page.click("[data-key='top-up']");
    page.click("input[value=custom]");
    page.wait_for("document.activeElement.id === 'amount'");
    page.types("7654");
    page.sees("7,654");
    // The token is as old as can be from now on.
    page.eval("window.fetch = async () => new Response('{}', { status: 401 })");
    page.click("[data-key='pay-now']");
    page.sees("Please sign in again");
    page.click("dialog [data-key='sign-in']");
    page.wait_for("location.pathname === '/billing/sign-in' && document.querySelector('#org') !== null");
    page.click("button[type=submit]");
    page.wait_for(
        "location.pathname === '/billing/balance' && document.querySelector('#amount')?.value === '7654'",
    );
    page.sees("Total\nRp 2,123,985");
}

#[test]
fn a_token_that_the_server_refuses_leads_to_sign_in_and_back_to_the_same_page() {
    let Some(page) = stack().signed_in(Reader::INDONESIAN, Person::of("access-refused")) else { return };
    page.eval("sessionStorage.setItem('saldo.token', 'not.a.token')");
    page.go(&stack().url("/billing/history?status=paid"));
    page.sees("Silakan masuk lagi");
    page.click("[data-key='sign-in']");
    page.wait_for("document.querySelector('#org') !== null");
    page.click("button[type=submit]");
    page.wait_for("location.pathname + location.search === '/billing/history?status=paid'");
    page.wait_for("document.querySelector('[aria-pressed=true][data-key=filter-paid]') !== null");
}

#[test]
fn the_token_stays_in_this_tab() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("access-fragment"), "/billing/balance") else {
        return;
    };
    assert_eq!(page.eval("location.hash"), "");
    assert_eq!(page.eval("Object.keys(localStorage).concat(document.cookie).join('')"), "");
    page.call("Page.reload", json!({}));
    page.sees("access-fragment");
}

#[test]
fn being_offline_and_back_is_told_and_the_page_catches_up() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("access-offline"), "/billing/balance") else {
        return;
    };
    let network = |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    page.call("Network.emulateNetworkConditions", network(true));
    page.sees("You are offline");
    page.click("[data-key='top-up']");
    page.sees("We can't reach Saldo");
    page.call("Network.emulateNetworkConditions", network(false));
    page.wait_for("!document.querySelector('#connection').innerText.includes('offline')");
    page.sees("Total\nRp 277,500");
}

#[test]
fn a_server_error_has_words_and_a_way_on() {
    let Some(page) = stack().page(Reader::INDONESIAN, Person::of("access-error"), "/billing/balance") else {
        return;
    };
    page.before_every_page(
        "window.broken = true; const real = window.fetch.bind(window);
         window.fetch = (url, options) => window.broken ? Promise.resolve(new Response('<h1>oops</h1>', { status: 500 })) : real(url, options);",
    );
    page.call("Page.reload", json!({}));
    page.sees("Ada gangguan di sisi kami");
    page.eval("window.broken = false");
    page.click("[data-key='retry']");
    page.sees("Kredit tersedia");
}

#[test]
fn the_language_can_be_switched_and_is_remembered() {
    let Some(page) = stack().page(Reader::INDONESIAN, Person::of("access-language"), "/billing/balance")
    else {
        return;
    };
    page.sees("Kredit tersedia");
    assert_eq!(page.eval("document.documentElement.lang"), "id");
    page.click("[data-key='language-en']");
    page.sees("Available credits");
    page.call("Page.reload", json!({}));
    page.sees("Available credits");
    assert_eq!(page.eval("document.documentElement.lang"), "en");
}
