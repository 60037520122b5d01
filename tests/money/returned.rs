//! Money that went back at Stripe takes its credits along, from the signed event to what the organisation is shown.
use saldo_adapters::clock::Clock;
use saldo_local::Saldo;
use saldo_stripe_stand_in::{DisputeKind, DisputeStep, Method, RefundPlan, RefundStep};
use serde_json::{Value, json};

use crate::support::books;
use crate::support::system::{self, TOTAL};

/// An organisation that paid 1000 credits by card.
struct Payer {
    saldo: Saldo,
    id: String,
    invoice: String,
}

impl Payer {
    async fn by_card() -> Payer {
        let saldo = system::start(&Clock::system()).await;
        let (id, invoice) = system::open_top_up(&saldo, "acme").await;
        saldo.stand_in().pay(&invoice, Method::Card).unwrap();
        let payer = Payer { saldo, id, invoice };
        assert_eq!(payer.after_all_events().await, (1000, None, None));
        payer
    }

    /// Balance, refunded and disputed as they are shown: credits, minor units, and the dispute's status.
    async fn after_all_events(&self) -> (i64, Option<(i64, i64)>, Option<(i64, i64, String)>) {
        system::hear_all(&self.saldo).await;
        books::prove_always(&self.saldo, "after all events").await;
        let shown = system::top_up(&self.saldo, "acme", &self.id).await.1;
        let numbers = |name: &str| {
            let of = &shown[name];
            Some((of["credits"].as_i64()?, of["money"]["minor_units"].as_i64()?))
        };
        let disputed = numbers("disputed").map(|(credits, money)| {
            (credits, money, shown["disputed"]["status"].as_str().unwrap().to_owned())
        });
        let balance = system::balance(&self.saldo, "acme").await.1;
        let (available, owed) = (balance["available_credits"].as_i64(), balance["owed"].as_i64());
        (available.unwrap() - owed.unwrap_or(0), numbers("refunded"), disputed)
    }

    fn stripe(&self) -> &saldo_stripe_stand_in::StandIn {
        self.saldo.stand_in()
    }
}

fn disputed(credits: i64, money: i64, status: &str) -> Option<(i64, i64, String)> {
    Some((credits, money, status.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_takes_its_credits_and_one_that_fails_brings_them_again() {
    let payer = Payer::by_card().await;
    let quarter = payer.stripe().refund(&payer.invoice, Some(TOTAL / 4)).unwrap();
    assert_eq!(payer.after_all_events().await, (750, Some((250, TOTAL / 4)), None));
    payer.stripe().plan_refund(RefundPlan::Pends);
    let half = payer.stripe().refund(&payer.invoice, Some(TOTAL / 2)).unwrap();
    assert_eq!(payer.after_all_events().await, (250, Some((750, TOTAL / 4 * 3)), None), "pending counts");
    payer.stripe().step_refund(&half, RefundStep::Succeed).unwrap();
    assert_eq!(payer.after_all_events().await, (250, Some((750, TOTAL / 4 * 3)), None));
    payer.stripe().step_refund(&quarter, RefundStep::Fail).unwrap();
    assert_eq!(
        payer.after_all_events().await,
        (500, Some((500, TOTAL / 2)), None),
        "days after it succeeded"
    );
    payer.stripe().step_refund(&half, RefundStep::Fail).unwrap();
    assert_eq!(payer.after_all_events().await, (1000, None, None));
    let entries = entries(&payer.saldo).await;
    let kinds: Vec<_> = entries.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["top_up", "refund", "refund", "refund_undone", "refund_undone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_takes_credits_while_its_money_is_gone_lost_or_won_or_appealed() {
    let payer = Payer::by_card().await;
    let dispute = payer.stripe().dispute(&payer.invoice, DisputeKind::Inquiry, None).unwrap();
    assert_eq!(payer.after_all_events().await, (1000, None, disputed(0, TOTAL, "inquiry")), "nothing moves");
    let steps = [
        (DisputeStep::Escalate, 0, "needs_response"),
        (DisputeStep::Respond, 0, "under_review"),
        (DisputeStep::Lose, 0, "lost"),
        (DisputeStep::Appeal, 0, "needs_response"),
        (DisputeStep::Respond, 0, "under_review"),
        (DisputeStep::Win, 1000, "won"),
    ];
    for (step, credits, status) in steps {
        payer.stripe().step_dispute(&dispute, step).unwrap();
        let taken = 1000 - credits;
        assert_eq!(
            payer.after_all_events().await,
            (credits, None, disputed(taken, TOTAL, status)),
            "{step:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_and_a_dispute_of_one_payment_never_take_more_than_was_paid() {
    let payer = Payer::by_card().await;
    payer.stripe().refund(&payer.invoice, Some(TOTAL / 2)).unwrap();
    payer.stripe().dispute(&payer.invoice, DisputeKind::Chargeback, None).unwrap();
    let both = (0, Some((500, TOTAL / 2)), disputed(500, TOTAL, "needs_response"));
    assert_eq!(payer.after_all_events().await, both);
    assert_eq!(payer.after_all_events().await, both, "and never twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_before_the_payment_is_credited_credits_and_takes_back_at_once() {
    let saldo = system::start(&Clock::system()).await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::Card).unwrap();
    saldo.stand_in().refund(&invoice, Some(TOTAL / 2)).unwrap();
    let refunded = system::heard(&saldo, "refund.created").await;
    assert!(system::work(&saldo, &saldo.world(), &refunded).await.is_empty());
    let payer = Payer { saldo, id, invoice };
    let half = (500, Some((500, TOTAL / 2)), None);
    assert_eq!(payer.after_all_events().await, half, "and the late event of the payment changes nothing");
    assert_eq!(payer.after_all_events().await, half);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_of_another_product_is_not_ours() {
    let payer = Payer::by_card().await;
    let about = |kind: &str, object: Value| {
        json!({
            "id": "evt_other", "object": "event", "type": kind, "livemode": false, "created": 1_795_441_928,
            "data": {"object": object},
        })
    };
    let world = payer.saldo.world();
    let none =
        about("charge.refunded", json!({"id": "ch_other", "object": "charge", "payment_intent": null}));
    let (status, answer) = system::webhook(&payer.saldo, &world, &none).await;
    assert_eq!(
        (status, &answer["enqueued"]),
        (200, &json!(false)),
        "no invoice is paid without a payment intent"
    );
    let unknown =
        about("refund.created", json!({"id": "re_other", "object": "refund", "payment_intent": "pi_other"}));
    assert_eq!(system::webhook(&payer.saldo, &world, &unknown).await.1["enqueued"], true);
    let messages = system::drain(&payer.saldo).await;
    assert!(system::work(&payer.saldo, &world, &messages).await.is_empty(), "done with");
    assert_eq!(payer.after_all_events().await, (1000, None, None));
}

async fn entries(saldo: &Saldo) -> Vec<Value> {
    let token = saldo.token("acme", &["billing:view"], None).unwrap();
    let client = crate::support::client::Client::new(saldo.api_url()).with_token(token);
    client.send("GET", "/v1/entries", &[], "").await.json()["entries"].as_array().unwrap().clone()
}
