//! What arrives at the webhook and was not signed by Stripe just now, or was and is no event of ours.
use saldo_adapters::clock::Clock;
use saldo_stripe_stand_in::sign;
use serde_json::json;

use super::guard::{Call, Guard, Refusal};
use crate::support::system::webhook_secret;
use Refusal::{Function, Gateway};

const FORGED: Refusal = Function(400, "invalid_signature");
const LARGE: Refusal = Function(413, "payload_too_large");
const LARGEST_EVENT: usize = 256 * 1024;

#[tokio::test]
async fn a_webhook_that_stripe_did_not_just_sign_is_refused() {
    let mut guard = Guard::start("forged").await;
    let (secret, now, event) = (secret(&guard), Clock::system().now().secs(), paid_event());
    let signed_at = |at: i64| sign(std::slice::from_ref(&secret), at, event.as_bytes());
    let good = signed_at(now);
    let tag = good.rsplit_once("v1=").unwrap().1;
    let elsewhere = |secret: &str| sign(&[secret.to_owned()], now, event.as_bytes());
    let other_tag = elsewhere("whsec_other").rsplit_once("v1=").unwrap().1.to_owned();
    let cases = [
        ("empty", String::new()),
        ("nonsense", "signature".to_owned()),
        ("only commas", ",,,=,=".to_owned()),
        ("of another secret", elsewhere("whsec_other")),
        ("of an empty secret", elsewhere("")),
        ("of the secret without its prefix", elsewhere(secret.strip_prefix("whsec_").unwrap())),
        ("of another body", sign(std::slice::from_ref(&secret), now, b"{}")),
        ("six minutes old", signed_at(now - 360)),
        ("a year old", signed_at(now - 365 * 86_400)),
        ("six minutes in the future", signed_at(now + 360)),
        ("of the year 1970", signed_at(0)),
        ("before 1970", signed_at(-now)),
        ("at the end of time", signed_at(i64::MAX)),
        ("with another time", good.replacen(&now.to_string(), &(now - 1).to_string(), 1)),
        ("with two times", format!("t={},{good}", now - 1)),
        ("with the same time twice", format!("t={now},{good}")),
        ("without a time", format!("v1={tag}")),
        ("with a time that is none", format!("t=now,v1={tag}")),
        ("with a time in milliseconds", signed_at(now * 1000)),
        ("with a time that is too large", format!("t=99999999999999999999,v1={tag}")),
        ("of scheme v0", format!("t={now},v0={tag}")),
        ("of scheme v2", format!("t={now},v2={tag}")),
        ("cut short", good[..good.len() - 1].to_owned()),
        ("one digit too long", format!("{good}0")),
        ("not hexadecimal", format!("t={now},v1={}", "g".repeat(64))),
        ("not ASCII", format!("t={now},v1={}", "é".repeat(32))),
        ("without a tag", format!("t={now},v1=")),
        ("of several, none ours", format!("t={now},v1={other_tag},v1={other_tag},v0={tag}")),
        ("one of very many", format!("{good}{}", format!(",v1={other_tag}").repeat(40))),
    ];
    let call = |signature: &str| webhook(event.as_str()).header("stripe-signature", signature);
    guard.refuses("no signature", webhook(event.as_str()), FORGED).await;
    for (what, signature) in &cases {
        guard.refuses(&format!("a signature {what}"), call(signature), FORGED).await;
    }
    guard.refuses("two headers", call(&good).header("stripe-signature", good.as_str()), FORGED).await;
    let long = format!("{good}{}", ",v1=0".repeat(2_100));
    guard.refuses("a header of 10 KB", call(&long), Gateway(431, "headers_too_large")).await;
    let altered = event.replace("in_1", "in_2");
    guard
        .refuses("an altered body", webhook(altered).header("stripe-signature", good.as_str()), FORGED)
        .await;
    let spaced = format!("{event} ");
    guard.refuses("a longer body", webhook(spaced).header("stripe-signature", good.as_str()), FORGED).await;
    guard.refuses("no body", webhook("").header("stripe-signature", good.as_str()), FORGED).await;
    guard.nothing_happened().await;
    // The event itself is a good one, and one good signature among several is enough.
    let several = format!("t={now},v0={tag},v1={other_tag},v1={tag}");
    let answer = guard.takes("one of several", call(&several), 200).await;
    assert_eq!(answer.json(), json!({ "received": true, "enqueued": true }));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_signed_or_not() {
    let mut guard = Guard::start("large-events").await;
    for (what, body) in
        [("1 MB", vec![b'x'; 1024 * 1024]), ("one byte too many", vec![b' '; LARGEST_EVENT + 1])]
    {
        guard.refuses(what, signed(&guard, body), LARGE).await;
    }
    guard.refuses("1 MB unsigned", webhook(vec![b'x'; 1024 * 1024]), LARGE).await;
    guard.nothing_happened().await;
}

/// Sent again it would be the same: whoever must know of it is woken, and Stripe's endpoint stays enabled.
#[tokio::test]
async fn a_signed_body_that_is_no_event_is_taken_and_forgotten() {
    let mut guard = Guard::start("no-events").await;
    let long_id = paid_event().replace("evt_1", &"e".repeat(256));
    let long_object = paid_event().replace("in_1", &"i".repeat(256));
    let mut cases: Vec<(&str, Vec<u8>)> = vec![
        ("a long id", long_id.into()),
        ("a long id of the object", long_object.into()),
        ("invalid UTF-8", b"{\"id\":\"evt_\xff\",\"type\":\"invoice.paid\"}".to_vec()),
        ("deep lists", "[".repeat(100_000).into()),
    ];
    for body in [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "0",
        "\"evt_1\"",
        "{\"id\":\"evt_1\"}",
        "{\"type\":\"invoice.paid\"}",
        "id=evt_1",
        "{\"id\":1,\"type\":2}",
        "{\"id\":\"evt_1\",\"type\":null}",
        "{\"id\":\"evt_1\",\"type\":[\"invoice.paid\"]}",
        "{\"id\":\"evt_1\",\"type\":\"invoice.paid\"",
        "{\"id\":\"evt_1\",\"type\":\"invoice.paid\",\"data\":1}",
        "{\"id\":\"evt_1\",\"type\":\"invoice.paid\",\"data\":{\"object\":\"in_1\"}}",
        "{\"id\":\"evt_1\",\"type\":\"invoice.paid\",\"data\":{\"object\":{\"id\":7}}}",
        "{\"id\":\"evt_1\",\"type\":\"invoice.paid\",\"livemode\":\"false\"}",
        "{\"id\":\"evt_1\",\"type\":\"invoice.paid\",\"created\":1e300}",
    ] {
        cases.push((body, body.into()));
    }
    for (what, body) in cases {
        let answer = guard.takes(what, signed(&guard, body), 200).await;
        assert_eq!(answer.json(), json!({ "received": true, "enqueued": false }), "{what}");
    }
    guard.nothing_happened().await;
}

#[tokio::test]
async fn an_event_in_a_shape_of_another_version_still_tells_where_to_look() {
    let mut guard = Guard::start("other-shapes").await;
    for (what, from, to) in [
        ("a time in words", "1795441928", "\"2026-11-23T10:00:00Z\""),
        ("a time with a fraction", "1795441928", "1795441928.5"),
        ("no mode", "\"livemode\":false", "\"more\":{\"deep\":[null]}"),
        ("a mode in words", "\"livemode\":false", "\"livemode\":\"test\""),
    ] {
        let body = paid_event().replace(from, to);
        assert_ne!(body, paid_event(), "{what}");
        let answer = guard.takes(what, signed(&guard, body), 200).await;
        assert_eq!(answer.json(), json!({ "received": true, "enqueued": true }), "{what}");
    }
}

#[tokio::test]
async fn events_that_change_nothing_here_are_taken_and_forgotten() {
    let mut guard = Guard::start("unknown-events").await;
    let padding = " ".repeat(LARGEST_EVENT - customer_event().len()) + &customer_event();
    let other_mode = paid_event().replace("\"livemode\":false", "\"livemode\":true");
    assert_ne!(other_mode, paid_event());
    for (what, body) in [
        ("a type of no interest", customer_event()),
        ("a type of the future", paid_event().replace("invoice.paid", "invoice.teleported")),
        ("an empty type", paid_event().replace("invoice.paid", "")),
        ("a very long type", paid_event().replace("invoice.paid", &"t".repeat(255))),
        ("no object", "{\"id\":\"evt_1\",\"type\":\"invoice.paid\"}".to_owned()),
        (
            "an object without an id",
            "{\"id\":\"evt_1\",\"type\":\"invoice.paid\",\"data\":{\"object\":{}}}".to_owned(),
        ),
        ("the other mode", other_mode),
        ("a connected account", paid_event().replacen('{', "{\"account\":\"acct_2\",", 1)),
        ("a thin one", thin_event("v1.billing.meter.no_meter_found")),
        ("a thin one of a known type", thin_event("v1.invoice.paid")),
        ("exactly the largest", padding),
    ] {
        let answer = guard.takes(what, signed(&guard, body), 200).await;
        assert_eq!(answer.json(), json!({ "received": true, "enqueued": false }), "{what}");
    }
    guard.nothing_happened().await;
}

fn webhook(body: impl Into<Vec<u8>>) -> Call {
    Call::new("POST", "/stripe/webhook").header("content-type", "application/json").body(body)
}

fn signed(guard: &Guard, body: impl Into<Vec<u8>>) -> Call {
    let body = body.into();
    let signature = sign(&[secret(guard)], Clock::system().now().secs(), &body);
    webhook(body).header("stripe-signature", signature)
}

fn secret(guard: &Guard) -> String {
    webhook_secret(&guard.saldo)
}

fn paid_event() -> String {
    json!({ "id": "evt_1", "type": "invoice.paid", "livemode": false, "created": 1_795_441_928,
        "data": { "object": { "id": "in_1" } } })
    .to_string()
}

fn thin_event(kind: &str) -> String {
    json!({ "id": "evt_1", "object": "v2.core.event", "type": kind, "created": "2026-11-23T10:00:00Z", "livemode": false,
        "context": null, "related_object": { "id": "in_1", "type": "invoice", "url": "/v1/invoices/in_1" } })
    .to_string()
}

fn customer_event() -> String {
    json!({ "id": "evt_1", "type": "customer.updated", "data": { "object": { "id": "cus_1" } } }).to_string()
}
