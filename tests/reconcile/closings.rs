//! Months are closed once they are final, and never change again.
use serde_json::json;

use super::books_with_a_wrong::{Books, number, with};
use crate::support::books;
use crate::support::system;

const MONTH_SECS: i64 = 32 * 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_final_month_is_closed_and_not_read_again() {
    let acme = Books::start("{}").await;
    let first = acme.run().await;
    assert_eq!((&first["closings"], &first["entries"]), (&json!(0), &json!(6)), "{first}");
    acme.clock.advance(MONTH_SECS);
    let closing = system::reconcile(&acme.saldo, &acme.saldo.world(), false).await;
    assert_eq!(closing["verdict"], "clean", "{closing}");
    // The month of the entries, or the one before it too, and those of none behind it.
    assert!(closing["closings"].as_u64().unwrap() >= 1, "{closing}");
    let kept = acme.item_now("CLOSING#").await;
    acme.clock.advance(86_400);
    let after = system::reconcile(&acme.saldo, &acme.saldo.world(), false).await;
    assert_eq!((&after["verdict"], &after["entries"]), (&json!("clean"), &json!(0)), "{after}");
    let id = system::debit_id(&acme.clock, 0);
    let sms = json!({"channel": "sms"});
    assert_eq!(system::debit(&acme.saldo, &acme.saldo.world(), "acme", &id, &sms).await.0, 201);
    acme.clock.advance(86_400);
    let after = system::reconcile(&acme.saldo, &acme.saldo.world(), false).await;
    assert_eq!((&after["verdict"], &after["entries"]), (&json!("clean"), &json!(1)), "{after}");
    assert_eq!(acme.item_now("CLOSING#").await, kept, "what is closed stays as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_are_wrong_are_not_closed_and_a_closed_month_that_changes_is_told() {
    let acme = Books::start("{}").await;
    let balance = acme.item("BALANCE");
    let credits = books::number(&balance, "credits").unwrap();
    acme.put(&with(balance.clone(), "credits", number(credits + 1))).await;
    acme.clock.advance(MONTH_SECS);
    let report = acme.finds("a credit too many", &[("balance", "for_a_person")]).await;
    assert_eq!(report["closings"], 0, "{report}");
    assert_eq!(report["drift"], 1, "{report}");
    acme.put(&balance).await;
    let report = acme.run().await;
    assert!(report["verdict"] == "clean" && report["closings"].as_u64().unwrap() >= 1, "{report}");
    let reversal = acme.item("reversal");
    acme.delete(&reversal).await;
    acme.finds(
        "an entry that went behind the closing",
        &[("closing", "for_a_person"), ("balance", "for_a_person")],
    )
    .await;
    acme.put(&reversal).await;
    assert_eq!(acme.run().await["verdict"], "clean");
    let closing = acme.item_now("CLOSING#").await;
    let crooked = with(closing.clone(), "opening", number(7));
    acme.put(&crooked).await;
    acme.finds("a closing that does not add up", &[("unreadable", "for_a_person")]).await;
    acme.put(&closing).await;
    assert_eq!(acme.run().await["verdict"], "clean");
}
