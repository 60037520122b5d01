//! Billing > History: what happened to a top-up.
use serde_json::{Value, json};

use super::page::Reader;
use super::stack::{Person, elsewhere, stack, top_up_elsewhere};
use super::wire;

#[test]
fn a_row_opens_what_happened_and_the_keyboard_comes_back_to_it() {
    for (organisation, reader, words) in [
        (
            "trail-en",
            Reader::ENGLISH,
            ["What happened", "The top-up was ordered.", "The top-up was canceled."],
        ),
        (
            "trail-id",
            Reader::INDONESIAN.on_a_phone(),
            ["Riwayat proses", "Top up dipesan.", "Top up dibatalkan."],
        ),
        (
            "trail-dark",
            Reader::ENGLISH.on_a_phone().in_the_dark(),
            [
                "What happened",
                "The invoice is ready to be paid.",
                "Someone in your organization asked to cancel.",
            ],
        ),
    ] {
        let Some(page) = stack().page(reader, Person::of(organisation), "/billing/balance") else { return };
        let top_up = top_up_elsewhere(&page, 1000);
        let id = top_up["id"].as_str().unwrap();
        elsewhere(&page, "POST", &format!("/v1/top-ups/{id}/cancel"), &Value::Null);
        page.click("nav a[href='/billing/history']");
        let button = format!("[data-key='trail-{id}']");
        page.wait_for(&format!("document.querySelector(\"{button}\") !== null"));
        page.eval(&format!("document.querySelector(\"{button}\").focus()"));
        page.press("Enter");
        for said in words {
            page.sees(said);
        }
        page.wait_for("document.querySelectorAll('dialog ol.trail li').length === 4");
        let first = page.eval("document.querySelector('dialog ol.trail time').getAttribute('datetime')");
        assert_eq!(first, top_up["created_at"]);
        assert!(!page.shows("req_") && !page.shows("in_review"));
        if let Some(axe) = wire::axe() {
            wire::judge(&page, &axe, &format!("what happened as {organisation}"));
        }
        page.press("Escape");
        page.wait_for("document.querySelector('dialog') === null");
        assert_eq!(page.eval("document.activeElement.dataset.key"), format!("trail-{id}"));
        assert_eq!(page.complaints(), Vec::<String>::new());
    }
}

/// An answer of a later version, and one that does not come at first.
const LATER: &str = r"
    const real = window.fetch.bind(window);
    window.asked = 0;
    window.fetch = (url, options) => {
        if (!String(url).endsWith('/trail')) return real(url, options);
        window.asked += 1;
        if (window.asked === 1) return Promise.reject(new TypeError('offline'));
        const steps = [
            { at: '2026-11-20T02:30:00Z', what: 'credited', detail: 'x', credits: 1000 },
            { at: '2026-11-20T02:30:00Z', what: 'taken_back', detail: 'x', credits: -250 },
            { at: '2026-11-20T02:30:00Z', what: 'unheard_of', detail: 'Something <b>new</b>.', credits: null },
        ];
        return Promise.resolve(new Response(JSON.stringify({ steps, begins_later: true })));
    };";

#[test]
fn what_does_not_come_is_asked_for_again_and_what_is_not_known_is_told_as_it_is() {
    let person = Person::of("trail-later");
    let Some(page) = stack().page_with(Reader::ENGLISH, person, "/billing/balance", LATER) else { return };
    let top_up = top_up_elsewhere(&page, 1000);
    page.click("nav a[href='/billing/history']");
    page.click(&format!("[data-key='trail-{}']", top_up["id"].as_str().unwrap()));
    page.click("dialog [data-key='retry']");
    page.sees("1,000 credits were added.");
    page.sees("250 credits were taken back.");
    page.sees("Something <b>new</b>.");
    page.sees("Only the latest steps are shown.");
    assert_eq!(page.eval("window.asked"), json!(2));
}

/// A payment that a person looks at.
const IN_REVIEW: &str = r"
    const real = window.fetch.bind(window);
    const total = { currency: 'IDR', minor_units: 27750000, decimal: '277500.00' };
    const topUp = { id: 'top_1', status: 'in_review', credits: 1000, total, created_at: '2026-11-20T02:30:00Z', pay_url: null, invoice_number: 'INV-1',
        review: { code: 'wrong_amount_paid', detail: 'x', since: '2026-11-20T03:30:00Z', by: '2026-11-24T03:30:00Z' } };
    window.fetch = (url, options) => String(url).startsWith('/v1/top-ups?')
        ? Promise.resolve(new Response(JSON.stringify({ top_ups: [topUp], next_cursor: null }))) : real(url, options);";

#[test]
fn a_payment_in_review_says_what_is_checked_and_by_when_and_holds_nobody_up() {
    for (reader, words) in [
        (
            Reader::ENGLISH,
            [
                "The amount paid differs from the order. We'll have looked at it by 24 Nov 2026.",
                "You can top up in the meantime.",
            ],
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            [
                "Jumlah yang dibayar berbeda dari pesanan. Kami selesai memeriksanya paling lambat 24 Nov 2026.",
                "tetap dapat top up",
            ],
        ),
    ] {
        let person = Person::of("review-words");
        let Some(page) = stack().page_with(reader, person, "/billing/balance", IN_REVIEW) else { return };
        for said in words {
            page.sees(said);
        }
        assert_eq!(
            page.eval("document.querySelector('[data-key=top-up]').getAttribute('aria-disabled')"),
            Value::Null
        );
        page.click("nav a[href='/billing/history']");
        page.sees(words[0]);
    }
}
