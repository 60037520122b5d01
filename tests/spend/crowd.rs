//! More senders than a balance shard serves: what they are told, and what others notice of it.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use saldo_adapters::clock::Clock;
use saldo_credits::Balances as _;
use saldo_domain::{
    Channel, Counting, Credits, DebitId, Details, LONGEST_RETRY_AFTER_SECS, OrgId, PENDING_ROOM, Reservation,
    ReservedDebit, SEQUENCE_STEP, ShardId, Stamp,
};
use saldo_local::Saldo;
use serde_json::json;
use tokio::task::JoinSet;

use super::sending_org::SendingOrg;
use crate::support::books;
use crate::support::proxy::Proxy;
use crate::support::system;

/// As many debits of others are pending as there is room for, and the shard goes on to serve somebody.
async fn others_reserve(acme: &SendingOrg, served: Arc<AtomicBool>) -> Vec<String> {
    let store = acme.saldo.world().store(&acme.saldo.env_of("spend")).unwrap();
    let org = OrgId::parse("acme").unwrap();
    let code = Stamp::code(Credits(1), Channel::EMAIL, &Details::default()).unwrap();
    let ids: Vec<_> = (0..PENDING_ROOM).map(|_| acme.id()).collect();
    for id in &ids {
        let debit = ReservedDebit { id: DebitId::parse(id).unwrap(), credits: Credits(1), code };
        let (debits, at) = (vec![debit], acme.clock.now());
        let counting = Counting::default();
        let reservation =
            Reservation { debits, acknowledged: Vec::new(), unsharded: true, epoch: 0, at, counting };
        store.reserve(&org, ShardId::MAIN, &reservation).await.unwrap();
    }
    let saldo = Arc::clone(&acme.saldo);
    tokio::spawn(async move {
        let client = books::dynamodb(&saldo);
        while !served.load(Ordering::SeqCst) {
            let key = |text: &str| AttributeValue::S(text.to_owned());
            let serve = client
                .update_item()
                .table_name(books::table(&saldo))
                .key("pk", key("ORG#acme"))
                .key("sk", key("BALANCE"))
                .update_expression("ADD v :step")
                .expression_attribute_values(":step", AttributeValue::N(SEQUENCE_STEP.to_string()));
            serve.send().await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_in_a_crowd_is_told_when_to_come_again_and_the_same_debit_then_goes_through() {
    let acme = SendingOrg::open().await;
    let over = Arc::new(AtomicBool::new(false));
    let pending = others_reserve(&acme, Arc::clone(&over)).await;
    let (id, message) = (acme.id(), json!({"channel": "email"}));
    let began = Instant::now();
    let refused = acme.debit(&id, message.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "too_many_debits".to_owned()));
    let secs: u32 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=LONGEST_RETRY_AFTER_SECS).contains(&secs), "{secs}");
    assert!(began.elapsed() > Duration::from_millis(500), "it waited for room first");
    assert_eq!(
        acme.credits().await,
        1_000 - i64::try_from(PENDING_ROOM).unwrap(),
        "nothing of it is reserved"
    );
    let found = acme.debit(&pending[25], message.clone()).await;
    assert_eq!(found.status.as_u16(), 201, "what is pending already needs no place");
    over.store(true, Ordering::SeqCst);
    acme.clock.advance(i64::from(secs));
    let mut answer = acme.debit(&id, message.clone()).await;
    for _ in 0..5 {
        if answer.status.as_u16() != 503 {
            break;
        }
        answer = acme.debit(&id, message.clone()).await;
    }
    assert_eq!(answer.status.as_u16(), 201, "{}", String::from_utf8_lossy(&answer.body));
    let again = acme.debit(&id, message).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, answer.json()));
    acme.clock.advance(120);
    assert_eq!(acme.credits().await, 999 - i64::try_from(PENDING_ROOM).unwrap(), "once");
    books::prove_always(&acme.saldo, "after a crowd").await;
}

/// One function, one client of DynamoDB, and everything about one organisation takes two seconds.
#[tokio::test(flavor = "multi_thread")]
async fn one_organisations_slow_shard_holds_up_no_other_in_the_same_process() {
    let clock = Clock::system();
    let saldo: Arc<Saldo> = Arc::new(system::start(&clock).await);
    for org in ["acme", "globex"] {
        system::with_credits(&saldo, org).await;
    }
    let slow = Duration::from_secs(2);
    let proxy = Proxy::start_slow_about(&saldo, "ORG#acme", slow).await;
    let function = saldo_spend::connect(&saldo.env_of("spend"), &proxy.world).unwrap();
    let (mut crowd, message) = (JoinSet::new(), json!({"channel": "email"}));
    for _ in 0..60 {
        let (function, id, message) = (function.clone(), system::debit_id(&clock, 0), message.clone());
        crowd.spawn(async move { system::debit_by(&function, "acme", &id, &message).await.0 });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let began = Instant::now();
    for _ in 0..10 {
        let (status, debit) =
            system::debit_by(&function, "globex", &system::debit_id(&clock, 0), &message).await;
        assert_eq!(status, 201, "{debit}");
    }
    assert!(began.elapsed() < slow, "{:?} for ten debits beside a crowd", began.elapsed());
    assert!(crowd.try_join_next().is_none(), "the others still wait");
    while let Some(status) = crowd.join_next().await {
        let status = status.unwrap();
        assert!([201, 503].contains(&status), "{status}");
    }
    books::prove_always(&saldo, "after a crowd of one organisation").await;
}
