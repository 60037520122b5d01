//! Settings that cannot be, and changes that nobody may make.
use serde_json::{Value, json};

use super::guard::{Call, Guard, Refusal};
use Refusal::{Field, Function};

fn put(guard: &Guard, version: &str, body: impl Into<Vec<u8>>) -> Call {
    let call = Call::new("PUT", "/v1/settings").token(&guard.member("owner"));
    call.header("content-type", "application/json").header("if-match", version).body(body)
}

#[tokio::test]
async fn settings_that_cannot_be_change_nothing() {
    let mut guard = Guard::start("settings").await;
    let invalid = Function(422, "invalid_settings");
    for (billing, refusal) in [
        (json!({"email": "nobody"}), invalid),
        (json!({"email": "a@b.test, c@d.test"}), invalid),
        (json!({"name": "x".repeat(151)}), invalid),
        (json!({"name": "PT\u{0}Acme"}), invalid),
        (json!({"phone": "call me"}), invalid),
        (json!({"address": "x".repeat(501)}), invalid),
        (json!({"tax_id": "123"}), invalid),
        (json!({"language": "fr"}), invalid),
        (json!({"email": 5}), Field("billing.email")),
        (json!({"address": {"city": "Jakarta"}}), Field("billing.address")),
        (json!({"e_mail": "a@b.test"}), Field("billing")),
        (json!({"version": 3}), Field("billing")),
        (json!([]), Field("billing")),
        (Value::Null, Field("billing")),
    ] {
        let call = put(&guard, "\"0\"", json!({ "billing": billing }).to_string());
        guard.refuses(&format!("{billing:.60}"), call, refusal).await;
    }
    for body in ["", "{", "[]", "null", "\u{feff}{}"] {
        let call = put(&guard, "0", body);
        guard.refuses(&format!("the body {body:?}"), call, Field("body")).await;
    }
    let large = put(&guard, "0", json!({"billing": {"name": "x".repeat(17 * 1024)}}).to_string());
    guard.refuses("17 KB", large, Function(413, "payload_too_large")).await;
    guard.nothing_happened().await;
}

#[tokio::test]
async fn a_change_names_the_version_that_was_seen() {
    let mut guard = Guard::start("settings-versions").await;
    let body = json!({"billing": {"name": "PT Acme"}}).to_string();
    for version in ["", "*", "W/\"0\"", "zero", "-1", "0.0", "\"0\", \"1\""] {
        let call = put(&guard, version, body.clone());
        guard.refuses(&format!("If-Match: {version}"), call, Field("If-Match")).await;
    }
    let without = Call::new("PUT", "/v1/settings").token(&guard.member("owner")).body(body.clone());
    guard.refuses("no If-Match", without, Field("If-Match")).await;
    let changed = Function(412, "settings_changed");
    for version in ["1", "\"7\"", "99999999999999999999"] {
        guard.refuses(&format!("If-Match: {version}"), put(&guard, version, body.clone()), changed).await;
    }
    guard.nothing_happened().await;
}
