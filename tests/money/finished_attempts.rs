//! A finished attempt is finished: its request is answered with what became of it, for as long as it is remembered.
use saldo_adapters::clock::Clock;
use saldo_local::Saldo;
use serde_json::Value;

use crate::support::books;
use crate::support::proxy::{Fault, Kind, Proxy, Run};
use crate::support::system;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_stripe_refused_once_answers_its_failed_top_up_whenever_it_comes_again() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let count = Proxy::start(&saldo, None).await;
    let _ = count.run(system::create(&saldo, &count.world, "counted", "key")).await;
    let mut failed = 0;
    for at in 1..=count.calls() {
        let org = format!("org-{at}");
        let proxy = Proxy::start(&saldo, Some(Fault { at, kind: Kind::Refused })).await;
        let Run::Done((status, first)) = proxy.run(system::create(&saldo, &proxy.world, &org, "key")).await
        else {
            panic!("a refusal kills nobody")
        };
        if status == 201 {
            assert_eq!(first["status"], "open", "{at}: nothing was refused, or it was got round");
            continue;
        }
        failed += 1;
        assert_eq!((status, failure(&first)), (200, "provider_refused"), "{at}: {first}");
        for _ in 0..3 {
            let (status, again) = system::create(&saldo, &saldo.world(), &org, "key").await;
            assert_eq!((status, &again), (200, &first), "{at}: finished is finished");
        }
        assert_eq!(ended_by(&saldo, &org, &first).await, ("provider_refused", "machine", "order"));
        let (status, next) = system::create(&saldo, &saldo.world(), &org, "another").await;
        assert_eq!(status, 201, "{at}: the slot is free: {next}");
    }
    assert!(failed >= 3, "customer, draft and line are refused: {failed}");
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "refused once").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_an_outage_of_stripe_cut_off_answers_its_failed_top_up() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let count = Proxy::start(&saldo, None).await;
    let _ = count.run(system::create(&saldo, &count.world, "counted", "key")).await;
    for at in 2..=count.calls() {
        let org = format!("org-{at}");
        let proxy = Proxy::start(&saldo, Some(Fault { at, kind: Kind::Outage })).await;
        let Run::Done((status, problem)) = proxy.run(system::create(&saldo, &proxy.world, &org, "key")).await
        else {
            panic!("an outage kills nobody")
        };
        assert_eq!(status, 503, "{at}: it may still become something: {problem}");
    }
    clock.advance(6 * 60);
    assert_eq!(system::cleanup(&saldo, &saldo.world()).await["failed"], 0);
    let mut failed = 0;
    for at in 2..=count.calls() {
        let org = format!("org-{at}");
        let (status, first) = system::create(&saldo, &saldo.world(), &org, "key").await;
        if status == 201 || first["status"] == "open" {
            continue;
        }
        failed += 1;
        assert_eq!((status, failure(&first)), (200, "not_completed"), "{at}: {first}");
        for _ in 0..3 {
            assert_eq!(system::create(&saldo, &saldo.world(), &org, "key").await, (200, first.clone()));
        }
        assert_eq!(ended_by(&saldo, &org, &first).await, ("not_completed", "system", "check"));
        assert_eq!(system::create(&saldo, &saldo.world(), &org, "another").await.0, 201);
    }
    assert!(failed >= 3, "before the invoice could be paid there are more steps: {failed}");
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "cut off").await;
}

fn failure(top_up: &Value) -> &str {
    assert_eq!(top_up["status"], "failed", "{top_up}");
    assert!(top_up["failure"]["detail"].as_str().unwrap().contains("Nothing was charged"), "{top_up}");
    top_up["failure"]["code"].as_str().unwrap()
}

/// What the row says of its end: why, by whom, on what occasion.
async fn ended_by(saldo: &Saldo, org: &str, top_up: &Value) -> (&'static str, &'static str, &'static str) {
    let items = books::items(saldo).await;
    let (pk, sk) = (format!("ORG#{org}"), format!("TOPUP#{}", system::id_of(top_up)));
    let row = items.iter().find(|item| books::text(item, "pk") == pk && books::text(item, "sk") == sk);
    let row = row.expect("a failed top-up keeps its row");
    let known = |name: &str| -> &'static str {
        let said = books::text(row, name);
        ["provider_refused", "not_completed", "machine", "system", "order", "check"]
            .into_iter()
            .find(|word| said.starts_with(word))
            .unwrap_or_else(|| panic!("{name} is {said:?}"))
    };
    (known("failed_for"), known("changed_by"), known("changed_for"))
}
