//! Browsers and readers that differ: languages, colours, letters, paper, and what nobody expected.
use serde_json::{Value, json};

use super::dialog::{TOP_UP, choose_custom, dialog};
use super::page::{Page, Reader};
use super::stack::{Person, stack, top_up_elsewhere};

#[test]
fn a_language_tag_that_the_browser_itself_refuses_stops_nothing() {
    for (tag, words) in
        [("en-US@posix", "Available credits"), ("id_ID.UTF-8", "Kredit tersedia"), ("C", "Available credits")]
    {
        let script = format!("Object.defineProperty(navigator, 'languages', {{ get: () => ['{tag}'] }});");
        let person = Person::of("browser-tag");
        let Some(page) = stack().page_with(Reader::ENGLISH, person, "/billing/balance", &script) else {
            return;
        };
        page.sees(words);
        page.click(TOP_UP);
        page.wait_for("document.querySelector('.price')?.getAttribute('aria-busy') === 'false'");
        assert_eq!(page.complaints(), Vec::<String>::new(), "{tag}");
    }
}

#[test]
fn an_amount_may_be_typed_as_the_page_shows_it() {
    let reader = Reader { language: "en-IN", ..Reader::ENGLISH };
    let Some(page) = dialog(reader, Person::of("browser-india")) else { return };
    page.click("input[value=custom]");
    page.sees("From 1,000 to 10,00,000 credits");
    choose_custom(&page, "10,00,000");
    page.sees("Rp 27,75,00,000");
    assert_eq!(page.text_of("#amount-error"), "");
}

/// Null when what is chosen differs from its neighbour in what a reader sees who has chosen all colours.
const SAME: &str = "(chosen, other, part) => {
    const look = (e) => { const s = getComputedStyle(e, part); return [s.backgroundColor, s.color, s.borderTopWidth, s.borderBottomWidth, s.content].join('|'); };
    return look(document.querySelector(chosen)) === look(document.querySelector(other)) ? chosen : null; }";

#[test]
fn with_forced_colours_what_is_chosen_can_be_told() {
    let Some(page) = dialog(Reader::ENGLISH, Person::of("browser-forced")) else { return };
    let features = json!([{ "name": "forced-colors", "value": "active" }]);
    page.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    let same = |chosen: &str, other: &str, part: &str| {
        page.eval(&format!("({SAME})({}, {}, {part})", json!(chosen), json!(other)))
    };
    let chosen = same("input:checked + .choice-text", "input:not(:checked) + .choice-text", "null");
    assert_eq!(chosen, Value::Null);
    assert_eq!(same(".segments [aria-pressed=true]", ".segments [aria-pressed=false]", "null"), Value::Null);
    assert_eq!(same(".tabs [aria-current]", ".tabs :not([aria-current])", "'::after'"), Value::Null);
    let line =
        "getComputedStyle(document.querySelector('.tabs [aria-current]'), '::after').borderBottomWidth";
    assert_eq!(page.eval(line), "4px", "a background alone is not drawn");
    page.press("Escape");
    top_up_elsewhere(&page, 1000);
    page.click("nav a[href='/billing/history']");
    page.wait_for("document.querySelector('.chip') !== null");
    assert_eq!(same(".chip[aria-pressed=true]", ".chip[aria-pressed=false]", "null"), Value::Null);
}

#[test]
fn everything_fits_a_phone_also_with_text_of_twice_the_size() {
    for (organisation, size) in [("browser-letters", 16), ("browser-large", 32)] {
        let Some(page) = dialog(Reader::INDONESIAN.on_a_phone(), Person::of(organisation)) else { return };
        page.call("Page.setFontSizes", json!({ "fontSizes": { "standard": size, "fixed": size } }));
        page.wait_for(&format!("parseFloat(getComputedStyle(document.body).fontSize) === {size} * 15 / 16"));
        fits_everywhere(&page);
    }
}

fn fits_everywhere(page: &Page) {
    all_fits(page, "the dialog");
    page.press("Escape");
    top_up_elsewhere(page, 12_345);
    page.eval("dispatchEvent(new Event('focus'))");
    page.wait_for("document.querySelector('.open-card') !== null");
    all_fits(page, "Balance");
    page.click("nav a[href='/billing/history']");
    page.wait_for("document.querySelector('tbody tr') !== null");
    all_fits(page, "History");
}

fn all_fits(page: &Page, place: &str) {
    let outside = page.eval(
        "[...document.querySelectorAll('main *, header *, dialog *')]
            .filter(e => e.checkVisibility() && !e.closest('.visually-hidden, .filters, svg, .usage-details, thead'))
            .filter(e => { const r = e.getBoundingClientRect(); return r.width > 1 && (r.right > innerWidth + 1 || r.left < -1); })
            .map(e => e.outerHTML.slice(0, 90))",
    );
    assert_eq!(outside, json!([]), "{place}");
    let cut = page.eval(
        "[...document.querySelectorAll('.button, .choice-text, dt, dd, .notice-body')]
            .filter(e => e.checkVisibility() && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 2))
            .map(e => e.outerHTML.slice(0, 90))",
    );
    assert_eq!(cut, json!([]), "{place}");
}

#[test]
fn on_paper_it_is_light_and_there_is_nothing_to_press() {
    let person = Person::of("browser-print");
    let Some(page) = stack().page(Reader::ENGLISH.in_the_dark(), person, "/billing/balance") else { return };
    top_up_elsewhere(&page, 1000);
    let dark = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
    for path in ["/billing/balance", "/billing/history"] {
        page.go(&stack().url(path));
        page.wait_for("document.querySelector('.open-card, tbody tr') !== null");
        page.call("Emulation.setEmulatedMedia", json!({ "media": "print", "features": dark }));
        let letters = page.eval("getComputedStyle(document.querySelector('h1')).color");
        assert_eq!(letters, "rgb(27, 28, 30)");
        let paper = page.eval("getComputedStyle(document.querySelector('.card')).backgroundColor");
        assert_eq!(paper, "rgb(255, 255, 255)");
        let pressed = page.eval(
            "[...document.querySelectorAll('button, .button, summary')].filter(e => e.checkVisibility()).map(e => e.innerText)",
        );
        assert_eq!(pressed, json!([]), "{path}");
        page.sees("Rp 277,500");
        page.call("Emulation.setEmulatedMedia", json!({ "media": "", "features": dark }));
    }
}

#[test]
fn what_goes_wrong_while_drawing_has_words_and_a_way_on() {
    for (reader, title) in [
        (Reader::ENGLISH, "This page could not be shown"),
        (Reader::INDONESIAN, "Halaman ini tidak dapat ditampilkan"),
    ] {
        let script = "const real = window.fetch.bind(window);
            window.fetch = (url, options) => sessionStorage.getItem('mended') || String(url) !== '/v1/balance' ? real(url, options)
                : Promise.resolve(new Response(JSON.stringify({ surprise: true })));";
        let person = Person::of("browser-broken");
        let Some(page) = stack().page_with(reader, person, "/billing/balance", script) else { return };
        page.sees(title);
        page.eval("sessionStorage.setItem('mended', '1')");
        page.click("[data-key='reload']");
        page.wait_for("document.querySelector('[data-credits]') !== null");
    }
}
