//! What the worker could not handle is counted, and given to it once more.
use std::sync::Arc;
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_local::Saldo;
use saldo_local::queue::NewMessage;
use serde_json::{Value, json};

use super::staff::{Deed, Staff, does};
use crate::support::each_call::{Organisation, each_call_goes_wrong};
use crate::support::system;

const QUEUE: &str = "saldo-local-Payments";
const DEAD: &str = "saldo-local-PaymentsDeadLetters";

async fn redrive(saldo: &Saldo, by: &str, key: &str, reason: &str) -> (u16, Value) {
    let body = json!({ "reason": reason });
    does(saldo, &saldo.world(), &Deed { by, path: "dead-letters/redrive", key, body }).await
}

fn die(saldo: &Saldo, messages: usize) {
    let message = |number: usize| NewMessage { body: format!("m{number}"), delay: Duration::ZERO };
    saldo.queues().send(DEAD, &(0..messages).map(message).collect::<Vec<_>>()).unwrap();
}

fn waiting(saldo: &Saldo) -> (u64, u64) {
    let visible = |queue| saldo.queues().depth(queue).unwrap().visible;
    (visible(DEAD), visible(QUEUE))
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_counted_and_moved_back_with_who_and_why() {
    let saldo = system::start(&Clock::system()).await;
    let staff = Staff::of(&saldo, "ana").await;
    assert_eq!(staff.see("dead-letters").await, json!({"waiting": 0, "redrives": []}));
    die(&saldo, 3);
    assert_eq!(staff.see("dead-letters").await["waiting"], 3);
    let (status, done) = redrive(&saldo, "ana", "one", "Stripe answers again").await;
    assert_eq!((status, &done["waiting"]), (201, &json!(3)), "{done}");
    assert_eq!((&done["by"], &done["reason"]), (&json!("operator:ana"), &json!("Stripe answers again")));
    assert_eq!(waiting(&saldo), (0, 3));
    die(&saldo, 1);
    let again = redrive(&saldo, "ana", "one", "Stripe answers again").await;
    assert_eq!(again, (200, done.clone()), "the same again is answered as it was");
    assert_eq!(waiting(&saldo), (1, 3), "and moves nothing");
    let (status, problem) = redrive(&saldo, "ana", "one", "for another reason").await;
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    let (status, other) = redrive(&saldo, "ben", "one", "Stripe answers again").await;
    assert_eq!((status, &other["waiting"]), (201, &json!(1)), "another's key is another");
    assert_eq!(waiting(&saldo), (0, 4));
    let seen = staff.see("dead-letters").await;
    assert_eq!(seen, json!({"waiting": 0, "redrives": [other, done]}), "the newest first");
    for (key, reason) in [("", "why"), ("two", " "), ("two", "a\nb")] {
        let (status, problem) = redrive(&saldo, "ana", key, reason).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")), "{key} {reason}");
    }
}

/// The messages may go back twice, which is harmless; what is kept of it is kept once.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_cut_off_repeats_it_and_it_is_kept_once() {
    let saldo = Arc::new(system::start(&Clock::system()).await);
    let why = |org: &Organisation| json!({ "reason": org.name });
    each_call_goes_wrong(
        &saldo,
        async |org: Organisation| {
            die(&org.saldo, 1);
            org
        },
        |world, org| {
            let deed = Deed { by: "ana", path: "dead-letters/redrive", key: &org.name, body: why(org) };
            does(&org.saldo, world, &deed)
        },
        async |org| {
            let (status, done) = redrive(&org.saldo, "ana", &org.name, &org.name).await;
            assert!([200, 201].contains(&status), "{}: {status} {done}", org.name);
            let (status, again) = redrive(&org.saldo, "ana", &org.name, &org.name).await;
            assert_eq!((status, again), (200, done), "{}", org.name);
        },
    )
    .await;
    assert_eq!(waiting(&saldo).0, 0);
}
