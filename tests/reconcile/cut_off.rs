//! A run that is cut off anywhere is gone on with by the next, and whatever it left is right.
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use saldo_adapters::clock::Clock;
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};

use crate::support::books;
use crate::support::proxy::{Fault, Kind, Proxy};
use crate::support::system;

/// How many runs are cut off at the same time.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_at_any_call_is_finished_by_the_next() {
    let calls = cut_off_at(None).await;
    assert!(calls > 15, "{calls} calls");
    let faults =
        (1..=calls).flat_map(|at| [Kind::CrashBefore, Kind::CrashAfter].map(|kind| Fault { at, kind }));
    let outages = [3, calls / 2].map(|at| Fault { at, kind: Kind::Outage });
    stream::iter(faults.chain(outages))
        .map(|fault| cut_off_at(Some(fault)))
        .buffer_unordered(AT_ONCE)
        .for_each(async |_| ())
        .await;
}

/// A payment that was not heard, a run that is cut off over it, and the runs behind that one.
async fn cut_off_at(fault: Option<Fault>) -> usize {
    let clock = Clock::system();
    let saldo = Arc::new(system::start(&clock).await);
    let (_, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    clock.advance(26 * 3600);
    let proxy = Proxy::start(&saldo, fault).await;
    let _ = proxy.run(system::reconcile(&saldo, &proxy.world, false)).await;
    books::prove_always(&saldo, &format!("{fault:?}")).await;
    // Whom it had put off is looked at an hour later, at the latest.
    clock.advance(2 * 3600);
    let next = system::reconcile(&saldo, &saldo.world(), false).await;
    assert_eq!((&next["failed"], &next["for_a_person"]), (&json!(0), &json!(0)), "{fault:?}: {next:#}");
    assert_eq!(system::balance(&saldo, "acme").await.1["available_credits"], 1000, "{fault:?}");
    clock.advance(26 * 3600);
    let last = system::reconcile(&saldo, &saldo.world(), false).await;
    assert_eq!(
        (&last["verdict"], &last["organisations"]),
        (&json!("clean"), &json!(1)),
        "{fault:?}: {last:#}"
    );
    books::prove_at_rest(&saldo, &format!("after {fault:?}")).await;
    proxy.calls()
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_without_enough_time_come_through_together() {
    let clock = Clock::system();
    let saldo = Arc::new(system::start(&clock).await);
    for number in 0..12 {
        system::with_credits(&saldo, &format!("org-{number}")).await;
    }
    clock.advance(26 * 3600);
    let function = saldo_reconcile::connect(&saldo.env_of("reconcile"), &saldo.world()).unwrap();
    let run = async |left: u64| function.handle(json!({}), Duration::from_secs(left)).await;
    let none: Value = run(12).await;
    assert_eq!((&none["complete"], &none["organisations"]), (&json!(false), &json!(0)), "no time: {none}");
    let mut compared = 0;
    for _ in 0..100 {
        // A little over what one organisation needs at the least.
        let report = run(16).await;
        assert_eq!((&report["failed"], &report["differences"]), (&json!(0), &json!([])), "{report}");
        compared += report["organisations"].as_u64().unwrap();
        if report["complete"] == true {
            break;
        }
    }
    assert_eq!(compared, 12, "each once");
}
