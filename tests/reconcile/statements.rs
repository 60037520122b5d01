//! What a month comes to, as it is told and kept.
use lambda_http::http::StatusCode;
use serde_json::json;

use super::books_with_a_wrong::Books;
use crate::support::client::Client;
use crate::support::system;

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_adds_up_and_is_byte_for_byte_the_same_once_it_is_final() {
    let acme = Books::start("{}").await;
    let token = acme.saldo.token("acme", &["billing:view"], None).unwrap();
    let client = Client::new(acme.saldo.api_url()).with_token(token);
    let month = acme.clock.now().rfc3339()[..7].to_owned();
    let path = format!("/v1/statements/{month}");
    let early = client.get(&path).await.json();
    assert_eq!((&early["final"], &early["opening"]), (&json!(false), &json!(0)), "{early}");
    assert_eq!(early["by_kind"]["top_up"], json!({"entries": 1, "credits": 1000}), "{early}");
    assert_eq!(early["by_kind"]["debit"], json!({"entries": 4, "credits": -12}), "{early}");
    assert_eq!(early["by_kind"]["reversal"], json!({"entries": 1, "credits": 3}), "{early}");
    assert_eq!(early["by_channel"], json!({"sms": {"messages": 3, "units": 3, "credits": 9}}), "{early}");
    assert_eq!(early["top_ups"].as_array().unwrap().len(), 1, "{early}");
    assert_eq!(early["closing"], 991, "{early}");
    acme.clock.advance(32 * 86_400);
    let unclosed = client.get(&path).await.json();
    assert_eq!((&unclosed["final"], &unclosed["closing"]), (&json!(false), &json!(991)));
    assert_eq!(acme.run().await["verdict"], "clean");
    let last = client.get(&path).await;
    let json = last.json();
    assert_eq!((&json["final"], &json["by_kind"]), (&json!(true), &early["by_kind"]), "{json}");
    assert_eq!((&json["by_channel"], &json["top_ups"]), (&early["by_channel"], &early["top_ups"]), "{json}");
    // Whatever comes later, in the account or in the row of the top-up, the statement stays.
    let id = system::debit_id(&acme.clock, 0);
    let sms = json!({"channel": "sms"});
    assert_eq!(system::debit(&acme.saldo, &acme.saldo.world(), "acme", &id, &sms).await.0, 201);
    acme.delete(&acme.item("TOPUP#")).await;
    acme.clock.advance(90 * 86_400);
    assert_eq!(client.get(&path).await.body, last.body);
    let next = acme.clock.now().rfc3339()[..7].to_owned();
    let next = client.get(&format!("/v1/statements/{next}")).await.json();
    assert_eq!((&next["opening"], &next["closing"]), (&json!(988), &json!(988)), "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_none_or_is_to_come_is_refused() {
    let acme = Books::start("{}").await;
    let token = acme.saldo.token("acme", &["billing:view"], None).unwrap();
    let client = Client::new(acme.saldo.api_url()).with_token(token);
    for month in ["2026", "2026-13", "november", "9999-12"] {
        let answer = client.get(&format!("/v1/statements/{month}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{month}");
        assert_eq!(
            (&answer.json()["code"], &answer.json()["field"]),
            (&json!("invalid_request"), &json!("month"))
        );
    }
    let before = client.get("/v1/statements/2020-01").await.json();
    assert_eq!(
        (&before["opening"], &before["closing"], &before["by_kind"]),
        (&json!(0), &json!(0), &json!({}))
    );
    let stranger = acme.saldo.token("globex", &["billing:view"], None).unwrap();
    let stranger = Client::new(acme.saldo.api_url()).with_token(stranger);
    let month = acme.clock.now().rfc3339()[..7].to_owned();
    assert_eq!(
        stranger.get(&format!("/v1/statements/{month}")).await.json()["closing"],
        0,
        "another's is not shown"
    );
}
