//! How a top-up was paid is known a moment after its credits, and nothing waits for it.
use saldo_adapters::clock::Clock;
use saldo_adapters::stripe::READ_KEY;
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use serde_json::Value;

use crate::support::books;
use crate::support::system;

#[tokio::test(flavor = "multi_thread")]
async fn it_says_card_or_transfer_when_and_where_the_receipt_is() {
    for (method, word) in [(Method::Card, "card"), (Method::VirtualAccount, "id_bank_transfer")] {
        let (saldo, id) = paid(method).await;
        assert_eq!(payment(&saldo, &id).await, Value::Null, "the credits came first");
        system::hear_all(&saldo).await;
        let payment = payment(&saldo, &id).await;
        assert_eq!(payment["method"], word, "{payment}");
        assert!(payment["paid_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{payment}");
        assert!(payment["receipt_url"].as_str().is_some_and(|url| url.starts_with("http")), "{payment}");
        books::prove_always(&saldo, "after the payment was looked at").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn once_known_it_is_not_asked_again() {
    let (saldo, id) = paid(Method::Card).await;
    system::hear_all(&saldo).await;
    let asked = || saldo.stand_in().request_counts().get("GET /v1/charges").copied().unwrap_or_default();
    let (once, known) = (asked(), payment(&saldo, &id).await);
    assert!(once > 0);
    system::hear_all(&saldo).await;
    assert_eq!((asked(), payment(&saldo, &id).await), (once, known));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_cannot_be_asked_nothing_fails_and_the_next_event_asks_again() {
    let (saldo, id) = paid(Method::Card).await;
    let without: Vec<_> = READ_KEY.into_iter().filter(|one| *one != "rak_charge_read").collect();
    saldo.stand_in().restrict_key("rk_test_local_read", &without);
    let invoice = system::invoice_of(&saldo, &id).unwrap();
    let again = [system::message("invoice.paid", &invoice)];
    assert_eq!(system::work(&saldo, &saldo.world(), &again).await, Vec::<String>::new());
    assert_eq!(payment(&saldo, &id).await, Value::Null);
    saldo.stand_in().restrict_key("rk_test_local_read", &READ_KEY);
    assert_eq!(system::work(&saldo, &saldo.world(), &again).await, Vec::<String>::new());
    assert_eq!(payment(&saldo, &id).await["method"], "card");
}

/// Paid and credited by the event of the invoice alone.
async fn paid(method: Method) -> (Saldo, String) {
    let saldo = system::start(&Clock::system()).await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, method).unwrap();
    let failed = system::work(&saldo, &saldo.world(), &[system::message("invoice.paid", &invoice)]).await;
    assert_eq!(failed, Vec::<String>::new());
    (saldo, id)
}

async fn payment(saldo: &Saldo, id: &str) -> Value {
    system::top_up(saldo, "acme", id).await.1["payment"].clone()
}
