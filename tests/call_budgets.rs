//! Who calls too often is told when to come again, and takes nothing from others.
use saldo_adapters::clock::Clock;
use saldo_domain::Permission;
use saldo_local::template::Trigger;
use saldo_local::{Options, Saldo};
use serde_json::json;

use crate::support::client::{Answer, Client};
use crate::support::system;

/// Three at once for a caller, five for an organisation; one more every ten seconds, and every second.
const FEW: &str = r#"{"organisation":{"burst":5,"per_minute":60},"caller":{"burst":3,"per_minute":6}}"#;
const ONE: &str = r#"{"organisation":{"burst":1,"per_minute":1},"caller":{"burst":1,"per_minute":1}}"#;

async fn start(budgets: &str, clock: &Clock) -> Saldo {
    let parameters = [("CallBudgets".to_owned(), budgets.to_owned())].into();
    Saldo::start(Options { poll: false, clock: clock.clone(), parameters, ..Options::default() })
        .await
        .unwrap()
}

/// Someone of an organisation, who may do everything.
async fn caller(saldo: &Saldo, org: &str, subject: &str) -> Client {
    let permissions = Permission::ALL.map(Permission::as_str).join("+");
    let path = format!("/local/token?org={org}&permissions={permissions}&sub={subject}");
    let token = Client::new(saldo.api_url()).get(&path).await.json()["token"].as_str().unwrap().to_owned();
    Client::new(saldo.api_url()).with_token(token)
}

fn retry_after(answer: &Answer) -> i64 {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "too_many_requests"));
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_of_one_organisation_is_told_when_to_come_again_and_others_are_served() {
    let clock = Clock::system();
    let saldo = start(&format!(r#"{{"view":{FEW}}}"#), &clock).await;
    let (ana, budi) = (caller(&saldo, "acme", "ana").await, caller(&saldo, "acme", "budi").await);
    let other = caller(&saldo, "globex", "ana").await;
    let (mut served, mut refused) = (0, 0);
    for _ in 0..40 {
        let answer = ana.get("/v1/balance").await;
        match answer.status.as_u16() {
            200 => served += 1,
            _ => {
                assert!((1..=10).contains(&retry_after(&answer)), "{answer:?}");
                refused += 1;
            }
        }
    }
    assert_eq!((served, refused), (3, 37));
    assert_eq!(
        other.get("/v1/balance").await.status,
        200,
        "the same name in another organisation is another caller"
    );
    for _ in 0..2 {
        assert_eq!(budi.get("/v1/balance").await.status, 200, "the loop has taken no more than its own");
    }
    assert_eq!(retry_after(&budi.get("/v1/balance").await), 1, "now the organisation's is used up");
    assert_eq!(ana.get("/v1/quote").await.status, 200, "each function counts by itself");
    clock.advance(10);
    assert_eq!(ana.get("/v1/balance").await.status, 200, "what was told is kept to");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_with_a_token_has_its_budget() {
    let kinds = ["view", "export", "order", "spend", "operate"].map(|kind| format!(r#""{kind}":{ONE}"#));
    let saldo = start(&format!("{{{}}}", kinds.join(",")), &Clock::system()).await;
    let mut seen = 0;
    for function in &saldo.plan().functions {
        for trigger in &function.triggers {
            let Trigger::Route { method, path, authorizer: Some(_) } = trigger else { continue };
            let caller = caller(&saldo, &format!("org-{seen}"), &format!("one-{seen}")).await;
            let path = path.replace("{id}", "x").replace("{month}", "2026-11");
            let first = caller.send(method, &path, &[], "").await;
            assert_ne!(first.status, 429, "{method} {path}");
            let again = caller.send(method, &path, &[], "").await;
            assert!((1..=60).contains(&retry_after(&again)), "{method} {path}");
            seen += 1;
        }
    }
    assert!(seen >= 20, "{seen} routes");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_not_done_and_is_done_when_it_comes_again() {
    let clock = Clock::system();
    let saldo = start(&format!(r#"{{"spend":{FEW},"order":{ONE}}}"#), &clock).await;
    saldo.stand_in().pause_webhooks(true);
    system::with_credits(&saldo, "acme").await;
    let sender = caller(&saldo, "acme", "sender").await;
    let id = system::debit_id(&clock, 0);
    let debit =
        async |id: &str| sender.send("PUT", &format!("/v1/debits/{id}"), &[], r#"{"channel":"sms"}"#).await;
    for _ in 0..3 {
        assert_eq!(debit(&system::debit_id(&clock, 0)).await.status, 201);
    }
    let secs = retry_after(&debit(&id).await);
    assert_eq!(sender.get("/v1/balance").await.json()["available_credits"], 991);
    clock.advance(secs);
    assert_eq!(debit(&id).await.status, 201, "the same id, now new");
    let order = json!({"credits": 1000, "expected_total": {"currency": "IDR", "minor_units": 27_750_000}})
        .to_string();
    let buyer = caller(&saldo, "globex", "buyer").await;
    let buy = async || buyer.send("POST", "/v1/top-ups", &[("idempotency-key", "one")], order.clone()).await;
    assert_eq!(buy().await.status, 201);
    let secs = retry_after(&buy().await);
    clock.advance(secs);
    assert_eq!(buy().await.status, 200, "the same key, the same top-up");
    assert_eq!(saldo.stand_in().invoices().len(), 2);
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_that_cannot_be_read_start_no_function() {
    for wrong in ["{", r#"{"view":{}}"#, &format!(r#"{{"views":{FEW}}}"#)] {
        let parameters = [("CallBudgets".to_owned(), wrong.to_owned())].into();
        let refused =
            Saldo::start(Options { poll: false, parameters, ..Options::default() }).await.err().unwrap();
        assert!(refused.to_string().contains("SALDO_CALL_BUDGETS"), "{refused}");
    }
}
