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
        invoice_pdf: status === 'paid' ? 'https://pay.example/1.pdf' : null, refunded: status === 'paid' ? { credits: 500, money: money(138750) } : null }));
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
            "Rp 138,750 refunded, 500 credits taken back",
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            [
                "Disiapkan",
                "Menunggu pembayaran",
                "Lunas",
                "Dibatalkan",
                "Kedaluwarsa",
                "Sedang diperiksa",
                "Gagal",
            ],
            "20 Nov 2026, 09.30",
            "Rp 138.750 di-refund, 500 kredit ditarik kembali",
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
    for (reader, title) in [(Reader::ENGLISH, "No top-ups yet"), (Reader::INDONESIAN, "Belum ada top up")] {
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

/// Top-ups with everything that can be said of one.
const EVERY_REMARK: &str = r"
    const real = window.fetch.bind(window);
    const money = (n) => ({ currency: 'IDR', minor_units: n * 100, decimal: n + '.00' });
    const topUp = (status, more) => ({ id: 'top_' + status + Math.random(), status, credits: 1000, total: money(277500), created_at: '2026-11-20T02:30:00Z',
        pay_url: status === 'open' ? 'https://pay.example/1' : null, invoice_number: 'INV-1', invoice_pdf: 'https://pay.example/1.pdf', paid_at: null, ...more });
    const paid = { paid_at: '2026-11-21T02:30:00Z' };
    const all = [
        topUp('open', { payment_failure: { code: 'insufficient_funds', detail: '', at: '2026-11-20T03:30:00Z' } }),
        topUp('paid', { ...paid, payment: { method: 'card', paid_at: paid.paid_at, receipt_url: 'https://pay.example/receipt' } }),
        topUp('paid', { ...paid, payment: { method: 'swift_wire', paid_at: paid.paid_at, receipt_url: null },
            credit_notes: [{ number: 'INV-1-CN-01', pdf: 'https://pay.example/note.pdf', money: money(277500), at: paid.paid_at }, { number: 'INV-1-CN-02', pdf: null, money: money(1), at: paid.paid_at }],
            disputed: { credits: 1000, money: money(277500), status: 'lost' } }),
        topUp('failed', { failure: { code: 'x', detail: 'Stripe did not take the request.' } }),
        topUp('in_review', { review: { code: 'x', detail: 'Another amount was paid.', since: '2026-11-20T03:30:00Z' } }),
    ];
    window.fetch = (url, options) => String(url).startsWith('/v1/top-ups?')
        ? Promise.resolve(new Response(JSON.stringify({ top_ups: all, next_cursor: null }))) : real(url, options);";

#[test]
fn a_row_tells_how_it_was_paid_what_went_wrong_and_what_went_back() {
    for (reader, expected) in [
        (
            Reader::ENGLISH,
            [
                "The card does not have enough funds. Nothing was charged.",
                "Paid 21 Nov 2026 · Card",
                "Paid 21 Nov 2026 · swift wire",
                "Rp 277,500 lost in a dispute, 1,000 credits taken back",
                "Stripe did not take the request.",
                "Another amount was paid.",
            ],
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            [
                "Dana di kartu ini tidak cukup. Tidak ada dana yang ditarik.",
                "Dibayar 21 Nov 2026 · Kartu",
                "Dibayar 21 Nov 2026 · swift wire",
                "Rp 277.500 hilang karena sengketa, 1.000 kredit ditarik kembali",
                "Stripe did not take the request.",
                "Another amount was paid.",
            ],
        ),
    ] {
        let person = Person::of("history-remarks");
        let Some(page) = stack().page_with(reader, person, "/billing/history", EVERY_REMARK) else { return };
        for words in expected {
            page.sees(words);
        }
        let receipts =
            page.eval("[...document.querySelectorAll('tbody a.pdf')].map(a => a.getAttribute('href'))");
        assert_eq!(
            receipts,
            json!([
                "https://pay.example/receipt",
                "https://pay.example/1.pdf",
                "https://pay.example/1.pdf",
                "https://pay.example/note.pdf"
            ])
        );
        let note =
            page.eval("document.querySelector('a.pdf[href$=\"note.pdf\"]').getAttribute('aria-label')");
        assert!(note.as_str().unwrap().contains("INV-1-CN-01"), "{note}");
    }
}

#[test]
fn an_open_top_up_is_canceled_from_its_row() {
    for (organisation, reader, canceled) in [
        ("history-cancel-en", Reader::ENGLISH, "Canceled"),
        ("history-cancel-id", Reader::INDONESIAN.on_a_phone(), "Dibatalkan"),
    ] {
        let Some(page) = stack().page(reader, Person::of(organisation), "/billing/balance") else { return };
        let top_up = top_up_elsewhere(&page, 1000);
        page.click("nav a[href='/billing/history']");
        page.click(&format!("[data-key='cancel-{}']", top_up["id"].as_str().unwrap()));
        page.click("[data-key='cancel-yes']");
        page.wait_for(&format!("document.querySelector('tbody .status')?.innerText === '{canceled}'"));
        let path = format!("/v1/top-ups/{}", top_up["id"].as_str().unwrap());
        assert_eq!(elsewhere(&page, "GET", &path, &Value::Null)["status"], "canceled");
        assert_eq!(page.eval("document.querySelector('tbody [data-key^=cancel]')"), Value::Null);
    }
}

#[test]
fn every_status_can_be_filtered_for() {
    let person = Person::of("history-filters");
    let Some(page) = stack().page_with(Reader::ENGLISH, person, "/billing/history", EVERY_STATUS) else {
        return;
    };
    page.wait_for("document.querySelectorAll('tbody tr').length === 7");
    for status in ["requested", "open", "paid", "canceled", "expired", "in_review", "failed"] {
        page.click(&format!("[data-key='filter-{status}']"));
        page.wait_for("document.querySelectorAll('tbody tr').length === 1");
        assert_eq!(page.eval("location.search"), format!("?status={status}"));
    }
}
