//! Organisations whose debits are spread over shards, through HTTP.
use std::sync::Arc;

use saldo_adapters::config::Env;
use saldo_credits::Spender;
use saldo_domain::OrgId;
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::sending_org::SendingOrg;
use crate::support::{books, system};

const FOUR: &str = r#"{"acme":4}"#;

/// A function `spend` that believes in other shards.
fn believing(acme: &SendingOrg, shards: &str) -> Arc<saldo_spend::Function> {
    let mut variables = acme.saldo.plan().environment("spend").unwrap().clone();
    variables.insert("SALDO_SHARDS".to_owned(), shards.to_owned());
    let env: Env = variables.into_iter().collect();
    Arc::new(saldo_spend::connect(&env, &acme.saldo.world()).unwrap())
}

/// How many items hold credits, and how many ledgers of shards there are.
async fn parts(acme: &SendingOrg) -> (usize, usize) {
    let items = books::items(&acme.saldo).await;
    let parts = |item: &books::Item| books::text(item, "pk").split('#').count();
    let shards = items.iter().filter(|item| books::text(item, "sk") == "BALANCE" && parts(item) == 3).count();
    let ledgers =
        items.iter().filter(|item| books::text(item, "pk").starts_with("LEDGER#") && parts(item) == 4);
    let ledgers: std::collections::BTreeSet<_> = ledgers.map(|item| books::text(item, "pk")).collect();
    (shards, ledgers.len())
}

/// So many e-mails at once, each a batch by itself, which goes with nothing else; how many were done.
async fn alone_at_once(acme: &SendingOrg, count: usize) -> usize {
    let mut running = JoinSet::new();
    for _ in 0..count {
        running.spawn(acme.batch(&json!([{"id": acme.id(), "channel": "email"}])));
    }
    let all = running.join_all().await;
    assert!(all.iter().all(|answer| [200, 201, 503].contains(&answer.status.as_u16())));
    all.iter().filter(|answer| answer.status != 503).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_debits_at_once_on_a_balance_for_a_hundred_in_four_shards() {
    let acme = SendingOrg::with_shards(FOUR).await;
    acme.leave(140).await;
    // What goes together goes to as few shards as there are groups at a time.
    let left = 140 - alone_at_once(&acme, 40).await;
    // Credits may move under a debit's hands several times: then it is to be sent again.
    let (done, refused, busy) = acme.emails_at_once(200).await;
    assert!(done <= left, "{done}");
    for _ in 0..left - done {
        let answer = acme.debit(&acme.id(), json!({"channel": "email"})).await;
        assert_eq!(answer.status, 201, "down to the last credit, wherever it lies: {}", answer.json());
    }
    let answer = acme.debit(&acme.id(), json!({"channel": "email"})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["available_credits"]), (402, &json!(0)));
    println!("{done} done, {refused} refused and {busy} to be sent again at once");
    assert_eq!(acme.credits().await, 0);
    assert_eq!(parts(&acme).await, (4, 0), "four shards, and no ledger of theirs yet");
    books::prove_always(&acme.saldo, "after two hundred").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_balance_and_usage_are_of_all_shards() {
    let acme = SendingOrg::with_shards(FOUR).await;
    acme.clock.advance(10);
    let mut sent = Vec::new();
    for round in 0..2 {
        for _ in 0..30 {
            let id = acme.id();
            let answer = acme.debit(&id, json!({"channel": "whatsapp"})).await;
            assert_eq!(answer.status, 201, "{}", answer.json());
            sent.push(id);
            acme.clock.advance(1);
        }
        let ids = acme.run(5);
        let batch: Value = ids.iter().map(|id| json!({"id": id, "channel": "email"})).collect();
        assert_eq!(acme.batch(&batch).await.status, 201);
        sent.extend(ids);
        assert_eq!(acme.credits().await, 1000 - 65 * (round + 1));
        // Only ids of ten minutes later go to the ledgers of the shards.
        acme.clock.advance(700);
    }
    assert!(parts(&acme).await.1 > 2, "several ledgers hold entries: {:?}", parts(&acme).await);
    acme.clock.advance(60);
    let (early, late) = (&sent[3], &sent[40]);
    for id in [early, late] {
        let path = format!("/v1/debits/{id}/reverse");
        let again = acme.debit(id, json!({"channel": "whatsapp"})).await;
        assert_eq!(again.status, 200, "a repeat finds its entry: {}", again.json());
        assert_eq!(acme.sender.send("POST", &path, &[], "").await.status, 200);
        let again = acme.debit(id, json!({"channel": "whatsapp"})).await;
        assert_eq!(again.code(), "debit_reversed", "and its mark");
    }
    for limit in [1, 7, 100] {
        let entries = acme.entries_by(limit).await;
        let debits: Vec<_> = entries
            .iter()
            .filter(|entry| entry["kind"] == "debit")
            .map(|entry| entry["id"].as_str().unwrap())
            .collect();
        let mut expected: Vec<_> = sent.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(debits, expected, "in the order of time, by {limit}");
        assert_eq!(entries.len(), 1 + 70 + 2);
    }
    let csv = acme.viewer().send("GET", "/v1/entries", &[("accept", "text/csv")], "").await;
    assert_eq!(String::from_utf8(csv.body).unwrap().lines().count(), 74);
    let usage = acme.viewer().get("/v1/usage").await.json();
    let sum = |channel: &str, what: &str| -> i64 {
        let days = usage["days"].as_array().unwrap();
        days.iter().map(|day| day["channels"][channel][what].as_i64().unwrap()).sum()
    };
    assert_eq!((sum("email", "messages"), sum("whatsapp", "messages")), (10, 58));
    assert_eq!(sum("whatsapp", "credits"), 116);
    assert_eq!(acme.credits().await, 1000 - 130 + 4);
    books::prove_always(&acme.saldo, "after a while").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_disagree_about_the_shards_debit_each_message_once() {
    let acme = SendingOrg::open().await;
    acme.leave(400).await;
    let beliefs: Vec<_> =
        ["{}", r#"{"acme":2}"#, FOUR, r#"{"acme":8}"#].map(|shards| believing(&acme, shards)).to_vec();
    let mut ids: Vec<_> = (0..60).map(|_| acme.id()).collect();
    for round in 0..2 {
        let mut running = JoinSet::new();
        for id in &ids {
            for function in &beliefs {
                let (function, id) = (Arc::clone(function), id.clone());
                running.spawn(async move {
                    system::debit_by(&function, "acme", &id, &json!({"channel": "sms"})).await
                });
            }
        }
        while let Some(answer) = running.join_next().await {
            let (status, body) = answer.unwrap();
            assert!([200, 201, 503].contains(&status), "{status} {body}");
        }
        books::prove_always(&acme.saldo, "while they disagree").await;
        for id in &ids {
            let (status, body) = system::debit_by(&beliefs[2], "acme", id, &json!({"channel": "sms"})).await;
            assert!([200, 201].contains(&status), "{status} {body}");
        }
        acme.clock.advance(120);
        assert_eq!(acme.credits().await, 400 - 180 * (round + 1), "three credits each");
        assert_eq!(books::pending(&acme.saldo).await, [("acme".to_owned(), 0)], "nothing is left over");
        acme.clock.advance(700);
        ids = (0..60).map(|_| acme.id()).collect();
    }
    let one = acme.id();
    let (status, body) = system::debit_by(&beliefs[0], "acme", &one, &json!({"channel": "sms"})).await;
    assert_eq!(status, 201, "back to one shard: {body}");
    assert_eq!(acme.credits().await, 37);
    books::prove_always(&acme.saldo, "in the end").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_up_in_the_middle_reaches_every_shard() {
    let acme = SendingOrg::with_shards(FOUR).await;
    acme.leave(20).await;
    let ids: Vec<_> = (0..80).map(|_| acme.id()).collect();
    let (_, top_up) = system::create(&acme.saldo, &acme.saldo.world(), "acme", "second").await;
    let invoice = system::invoice_of(&acme.saldo, &system::id_of(&top_up)).unwrap();
    acme.saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    let mut running = JoinSet::new();
    for id in &ids {
        running.spawn(acme.debit(id, json!({"channel": "email"})));
    }
    let failed =
        system::work(&acme.saldo, &acme.saldo.world(), &[system::message("invoice.paid", &invoice)]).await;
    assert!(failed.is_empty(), "the top-up is credited among them");
    while let Some(answer) = running.join_next().await {
        let status = answer.unwrap().status.as_u16();
        assert!([200, 201, 402, 503].contains(&status), "{status}");
    }
    for id in &ids {
        let answer = acme.debit(id, json!({"channel": "email"})).await;
        assert!([200, 201].contains(&answer.status.as_u16()), "{}", answer.json());
    }
    assert_eq!(acme.credits().await, 20 + 1000 - 80);
    books::prove_always(&acme.saldo, "after the top-up").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_says_itself_how_many_shards_it_has() {
    let acme = SendingOrg::open().await;
    let store = acme.saldo.world().store(&acme.saldo.env_of("spend")).unwrap();
    let org = OrgId::parse("acme").unwrap();
    let spender = Spender::new(store);
    assert!(spender.set_shards(&org, Some(9)).await.is_err(), "there are at most eight");
    assert!(
        spender.set_shards(&OrgId::parse("globex").unwrap(), Some(2)).await.is_err(),
        "nothing to spread"
    );
    spender.set_shards(&org, Some(3)).await.unwrap();
    assert_eq!(alone_at_once(&acme, 40).await, 40);
    assert_eq!(parts(&acme).await.0, 3, "its own number, where the configuration names none");
    let configured = believing(&acme, r#"{"acme":8}"#);
    for _ in 0..2 {
        let (status, body) =
            system::debit_by(&configured, "acme", &acme.id(), &json!({"channel": "email"})).await;
        assert_eq!(status, 201, "{body}");
    }
    assert_eq!(parts(&acme).await.0, 3, "and before what the configuration says");
    spender.set_shards(&org, Some(0)).await.unwrap();
    let again = believing(&acme, "{}");
    for _ in 0..2 {
        let (status, body) = system::debit_by(&again, "acme", &acme.id(), &json!({"channel": "email"})).await;
        assert_eq!(status, 201, "{body}");
    }
    assert_eq!(acme.credits().await, 1000 - 44);
    books::prove_always(&acme.saldo, "after changing its mind").await;
}
