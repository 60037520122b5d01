//! Who asks too often reads so, in words, and an export waits by itself.
use serde_json::json;

use super::page::Reader;
use super::stack::{Person, stack, top_up_elsewhere};

/// The first calls for the balance and for a month's entries come too soon after others.
const TOO_MANY: &str = r"
    const real = window.fetch.bind(window);
    window.refused = { balance: 0, entries: 0 };
    const refuse = (what, secs) => { window.refused[what] += 1; window.refusedAt = performance.now();
        return Promise.resolve(new Response('{}', { status: 429, headers: secs ? { 'retry-after': secs } : {} })); };
    window.fetch = (url, options) => {
        if (String(url).includes('/v1/balance') && window.refused.balance < 2) return refuse('balance', window.secs);
        if (String(url).includes('/v1/entries') && window.refused.entries < 1) return refuse('entries', '2');
        window.came = performance.now();
        return real(url, options);
    };";

#[test]
fn who_asks_too_often_reads_when_to_come_again_in_both_languages() {
    for (reader, organisation, title, words, later) in [
        (
            Reader::ENGLISH,
            "too-many-en",
            "Too many requests at once",
            "Nothing was done. Please wait a moment and try again.",
            "Please try again in 7 seconds.",
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            "too-many-id",
            "Terlalu banyak permintaan sekaligus",
            "Tidak ada yang dilakukan. Tunggu sebentar, lalu coba lagi.",
            "Silakan coba lagi dalam 7 detik.",
        ),
    ] {
        let Some(page) = stack().page_with(reader, Person::of(organisation), "/billing/balance", TOO_MANY)
        else {
            return;
        };
        page.sees(title);
        page.sees(words);
        page.eval("window.secs = '7'");
        page.click("[data-key='retry']");
        page.sees(later);
        page.click("[data-key='retry']");
        page.wait_for("document.querySelector('[data-key=\"retry\"]') === null");
        let complaints = page.complaints();
        assert!(complaints.iter().all(|complaint| complaint.contains("429")), "{complaints:?}");
    }
}

#[test]
fn an_export_waits_for_as_long_as_it_is_told() {
    let person = Person::of("too-many-export");
    let Some(page) = stack().page_with(Reader::ENGLISH, person, "/billing/history", TOO_MANY) else { return };
    top_up_elsewhere(&page, 1000);
    page.call("Page.reload", json!({}));
    page.wait_for("document.querySelector('.export-card')?.checkVisibility() === true");
    page.click("[data-key='export']");
    page.wait_for("document.querySelector('.export-outcome')?.textContent.length > 0");
    assert_eq!(page.eval("document.querySelector('.export-outcome .notice') === null"), true);
    assert_eq!(page.eval("window.refused.entries"), 1);
    assert_eq!(page.eval("window.came - window.refusedAt >= 1900"), true, "two seconds, as it was told");
}
