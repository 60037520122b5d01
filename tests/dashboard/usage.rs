//! Billing > Balance: what was used in the last 30 days, and how long the balance lasts.
use std::sync::OnceLock;

use saldo_adapters::clock::Clock;
use saldo_credits::Spender;
use saldo_domain::{Actor, Channel, Credits, Debit, DebitId, OrgId};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::page::{Page, Reader};
use super::stack::{Person, Stack, stack};
use super::wire;
use crate::support::client::Client;
use crate::support::system;

const DAY_SECS: i64 = 86_400;
const SENDER: Person = Person::of("usage-sender");
const BEGINNER: Person = Person::of("usage-beginner");

/// Days ago, channel, messages: of 20 credits.
const SENT: [(i64, &str, usize); 6] =
    [(29, "email", 2), (29, "sms", 2), (10, "whatsapp", 2), (1, "sms", 1), (0, "whatsapp", 1), (0, "sms", 1)];

/// A system in which `SENDER` has sent for a month and has 10 credits left, and `BEGINNER` began today.
fn busy() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let clock = Clock::system();
        clock.advance(-40 * DAY_SECS);
        let saldo = runtime.block_on(system::start(&clock));
        let stack = Stack { dashboard: saldo.api_url().to_owned(), saldo, runtime };
        stack.runtime.block_on(live(&stack, &clock));
        stack
    })
}

async fn live(stack: &Stack, clock: &Clock) {
    system::with_credits(&stack.saldo, SENDER.organisation).await;
    long_ago(stack, clock).await;
    let mut ago = 40;
    for (days_ago, channel, messages) in SENT {
        clock.advance((ago - days_ago) * DAY_SECS);
        ago = days_ago;
        for _ in 0..messages {
            send(stack, clock, SENDER, channel).await;
        }
    }
    let refused = send(stack, clock, SENDER, "sms").await;
    let path = format!("/v1/debits/{refused}/reverse");
    let answer = sender(stack, SENDER).send("POST", &path, &[], "").await;
    assert_eq!(answer.status, 200);
    system::with_credits(&stack.saldo, BEGINNER.organisation).await;
    send(stack, clock, BEGINNER, "email").await;
}

/// What was spent before the 30 days: all but 30 credits.
async fn long_ago(stack: &Stack, clock: &Clock) {
    let store = stack.saldo.world().store(&stack.saldo.env_of("spend")).unwrap();
    let id = DebitId::parse(&system::debit_id(clock, 0)).unwrap();
    let debit = Debit::costing(id, Channel::EMAIL, Credits(970));
    let org = OrgId::parse(SENDER.organisation).unwrap();
    Spender::new(store).debit(&org, &Actor::System, &debit, clock.now()).await.unwrap();
}

async fn send(stack: &Stack, clock: &Clock, person: Person, channel: &str) -> String {
    let id = system::debit_id(clock, 0);
    let headers = [("content-type", "application/json")];
    let body = json!({"channel": channel}).to_string();
    let answer = sender(stack, person).send("PUT", &format!("/v1/debits/{id}"), &headers, body).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    id
}

fn sender(stack: &Stack, person: Person) -> Client {
    Client::new(&stack.dashboard).with_token(stack.token(person.who_may("credits:spend")))
}

fn opened(stack: &Stack, reader: Reader, person: Person, script: &str) -> Option<Page> {
    let page = stack.page_with(reader, person, "/billing/balance", script)?;
    page.wait_for("document.querySelector('.usage-card') !== null");
    Some(page)
}

fn usage_calls(page: &Page) -> usize {
    page.requests().iter().filter(|url| url.contains("/v1/usage?")).count()
}

#[test]
fn the_last_thirty_days_show_what_each_channel_used_and_how_long_the_rest_lasts() {
    for (reader, words) in [
        (
            Reader::ENGLISH,
            [
                "At the pace of the last 30 days, your balance lasts about 14 days.",
                "Email\n2 messages\n2 credits",
                "WhatsApp\n3 messages\n6 credits",
                "SMS\n4 messages\n12 credits",
                "Credits per day",
            ],
        ),
        (
            Reader::INDONESIAN.on_a_phone(),
            [
                "Dengan laju 30 hari terakhir, saldo Anda cukup untuk sekitar 14 hari.",
                "Email\n2 pesan\n2 kredit",
                "WhatsApp\n3 pesan\n6 kredit",
                "SMS\n4 pesan\n12 kredit",
                "Kredit per hari",
            ],
        ),
    ] {
        let Some(page) = opened(busy(), reader, SENDER, "") else { return };
        let text = page.text_of(".usage-card").replace("\n\n", "\n");
        for words in words {
            assert!(text.contains(words), "{words:?} is not in {text:?}");
        }
        assert!((1..=2).contains(&usage_calls(&page)), "{} calls", usage_calls(&page));
        assert_eq!(page.complaints(), Vec::<String>::new());
    }
}

#[test]
fn the_bars_can_be_told_apart_without_colours_and_are_described() {
    let Some(page) = opened(busy(), Reader::ENGLISH, SENDER, "") else { return };
    let bars = page.eval(
        "['email', 'whatsapp', 'sms'].map(c => document.querySelectorAll(`.usage-plot .usage-bar.${c}`).length)",
    );
    assert_eq!(bars, json!([1, 2, 3]), "days with each channel");
    let fills = page.eval(
        "['email', 'whatsapp', 'sms'].map(c => document.querySelector(`.usage-plot .usage-bar.${c}`).getAttribute('fill'))
            .map(fill => fill.startsWith('url(') ? document.querySelector(fill.slice(4, -1)).firstElementChild.tagName : 'plain')",
    );
    assert_eq!(fills, json!(["plain", "path", "circle"]));
    let heights = page.eval(
        "['email', 'sms'].map(c => document.querySelector(`.usage-plot .usage-bar.${c}`).getBoundingClientRect())
            .map(r => Math.round(r.height))",
    );
    let height = |at: usize| heights[at].as_i64().unwrap();
    assert!((height(1) - 3 * height(0)).abs() < 12, "6 credits are three times 2: {heights}");
    let name = page.eval("document.querySelector('svg[role=img]').getAttribute('aria-label')");
    assert_eq!(name, "Credits used per day in the last 30 days, 20 in all. Email 2, WhatsApp 6, SMS 12.");
}

#[test]
fn the_table_behind_the_bars_has_the_numbers() {
    let Some(page) = opened(busy(), Reader::ENGLISH.on_a_phone(), SENDER, "") else { return };
    assert_eq!(page.eval("document.querySelector('.usage-table').checkVisibility()"), false);
    page.click(".usage-details summary");
    page.wait_for("document.querySelector('.usage-table').checkVisibility()");
    let cells = page.eval(
        "[...document.querySelectorAll('.usage-table tr')].map(r => [...r.cells].slice(1).map(c => c.innerText).join(' '))",
    );
    assert_eq!(
        cells,
        json!(["Email WhatsApp SMS Total", "0 2 3 5", "0 0 3 3", "0 4 0 4", "2 0 6 8", "2 6 12 20"])
    );
    let wider = page.eval("document.documentElement.scrollWidth - innerWidth");
    assert!(wider.as_i64() <= Some(0), "{wider} px wider than the window");
}

#[test]
fn with_nothing_used_there_is_one_line_and_after_a_day_no_estimate() {
    for (reader, hint, early) in [
        (
            Reader::ENGLISH,
            "No credits were used in the last 30 days.",
            "How long your balance lasts can be told after a week of sending.",
        ),
        (
            Reader::INDONESIAN,
            "Belum ada kredit terpakai dalam 30 hari terakhir.",
            "Perkiraan berapa lama saldo cukup tersedia setelah seminggu pengiriman.",
        ),
    ] {
        let Some(page) = opened(stack(), reader, Person::of("usage-none"), "") else { return };
        page.sees(hint);
        assert_eq!(page.eval("document.querySelector('.usage-plot')"), Value::Null);
        let Some(page) = opened(busy(), reader, BEGINNER, "") else { return };
        page.sees(early);
        assert_eq!(page.eval("document.querySelectorAll('.usage-plot .usage-bar').length"), 1);
    }
}

#[test]
fn what_the_count_did_not_reach_is_left_out_and_said() {
    let script = r"
        const real = window.fetch.bind(window);
        const date = (ago) => new Date(Date.now() - ago * 864e5).toISOString().slice(0, 10);
        const used = (credits) => ({ messages: credits, credits });
        const day = (ago, credits) => ({ date: date(ago), channels: { email: used(credits), whatsapp: used(0), sms: used(0) } });
        window.calls = 0;
        window.fetch = (url, options) => !String(url).startsWith('/v1/usage') ? real(url, options)
            : Promise.resolve(new Response(JSON.stringify({ days: [day(3, 7), day(2, 10), day(0, 20)], next_cursor: String(++window.calls) })));";
    let Some(page) = opened(busy(), Reader::ENGLISH, SENDER, script) else { return };
    page.sees("and the days before it are left out.");
    page.sees("30 messages");
    page.sees("At the pace of the last 3 days, your balance lasts less than a day.");
    assert_eq!(page.eval("window.calls"), 1, "what is before needs no second call");
}

#[test]
fn after_a_short_february_two_calls_are_still_enough() {
    let script = r"
        const real = window.fetch.bind(window), RealDate = Date;
        window.Date = class extends RealDate { constructor(...all) { super(...(all.length ? all : ['2027-03-01T12:00:00Z'])); } };
        const none = { messages: 0, credits: 0 };
        window.asked = [];
        window.fetch = (url, options) => {
            if (!String(url).startsWith('/v1/usage')) return real(url, options);
            window.asked.push(String(url).slice(-7));
            const days = [{ date: '2027-02-01', channels: { email: { messages: 5, credits: 5 }, whatsapp: none, sms: none } }];
            return Promise.resolve(new Response(JSON.stringify({ days, next_cursor: null })));
        };";
    let Some(page) = opened(busy(), Reader::ENGLISH, SENDER, script) else { return };
    page.sees("At the pace of the last 29 days, your balance lasts about 57 days.");
    page.sees("1 Feb");
    assert_eq!(page.eval("window.asked"), json!(["2027-03", "2027-02"]));
}

#[test]
fn usage_that_cannot_be_read_leaves_the_rest_and_can_be_tried_again() {
    let script = r"
        const real = window.fetch.bind(window);
        window.broken = true;
        window.fetch = (url, options) => window.broken && String(url).startsWith('/v1/usage')
            ? Promise.resolve(new Response('{}', { status: 503 })) : real(url, options);";
    let Some(page) = opened(busy(), Reader::ENGLISH, SENDER, script) else { return };
    page.sees("What you used can't be shown right now.");
    page.sees("Available credits");
    page.eval("window.broken = false");
    page.click("[data-key='usage-retry']");
    page.sees("12 credits");
}

#[test]
fn axe_finds_nothing_serious_in_the_chart() {
    let Some(axe) = wire::axe() else { return };
    for reader in [Reader::ENGLISH, Reader::INDONESIAN.on_a_phone().in_the_dark()] {
        let Some(page) = opened(busy(), reader, SENDER, "") else { return };
        page.click(".usage-details summary");
        page.wait_for("document.querySelector('.usage-table').checkVisibility()");
        wire::judge(&page, &axe, "the chart");
    }
}
