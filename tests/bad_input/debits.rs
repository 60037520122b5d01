//! Debits that nobody may make: ids, messages, tokens.
use saldo_adapters::clock::Clock;
use serde_json::{Value, json};

use super::guard::{Call, Guard, Refusal};
use crate::rig;
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
    let good = rig::debit_id(&clock, 0);
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
    ids.extend([-366 * DAY, -DAY - 60, 7 * 60, 366 * DAY].map(|secs| rig::debit_id(&clock, secs)));
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
        let call = put(&token, &rig::debit_id(&clock, 0), message);
        guard.refuses(&format!("{message:.80}"), call, *refusal).await;
    }
    let big = put(&token, &rig::debit_id(&clock, 0), &json!({"channel": "sms", "x": "y".repeat(17_000)}));
    guard.refuses("a body of 17 KB", big, Function(413, "payload_too_large")).await;
    guard.nothing_happened().await;
}

#[tokio::test]
async fn spending_takes_its_own_permission_and_gives_no_other() {
    let mut guard = Guard::start("debit-tokens").await;
    let (sender, member) = (sender(&guard, "owner"), guard.member("owner"));
    let refusal = Function(403, "permission_required");
    let id = rig::debit_id(&Clock::system(), 0);
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
