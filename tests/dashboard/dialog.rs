//! The Top Up dialog: what it understands, refuses, repeats and offers.
use serde_json::{Value, json};

use super::page::{Page, Reader};
use super::payment::goes_to_pay;
use super::stack::{Person, elsewhere, stack};

pub(super) const TOP_UP: &str = "[data-key='top-up']";
pub(super) const PAY_NOW: &str = "[data-key='pay-now']";

/// Lets a test answer in the server's place, once or always, and remember what was sent.
const FAULTS: &str = r"
    window.untouchedFetch = window.fetch.bind(window);
    window.sent = [];
    window.faults = [];
    window.fetch = async (url, options = {}) => {
        window.sent.push({ url: String(url), method: options.method, key: options.headers?.['idempotency-key'], body: options.body });
        const at = window.faults.findIndex(f => String(url).includes(f.path) && (f.method ?? options.method) === options.method);
        if (at < 0) return window.untouchedFetch(url, options);
        const [fault] = window.faults[at].times === 1 ? window.faults.splice(at, 1) : [window.faults[at]];
        if (fault.delay) await new Promise(r => setTimeout(r, fault.delay));
        if (fault.afterwards) await window.untouchedFetch(url, options);
        if (fault.offline) throw new TypeError('Failed to fetch');
        if (fault.status) return new Response(JSON.stringify(fault.body ?? {}), { status: fault.status });
        const answer = await (await window.untouchedFetch(url, options)).json();
        return new Response(JSON.stringify({ ...answer, ...fault.change }));
    };";

fn posts(page: &Page) -> Vec<Value> {
    let sent = page.eval("window.sent.filter(s => s.method === 'POST' && s.url === '/v1/top-ups')");
    sent.as_array().cloned().unwrap_or_default()
}

/// A signed-in page that can be told to meet trouble, with its dialog open and the first price shown.
pub(super) fn dialog(reader: Reader, person: Person) -> Option<Page> {
    let page = stack().page_with(reader, person, "/billing/balance", FAULTS)?;
    page.click(TOP_UP);
    page.wait_for("document.querySelector('.price')?.getAttribute('aria-busy') === 'false'");
    page.wait_for("document.querySelector('input[type=radio]:checked') !== null");
    Some(page)
}

pub(super) fn choose_custom(page: &Page, text: &str) {
    page.click("input[value=custom]");
    page.wait_for("document.activeElement.id === 'amount'");
    page.eval("document.activeElement.select()");
    page.pastes(text);
}

fn total(page: &Page) -> String {
    page.text_of(".breakdown.total dd")
}

#[test]
fn the_dialog_prices_1000_credits_first_in_both_languages() {
    for (reader, shown) in [
        (
            Reader::INDONESIAN,
            [
                "Isi saldo",
                "Harga per kredit\nRp 250",
                "PPN (11%)\nRp 27.500",
                "Total\nRp 277.500",
                "Bayar Sekarang",
            ],
        ),
        (
            Reader::ENGLISH,
            [
                "Top up balance",
                "Price per credit\nRp 250",
                "PPN (11%)\nRp 27,500",
                "Total\nRp 277,500",
                "Pay Now",
            ],
        ),
    ] {
        for reader in [reader, reader.on_a_phone()] {
            let Some(page) = dialog(reader, Person::of("dialog-first")) else { return };
            let checked = page.eval("document.querySelector('input[type=radio]:checked').value");
            assert_eq!(checked, "1000");
            for words in shown {
                page.sees(words);
            }
        }
    }
}

#[test]
fn the_price_follows_the_typing() {
    let Some(page) = dialog(Reader::INDONESIAN, Person::of("dialog-typing")) else { return };
    choose_custom(&page, "");
    page.types("12.345");
    page.sees("Subtotal\nRp 3.086.250");
    page.sees("Total\nRp 3.425.738");
    page.click("input[value='5000']");
    page.sees("Total\nRp 1.387.500");
}

#[test]
fn what_tax_is_taken_of_stands_there_when_it_is_not_the_subtotal() {
    for (reader, base, tax) in [
        (Reader::INDONESIAN, "DPP nilai lain (11/12 dari subtotal)\nRp 1.145.833", "PPN (12%)\nRp 137.500"),
        (Reader::ENGLISH, "Tax base (11/12 of the subtotal)\nRp 1,145,833", "PPN (12%)\nRp 137,500"),
    ] {
        let Some(page) = dialog(reader, Person::of("dialog-base")) else { return };
        assert_eq!(
            page.eval("document.querySelectorAll('.price dt').length"),
            4,
            "no line without another base"
        );
        page.eval(
            "window.faults.push({ path: 'credits=5000', method: 'GET', change: { tax: { name: 'PPN', rate_percent: 12,
                base: '11/12', other_base: { currency: 'IDR', minor_units: 114583300, decimal: '1145833.00' },
                amount: { currency: 'IDR', minor_units: 13750000, decimal: '137500.00' } } } })",
        );
        page.click("input[value='5000']");
        page.sees(base);
        page.sees(tax);
    }
}

#[test]
fn a_late_price_of_an_older_amount_is_ignored() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("dialog-late")) else { return };
    page.eval("window.faults.push({ path: 'credits=2000', method: 'GET', delay: 900, times: 1 })");
    choose_custom(&page, "2000");
    page.wait_for("window.sent.some(s => s.url.includes('credits=2000'))");
    choose_custom(&page, "3000");
    page.sees("Total\nRp 832,500");
    page.eval("new Promise(r => setTimeout(r, 1100))");
    assert_eq!(total(&page), "Rp 832,500");
}

#[test]
fn an_amount_that_cant_be_bought_is_refused_in_words_and_never_sent() {
    let cases = [
        (Reader::ENGLISH, "999", "The smallest top-up is 1,000 credits."),
        (Reader::ENGLISH, "1000.5", "Credits are whole numbers."),
        (Reader::ENGLISH, "99999999999999999999", "The largest top-up is 1,000,000 credits."),
        (Reader::INDONESIAN, "999", "Minimal top up 1.000 kredit."),
        (Reader::INDONESIAN, "1,50", "Kredit adalah bilangan bulat."),
        (Reader::INDONESIAN, "seribu", "Gunakan angka saja"),
    ];
    for (reader, text, words) in cases {
        let Some(page) = dialog(reader, Person::of("dialog-refused")) else { return };
        choose_custom(&page, text);
        page.press("Enter");
        page.sees(words);
        assert_eq!(page.eval("document.querySelector('#amount').getAttribute('aria-invalid')"), "true");
        assert_eq!(page.eval("document.querySelector('#amount').value"), text, "what was typed stays");
        let asked = page.eval("window.sent.filter(s => s.url.includes('credits=')).length");
        assert_eq!((asked, posts(&page).len()), (json!(0), 0), "{text} reached the server");
    }
}

#[test]
fn a_pasted_amount_with_separators_buys_exactly_that() {
    for (organisation, reader, text) in [
        ("dialog-paste-1", Reader::INDONESIAN, "1.500"),
        ("dialog-paste-2", Reader::ENGLISH, "1,500"),
        ("dialog-paste-3", Reader::ENGLISH, "１ ５００".replace(' ', "").leak()),
    ] {
        let Some(page) = dialog(reader, Person::of(organisation)) else { return };
        choose_custom(&page, text);
        page.click(PAY_NOW);
        goes_to_pay(&page);
        page.wait_for("document.querySelector('.open-card') !== null");
        let balance = elsewhere(&page, "GET", "/v1/balance", &Value::Null);
        assert_eq!(balance["open_top_up"]["credits"], 1500, "{text}");
    }
}

#[test]
fn pay_now_cant_be_pressed_twice_and_shows_that_it_works() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("dialog-twice")) else { return };
    page.eval("window.faults.push({ path: '/v1/top-ups', method: 'POST', delay: 900, status: 503, body: { code: 'payment_provider_unavailable' } })");
    page.click(PAY_NOW);
    page.click(PAY_NOW);
    page.press("Enter");
    page.press("Escape");
    assert!(page.shows("Preparing your payment…"));
    assert_eq!(page.eval("document.querySelector('dialog').open"), true, "it stays open while it works");
    page.sees("The payment provider is not answering right now. Nothing was charged.");
    assert_eq!(posts(&page).len(), 1);
}

#[test]
fn pay_now_pressed_before_the_price_is_there_waits_for_it() {
    let person = Person::of("dialog-early");
    let slow = format!("{FAULTS} window.faults.push({{ path: '/v1/quote', delay: 700, times: 1 }});");
    let Some(page) = stack().page_with(Reader::ENGLISH, person, "/billing/balance", &slow) else { return };
    page.click(TOP_UP);
    page.click(PAY_NOW);
    page.sees("Preparing your payment…");
    goes_to_pay(&page);
}

#[test]
fn a_try_that_ended_unclear_is_repeated_as_the_same_purchase() {
    let Some(page) = dialog(Reader::INDONESIAN, Person::of("dialog-unclear")) else { return };
    // The request arrives and only its answer is lost: the worst case, since the top-up exists.
    page.eval("window.faults.push({ path: '/v1/top-ups', method: 'POST', afterwards: true, offline: true, times: 1 })");
    page.click(PAY_NOW);
    page.sees("Saldo tidak dapat dihubungi");
    page.click("[data-key='retry']");
    goes_to_pay(&page);
    page.go(&stack().url("/billing/history"));
    page.wait_for("document.querySelectorAll('tbody tr').length === 1");
}

#[test]
fn the_repeat_carries_the_same_key_and_a_new_amount_a_new_one() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("dialog-key")) else { return };
    page.eval("window.faults.push({ path: '/v1/top-ups', method: 'POST', status: 503, body: { code: 'payment_provider_unavailable' } })");
    for preset in ["1000", "1000", "2500"] {
        page.click(&format!("input[value='{preset}']"));
        page.click(PAY_NOW);
        page.sees("not answering right now");
        page.wait_for("document.querySelector('[data-key=pay-now]').getAttribute('aria-disabled') === null");
    }
    let keys: Vec<_> = posts(&page).iter().map(|post| post["key"].clone()).collect();
    assert_eq!((keys.len(), keys[0] == keys[1], keys[1] == keys[2]), (3, true, false), "{keys:?}");
}

#[test]
fn the_focus_stays_in_the_dialog_and_returns_to_its_button() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("dialog-focus")) else { return };
    for _ in 0..14 {
        page.press("Tab");
        let inside = page.eval("document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)");
        assert_eq!(inside, true, "{}", page.eval("document.activeElement.outerHTML"));
    }
    page.press("Escape");
    page.wait_for("document.querySelector('dialog') === null");
    assert_eq!(page.eval("document.activeElement.matches(\"[data-key='top-up']\")"), true);
}

#[test]
fn text_from_the_server_stays_text() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("dialog-text")) else { return };
    page.eval("window.faults.push({ path: '/v1/top-ups', method: 'POST', status: 500, times: 1, body: { detail: '<img src=x onerror=\"window.hacked=1\"><b>boo</b>' } })");
    page.click(PAY_NOW);
    page.sees("<b>boo</b>");
    assert_eq!(
        page.eval("document.querySelector('dialog img, dialog b') === null && window.hacked === undefined"),
        true
    );
}
