//! Several systems sell through one account of Stripe: what is not ours is done with, and what our row names is ours.
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::{Foreign, Method};
use serde_json::{Value, json};

use super::known_mistakes::staff;
use crate::support::books;
use crate::support::system;

const QUEUES: [&str; 2] = ["saldo-local-Payments", "saldo-local-PaymentsDeadLetters"];

#[tokio::test(flavor = "multi_thread")]
async fn events_of_others_are_acknowledged_and_done_and_credit_nobody() {
    let saldo = system::start(&Clock::system()).await;
    let row = "top_01a208d846c676229a08bf3f3cf70805";
    let marks = [
        ("a shop", String::new()),
        ("a shop with names like ours", "&metadata[org_id]=acme&metadata[top_up_id]=42".to_owned()),
        ("names as good as ours", format!("&metadata[org_id]=acme&metadata[top_up_id]={row}")),
        (
            "another deployment",
            format!(
                "&metadata[saldo_deployment]=saldo-other&metadata[org_id]=acme&metadata[top_up_id]={row}"
            ),
        ),
    ];
    for (what, marks) in &marks {
        let invoice = paid_invoice(&saldo, marks).await;
        assert_eq!(work(&saldo, &invoice).await, Vec::<String>::new(), "{what}");
    }
    assert_eq!(work(&saldo, "in_00000000000000").await, Vec::<String>::new(), "the test button");
    assert_eq!(books::items(&saldo).await.len(), 0, "nothing was written");

    let ours = paid_invoice(
        &saldo,
        &format!("&metadata[saldo_deployment]=saldo-local&metadata[org_id]=acme&metadata[top_up_id]={row}"),
    )
    .await;
    assert_eq!(work(&saldo, &ours).await, ["0"], "money of ours without its row is kept for a person");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shared_account_sends_ends_in_no_dead_letters() {
    let saldo = Saldo::start(Options { schedules: false, ..Options::default() }).await.unwrap();
    let kind = "invoice.paid".to_owned();
    let object = json!({ "id": "in_1ofanother", "object": "invoice", "livemode": false, "metadata": {} });
    for event in [
        Foreign::ConnectedAccount { kind: kind.clone(), object },
        Foreign::Thin { kind: kind.clone() },
        Foreign::Thin { kind: "v1.billing.meter.no_meter_found".to_owned() },
        Foreign::TestButton { kind },
    ] {
        saldo.stand_in().send_foreign(&event).unwrap();
    }
    paid_invoice(&saldo, "").await;
    for _ in 0..200 {
        if saldo.stand_in().undelivered() == 0 && waiting(&saldo) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(saldo.stand_in().undelivered(), 0, "each event is acknowledged the first time");
    assert_eq!(waiting(&saldo), 0, "and no message comes back");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_that_our_row_names_is_ours_whatever_became_of_its_metadata() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let removed = "metadata[org_id]=&metadata[top_up_id]=&metadata[saldo_deployment]=";
    let changed = "metadata[saldo_deployment]=saldo-other";
    for (org, metadata) in [("removed", removed), ("changed", changed)] {
        let (id, invoice) = system::open_top_up(&saldo, org).await;
        staff(&saldo, &format!("/v1/invoices/{invoice}"), metadata).await;
        saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        for _ in 0..2 {
            assert_eq!(work(&saldo, &invoice).await, Vec::<String>::new(), "{org}");
            let (_, top_up) = system::top_up(&saldo, org, &id).await;
            assert_eq!((&top_up["status"], &top_up["credited"]), (&json!("paid"), &json!(1000)), "{org}");
        }
        assert_eq!(system::balance(&saldo, org).await.1["available_credits"], 1000, "{org}");
    }
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "metadata gone").await;
}

/// An invoice that somebody else made and somebody paid.
async fn paid_invoice(saldo: &Saldo, marks: &str) -> String {
    let customer = staff(saldo, "/v1/customers", "name=someone&email=someone@shop.test").await;
    let customer = customer["id"].as_str().unwrap();
    let form =
        format!("customer={customer}&currency=idr&collection_method=send_invoice&days_until_due=3{marks}");
    let invoice = id_of(&staff(saldo, "/v1/invoices", &form).await);
    let line = "lines[0][amount]=27750000&lines[0][description]=x";
    staff(saldo, &format!("/v1/invoices/{invoice}/add_lines"), line).await;
    staff(saldo, &format!("/v1/invoices/{invoice}/finalize"), "").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    invoice
}

fn id_of(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

async fn work(saldo: &Saldo, invoice: &str) -> Vec<String> {
    system::work(saldo, &saldo.world(), &[system::message("invoice.paid", invoice)]).await
}

/// Messages that wait, are worked on, or are given up.
fn waiting(saldo: &Saldo) -> u64 {
    let depth = |queue: &str| saldo.queues().depth(queue).unwrap();
    QUEUES.iter().map(|queue| depth(queue)).map(|depth| depth.visible + depth.in_flight + depth.delayed).sum()
}
