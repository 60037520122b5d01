//! Bodies and the Idempotency-Key of the one call that has both.
use serde_json::{Value, json};

use super::guard::{Call, Guard, Refusal, good_order};
use Refusal::{Field, Function};

const BELOW: Refusal = Function(422, "credits_below_minimum");
const ABOVE: Refusal = Function(422, "credits_above_maximum");
const PRICE: Refusal = Function(409, "price_changed");
const LARGE: Refusal = Function(413, "payload_too_large");

#[tokio::test]
async fn every_field_of_an_order_is_checked_before_anything_is_written() {
    let mut guard = Guard::start("order-fields").await;
    let mut cases: Vec<(&str, String, Refusal)> = Vec::new();
    // Each field absent, of every other type, and as a number that is not whole.
    let fields = [
        ("/credits", "credits"),
        ("/expected_total", "expected_total"),
        ("/expected_total/minor_units", "expected_total.minor_units"),
        ("/expected_total/currency", "expected_total.currency"),
    ];
    for (pointer, field) in fields {
        cases.push((pointer, without(pointer), Field(field)));
        for value in ["null", "true", "[]", "[1000]", "\"1000\"", "\"\"", "1000.0", "1e3", "-0.5"] {
            cases.push((pointer, with(pointer, value), Field(field)));
        }
    }
    for (pointer, field) in
        [("/credits", "credits"), ("/expected_total/minor_units", "expected_total.minor_units")]
    {
        cases.push((pointer, with(pointer, "{}"), Field(field)));
    }
    cases.push(("/expected_total", with("/expected_total", "{}"), Field("expected_total.minor_units")));
    for currency in ["{}", "1", "\"ID\"", "\"IDRR\"", "\"I R\"", "\"ıdr\"", "\"₹₹₹\"", "\"ID\\u0000\""]
    {
        cases.push((
            "currency",
            with("/expected_total/currency", currency),
            Field("expected_total.currency"),
        ));
    }
    let huge = "9".repeat(10_000);
    for (credits, refusal) in [
        ("-9223372036854775809", BELOW),
        ("-1000", BELOW),
        ("-1", BELOW),
        ("-0", BELOW),
        ("0", BELOW),
        ("999", BELOW),
        ("1000001", ABOVE),
        ("9223372036854775807", ABOVE),
        ("9223372036854775808", ABOVE),
        (&*huge, ABOVE),
        ("1001", PRICE),
        ("1000000", PRICE),
    ] {
        cases.push(("credits", with("/credits", credits), refusal));
    }
    let no_total = Field("expected_total.minor_units");
    for (minor_units, told) in [
        ("-27750000", no_total),
        ("0", no_total),
        ("1000000000000", no_total),
        ("9223372036854775808", no_total),
        (huge.as_str(), no_total),
        ("1", PRICE),
        ("277500", PRICE),
        ("27749999", PRICE),
        ("27750001", PRICE),
        ("999999999999", PRICE),
    ] {
        cases.push(("minor_units", with("/expected_total/minor_units", minor_units), told));
    }
    for currency in ["\"USD\"", "\"XXX\"", "\"JPY\""] {
        cases.push(("currency", with("/expected_total/currency", currency), PRICE));
    }
    for (what, body, refusal) in cases {
        let name = format!("{what} in {:.120}", body);
        guard.refuses(&name, guard.order("acme").body(body), refusal).await;
    }
    guard.nothing_happened().await;
    // Nothing else was wrong with those orders; and the limits themselves are within.
    guard.takes("a good order", guard.order("acme"), 201).await;
    let most = json!({ "credits": 1_000_000, "expected_total": { "currency": "IDR", "minor_units": 27_750_000_000_i64 } });
    guard.takes("the maximum", guard.order("globex").body(most.to_string()), 201).await;
}

#[tokio::test]
async fn bodies_that_are_broken_or_too_large_are_refused() {
    let mut guard = Guard::start("bodies").await;
    let good = good_order().to_string();
    let padded = |bytes: usize| good.clone() + &" ".repeat(bytes - good.len());
    let mut invalid_text = good.clone().into_bytes();
    invalid_text.splice(2..2, [0xff, 0xfe]);
    let cases: Vec<(&str, Vec<u8>, Refusal)> = vec![
        ("nothing", Vec::new(), Field("body")),
        ("null", b"null".to_vec(), Field("body")),
        ("a list", b"[]".to_vec(), Field("body")),
        ("a text", b"\"credits\"".to_vec(), Field("body")),
        ("cut off", good[..good.len() - 1].into(), Field("body")),
        ("more after the end", format!("{good}}}").into(), Field("body")),
        ("two orders", format!("{good}{good}").into(), Field("body")),
        ("a comma too many", good.replace("}}", ",}}").into(), Field("body")),
        ("single quotes", good.replace('"', "'").into(), Field("body")),
        ("a form", b"credits=1000".to_vec(), Field("body")),
        ("a byte order mark", format!("\u{feff}{good}").into(), Field("body")),
        ("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect(), Field("body")),
        ("invalid UTF-8", invalid_text, Field("body")),
        ("only zero bytes", vec![0; 1_000], Field("body")),
        ("deep lists", "[".repeat(16_000).into(), Field("body")),
        ("deep objects", "{\"a\":".repeat(3_000).into(), Field("body")),
        ("one byte over 16 KB", padded(16 * 1024 + 1).into(), LARGE),
        ("1 MB", padded(1024 * 1024).into(), LARGE),
        ("1 MB of rubbish", vec![0xff; 1024 * 1024], LARGE),
    ];
    let cancel = format!("/v1/top-ups/{}/cancel", guard.owned);
    for (what, body, refusal) in cases {
        for kind in ["application/json", "application/octet-stream"] {
            let mut call = guard.order("acme").body(body.clone());
            call.headers[1].1 = kind.to_owned();
            guard.refuses(&format!("{what} as {kind}"), call, refusal).await;
        }
        if body.len() > 16 * 1024 {
            let call = Call::new("POST", &cancel).token(&guard.member("owner")).body(body);
            guard.refuses(&format!("{what} to cancel"), call, LARGE).await;
        }
    }
    guard.nothing_happened().await;
    guard.takes("exactly 16 KB", guard.order("acme").body(padded(16 * 1024)), 201).await;
}

#[tokio::test]
async fn an_idempotency_key_is_one_short_visible_text() {
    let mut guard = Guard::start("keys").await;
    let field = Field("Idempotency-Key");
    let mut absent = guard.order("acme");
    absent.headers.pop();
    guard.refuses("absent", absent.clone(), field).await;
    for (what, key) in [
        ("empty", String::new()),
        ("256 characters", "k".repeat(256)),
        ("9 KB", "k".repeat(9 * 1024)),
        ("a space inside", "a b".to_owned()),
        ("a tab inside", "a\tb".to_owned()),
        ("non-ASCII", "schlüssel".to_owned()),
        ("another script", "ключ".to_owned()),
    ] {
        guard.refuses(what, absent.clone().header("idempotency-key", key), field).await;
    }
    for (what, first, second) in
        [("repeated", "a", "b"), ("the same twice", "a", "a"), ("an empty second", "a", "")]
    {
        let call = absent.clone().header("idempotency-key", first).header("idempotency-key", second);
        guard.refuses(what, call, field).await;
    }
    guard.nothing_happened().await;
    let longest = absent.header("idempotency-key", "k".repeat(255));
    guard.takes("255 characters", longest, 201).await;
}

/// A good order as text in which what `pointer` names is replaced by `text`, whatever that is.
fn with(pointer: &str, text: &str) -> String {
    let mut order = good_order();
    *order.pointer_mut(pointer).unwrap() = json!("<here>");
    order.to_string().replace("\"<here>\"", text)
}

fn without(pointer: &str) -> String {
    let mut order = good_order();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    order.pointer_mut(parent).and_then(Value::as_object_mut).unwrap().remove(name);
    order.to_string()
}
