//! The ledger brought back to a moment, as the runbook does it: restored into another table, adopted, compared.
use serde_json::{Value, json};

use super::customer::{eventually, pay};
use super::{Deployed, debit_id};

const RESTORED: &str = "saldo-restored";

/// Credits are bought and spent, an order waits for its payment; then the table is restored, and what happens in it afterwards
/// is lost: a payment, and a hand that makes a balance wrong.
pub(super) async fn a_table_is_restored_adopted_and_reconciles_clean(saldo: &mut Deployed) {
    let acme = saldo.customer("acme", None);
    let top_up = acme.open(1000).await;
    pay(&saldo.stripe_url, &top_up, "bank=bri&action=transfer").await;
    acme.until_credits(1000).await;
    let id = debit_id();
    assert_eq!(acme.debit(&id, "sms").await.status, 201);
    acme.until_credits(997).await;
    let globex = saldo.customer("globex", None);
    let waiting = globex.open(1000).await;

    let table = saldo.stack["outputs"]["TableName"].as_str().unwrap().to_owned();
    let restored = saldo.cloud.ask("restore", &[&table, RESTORED]).await;
    assert_eq!(
        restored,
        json!({ "ttl": "ENABLED", "point_in_time_recovery": "ENABLED", "deletion_protection": true })
    );
    pay(&saldo.stripe_url, &waiting, "bank=bca&action=transfer").await;
    globex.until_credits(1000).await;
    let wrong = json!({ "pk": "ORG#acme", "sk": "BALANCE" }).to_string();
    saldo.cloud.ask("spoil", &[&table, &wrong]).await;
    assert_ne!(reconciled(saldo).await["verdict"], "clean", "the books of the old table are wrong");

    saldo.deploy(&[format!("ExistingTable={RESTORED}")]).await;
    saldo.stack = saldo.cloud.ask("stack", &[super::STACK]).await;
    assert_eq!(saldo.stack["status"], "UPDATE_COMPLETE");
    assert_eq!(saldo.stack["outputs"]["TableName"], RESTORED);
    assert_eq!(saldo.cloud.ask("exists", &[&table]).await, true, "the old table is kept");
    acme.until_credits(997).await;
    assert_eq!(acme.debit(&id, "sms").await.status, 200, "what was done before the moment is known");
    saldo.cleanup_credits(&globex, RESTORED).await;
    eventually("the books are clean", async || (reconciled(saldo).await["verdict"] == "clean").then_some(()))
        .await;
    let next = acme.open(1000).await;
    pay(&saldo.stripe_url, &next, "bank=bri&action=transfer").await;
    acme.until_credits(1997).await;
}

/// Everything compared now, closed months too.
async fn reconciled(saldo: &Deployed) -> Value {
    let function = format!("{}:live", saldo.stack["resources"]["Reconcile"].as_str().unwrap());
    let ran = saldo.cloud.ask("invoke", &[&function, r#"{"everything":true}"#]).await;
    assert_eq!(ran["error"], Value::Null, "{ran}");
    ran["answer"].clone()
}
