//! Tokens: whom the gateway lets pass, and whom the functions send away all the same.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use saldo_local::issuer::{AUDIENCE, ISSUER, Issuer};
use saldo_local::template::Trigger;
use serde_json::{Value, json};

use super::guard::{Call, Guard, Refusal, good_order};
use Refusal::{Authorizer, Function, Gateway};

const UNAUTHORIZED: Refusal = Authorizer;
const NO_ORGANISATION: Refusal = Function(403, "organisation_required");
const NO_PERMISSION: Refusal = Function(403, "permission_required");

#[tokio::test]
async fn no_route_lets_a_bad_token_pass() {
    let mut guard = Guard::start("bad-tokens").await;
    let now = saldo_adapters::clock::Clock::system().now().secs();
    let issuer = issuer(&guard);
    let sign = |claim: &str, value: Value| issuer.sign(&claims(&[(claim, value)])).unwrap();
    let good = issuer.sign(&claims(&[])).unwrap();
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let key_id = issuer.jwks()["keys"][0]["kid"].clone();
    let unsigned = encoded(&json!({ "alg": "none", "typ": "JWT", "kid": key_id }));
    let forged = encoded(&claims(&[("org_id", json!("owner"))]));
    let mut confused = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    confused.kid = key_id.as_str().map(str::to_owned);
    let public = jsonwebtoken::EncodingKey::from_secret(issuer.jwks().to_string().as_bytes());
    let bad = [
        ("expired", format!("Bearer {}", sign("exp", json!(now - 1)))),
        ("without an end", format!("Bearer {}", sign("exp", Value::Null))),
        ("with an end that is no time", format!("Bearer {}", sign("exp", json!("never")))),
        ("not valid yet", format!("Bearer {}", sign("nbf", json!(now + 600)))),
        ("of another issuer", format!("Bearer {}", sign("iss", json!("https://elsewhere.example")))),
        ("of no issuer", format!("Bearer {}", sign("iss", Value::Null))),
        ("for another audience", format!("Bearer {}", sign("aud", json!("saldo-other")))),
        ("for no audience", format!("Bearer {}", sign("aud", Value::Null))),
        ("of another key", format!("Bearer {}", Issuer::open(None).unwrap().sign(&claims(&[])).unwrap())),
        ("with alg none", format!("Bearer {unsigned}.{payload}.")),
        ("with alg none and a signature", format!("Bearer {unsigned}.{payload}.{signature}")),
        (
            "signed with the public key",
            format!("Bearer {}", jsonwebtoken::encode(&confused, &claims(&[]), &public).unwrap()),
        ),
        ("with another's claims", format!("Bearer {header}.{forged}.{signature}")),
        ("without its signature", format!("Bearer {header}.{payload}.")),
        ("in two parts", format!("Bearer {header}.{payload}")),
        ("in four parts", format!("Bearer {good}.{signature}")),
        ("of 9 KB", format!("Bearer {}", "x".repeat(9 * 1024))),
        ("that is nonsense", "Bearer a.b.c".to_owned()),
        ("that is empty", "Bearer ".to_owned()),
        ("that is not ASCII", "Bearer é.é.é".to_owned()),
        ("of another scheme", format!("Basic {good}")),
        ("in an empty header", String::new()),
    ];
    let routes = protected(&guard);
    assert!(routes.len() >= 7, "{routes:?}");
    for (method, path) in &routes {
        let call =
            || Call::new(method, path).header("idempotency-key", "a-key").body(good_order().to_string());
        guard.refuses(&format!("{method} {path} without a token"), call(), UNAUTHORIZED).await;
        for (what, value) in &bad {
            let call = call().header("authorization", value.as_str());
            guard.refuses(&format!("{method} {path} with a token {what}"), call, UNAUTHORIZED).await;
        }
    }
    let huge = sign("org_id", json!("x".repeat(10 * 1024)));
    let call = Call::get("/v1/balance").token(&huge);
    guard.refuses("a token of 13 KB", call, Gateway(431, "headers_too_large")).await;
    guard.nothing_happened().await;
    guard.takes("the good token", Call::get("/v1/balance").token(&good), 200).await;
}

#[tokio::test]
async fn a_token_that_names_no_organisation_or_lacks_the_permission_is_sent_away() {
    let mut guard = Guard::start("claims").await;
    let issuer = issuer(&guard);
    let mut cases: Vec<(String, Value, Refusal)> = Vec::new();
    for organisation in [
        Value::Null,
        json!(""),
        json!(" "),
        json!("a b"),
        json!("#"),
        json!("owner#TOPUP"),
        json!("owner\u{0}"),
        json!("öwner"),
        json!("owner/../x"),
        json!("x".repeat(129)),
        json!("x".repeat(4_000)),
        json!(["owner"]),
        json!({ "id": "owner" }),
        json!("null"),
        json!("undefined"),
        json!("None"),
        json!("nil"),
        json!("NaN"),
        json!("[object Object]"),
    ] {
        cases.push((
            format!("the organisation {organisation:.60}"),
            claims(&[("org_id", organisation)]),
            NO_ORGANISATION,
        ));
    }
    for permissions in [
        Value::Null,
        json!(""),
        json!([]),
        json!("billing"),
        json!("billing:*"),
        json!("*"),
        json!("BILLING:VIEW"),
        json!("billing:views"),
        json!(["credits:grant"]),
        json!(["billing: view"]),
        json!(true),
        json!(7),
        json!("billing:viewbilling:subscribe"),
        json!(vec!["admin"; 500]),
        json!({ "billing:subscribe": false }),
        json!({ "denied": ["billing:subscribe"] }),
        json!([{ "denied": "billing:subscribe" }]),
        json!([["billing:view", "billing:subscribe"]]),
        json!(["x billing:subscribe"]),
        json!(["billing:view", 7]),
        json!(["billing:operate"]),
    ] {
        cases.push((
            format!("the permissions {permissions:.60}"),
            claims(&[("permissions", permissions)]),
            NO_PERMISSION,
        ));
    }
    let routes = protected(&guard);
    for (what, claims, refusal) in &cases {
        let token = issuer.sign(claims).unwrap();
        for (method, path) in &routes {
            let call = Call::new(method, path).token(&token).header("idempotency-key", "a-key");
            let call = call.body(good_order().to_string());
            // Who the token is for matters there after what it may do.
            let staff = path.starts_with("/v1/operate/");
            if staff && what.contains("billing:operate") {
                continue;
            }
            let refusal = if staff { NO_PERMISSION } else { *refusal };
            guard.refuses(&format!("{method} {path} with {what}"), call, refusal).await;
        }
    }
    let viewer = issuer
        .sign(&claims(&[("org_id", json!("owner")), ("permissions", json!("billing:view credits:grant"))]))
        .unwrap();
    for (method, path) in &routes {
        let call = Call::new(method, path).token(&viewer).header("idempotency-key", "b-key");
        let call = call.body(good_order().to_string());
        match method.as_str() {
            // A hold is its sender's.
            "GET" if !path.starts_with("/v1/operate/") && !path.starts_with("/v1/holds/") => {
                drop(guard.takes(&format!("{path} by a viewer"), call, 200).await)
            }
            _ => guard.refuses(&format!("{method} {path} by a viewer"), call, NO_PERMISSION).await,
        }
    }
    guard.nothing_happened().await;
}

#[tokio::test]
async fn a_billing_currency_that_is_not_sold_buys_nothing() {
    let mut guard = Guard::start("currencies").await;
    let issuer = issuer(&guard);
    let refusal = Function(422, "currency_not_sold");
    for currency in [
        json!("EUR"),
        json!("JPY"),
        json!("rupiah"),
        json!("I"),
        json!("💰"),
        json!(["IDR"]),
        json!(5),
        json!("x".repeat(3_000)),
    ] {
        let token = issuer.sign(&claims(&[("billing_currency", currency.clone())])).unwrap();
        for (method, path) in [("GET", "/v1/quote"), ("GET", "/v1/balance"), ("POST", "/v1/top-ups")] {
            let call = Call::new(method, path).token(&token).header("idempotency-key", "a-key");
            let call = call.body(good_order().to_string());
            guard.refuses(&format!("{method} {path} in {currency:.60}"), call, refusal).await;
        }
    }
    let token = issuer.sign(&claims(&[("billing_currency", json!("EUR"))])).unwrap();
    for path in ["/v1/top-ups", "/v1/entries", "/v1/usage", "/v1/settings"] {
        guard.takes(&format!("{path} in EUR"), Call::get(path).token(&token), 200).await;
    }
    guard.nothing_happened().await;
}

/// Every route with an authoriser, as the template has it; an id in the path is that of the owner.
fn protected(guard: &Guard) -> Vec<(String, String)> {
    let month = saldo_domain::Month::of(saldo_adapters::clock::Clock::system().now()).to_string();
    let triggers = guard.saldo.plan().functions.iter().flat_map(|function| &function.triggers);
    let routes = triggers.filter_map(|trigger| match trigger {
        Trigger::Route { method, path, authorizer: Some(_) } => {
            let path = path.replace("{id}", &guard.owned).replace("{month}", &month);
            Some((method.clone(), path))
        }
        _ => None,
    });
    routes.collect()
}

/// The issuer of the running Saldo, whose key is in its data folder.
fn issuer(guard: &Guard) -> Issuer {
    Issuer::open(Some(&guard.folder.path().join("issuer.key"))).unwrap()
}

/// Good claims of a member of `acme` but for `changes`; null leaves a claim out.
fn claims(changes: &[(&str, Value)]) -> Value {
    let now = saldo_adapters::clock::Clock::system().now().secs();
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": now - 5, "nbf": now - 5, "exp": now + 600,
        "org_id": "acme", "permissions": ["billing:view", "billing:subscribe"],
    });
    for (claim, value) in changes {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(*claim)),
            value => claims[claim] = value.clone(),
        }
    }
    claims
}
