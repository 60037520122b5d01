//! Debits that nobody may make: ids, messages, tokens.
use saldo_adapters::clock::Clock;
use serde_json::{Value, json};

use super::guard::{Call, Guard, Refusal};
use crate::support::system;
use Refusal::{Field, Function};

const DAY: i64 = 24 * 3600;
const NOT_FOUND: Refusal = Function(404, "debit_not_found");

fn sender(guard: &Guard, organisation: &str) -> String {
    guard.saldo.token(organisation, &["credits:spend"], None).unwrap()
}

fn put(token: &str, id: &str, message: &Value) -> Call {
    let call = Call::new("PUT", &format!("/v1/debits/{id}")).token(token);
    call.header("content-type", "application/json").body(message.to_string())
}

#[tokio::test]
async fn an_id_that_is_not_of_today_and_of_version_7_spends_nothing() {
    let mut guard = Guard::start("debit-ids").await;
    let (token, clock) = (sender(&guard, "owner"), Clock::system());
    let good = system::debit_id(&clock, 0);
    let mut ids = vec![
        "1".to_owned(),
        "0".repeat(32),
        "%00".to_owned(),
        "null".to_owned(),
        "BALANCE".to_owned(),
        "x".repeat(1_000),
        good.to_uppercase(),
        good.replace('-', ""),
        format!("%7B{good}%7D"),
        format!("{good}0"),
        format!("{}4{}", &good[..14], &good[15..]),
        format!("{}0{}", &good[..19], &good[20..]),
        "00000000-0000-7000-8000-000000000000".to_owned(),
        "ffffffff-ffff-7fff-bfff-ffffffffffff".to_owned(),
    ];
    ids.extend([-366 * DAY, -DAY - 60, 7 * 60, 366 * DAY].map(|secs| system::debit_id(&clock, secs)));
    for id in &ids {
        let call = put(&token, id, &json!({"channel": "sms"}));
        guard.refuses(&format!("{id:.60}"), call, Field("id")).await;
        let call = Call::new("POST", &format!("/v1/debits/{id}/reverse")).token(&token);
        guard.refuses(&format!("reversing {id:.60}"), call, NOT_FOUND).await;
    }
    let call = Call::new("POST", &format!("/v1/debits/{good}/reverse")).token(&token);
    guard.refuses("a debit that never was", call, NOT_FOUND).await;
    guard.nothing_happened().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_costs_nothing() {
    let mut guard = Guard::start("debit-messages").await;
    let (token, clock) = (sender(&guard, "owner"), Clock::system());
    let unknown = Function(422, "unknown_channel");
    let long = "x".repeat(129);
    let cases = [
        (json!({}), Field("channel")),
        (json!({"channel": null}), Field("channel")),
        (json!({"channel": 1}), Field("channel")),
        (json!({"channel": ["sms"]}), Field("channel")),
        (json!({"channel": ""}), unknown),
        (json!({"channel": "fax"}), unknown),
        (json!({"channel": "SMS"}), unknown),
        (json!({"channel": "default"}), unknown),
        (json!({"channel": "sms", "country": "Atlantis"}), Field("country")),
        (json!({"channel": "sms", "country": "id"}), Field("country")),
        (json!({"channel": "sms", "country": ""}), Field("country")),
        (json!({"channel": "sms", "country": "default"}), Field("country")),
        (json!({"channel": "sms", "country": 62}), Field("country")),
        (json!({"channel": "sms", "reference": ""}), Field("reference")),
        (json!({"channel": "sms", "reference": "a\nb"}), Field("reference")),
        (json!({"channel": "sms", "reference": long}), Field("reference")),
        (json!({"channel": "sms", "reference": {}}), Field("reference")),
        (json!([]), Field("body")),
        (json!("sms"), Field("body")),
        (json!(null), Field("body")),
        (json!({"channel": "sms"}), Function(402, "insufficient_credits")),
    ];
    for (message, refusal) in &cases {
        let call = put(&token, &system::debit_id(&clock, 0), message);
        guard.refuses(&format!("{message:.80}"), call, *refusal).await;
    }
    let big = put(&token, &system::debit_id(&clock, 0), &json!({"channel": "sms", "x": "y".repeat(17_000)}));
    guard.refuses("a body of 17 KB", big, Function(413, "payload_too_large")).await;
    guard.nothing_happened().await;
}

#[tokio::test]
async fn a_key_that_is_none_and_a_message_that_cannot_be_sent_claim_and_spend_nothing() {
    let mut guard = Guard::start("debit-keys").await;
    let (token, sms) = (sender(&guard, "owner"), json!({"channel": "sms"}));
    let post = |key: Option<&str>, message: &Value| {
        let call = Call::new("POST", "/v1/debits").token(&token).header("content-type", "application/json");
        let call = if let Some(key) = key { call.header("idempotency-key", key) } else { call };
        call.body(message.to_string())
    };
    let missing = Function(400, "idempotency_key_missing");
    guard.refuses("no key", post(None, &sms), missing).await;
    let (longest, long) = ("k".repeat(255), "k".repeat(256));
    for key in ["", "a,b", "a b", &long] {
        guard.refuses(&format!("{key:.20}"), post(Some(key), &sms), Field("Idempotency-Key")).await;
    }
    let twice = post(Some("one"), &sms).header("idempotency-key", "two");
    guard.refuses("two keys", twice, Field("Idempotency-Key")).await;
    for (message, refusal) in [
        (json!({}), Field("channel")),
        (json!([]), Field("body")),
        (json!({"channel": "fax"}), Function(422, "unknown_channel")),
        (json!({"channel": "sms", "class": "utility"}), Function(422, "unknown_class")),
        (json!({"channel": "sms", "units": 0}), Field("units")),
        (json!({"channel": "sms", "reference": "x".repeat(129)}), Field("reference")),
        (json!({"channel": "sms", "max_credits": 2}), Function(422, "max_credits_exceeded")),
        (json!({"channel": "sms", "x": "y".repeat(17_000)}), Function(413, "payload_too_large")),
    ] {
        guard.refuses(&format!("{message:.60}"), post(Some(&longest), &message), refusal).await;
    }
    let member = guard.member("owner");
    let call = Call::new("POST", "/v1/debits").token(&member).header("idempotency-key", "key");
    let refusal = Function(403, "permission_required");
    guard.refuses("a member spends", call.body(sms.to_string()), refusal).await;
    guard.nothing_happened().await;
}

#[tokio::test]
async fn one_bad_debit_spoils_its_batch() {
    let mut guard = Guard::start("debit-batches").await;
    let (token, clock) = (sender(&guard, "owner"), Clock::system());
    let good = |_| json!({"id": system::debit_id(&clock, 0), "channel": "sms"});
    let one = good(0);
    let with = |bad: Value| json!({"debits": [good(0), bad, good(2)]});
    let of = |more: Value| {
        let mut sms = good(1);
        sms.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        sms
    };
    let id = |secs: i64| json!({"id": system::debit_id(&clock, secs), "channel": "sms"});
    let mut uppercase = good(0);
    uppercase["id"] = json!(uppercase["id"].as_str().unwrap().to_uppercase());
    let cases = [
        (json!({}), Field("debits")),
        (json!([]), Field("body")),
        (json!(null), Field("body")),
        (json!({"debits": null}), Field("debits")),
        (json!({"debits": {}}), Field("debits")),
        (json!({"debits": []}), Field("debits")),
        (json!({"debits": (0..26).map(good).collect::<Vec<_>>()}), Field("debits")),
        (json!({"debits": [one, one]}), Field("debits[1].id")),
        (with(json!("sms")), Field("debits[1]")),
        (with(json!(null)), Field("debits[1]")),
        (with(json!({"channel": "sms"})), Field("debits[1].id")),
        (with(json!({"id": 7, "channel": "sms"})), Field("debits[1].id")),
        (with(json!({"id": "7", "channel": "sms"})), Field("debits[1].id")),
        (with(uppercase), Field("debits[1].id")),
        (with(id(366 * DAY)), Field("debits[1].id")),
        (with(id(7 * 60)), Field("debits[1].id")),
        (with(id(-DAY - 60)), Field("debits[1].id")),
        (with(id(-366 * DAY)), Field("debits[1].id")),
        (with(json!({"id": system::debit_id(&clock, 0)})), Field("debits[1].channel")),
        (
            with(json!({"id": system::debit_id(&clock, 0), "channel": "fax"})),
            Function(422, "unknown_channel"),
        ),
        (
            with(json!({"id": system::debit_id(&clock, 0), "channel": "sms", "country": "Atlantis"})),
            Field("debits[1].country"),
        ),
        (
            with(json!({"id": system::debit_id(&clock, 0), "channel": "sms", "reference": "a\u{7}b"})),
            Field("debits[1].reference"),
        ),
        (json!({"debits": [good(0), good(1)]}), Function(402, "insufficient_credits")),
        (with(of(json!({"units": 0}))), Field("debits[1].units")),
        (with(of(json!({"units": -1}))), Field("debits[1].units")),
        (with(of(json!({"units": 1.5}))), Field("debits[1].units")),
        (with(of(json!({"units": "3"}))), Field("debits[1].units")),
        (with(of(json!({"units": 1_000_000_001}))), Field("debits[1].units")),
        (with(of(json!({"units": u64::MAX}))), Field("debits[1].units")),
        (with(of(json!({"max_credits": -1}))), Field("debits[1].max_credits")),
        (with(of(json!({"max_credits": 1_000_000_000_001_i64}))), Field("debits[1].max_credits")),
        (with(of(json!({"max_credits": 2}))), Function(422, "max_credits_exceeded")),
        (with(of(json!({"class": "Utility"}))), Field("debits[1].class")),
        (with(of(json!({"class": "x".repeat(25)}))), Field("debits[1].class")),
        (with(of(json!({"class": "utility"}))), Function(422, "unknown_class")),
        (with(of(json!({"units": 1_000_000_000}))), Function(402, "insufficient_credits")),
    ];
    for (batch, refusal) in &cases {
        let call = Call::new("POST", "/v1/debit-batches").token(&token);
        let call = call.header("content-type", "application/json").body(batch.to_string());
        guard.refuses(&format!("{batch:.90}"), call, *refusal).await;
    }
    let big = json!({"debits": [good(0)], "x": "y".repeat(17_000)}).to_string();
    let call = Call::new("POST", "/v1/debit-batches").token(&token).body(big);
    guard.refuses("a body of 17 KB", call, Function(413, "payload_too_large")).await;
    let member = guard.member("owner");
    let call = Call::new("POST", "/v1/debit-batches").token(&member).body(cases[22].0.to_string());
    guard.refuses("a member spends", call, Function(403, "permission_required")).await;
    guard.nothing_happened().await;
}

#[tokio::test]
async fn spending_takes_its_own_permission_and_gives_no_other() {
    let mut guard = Guard::start("debit-tokens").await;
    let (sender, member) = (sender(&guard, "owner"), guard.member("owner"));
    let refusal = Function(403, "permission_required");
    let id = system::debit_id(&Clock::system(), 0);
    guard.refuses("a member spends", put(&member, &id, &json!({"channel": "sms"})), refusal).await;
    let reverse = Call::new("POST", &format!("/v1/debits/{id}/reverse")).token(&member);
    guard.refuses("a member reverses", reverse, refusal).await;
    for path in ["/v1/balance", "/v1/entries", "/v1/usage", "/v1/top-ups", "/v1/quote"] {
        guard.refuses(path, Call::get(path).token(&sender), refusal).await;
    }
    let order = guard.order("owner").token(&sender);
    let order = Call { headers: order.headers.into_iter().skip(1).collect(), ..order };
    guard.refuses("a sender buys", order, refusal).await;
    guard.nothing_happened().await;
}
