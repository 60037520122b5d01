//! A slow Stripe: what is done stays done, what could not be done comes again, and the worker answers in its time.
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use serde_json::Value;

use crate::support::books;
use crate::support::proxy::Proxy;
use crate::support::system;

/// As many messages as a batch has.
const BATCH: usize = 10;
/// Shorter than three attempts of one call to Stripe.
const LEFT: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_stripe_does_not_answer_return_only_their_own_messages() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let (invoices, messages) = paid(&saldo).await;
    let silent = [invoices[0].clone(), invoices[1].clone(), invoices[6].clone()];
    let proxy = Proxy::start_silent_about(&saldo, &silent).await;
    let worked = system::work_within(&saldo, &proxy.world, &messages, LEFT);
    let failed = tokio::time::timeout(LEFT, worked).await.expect("the worker answers before it is ended");
    assert_eq!(failed, ["0", "1", "6"]);
    for at in 0..BATCH {
        let done = !failed.contains(&at.to_string());
        assert_eq!(credits(&saldo, at).await, if done { 1000 } else { 0 }, "org-{at}");
    }
    let again: Vec<Value> = failed.iter().map(|at| messages[at.parse::<usize>().unwrap()].clone()).collect();
    assert_eq!(system::work(&saldo, &saldo.world(), &again).await, Vec::<String>::new());
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after a slow time").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_time_puts_everything_back_and_begins_nothing() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let (_, messages) = paid(&saldo).await;
    let proxy = Proxy::start(&saldo, None).await;
    for left in [Duration::ZERO, Duration::from_millis(1500)] {
        let failed = system::work_within(&saldo, &proxy.world, &messages, left).await;
        assert_eq!(failed, (0..BATCH).map(|at| at.to_string()).collect::<Vec<_>>());
    }
    assert_eq!(proxy.calls(), 0);
    assert_eq!(system::work(&saldo, &saldo.world(), &messages).await, Vec::<String>::new());
    books::prove_at_rest(&saldo, "put back").await;
}

/// One message may be about what the next is about too: they are worked on beside each other.
#[tokio::test(flavor = "multi_thread")]
async fn messages_about_one_invoice_in_one_batch_credit_it_once() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let (_, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let messages = vec![system::message("invoice.paid", &invoice); BATCH];
    for _ in 0..5 {
        assert_eq!(system::work(&saldo, &saldo.world(), &messages).await, Vec::<String>::new());
    }
    let (_, balance) = system::balance(&saldo, "acme").await;
    assert_eq!(balance["available_credits"], 1000);
    books::prove_at_rest(&saldo, "ten at once").await;
}

/// The invoices of ten organisations that have paid, and their messages.
async fn paid(saldo: &Saldo) -> (Vec<String>, Vec<Value>) {
    let mut invoices = Vec::new();
    for at in 0..BATCH {
        let (_, invoice) = system::open_top_up(saldo, &format!("org-{at}")).await;
        saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        invoices.push(invoice);
    }
    let messages = invoices.iter().map(|invoice| system::message("invoice.paid", invoice)).collect();
    (invoices, messages)
}

async fn credits(saldo: &Saldo, at: usize) -> i64 {
    system::balance(saldo, &format!("org-{at}")).await.1["available_credits"].as_i64().unwrap()
}
