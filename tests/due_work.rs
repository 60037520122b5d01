//! The list of unfinished work, spread over the partitions of its index.
use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use saldo_adapters::clock::Clock;
use saldo_domain::{Timestamp, TopUpId};

use crate::support::{books, system};

#[tokio::test(flavor = "multi_thread")]
async fn due_work_comes_once_and_the_longest_waiting_first() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let now = clock.now();
    let (client, table) = (books::dynamodb(&saldo), books::table(&saldo));
    let mut waiting = Vec::new();
    for number in 0..160_i64 {
        // A third of all is in one partition, more than is read at a time; every tenth is not due yet.
        let partition = if number % 3 == 0 { 5 } else { number % 8 };
        let due = number % 10 != 0;
        let at = if due { now.ms() - fastrand::i64(0..100_000) } else { now.ms() + 1 + number };
        let id = TopUpId::new(Timestamp::from_ms(at));
        let text = |text: String| AttributeValue::S(text);
        let put = client
            .put_item()
            .table_name(&table)
            .item("pk", text(format!("ORG#org-{number}")))
            .item("sk", text(format!("TOPUP#{id}")))
            .item("due_pk", text(format!("DUE#TOPUP#{partition}")))
            .item("due_at", text(format!("{at:015}")));
        put.send().await.unwrap();
        if due {
            waiting.push((at, id));
        }
    }
    let store = saldo.world().store(&saldo.env_of("cleanup")).unwrap();
    let (mut work, mut order) = (store.due_top_ups(now), Vec::new());
    while let Some(due) = work.next().await.unwrap() {
        let (at, id) = waiting.iter().find(|(_, id)| *id == due.id).expect("only what is due").clone();
        order.push((at, id));
    }
    let times: Vec<_> = order.iter().map(|(at, _)| *at).collect();
    assert!(times.is_sorted(), "{times:?}");
    let (handed, all): (BTreeSet<_>, BTreeSet<_>) = (order.iter().collect(), waiting.iter().collect());
    assert_eq!((order.len(), handed), (waiting.len(), all), "each once");
    saldo.stop().await;
}
