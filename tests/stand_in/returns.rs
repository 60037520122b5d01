//! Money that comes back: refunds, credit notes, disputes, and what is told of them.

use std::sync::atomic::Ordering;

use saldo_stripe_stand_in::{DisputeKind, DisputeStep, Method, RefundPlan, RefundStep};
use serde_json::{Value, json};

use super::{Stripe, TODAY, id, refused};

/// A paid invoice.
async fn paid(stripe: &Stripe, currency: &str, amount: i64, method: Method) -> String {
    let invoice = id(&stripe.open(currency, amount).await);
    stripe.stand_in.pay(&invoice, method).unwrap();
    invoice
}

async fn one(stripe: &Stripe, path: &str) -> Value {
    stripe.get(path).await.json()
}

/// What the events said of an object since the start: type and status.
fn told(stripe: &Stripe, prefix: &str) -> Vec<String> {
    let events = stripe.stand_in.events();
    let ours = events.iter().filter(|event| event["type"].as_str().unwrap().starts_with(prefix));
    ours.map(|event| {
        let kind = event["type"].as_str().unwrap().strip_prefix(prefix).unwrap();
        format!("{kind} {}", event["data"]["object"]["status"].as_str().unwrap_or("-"))
    })
    .collect()
}

async fn movements(stripe: &Stripe) -> Vec<i64> {
    let list = one(stripe, "/v1/balance_transactions?limit=100").await;
    list["data"].as_array().unwrap().iter().rev().map(|entry| entry["amount"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_transfer_is_refunded_when_the_customer_has_named_a_bank_account() {
    let stripe = Stripe::start().await;
    let invoice = paid(&stripe, "idr", 27_750_000, Method::VirtualAccount).await;
    let refund = stripe.stand_in.refund(&invoice, Some(10_000_000)).unwrap();
    let path = format!("/v1/refunds/{refund}");
    let waiting = one(&stripe, &path).await;
    assert_eq!(waiting["status"], "requires_action");
    let sent_to = &waiting["next_action"]["display_details"]["email_sent"]["email_sent_to"];
    assert_eq!(sent_to, "billing@acme.example");
    assert_eq!(movements(&stripe).await, [27_750_000], "nothing has left yet");
    stripe.stand_in.step_refund(&refund, RefundStep::Succeed).unwrap();
    assert_eq!(one(&stripe, &path).await["status"], "succeeded");
    assert_eq!(movements(&stripe).await, [27_750_000, -10_000_000]);

    let other = stripe.stand_in.refund(&invoice, None).unwrap();
    assert_eq!(stripe.made(&format!("/v1/refunds/{other}/cancel"), "").await["status"], "canceled");
    assert!(stripe.stand_in.step_refund(&other, RefundStep::Succeed).is_err(), "canceled is the end");
    let expected =
        ["created requires_action", "updated succeeded", "created requires_action", "updated canceled"];
    assert_eq!(told(&stripe, "refund."), expected);
    let rest = stripe.stand_in.refund(&invoice, None).unwrap();
    assert_eq!(one(&stripe, &format!("/v1/refunds/{rest}")).await["amount"], 17_750_000);
}

#[tokio::test]
async fn a_refund_may_fail_up_to_thirty_days_later_and_gives_its_money_back() {
    let stripe = Stripe::start().await;
    for (days, fails) in [(0, true), (30, true), (31, false)] {
        let invoice = paid(&stripe, "usd", 2_000, Method::Card).await;
        let refund = stripe.stand_in.refund(&invoice, None).unwrap();
        let begun = stripe.clock.fetch_add(days * 86_400, Ordering::SeqCst);
        assert_eq!(stripe.stand_in.step_refund(&refund, RefundStep::Fail).is_ok(), fails, "{days} days");
        let seen = one(&stripe, &format!("/v1/refunds/{refund}")).await;
        assert_eq!(seen["status"], if fails { "failed" } else { "succeeded" });
        assert_eq!(seen["failure_balance_transaction"].is_string(), fails);
        stripe.clock.store(begun, Ordering::SeqCst);
    }
    assert_eq!(movements(&stripe).await, [2_000, -2_000, 2_000, 2_000, -2_000, 2_000, 2_000, -2_000]);
    assert_eq!(told(&stripe, "refund.")[..3], ["created succeeded", "updated failed", "failed failed"]);
}

#[tokio::test]
async fn what_failed_is_refunded_anew_and_told_again() {
    let stripe = Stripe::start().await;
    let invoice = paid(&stripe, "usd", 2_000, Method::Card).await;
    for _ in 0..2 {
        let refund = stripe.stand_in.refund(&invoice, None).unwrap();
        stripe.stand_in.step_refund(&refund, RefundStep::Fail).unwrap();
    }
    let charge = one(&stripe, "/v1/charges").await["data"][0].clone();
    assert_eq!(charge["amount_refunded"], 2_000, "it does not fall, and so is no proof");
    assert_eq!(movements(&stripe).await.iter().sum::<i64>(), 2_000);
    assert_eq!(told(&stripe, "charge.refunded").len(), 2);
}

#[tokio::test]
async fn refunds_are_refused_as_stripe_refuses_them() {
    let stripe = Stripe::start().await;
    let invoice = paid(&stripe, "usd", 2_000, Method::Card).await;
    let charge = id(&one(&stripe, "/v1/charges").await["data"][0]);
    let ask = |form: String| {
        let stripe = &stripe;
        async move {
            let answer = stripe.post("/v1/refunds", &form).await;
            refused(&answer, 400);
            answer.json()["error"]["code"].as_str().unwrap_or("none").to_owned()
        }
    };
    assert_eq!(ask(format!("charge={charge}&amount=2001")).await, "amount_too_large");
    assert_eq!(ask(format!("charge={charge}&amount=0")).await, "parameter_invalid_integer");
    assert_eq!(ask(format!("charge={charge}&reason=regret")).await, "none");
    stripe.stand_in.plan_refund(RefundPlan::BalanceInsufficient);
    assert_eq!(ask(format!("charge={charge}")).await, "balance_insufficient");
    stripe.stand_in.plan_refund(RefundPlan::Pends);
    let pending = stripe.made("/v1/refunds", &format!("charge={charge}&amount=500")).await;
    assert_eq!((&pending["status"], &pending["pending_reason"]), (&json!("pending"), &json!("processing")));
    assert_eq!(ask(format!("charge={charge}&amount=1501")).await, "amount_too_large");
    stripe.stand_in.dispute(&invoice, DisputeKind::Chargeback, None).unwrap();
    assert_eq!(ask(format!("charge={charge}")).await, "charge_disputed");

    let failing = id(&stripe.open("usd", 2_000).await);
    stripe.stand_in.pay(&failing, Method::DeclinedCard { code: "expired_card".to_owned() }).unwrap();
    let failed = id(&one(&stripe, "/v1/charges?limit=1").await["data"][0]);
    assert_eq!(ask(format!("charge={failed}")).await, "charge_not_refundable");
}

#[tokio::test]
async fn the_same_refund_asked_twice_under_one_key_is_one() {
    let stripe = Stripe::start().await;
    paid(&stripe, "usd", 2_000, Method::Card).await;
    let charge = id(&one(&stripe, "/v1/charges").await["data"][0]);
    let form = format!("charge={charge}&amount=700");
    let first = stripe.post_with_key("/v1/refunds", &form, Some("k")).await.json();
    assert_eq!(stripe.post_with_key("/v1/refunds", &form, Some("k")).await.json(), first);
    assert_eq!(one(&stripe, &format!("/v1/charges/{charge}")).await["amount_refunded"], 700);
}

#[tokio::test]
async fn a_dispute_takes_the_money_and_only_winning_gives_it_back() {
    let stripe = Stripe::start().await;
    let invoice = paid(&stripe, "usd", 2_000, Method::Card).await;
    let dispute = stripe.stand_in.dispute(&invoice, DisputeKind::Chargeback, Some(1_500)).unwrap();
    let path = format!("/v1/disputes/{dispute}");
    assert_eq!(one(&stripe, &path).await["status"], "needs_response");
    for (step, status) in [
        (DisputeStep::Respond, "under_review"),
        (DisputeStep::Lose, "lost"),
        (DisputeStep::Appeal, "appeal_needs_response"),
        (DisputeStep::Respond, "appeal_under_review"),
        (DisputeStep::Win, "won"),
    ] {
        stripe.stand_in.step_dispute(&dispute, step).unwrap();
        assert_eq!(one(&stripe, &path).await["status"], status);
    }
    assert!(stripe.stand_in.step_dispute(&dispute, DisputeStep::Lose).is_err(), "won is the end");
    assert_eq!(movements(&stripe).await, [2_000, -1_500, 1_500]);
    let entries = one(&stripe, &path).await["balance_transactions"].clone();
    assert_eq!(entries.as_array().unwrap().len(), 2);
    assert_eq!(
        told(&stripe, "charge.dispute."),
        [
            "created needs_response",
            "funds_withdrawn needs_response",
            "updated under_review",
            "updated lost",
            "closed lost",
            "updated appeal_needs_response",
            "updated appeal_under_review",
            "updated won",
            "funds_reinstated won",
            "closed won",
        ]
    );
}

#[tokio::test]
async fn test_cards_are_disputed_or_reported_as_soon_as_they_have_paid() {
    let stripe = Stripe::start().await;
    for (method, kind) in [
        ("pm_card_createDispute", "charge.dispute.funds_withdrawn"),
        ("pm_card_createDisputeInquiry", "charge.dispute.created"),
        ("pm_card_createIssuerFraudRecord", "radar.early_fraud_warning.created"),
    ] {
        let invoice = id(&stripe.open("usd", 2_000).await);
        let before = stripe.event_types().len();
        let paid =
            stripe.made(&format!("/v1/invoices/{invoice}/pay"), &format!("payment_method={method}")).await;
        assert_eq!(paid["status"], "paid");
        assert!(stripe.event_types()[before..].contains(&kind.to_owned()), "{method}");
    }
    assert_eq!(movements(&stripe).await, [2_000, -2_000, 2_000, 2_000]);
}

#[tokio::test]
async fn an_inquiry_moves_no_money_until_it_becomes_a_dispute() {
    let stripe = Stripe::start().await;
    for (step, movements_after) in
        [(DisputeStep::CloseInquiry, vec![2_000]), (DisputeStep::Escalate, vec![2_000, 2_000, -2_000])]
    {
        let invoice = paid(&stripe, "usd", 2_000, Method::Card).await;
        let dispute = stripe.stand_in.dispute(&invoice, DisputeKind::Inquiry, None).unwrap();
        let seen = one(&stripe, &format!("/v1/disputes/{dispute}")).await;
        assert_eq!(
            (&seen["status"], &seen["balance_transactions"]),
            (&json!("warning_needs_response"), &json!([]))
        );
        stripe.stand_in.step_dispute(&dispute, step).unwrap();
        assert_eq!(movements(&stripe).await, movements_after);
    }
    let invoice = paid(&stripe, "usd", 2_000, Method::Card).await;
    let prevented = stripe.stand_in.dispute(&invoice, DisputeKind::Prevented, None).unwrap();
    assert_eq!(one(&stripe, &format!("/v1/disputes/{prevented}")).await["status"], "prevented");
    assert_eq!(movements(&stripe).await.last(), Some(&-2_000));
    assert!(stripe.stand_in.dispute(&invoice, DisputeKind::Chargeback, None).is_err(), "once");
    let transfer = paid(&stripe, "idr", 27_750_000, Method::VirtualAccount).await;
    assert!(
        stripe.stand_in.dispute(&transfer, DisputeKind::Chargeback, None).is_err(),
        "no transfer is disputed"
    );
}

#[tokio::test]
async fn a_fraud_warning_says_whether_anything_can_still_be_done() {
    let stripe = Stripe::start().await;
    let invoice = paid(&stripe, "usd", 2_000, Method::Card).await;
    let early = stripe.stand_in.warn_of_fraud(&invoice).unwrap();
    stripe.stand_in.refund(&invoice, None).unwrap();
    let late = stripe.stand_in.warn_of_fraud(&invoice).unwrap();
    for (warning, actionable) in [(early, true), (late, false)] {
        let seen = one(&stripe, &format!("/v1/radar/early_fraud_warnings/{warning}")).await;
        assert_eq!(seen["actionable"], actionable);
    }
    assert_eq!(told(&stripe, "radar.early_fraud_warning.").len(), 2);
}

#[tokio::test]
async fn a_credit_note_accounts_for_every_unit_and_for_no_more_than_was_paid() {
    let stripe = Stripe::start().await;
    let invoice = paid(&stripe, "usd", 2_000, Method::Card).await;
    let note = |form: &str| {
        let form = format!("invoice={invoice}&{form}");
        let stripe = &stripe;
        async move { stripe.post("/v1/credit_notes", &form).await }
    };
    for short in
        ["amount=500", "amount=500&refund_amount=400", "amount=500&refund_amount=600", "refund_amount=1"]
    {
        refused(&note(short).await, 400);
    }
    let whole = note("amount=1500&refund_amount=1000&credit_amount=300&out_of_band_amount=200").await.json();
    assert_eq!((&whole["status"], whole["post_payment_amount"].as_i64()), (&json!("issued"), Some(1_500)));
    let too_much = note("amount=501&out_of_band_amount=501").await;
    refused(&too_much, 400);
    assert_eq!(too_much.json()["error"]["code"], "amount_too_large");
    assert_eq!(movements(&stripe).await, [2_000, -1_000], "only the refund moves money of ours");
    stripe.stand_in.void_credit_note(&id(&whole)).unwrap();
    assert_eq!(one(&stripe, &format!("/v1/invoices/{invoice}")).await["post_payment_credit_notes_amount"], 0);
    assert_eq!(told(&stripe, "credit_note."), ["created issued", "voided void"]);
}

#[tokio::test]
async fn a_credit_note_before_payment_lowers_what_is_due_and_may_end_it() {
    let stripe = Stripe::start().await;
    let invoice = id(&stripe.open("usd", 2_000).await);
    stripe.made("/v1/credit_notes", &format!("invoice={invoice}&amount=600")).await;
    let seen = stripe.invoice(&invoice).await;
    assert_eq!((seen["amount_remaining"].as_i64(), seen["total"].as_i64()), (Some(1_400), Some(2_000)));
    assert_eq!(seen["payments"]["data"][0]["payment"]["payment_intent"]["amount"], 1_400);
    stripe.made("/v1/credit_notes", &format!("invoice={invoice}&amount=1400")).await;
    let ended = stripe.invoice(&invoice).await;
    assert_eq!((ended["status"].as_str(), ended["amount_paid"].as_i64()), (Some("paid"), Some(0)));
    assert_eq!(ended["payments"]["data"][0]["status"], "canceled", "paid by no payment");
}

#[tokio::test]
async fn staff_find_a_button_for_all_that_can_happen_after_a_payment() {
    let stripe = Stripe::start().await;
    stripe.clock.store(TODAY + 1, Ordering::SeqCst);
    paid(&stripe, "usd", 2_000, Method::Card).await;
    let charge = id(&one(&stripe, "/v1/charges").await["data"][0]);
    let buttons = || async {
        let answer = stripe.client.get("/").await;
        let page = String::from_utf8(answer.body).unwrap();
        let offered = page.split("name=\"action\" value=\"").skip(1);
        offered.map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<String>>().join(" ")
    };
    let press = |action: &'static str| {
        let form = format!("action={action}&charge={charge}");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let stripe = &stripe;
        async move { stripe.client.send("POST", "/", &headers, form).await.status.as_u16() }
    };
    assert_eq!(buttons().await, "refund dispute");
    for (action, then) in [
        ("refund", "fail_refund dispute"),
        ("fail_refund", "refund dispute"),
        ("dispute", "win lose"),
        ("lose", ""),
        ("refund", ""),
    ] {
        assert_eq!((press(action).await, buttons().await), (303, then.to_owned()), "{action}");
    }
}
