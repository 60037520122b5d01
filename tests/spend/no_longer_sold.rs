//! What was done is answered as it was, also when its channel or its class is not sold any more.
use serde_json::{Value, json};

use super::sending_org::SendingOrg;
use crate::support::{books, system};

const SOLD: &str =
    r#"{"email":{"default":1},"whatsapp":{"default":2,"class":{"utility":1}},"sms":{"default":3}}"#;
/// Without SMS, and without the class.
const LEFT: &str = r#"{"email":{"default":1},"whatsapp":{"default":2}}"#;

/// Who sends a call to the function, of this method and path, under this key.
type Call<'a> = (&'a str, String, Option<&'a str>, Value);

async fn sent(function: &saldo_spend::Function, (method, path, key, body): &Call<'_>) -> (u16, Value) {
    let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
    system::spend_by(function, "acme", (method, path), &headers, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_answers_as_it_was_and_what_is_new_is_refused() {
    let acme = SendingOrg::with(&[("Meters", SOLD)]).await;
    let now = saldo_spend::connect(&acme.saldo.env_of("spend"), &acme.saldo.world()).unwrap();
    let mut variables = acme.saldo.plan().environment("spend").unwrap().clone();
    variables.insert("SALDO_METERS".to_owned(), LEFT.to_owned());
    let later = saldo_spend::connect(&variables.into_iter().collect(), &acme.saldo.world()).unwrap();

    let quota = acme.id();
    let order = json!({"channel": "email", "units": 9, "valid_for_seconds": 900});
    assert_eq!(sent(&now, &("PUT", format!("/v1/holds/{quota}"), None, order)).await.0, 201);
    let sms = json!({"channel": "sms", "units": 2, "country": "ID", "reference": "order 17"});
    let utility = json!({"channel": "whatsapp", "class": "utility"});
    let mut of_batch = sms.clone();
    of_batch["id"] = json!(acme.id());
    let mut settling = sms.clone();
    settling["valid_for_seconds"] = json!(900);
    settling["settles"] = json!({"id": quota, "units": 4});
    let hold = json!({"channel": "sms", "units": 5});
    let calls: Vec<Call<'_>> = vec![
        ("PUT", format!("/v1/debits/{}", acme.id()), None, sms.clone()),
        ("PUT", format!("/v1/debits/{}", acme.id()), None, utility.clone()),
        ("POST", "/v1/debits".to_owned(), Some("order-17"), sms),
        ("POST", "/v1/debits".to_owned(), Some("order-18"), utility),
        ("POST", "/v1/debit-batches".to_owned(), None, json!({"debits": [of_batch]})),
        ("PUT", format!("/v1/holds/{}", acme.id()), None, hold),
        ("PUT", format!("/v1/holds/{}", acme.id()), None, settling),
    ];
    let mut first = Vec::new();
    for call in &calls {
        let (status, body) = sent(&now, call).await;
        assert_eq!(status, 201, "{call:?}: {body}");
        first.push(body);
    }
    let credits = acme.credits().await;
    for secs in [0, 60, 3 * 86_400] {
        acme.clock.advance(secs);
        for (call, said) in calls.iter().zip(&first) {
            let (status, body) = sent(&later, call).await;
            assert_eq!(
                (status, &body["id"], &body["debits"]),
                (200, &said["id"], &said["debits"]),
                "{call:?}: {body}"
            );
            assert_eq!((&body["credits"], &body["held"]), (&said["credits"], &said["held"]), "{body}");
        }
    }
    let other = json!({"channel": "sms", "units": 3});
    let (status, body) =
        sent(&later, &("POST", "/v1/debits".to_owned(), Some("order-17"), other.clone())).await;
    assert_eq!((status, &body["code"]), (422, &json!("idempotency_key_reused")), "{body}");
    let mut new = other.clone();
    new["id"] = json!(acme.id());
    let fine = json!({"id": acme.id(), "channel": "email"});
    for (call, field) in [
        (("PUT", format!("/v1/debits/{}", acme.id()), None, other.clone()), "channel"),
        (("POST", "/v1/debits".to_owned(), Some("order-19"), other.clone()), "channel"),
        (("PUT", format!("/v1/holds/{}", acme.id()), None, other), "channel"),
        (("POST", "/v1/debit-batches".to_owned(), None, json!({"debits": [fine, new]})), "debits[1].channel"),
    ] {
        let (status, body) = sent(&later, &call).await;
        assert_eq!((status, &body["code"]), (422, &json!("unknown_channel")), "{call:?}: {body}");
        assert_eq!((&body["field"], &body["channels"]), (&json!(field), &json!(["email", "whatsapp"])));
    }
    let claimed: Call<'_> = ("POST", "/v1/debits".to_owned(), Some("order-19"), json!({"channel": "email"}));
    assert_eq!(sent(&later, &claimed).await.0, 201, "what was refused claimed no key");
    assert_eq!(acme.credits().await, credits - 1);
    books::prove_always(&acme.saldo, "after a meter was taken away").await;
}
