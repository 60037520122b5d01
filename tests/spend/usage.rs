//! What debits add up to, per day and channel, class and country.
use saldo_adapters::clock::Clock;
use saldo_domain::Timestamp;
use saldo_local::Saldo;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
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
    let to = if month.ends_with("11") { "30" } else { "31" };
    json!({"month": month, "from": format!("{month}-01"), "to": format!("{month}-{to}"),
        "final": false, "final_from": final_from, "days": days, "next_cursor": null})
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

/// What is sold by class and country, beside the usual three.
const METERS: &str = r#"{"email":{"default":1},"whatsapp":{"default":2,"class":{"utility":0,"marketing":{"default":4,"ID":3}}},
    "sms":{"unit":"segment","default":3}}"#;

async fn start_selling(moment: &str) -> (Saldo, Clock) {
    let clock = Clock::system();
    let saldo = system::start_with(&clock, &[("Meters", METERS)]).await;
    set(&clock, moment);
    system::with_credits(&saldo, "acme").await;
    (saldo, clock)
}

async fn as_csv(saldo: &Saldo, path: &str) -> Answer {
    let token = saldo.token("acme", &["billing:view"], None).unwrap();
    let client = Client::new(saldo.api_url()).with_token(token);
    let answer = client.send("GET", path, &[("accept", "text/csv")], "").await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).map(|value| value.to_str().unwrap())
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap().trim_start_matches('\u{feff}').replace("\r\n", "\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_and_countries_are_told_apart_with_units_and_what_comes_back_comes_back_where_it_was_used() {
    let (saldo, clock) = start_selling("2026-11-20T08:00:00Z").await;
    sent(&saldo, &clock, json!({"channel": "whatsapp", "class": "marketing", "country": "ID"})).await;
    sent(&saldo, &clock, json!({"channel": "whatsapp", "class": "marketing", "country": "SG"})).await;
    sent(&saldo, &clock, json!({"channel": "whatsapp", "class": "utility", "country": "ID"})).await;
    sent(&saldo, &clock, json!({"channel": "whatsapp"})).await;
    sent(&saldo, &clock, json!({"channel": "sms", "country": "ID", "units": 4})).await;
    let refused = sent(&saldo, &clock, json!({"channel": "sms", "country": "SG", "units": 2})).await;
    assert_eq!(system::reverse(&saldo, &saldo.world(), "acme", &refused).await.0, 200);

    let line = |class: Value, country: Value, (messages, units, credits): (i64, i64, i64)| {
        let channel = if units > messages || credits == 0 && messages == 0 { "sms" } else { "whatsapp" };
        json!({"channel": channel, "class": class, "country": country, "messages": messages, "units": units, "credits": credits})
    };
    let whole = usage(&saldo, "acme", "?month=2026-11&by=class,country").await;
    assert_eq!(
        whole["days"][0]["lines"],
        json!([
            line(Value::Null, json!("ID"), (1, 4, 12)),
            line(Value::Null, json!("SG"), (0, 0, 0)),
            line(Value::Null, Value::Null, (1, 1, 2)),
            line(json!("marketing"), json!("ID"), (1, 1, 3)),
            line(json!("marketing"), json!("SG"), (1, 1, 4)),
            line(json!("utility"), json!("ID"), (1, 1, 0)),
        ])
    );
    let classes = usage(&saldo, "acme", "?month=2026-11&by=class").await;
    let class = |channel: &str, class: Value, (messages, units, credits): (i64, i64, i64)| json!({"channel": channel, "class": class, "messages": messages, "units": units, "credits": credits});
    assert_eq!(
        classes["days"][0]["lines"],
        json!([
            class("sms", Value::Null, (1, 4, 12)),
            class("whatsapp", Value::Null, (1, 1, 2)),
            class("whatsapp", json!("marketing"), (2, 2, 7)),
            class("whatsapp", json!("utility"), (1, 1, 0)),
        ])
    );
    let plain = usage(&saldo, "acme", "?month=2026-11").await;
    assert_eq!(plain["days"][0].get("lines"), None);
    assert_eq!(plain["days"][0]["channels"], whole["days"][0]["channels"], "channels are told in any case");
    assert_eq!(plain["days"][0]["channels"]["sms"], json!({"messages": 1, "units": 4, "credits": 12}));

    let csv = as_csv(&saldo, "/v1/usage?month=2026-11&by=country").await;
    assert_eq!(
        text(&csv),
        "date,channel,country,messages,units,credits\n\
         2026-11-20,sms,ID,1,4,12\n2026-11-20,sms,SG,0,0,0\n\
         2026-11-20,whatsapp,,1,1,2\n2026-11-20,whatsapp,ID,2,2,3\n2026-11-20,whatsapp,SG,1,1,4\n"
    );
    assert!(csv.body.starts_with("\u{feff}date".as_bytes()), "with one mark for Excel");
    let told = |name: &str| header(&csv, name).map(str::to_owned);
    assert_eq!(
        told("content-disposition").unwrap(),
        "attachment; filename=\"saldo-usage-2026-11-not-final.csv\""
    );
    assert_eq!((told("saldo-final").as_deref(), told("link")), (Some("false"), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn days_on_end_are_counted_over_months_and_are_final_when_all_of_them_are() {
    let (saldo, clock) = start_selling("2026-10-30T12:00:00Z").await;
    sent(&saldo, &clock, json!({"channel": "email"})).await;
    set(&clock, "2026-10-31T23:59:59Z");
    sent(&saldo, &clock, json!({"channel": "sms", "country": "ID"})).await;
    for moment in ["2026-11-01T00:00:10Z", "2026-11-02T23:59:58Z", "2026-11-03T00:00:01Z"] {
        set(&clock, moment);
        sent(&saldo, &clock, json!({"channel": "email"})).await;
    }
    let dates = |answer: &Value| {
        let days = answer["days"].as_array().unwrap().iter();
        days.map(|day| day["date"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let over = usage(&saldo, "acme", "?from=2026-10-31&to=2026-11-02&by=country").await;
    assert_eq!(dates(&over), ["2026-10-31", "2026-11-01", "2026-11-02"]);
    assert_eq!(
        (&over["month"], &over["from"], &over["to"], &over["final"], &over["final_from"]),
        (
            &Value::Null,
            &json!("2026-10-31"),
            &json!("2026-11-02"),
            &json!(false),
            &json!("2026-12-02T01:00:00Z")
        )
    );
    let one = usage(&saldo, "acme", "?from=2026-11-03&to=2026-11-03").await;
    assert_eq!(dates(&one), ["2026-11-03"]);
    let before = usage(&saldo, "acme", "?from=2026-10-01&to=2026-10-31").await;
    assert_eq!(
        (dates(&before), &before["final"]),
        (vec!["2026-10-30".into(), "2026-10-31".into()], &json!(true))
    );
    let csv = as_csv(&saldo, "/v1/usage?from=2026-10-30&to=2026-10-31").await;
    assert_eq!(
        text(&csv),
        "date,channel,messages,units,credits\n2026-10-30,email,1,1,1\n2026-10-31,sms,1,1,3\n"
    );
    assert_eq!(
        header(&csv, "content-disposition").unwrap(),
        "attachment; filename=\"saldo-usage-2026-10-30-to-2026-10-31.csv\""
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_days_on_end_add_up_where_one_month_ends_with_what_one_answer_counts() {
    let (saldo, clock) = start_at("2026-10-31T10:00:00Z").await;
    entries::write(&saldo, "acme", &clock, 30, "order 16").await;
    set(&clock, "2026-11-01T10:00:00Z");
    entries::write(&saldo, "acme", &clock, 20_000, "order 17").await;
    let latest = usage(&saldo, "acme", "?from=2026-10-31&to=2026-11-01&by=class").await;
    assert_eq!(latest["days"].as_array().unwrap().len(), 1);
    let csv = as_csv(&saldo, "/v1/usage?from=2026-10-31&to=2026-11-01&by=class").await;
    let link = header(&csv, "link").expect("there is more").to_owned();
    let cursor = latest["next_cursor"].as_str().expect("there is more");
    assert_eq!(link, format!("<usage?from=2026-10-31&to=2026-11-01&by=class&cursor={cursor}>; rel=\"next\""));
    let rest = as_csv(&saldo, &format!("/v1/{}", &link[1..link.find('>').unwrap()])).await;
    assert_eq!(text(&rest), "date,channel,class,messages,units,credits\n2026-10-31,email,,30,30,30\n");
    assert_eq!(header(&rest, "link"), None);
}
