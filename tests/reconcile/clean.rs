//! Books that are right are told to be right, at rest and on the move.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use saldo_adapters::clock::Clock;
use saldo_credits::Spender;
use saldo_domain::{Actor, AtEnd, Channel, Credits, Debit, DebitId, HoldTerms, OrgId};
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::Method;
use serde_json::json;

use crate::support::books;
use crate::support::program::command;
use crate::support::system;

#[tokio::test(flavor = "multi_thread")]
async fn books_that_are_right_are_clean() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    for org in ["acme", "globex"] {
        system::with_credits(&saldo, org).await;
        for _ in 0..3 {
            let id = system::debit_id(&clock, 0);
            let sms = json!({"channel": "sms"});
            assert_eq!(system::debit(&saldo, &saldo.world(), org, &id, &sms).await.0, 201);
        }
    }
    let report = system::reconcile(&saldo, &saldo.world(), true).await;
    assert_eq!((&report["verdict"], &report["organisations"]), (&json!("clean"), &json!(2)), "{report}");
    assert_eq!(report["entries"], 8, "{report}");
    clock.advance(3600);
    let report = system::reconcile(&saldo, &saldo.world(), true).await;
    assert_eq!((&report["verdict"], &report["invoices"]), (&json!("clean"), &json!(2)), "{report}");
    books::prove_at_rest(&saldo, "after reconciling").await;
    let function = saldo_reconcile::connect(&saldo.env_of("reconcile"), &saldo.world()).unwrap();
    let shown = function.handle(json!({"reports": 5}), std::time::Duration::from_secs(60)).await;
    assert_eq!(shown["reports"].as_array().unwrap().len(), 2, "of each run one, the newest first: {shown}");
    assert_eq!(shown["reports"][0], report);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_spends_meanwhile_is_never_told_wrongly() {
    let clock = Clock::system();
    let saldo = Arc::new(system::start(&clock).await);
    system::with_credits(&saldo, "acme").await;
    let spending = {
        let (saldo, clock) = (Arc::clone(&saldo), clock.clone());
        tokio::spawn(async move {
            let function = saldo_spend::connect(&saldo.env_of("spend"), &saldo.world()).unwrap();
            for at in 0..250 {
                let id = system::debit_id(&clock, 0);
                let email = json!({"channel": "email"});
                assert_eq!(system::debit_by(&function, "acme", &id, &email).await.0, 201);
                if at % 10 == 0 {
                    assert_eq!(system::reverse(&saldo, &saldo.world(), "acme", &id).await.0, 200);
                }
            }
        })
    };
    let mut looked = 0;
    while !spending.is_finished() {
        let report = system::reconcile(&saldo, &saldo.world(), true).await;
        assert_eq!(report["differences"], json!([]), "{report}");
        looked += report["organisations"].as_u64().unwrap();
    }
    spending.await.unwrap();
    assert!(looked > 0, "it was compared while it moved");
    books::prove_always(&saldo, "after spending").await;
}

/// Holds end so fast that no two looks at the balance find the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_whose_holds_come_back_all_the_time_is_compared() {
    let clock = Clock::system();
    let saldo = Arc::new(system::start(&clock).await);
    system::with_credits(&saldo, "acme").await;
    let over = Arc::new(AtomicBool::new(false));
    let holding = {
        let (clock, over) = (clock.clone(), Arc::clone(&over));
        let store = saldo.world().store(&saldo.env_of("spend")).unwrap();
        tokio::spawn(async move {
            let (spender, org) = (Spender::new(store), OrgId::parse("acme").unwrap());
            let mut ended = 0;
            while !over.load(Ordering::Relaxed) {
                let (id, now) = (DebitId::parse(&system::debit_id(&clock, 0)).unwrap(), clock.now());
                let hold = Some(HoldTerms::lasting(now, now, 3_600, AtEnd::Release));
                let debit = Debit { hold, ..Debit::costing(id, Channel::EMAIL, Credits(1)) };
                spender.hold(&org, &Actor::System, &debit, now).await.unwrap();
                spender.release(&org, &Actor::System, id, now).await.unwrap();
                ended += 1;
            }
            ended
        })
    };
    let mut looked = 0;
    for _ in 0..3 {
        let report = system::reconcile(&saldo, &saldo.world(), true).await;
        assert_eq!(report["differences"], json!([]), "{report}");
        looked += report["organisations"].as_u64().unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let ended = holding.await.unwrap();
    assert!(looked == 3 && ended > 20, "it was compared {looked} times while {ended} holds ended");
    books::prove_always(&saldo, "after holding").await;
}

/// As it is started on the command line.
#[test]
fn the_command_tells_by_its_code_whether_the_books_are_right() {
    let folder = crate::support::data_folder::DataFolder::new("reconcile");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let run = || {
        let data = folder.path().to_str().unwrap();
        let program = async { command().args(["reconcile", "--data", data]).output().await };
        let output = runtime.block_on(program).unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    // An hour ago, since what is of these minutes may still be on its way.
    let clock = Clock::system();
    clock.advance(-3600);
    let started = || {
        let (data, clock) = (Some(folder.path().to_owned()), clock.clone());
        let options = Options { data, clock, poll: false, ..Options::default() };
        runtime.block_on(Saldo::start(options)).unwrap()
    };
    let saldo = started();
    runtime.block_on(system::with_credits(&saldo, "acme"));
    runtime.block_on(saldo.stop());
    let (code, said) = run();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Compared 1 organisations with 1 entries"), "{said}");
    let saldo = started();
    // Nobody works on what the webhook hears.
    let (_, invoice) = runtime.block_on(system::open_top_up(&saldo, "globex"));
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    runtime.block_on(saldo.stop());
    let (code, said) = run();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("paid_unheard  globex") && said.contains("1 repaired, 0 for a person"), "{said}");
    let (code, said) = run();
    assert_eq!(code, Some(0), "{said}");
    let saldo = started();
    runtime.block_on(async {
        let (client, table) = (books::dynamodb(&saldo), books::table(&saldo));
        let update = client.update_item().table_name(table);
        let key = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        let update = update.key("pk", key("ORG#acme")).key("sk", key("BALANCE"));
        let one = aws_sdk_dynamodb::types::AttributeValue::N("1".to_owned());
        update
            .update_expression("ADD credits :one")
            .expression_attribute_values(":one", one)
            .send()
            .await
            .unwrap();
        saldo.stop().await;
    });
    let (code, said) = run();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("balance  acme  balance: balance 1001 | entries 1000, unwritten 0"), "{said}");
}
