//! Billing > History: what was bought, what became of it, and what can be done now.
use serde_json::{Value, json};

use super::page::{Page, Reader};
use super::stack::{Person, elsewhere, stack, top_up_elsewhere};

/// A page of top-ups in every status, most of which take days to come about by themselves.
const EVERY_STATUS: &str = r"
    const real = window.fetch.bind(window);
    const money = (n) => ({ currency: 'IDR', minor_units: n * 100, decimal: n + '.00' });
    const all = ['requested', 'open', 'paid', 'canceled', 'expired', 'in_review', 'failed'].map((status, i) => ({
        id: 'top_' + i, status, credits: 1000 * (i + 1), total: money(277500 * (i + 1)), created_at: `2026-11-${20 - i}T02:30:00Z`,
        pay_url: status === 'open' ? 'https://pay.example/1' : null, invoice_number: status === 'requested' ? null : 'INV-000' + i,
        invoice_pdf: status === 'paid' ? 'https://pay.example/1.pdf' : null, refunded: status === 'paid' ? money(138750) : null }));
    window.fetch = (url, options) => String(url).startsWith('/v1/top-ups?')
        ? Promise.resolve(new Response(JSON.stringify({ top_ups: all.filter(t => !/status=/.test(url) || url.includes('status=' + t.status)), next_cursor: null })))
        : real(url, options);";

fn words(page: &Page) -> Vec<String> {
    let words = page.eval("[...document.querySelectorAll('tbody .status')].map(e => e.innerText)");
    serde_json::from_value(words).unwrap_or_default()
}

#[test]
fn every_status_is_a_coloured_word_with_what_can_be_done() {
    for (reader, expected, date, refunded) in [
        (
            Reader::ENGLISH,
            ["Preparing", "Open", "Paid", "Canceled", "Expired", "In review", "Failed"],
            "20 Nov 2026, 09:30",
            "Rp 138,750 refunded",
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            ["Disiapkan", "Terbuka", "Lunas", "Dibatalkan", "Kedaluwarsa", "Diperiksa", "Gagal"],
            "20 Nov 2026, 09.30",
            "Rp 138.750 dikembalikan",
        ),
    ] {
        let person = Person::of("history-words");
        let Some(page) = stack().page_with(reader, person, "/billing/history", EVERY_STATUS) else { return };
        page.sees(date);
        page.sees(refunded);
        assert_eq!(words(&page), expected);
        let colours = page.eval("new Set([...document.querySelectorAll('tbody .status')].map(e => getComputedStyle(e).color)).size");
        assert!(colours.as_u64() >= Some(6), "{colours} colours");
        let links = page.eval("[...document.querySelectorAll('tbody a')].map(a => a.closest('tr').querySelector('.status').className + ' ' + a.getAttribute('href'))");
        assert_eq!(
            links,
            json!(["status open https://pay.example/1", "status paid https://pay.example/1.pdf"])
        );
        page.click("[data-key='filter-in_review']");
        page.wait_for("document.querySelectorAll('tbody tr').length === 1");
        assert_eq!(words(&page), [expected[5]]);
        assert_eq!(page.eval("location.search"), "?status=in_review");
    }
}

#[test]
fn an_empty_history_says_what_to_do_and_does_it() {
    for (reader, title) in [(Reader::ENGLISH, "No top-ups yet"), (Reader::INDONESIAN, "Belum ada pengisian")]
    {
        let Some(page) = stack().page(reader, Person::of("history-empty"), "/billing/history") else {
            return;
        };
        page.sees(title);
        page.click("main button.primary");
        page.wait_for("document.querySelector('dialog input[type=radio]:checked')?.value === '1000'");
        assert_eq!(page.eval("location.pathname"), "/billing/balance");
    }
}

#[test]
fn more_than_a_page_is_loaded_on_demand_newest_first() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("history-more"), "/billing/history") else {
        return;
    };
    for _ in 0..21 {
        let top_up = top_up_elsewhere(&page, 1000);
        let path = format!("/v1/top-ups/{}/cancel", top_up["id"].as_str().unwrap());
        assert_eq!(elsewhere(&page, "POST", &path, &Value::Null)["status"], "canceled");
    }
    top_up_elsewhere(&page, 2500);
    page.call("Page.reload", json!({}));
    page.wait_for("document.querySelectorAll('tbody tr').length === 20");
    assert_eq!(words(&page)[..2], ["Open", "Canceled"]);
    page.click("[data-key='more']");
    page.wait_for("document.querySelectorAll('tbody tr').length === 22");
    page.sees("That's everything.");
    page.click("[data-key='filter-open']");
    page.wait_for("document.querySelectorAll('tbody tr').length === 1");
    page.click("[data-key='filter-paid']");
    page.sees("No top-ups with the status Paid");
}

#[test]
fn the_two_pages_have_addresses_of_their_own() {
    let Some(page) = stack().page(Reader::ENGLISH, Person::of("history-address"), "/") else { return };
    page.wait_for("location.pathname === '/billing/balance'");
    page.click("nav a[href='/billing/history']");
    page.sees("No top-ups yet");
    page.wait_for("document.title === 'History · Saldo'");
    page.eval("history.back()");
    page.sees("Available credits");
    assert_eq!(page.eval("document.querySelector('nav [aria-current]').innerText"), "Balance");
}
