//! Billing > Usage: what a month used by channel, price class and country.
use std::path::Path;
use std::sync::OnceLock;

use saldo_adapters::clock::Clock;
use serde_json::json;
use tokio::runtime::Builder;

use super::export::{downloaded, folder};
use super::page::{Page, Reader};
use super::stack::{Person, Stack};
use super::wire;
use crate::support::client::Client;
use crate::support::system;

const SENDER: Person = Person::of("used-sender");
const NOBODY: Person = Person::of("used-nobody");
const METERS: &str = r#"{"email":{"default":1},"whatsapp":{"default":2,"class":{"utility":1,"marketing":{"default":4,"ID":3}}},
    "sms":{"unit":"segment","words":{"en":{"name":"SMS","unit":"segments"},"id":{"name":"SMS","unit":"segmen"}},"default":3},
    "voice":{"unit":"minute","words":{"en":{"name":"Voice calls","unit":"minutes"},"id":{"name":"Panggilan suara","unit":"menit"}},"icon":"phone","default":5}}"#;

/// A system in which `SENDER` has used four channels last month and this one.
fn busy() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let clock = Clock::system();
        clock.advance(-35 * 86_400);
        let saldo = runtime.block_on(system::start_with(&clock, &[("Meters", METERS)]));
        let stack = Stack { dashboard: saldo.api_url().to_owned(), saldo, runtime };
        stack.runtime.block_on(async {
            system::with_credits(&stack.saldo, SENDER.organisation).await;
            for (days, message) in [
                (0, json!({"channel": "whatsapp", "class": "marketing", "country": "ID"})),
                (35, json!({"channel": "whatsapp", "class": "marketing", "country": "ID"})),
                (0, json!({"channel": "whatsapp", "class": "marketing", "country": "SG"})),
                (0, json!({"channel": "whatsapp", "class": "utility", "country": "ID"})),
                (0, json!({"channel": "whatsapp"})),
                (0, json!({"channel": "sms", "country": "ID", "units": 4})),
                (0, json!({"channel": "voice", "country": "MY", "units": 6})),
                (0, json!({"channel": "email"})),
            ] {
                clock.advance(days * 86_400);
                sends(&stack, &clock, message).await;
            }
        });
        stack
    })
}

async fn sends(stack: &Stack, clock: &Clock, message: serde_json::Value) {
    let client = Client::new(&stack.dashboard).with_token(stack.token(SENDER.who_may("credits:spend")));
    let path = format!("/v1/debits/{}", system::debit_id(clock, 0));
    let answer =
        client.send("PUT", &path, &[("content-type", "application/json")], message.to_string()).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
}

fn opened(reader: Reader, person: Person, script: &str) -> Option<Page> {
    let page = busy().page_with(reader, person, "/billing/usage", script)?;
    page.wait_for("document.querySelector('.used, .notice') !== null");
    Some(page)
}

/// The table of sums, a line each.
fn sums(page: &Page) -> serde_json::Value {
    page.eval("[...document.querySelectorAll('.used-sums tr')].map(r => [...r.cells].map(c => c.innerText.trim()).join(' | '))")
}

#[test]
fn a_month_is_seen_by_channel_by_class_and_by_country_in_both_languages() {
    for (reader, by_channel, by_class, by_country) in [
        (
            Reader::ENGLISH,
            json!([
                "Channel | Messages | Units | Credits",
                "Voice calls | 1 | 6 minutes | 30",
                "SMS | 1 | 4 segments | 12",
                "WhatsApp | 4 | 4 | 10",
                "Email | 1 | 1 | 1",
                "Total | 53"
            ]),
            json!([
                "Channel and price class | Messages | Credits",
                "WhatsApp, Marketing | 2 | 7",
                "WhatsApp, no price class | 1 | 2",
                "WhatsApp, Utility | 1 | 1",
                "Total | 10"
            ]),
            json!([
                "Country | Messages | Credits",
                "Malaysia | 1 | 30",
                "Indonesia | 3 | 16",
                "Singapore | 1 | 4",
                "No country given | 2 | 3",
                "Total | 53"
            ]),
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            json!([
                "Kanal | Pesan | Unit | Kredit",
                "Panggilan suara | 1 | 6 menit | 30",
                "SMS | 1 | 4 segmen | 12",
                "WhatsApp | 4 | 4 | 10",
                "Email | 1 | 1 | 1",
                "Total | 53"
            ]),
            json!([
                "Kanal dan kelas harga | Pesan | Kredit",
                "WhatsApp, Marketing | 2 | 7",
                "WhatsApp, tanpa kelas harga | 1 | 2",
                "WhatsApp, Utility | 1 | 1",
                "Total | 10"
            ]),
            json!([
                "Negara | Pesan | Kredit",
                "Malaysia | 1 | 30",
                "Indonesia | 3 | 16",
                "Singapura | 1 | 4",
                "Negara tidak disebutkan | 2 | 3",
                "Total | 53"
            ]),
        ),
    ] {
        let Some(page) = opened(reader, SENDER, "") else { return };
        assert_eq!(sums(&page), by_channel);
        page.click("[data-key='by-country']");
        assert_eq!(sums(&page), by_country);
        page.click("[data-key='by-class']");
        page.eval(
            "(() => { const chooser = document.querySelector('#used-channel');
                chooser.value = 'whatsapp'; chooser.dispatchEvent(new Event('change')); })()",
        );
        assert_eq!(sums(&page), by_class);
        assert!(page.eval("location.search").as_str().unwrap().ends_with("&by=class&channel=whatsapp"));
        assert_eq!(page.eval("document.activeElement.id"), "", "nobody is moved");
        let calls = page.requests().iter().filter(|url| url.contains("/v1/usage?")).count();
        assert_eq!(calls, 1, "what is told apart needs no further call");
        page.call("Page.reload", json!({}));
        page.wait_for("document.querySelectorAll('.used-sums tr').length === 5");
        assert_eq!(sums(&page), by_class, "the address keeps what was chosen");
        let wider = page.eval("document.documentElement.scrollWidth - innerWidth");
        assert!(wider.as_i64() <= Some(0), "{wider} px wider than the window");
        assert_eq!(page.complaints(), Vec::<String>::new());
    }
}

#[test]
fn an_earlier_month_and_one_without_use_are_shown_and_the_chart_is_described() {
    let Some(page) = opened(Reader::ENGLISH, SENDER, "") else { return };
    let name = page.eval("document.querySelector('svg[role=img]').getAttribute('aria-label')");
    let name = name.as_str().unwrap();
    assert!(
        name.starts_with("Credits used per day in ")
            && name.ends_with(", 53 in all. Voice calls 30, SMS 12, WhatsApp 10, Email 1."),
        "{name}"
    );
    let fills = page.eval("new Set([...document.querySelectorAll('.usage-plot .usage-bar')].map(b => b.getAttribute('fill'))).size");
    assert_eq!(fills, 4, "each looks different");
    page.tabs_to("#used-month");
    page.press("ArrowDown");
    page.wait_for("document.querySelectorAll('.used-sums tr').length !== 6");
    let Some(page) = opened(Reader::ENGLISH, NOBODY, "") else { return };
    page.sees("Nothing was used in");
}

#[test]
fn many_are_one_in_the_drawing_and_each_of_them_in_the_table() {
    let script = r"
        const real = window.fetch.bind(window);
        const today = new Date().toISOString().slice(0, 10);
        const of = (country, credits) => ({ channel: 'sms', class: null, country, messages: credits, units: credits, credits });
        const days = [{ date: today, channels: {}, lines: ['ID', 'SG', 'MY', 'TH', 'PH', 'VN', 'KH', 'LA', null].map((it, at) => of(it, 90 - 10 * at)) }];
        window.asked = [];
        window.fetch = (url, options) => {
            if (!String(url).startsWith('/v1/usage')) return real(url, options);
            window.asked.push(String(url));
            return Promise.resolve(new Response(JSON.stringify({ final: true, days, next_cursor: 'c' })));
        };";
    let Some(page) = opened(Reader::ENGLISH, SENDER, script) else { return };
    page.sees("You send more than this page counts");
    assert_eq!(page.eval("window.asked.length"), 5);
    page.click("[data-key='by-country']");
    assert_eq!(page.eval("document.querySelectorAll('.usage-plot .usage-bar').length"), 7);
    assert_eq!(page.eval("document.querySelectorAll('.used-sums tbody tr').length"), 9);
    let heads =
        page.eval("[...document.querySelectorAll('.usage-details thead th')].map(c => c.textContent)");
    assert_eq!(
        heads,
        json!([
            "Day",
            "Indonesia",
            "Singapore",
            "Malaysia",
            "Thailand",
            "Philippines",
            "Vietnam",
            "All others",
            "Total"
        ])
    );
    let last = page.eval(
        "[...document.querySelector('.usage-details tfoot tr').cells].map(c => c.textContent).join(' ')",
    );
    assert_eq!(last, "Total 450 400 350 300 250 200 300 2,250");
}

#[test]
fn what_is_told_apart_is_in_the_file() {
    let into = folder("used");
    let Some(page) = opened(Reader::ENGLISH, SENDER, "") else { return };
    page.downloads_to(&into);
    page.click("[data-key='by-country']");
    page.click("[data-key='used-download']");
    let month = page.eval("document.querySelector('#used-month').value");
    let name = format!("saldo-usage-{}-not-final.csv", month.as_str().unwrap());
    let text = downloaded(&Path::new(&into).join(name));
    assert!(text.starts_with("\u{feff}date,channel,country,messages,units,credits\r\n"), "{text}");
    assert!(text.contains(",voice,MY,1,6,30\r\n") && text.contains(",whatsapp,,1,1,2\r\n"), "{text}");
}

#[test]
fn usage_that_cannot_be_read_can_be_tried_again() {
    let script = r"
        const real = window.fetch.bind(window);
        window.broken = true;
        window.fetch = (url, options) => window.broken && String(url).startsWith('/v1/usage')
            ? Promise.resolve(new Response('{}', { status: 503 })) : real(url, options);";
    let Some(page) = opened(Reader::ENGLISH, SENDER, script) else { return };
    page.eval("window.broken = false");
    page.click("[data-key='retry']");
    page.sees("Voice calls");
}

#[test]
fn axe_finds_nothing_serious_in_usage() {
    let Some(axe) = wire::axe() else { return };
    for reader in [Reader::ENGLISH, Reader::INDONESIAN.on_a_phone().in_the_dark()] {
        let Some(page) = opened(reader, SENDER, "") else { return };
        page.click("[data-key='by-class']");
        page.click(".usage-details summary");
        page.wait_for("document.querySelector('.usage-details .usage-table').checkVisibility()");
        wire::judge(&page, &axe, "usage");
    }
}
