//! What debits add up to, per day and channel.
use saldo_adapters::clock::Clock;
use saldo_domain::Timestamp;
use saldo_local::Saldo;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::{entries, system};

/// A Saldo whose clock shows this moment.
async fn start_at(moment: &str) -> (Saldo, Clock) {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    set(&clock, moment);
    (saldo, clock)
}

fn set(clock: &Clock, moment: &str) {
    clock.advance(Timestamp::parse(moment).unwrap().secs_since(clock.now()));
}

async fn usage(saldo: &Saldo, org: &str, query: &str) -> Value {
    let token = saldo.token(org, &["billing:view"], None).unwrap();
    let answer = Client::new(saldo.api_url()).with_token(token).get(&format!("/v1/usage{query}")).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

async fn sent(saldo: &Saldo, clock: &Clock, message: Value) -> String {
    let id = system::debit_id(clock, 0);
    let (status, body) = system::debit(saldo, &saldo.world(), "acme", &id, &message).await;
    assert_eq!(status, 201, "{body}");
    id
}

/// All of a month that is not final yet.
fn month(month: &str, final_from: &str, days: Value) -> Value {
    json!({"month": month, "final": false, "final_from": final_from, "days": days, "next_cursor": null})
}

/// A day with (messages, credits) of email, WhatsApp and SMS.
fn day(date: &str, [email, whatsapp, sms]: [(i64, i64); 3]) -> Value {
    let used = |(messages, credits): (i64, i64)| json!({"messages": messages, "units": messages, "credits": credits});
    json!({"date": date, "channels": {"email": used(email), "whatsapp": used(whatsapp), "sms": used(sms)}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_tells_each_day_and_channel_and_takes_reversals_back() {
    let (saldo, clock) = start_at("2026-11-20T08:00:00Z").await;
    system::with_credits(&saldo, "acme").await;
    let empty = month("2026-11", "2026-12-02T01:00:00Z", json!([]));
    assert_eq!(usage(&saldo, "acme", "").await, empty, "a top-up is not spent");
    for _ in 0..2 {
        sent(&saldo, &clock, json!({"channel": "email"})).await;
    }
    sent(&saldo, &clock, json!({"channel": "sms", "country": "ID"})).await;
    let refused = sent(&saldo, &clock, json!({"channel": "sms"})).await;
    assert_eq!(system::reverse(&saldo, &saldo.world(), "acme", &refused).await.0, 200);
    set(&clock, "2026-11-30T23:59:30Z");
    sent(&saldo, &clock, json!({"channel": "whatsapp"})).await;
    let late = sent(&saldo, &clock, json!({"channel": "sms"})).await;
    set(&clock, "2026-12-01T00:00:30Z");
    for _ in 0..2 {
        assert_eq!(system::reverse(&saldo, &saldo.world(), "acme", &late).await.0, 200);
    }

    let first = day("2026-11-20", [(2, 2), (0, 0), (1, 3)]);
    let last = day("2026-11-30", [(0, 0), (1, 2), (1, 3)]);
    let november = month("2026-11", "2026-12-02T01:00:00Z", json!([first, last]));
    assert_eq!(
        usage(&saldo, "acme", "?month=2026-11").await,
        november,
        "a day that is over keeps its numbers"
    );
    let taken_back = day("2026-12-01", [(0, 0), (0, 0), (-1, -3)]);
    let december = month("2026-12", "2027-01-02T01:00:00Z", json!([taken_back]));
    assert_eq!(usage(&saldo, "acme", "").await, december, "the month of today");
    assert_eq!(usage(&saldo, "globex", "?month=2026-11").await, empty, "of nobody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_more_entries_than_one_answer_counts_goes_on() {
    let (saldo, clock) = start_at("2026-11-23T10:00:00Z").await;
    entries::write(&saldo, "acme", &clock, 20_100, "order 17").await;
    let latest = usage(&saldo, "acme", "?month=2026-11").await;
    assert_eq!(latest["days"], json!([day("2026-11-23", [(20_000, 20_000), (0, 0), (0, 0)])]));
    let cursor = latest["next_cursor"].as_str().expect("there is more");
    let rest = usage(&saldo, "acme", &format!("?month=2026-11&cursor={cursor}")).await;
    let days = json!([day("2026-11-23", [(100, 100), (0, 0), (0, 0)])]);
    assert_eq!(rest, month("2026-11", "2026-12-02T01:00:00Z", days));
}
