//! Money that went back at Stripe takes its credits along, from the signed event to what the organisation is shown.
use std::sync::Arc;

use saldo_adapters::clock::Clock;
use saldo_credits::Spender;
use saldo_domain::{Actor, Channel, Credits, Debit, DebitId, OrgId};
use saldo_local::Saldo;
use saldo_stripe_stand_in::{DisputeKind, DisputeStep, Method, RefundPlan, RefundStep};
use serde_json::{Value, json};

use crate::support::books;
use crate::support::each_call::each_call_goes_wrong;
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

/// Spends through the function, credits at a time as SMS cost.
async fn sms(saldo: &Saldo, clock: &Clock) -> (u16, Value) {
    let id = system::debit_id(clock, 0);
    system::debit(saldo, &saldo.world(), "acme", &id, &json!({"channel": "sms"})).await
}

/// Another 1000 credits, paid by card.
async fn tops_up_again(saldo: &Saldo) {
    let (status, top_up) = system::create(saldo, &saldo.world(), "acme", "again").await;
    assert_eq!(status, 201, "{top_up}");
    let invoice = system::invoice_of(saldo, &system::id_of(&top_up)).unwrap();
    saldo.stand_in().pay(&invoice, Method::Card).unwrap();
    system::hear_all(saldo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_that_were_spent_are_owed_and_the_next_top_up_pays_them() {
    for shards in ["{}", r#"{"acme":3}"#] {
        let clock = Clock::system();
        let saldo = system::start_with(&clock, &[("Shards", shards)]).await;
        let invoice = system::with_credits(&saldo, "acme").await;
        for _ in 0..4 {
            let (status, debited) = sms(&saldo, &clock).await;
            assert_eq!(status, 201, "{debited}");
        }
        saldo.stand_in().refund(&invoice, Some(TOTAL / 2)).unwrap();
        system::hear_all(&saldo).await;
        assert_eq!(sms(&saldo, &clock).await.0, 201, "{shards}: what is left can be spent");
        saldo.stand_in().refund(&invoice, None).unwrap();
        system::hear_all(&saldo).await;
        let balance = system::balance(&saldo, "acme").await.1;
        let told = (&balance["available_credits"], &balance["owed"], &balance["level"]);
        assert_eq!(told, (&json!(0), &json!(15), &json!("empty")), "{shards}");
        for _ in 0..4 {
            let (status, problem) = sms(&saldo, &clock).await;
            assert_eq!((status, &problem["code"]), (402, &json!("insufficient_credits")), "{shards}");
            assert_eq!((&problem["owed"], &problem["available_credits"]), (&json!(15), &json!(0)));
            assert!(problem["detail"].as_str().unwrap().starts_with("15 credits are owed"), "{problem}");
        }
        books::prove_always(&saldo, "in debt").await;
        tops_up_again(&saldo).await;
        let balance = system::balance(&saldo, "acme").await.1;
        assert_eq!((&balance["available_credits"], &balance["owed"]), (&json!(985), &json!(0)), "{shards}");
        for _ in 0..4 {
            assert_eq!(sms(&saldo, &clock).await.0, 201, "{shards}: it is paid");
        }
        assert_eq!(system::balance(&saldo, "acme").await.1["available_credits"], 985 - 12);
        books::prove_always(&saldo, "the debt is paid").await;
        saldo.stop().await;
    }
}

/// The main shard owes, and others have more than that: whoever spends next brings it together.
#[tokio::test(flavor = "multi_thread")]
async fn shards_that_have_enough_pay_what_the_main_one_owes_before_anything_is_spent() {
    let clock = Clock::system();
    let saldo = system::start_with(&clock, &[("Shards", r#"{"acme":2}"#)]).await;
    let invoice = system::with_credits(&saldo, "acme").await;
    assert_eq!(sms(&saldo, &clock).await.0, 201);
    saldo.stand_in().refund(&invoice, Some(TOTAL / 10 * 7)).unwrap();
    system::hear_all(&saldo).await;
    let main = |items: &[books::Item]| {
        let main = items
            .iter()
            .find(|item| books::text(item, "pk") == "ORG#acme" && books::text(item, "sk") == "BALANCE");
        books::number(main.unwrap(), "credits").unwrap()
    };
    assert!(main(&books::items(&saldo).await) < 0, "half of it was moved to a shard before");
    let balance = system::balance(&saldo, "acme").await.1;
    assert_eq!((&balance["available_credits"], &balance["owed"]), (&json!(297), &json!(0)));
    assert_eq!(sms(&saldo, &clock).await.0, 201);
    assert!(main(&books::items(&saldo).await) >= 0);
    assert_eq!(system::balance(&saldo, "acme").await.1["available_credits"], 294);
    books::prove_always(&saldo, "brought together").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_from_shards_after_any_failure_is_taken_once() {
    let saldo = Arc::new(system::start(&Clock::system()).await);
    let calls = each_call_goes_wrong(
        &saldo,
        async |org| {
            let invoice = system::with_credits(&org.saldo, &org.name).await;
            let store = org.saldo.world().store(&org.saldo.env_of("spend")).unwrap();
            let (spender, id) = (Spender::new(store), OrgId::parse(&org.name).unwrap());
            spender.set_shards(&id, Some(2)).await.unwrap();
            let debit_id = DebitId::parse(&system::debit_id(&Clock::system(), 0)).unwrap();
            let debit = Debit::costing(debit_id, Channel::EMAIL, Credits(100));
            spender.debit(&id, &Actor::System, &debit, Clock::system().now()).await.unwrap();
            org.saldo.stand_in().refund(&invoice, None).unwrap();
            (org, invoice)
        },
        |world, (org, invoice)| {
            system::work(&org.saldo, world, &[system::message("credit_note.created", invoice)])
        },
        async |(org, invoice)| {
            let heard = [system::message("credit_note.created", &invoice)];
            assert!(system::work(&org.saldo, &org.saldo.world(), &heard).await.is_empty());
            let balance = system::balance(&org.saldo, &org.name).await.1;
            assert_eq!(
                (&balance["available_credits"], &balance["owed"]),
                (&json!(0), &json!(100)),
                "{}",
                org.name
            );
        },
    )
    .await;
    assert!(calls >= 14, "{calls}: table and Stripe, and another look");
    books::prove_always(&saldo, "taken back after any failure").await;
}

async fn entries(saldo: &Saldo) -> Vec<Value> {
    let token = saldo.token("acme", &["billing:view"], None).unwrap();
    let client = crate::support::client::Client::new(saldo.api_url()).with_token(token);
    client.send("GET", "/v1/entries", &[], "").await.json()["entries"].as_array().unwrap().clone()
}
