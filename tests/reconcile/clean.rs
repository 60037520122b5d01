//! Books that are right are told to be right, at rest and on the move.
use std::sync::Arc;

use saldo_adapters::clock::Clock;
use serde_json::json;

use crate::support::books;
use crate::support::system;

#[tokio::test(flavor = "multi_thread")]
async fn books_that_are_right_are_clean() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    for org in ["acme", "globex"] {
        system::with_credits(&saldo, org).await;
        for _ in 0..3 {
            let id = system::debit_id(&clock, 0);
            let sms = json!({"channel": "sms"});
            assert_eq!(system::debit(&saldo, &saldo.world(), org, &id, &sms).await.0, 201);
        }
    }
    let report = system::reconcile(&saldo, &saldo.world(), true).await;
    assert_eq!((&report["verdict"], &report["organisations"]), (&json!("clean"), &json!(2)), "{report}");
    assert_eq!(report["entries"], 8, "{report}");
    clock.advance(3600);
    let report = system::reconcile(&saldo, &saldo.world(), true).await;
    assert_eq!((&report["verdict"], &report["invoices"]), (&json!("clean"), &json!(2)), "{report}");
    books::prove_at_rest(&saldo, "after reconciling").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_spends_meanwhile_is_never_told_wrongly() {
    let clock = Clock::system();
    let saldo = Arc::new(system::start(&clock).await);
    system::with_credits(&saldo, "acme").await;
    let spending = {
        let (saldo, clock) = (Arc::clone(&saldo), clock.clone());
        tokio::spawn(async move {
            let function = saldo_spend::connect(&saldo.env_of("spend"), &saldo.world()).unwrap();
            for at in 0..250 {
                let id = system::debit_id(&clock, 0);
                let email = json!({"channel": "email"});
                assert_eq!(system::debit_by(&function, "acme", &id, &email).await.0, 201);
                if at % 10 == 0 {
                    assert_eq!(system::reverse(&saldo, &saldo.world(), "acme", &id).await.0, 200);
                }
            }
        })
    };
    let mut looked = 0;
    while !spending.is_finished() {
        let report = system::reconcile(&saldo, &saldo.world(), true).await;
        assert_eq!(report["differences"], json!([]), "{report}");
        looked += report["organisations"].as_u64().unwrap();
    }
    spending.await.unwrap();
    assert!(looked > 0, "it was compared while it moved");
    books::prove_always(&saldo, "after spending").await;
}
