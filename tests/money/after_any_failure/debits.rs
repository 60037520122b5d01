//! Every call of spending goes wrong in every way.
use saldo_domain::DebitId;

use super::*;

impl Organisation {
    /// A debit of 3 of 1000 credits is answered the same however often it is sent.
    async fn is_debited_once(&self, id: &str) {
        let again = || system::debit(&self.saldo, &self.saldo.world(), &self.name, id, &sms());
        let (status, first) = again().await;
        assert!([200, 201].contains(&status), "{}: {status} {first}", self.name);
        assert_eq!(first, json!({"id": id, "credits": 3, "available_credits": 997}), "{}", self.name);
        assert_eq!(again().await, (200, first), "{}", self.name);
    }

    /// A batch of three that costs six is answered the same however often it is sent.
    async fn is_debited_once_each(&self, batch: &Value) {
        let again = || system::debit_batch(&self.saldo, &self.saldo.world(), &self.name, batch);
        let (status, first) = again().await;
        assert!([200, 201].contains(&status), "{}: {status} {first}", self.name);
        let spent: i64 =
            first["debits"].as_array().unwrap().iter().map(|debit| debit["credits"].as_i64().unwrap()).sum();
        assert_eq!(spent, 6, "{}: {first}", self.name);
        assert_eq!(again().await, (200, first), "{}", self.name);
    }
}

fn sms() -> Value {
    json!({"channel": "sms", "country": "ID", "reference": "order 17"})
}

/// Two of one run and one of another.
fn batch() -> Value {
    let clock = Clock::system();
    let run = DebitId::parse(&system::debit_id(&clock, 0)).unwrap().run();
    let ids = [run.id(3).unwrap().to_string(), run.id(4).unwrap().to_string(), system::debit_id(&clock, 0)];
    let message =
        |(id, channel): (String, &str)| json!({"id": id, "channel": channel, "reference": "order 17"});
    ids.into_iter().zip(["email", "whatsapp", "sms"]).map(message).collect()
}

/// Shards for every organisation of a test.
fn everyone_sharded() -> String {
    let mut orgs = serde_json::Map::new();
    orgs.insert("org-0".to_owned(), json!(2));
    for at in 1..40 {
        for kind in Kind::ALL {
            orgs.insert(format!("org-{at}-{kind:?}"), json!(2));
        }
    }
    Value::from(orgs).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_that_is_repeated_with_its_id_is_one_debit() {
    let (saldo, clock) = start().await;
    let calls = each_call_goes_wrong(
        &saldo,
        async |org| {
            org.with_credits().await;
            (org, system::debit_id(&Clock::system(), 0))
        },
        |world, (org, id)| system::debit(&org.saldo, world, &org.name, id, &sms()),
        async |(org, id)| org.is_debited_once(&id).await,
    )
    .await;
    assert_eq!(calls, 2, "a debit is two writes");
    look_at_balances(&saldo, &clock, 997).await;
    system::bring_to_rest(&saldo, &clock).await;
    books::prove_at_rest(&saldo, "after looking").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_that_asks_the_ledger_first_is_one_debit() {
    let (saldo, clock) = start().await;
    let calls = each_call_goes_wrong(
        &saldo,
        async |org| {
            org.with_credits().await;
            (org, system::debit_id(&Clock::system(), -60))
        },
        |world, (org, id)| system::debit(&org.saldo, world, &org.name, id, &sms()),
        async |(org, id)| org.is_debited_once(&id).await,
    )
    .await;
    assert_eq!(calls, 3, "one read and two writes");
    look_at_balances(&saldo, &clock, 997).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_that_nobody_repeats_is_finished_by_who_looks_at_the_balance() {
    let (saldo, clock) = start().await;
    each_call_goes_wrong(
        &saldo,
        async |org| {
            org.with_credits().await;
            (org, system::debit_id(&Clock::system(), 0))
        },
        |world, (org, id)| system::debit(&org.saldo, world, &org.name, id, &sms()),
        async |prepared| drop(prepared),
    )
    .await;
    books::prove_always(&saldo, "left alone").await;
    clock.advance(120);
    for (org, credits) in books::balances(&saldo).await {
        let (_, balance) = system::balance(&saldo, &org).await;
        assert_eq!(balance["available_credits"], credits, "{org}");
    }
    for (org, pending) in books::pending(&saldo).await {
        assert_eq!(pending, 0, "{org}: nothing stays half done");
    }
    books::prove_always(&saldo, "after looking").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reversal_that_is_repeated_is_one_reversal() {
    let (saldo, _) = start().await;
    each_call_goes_wrong(
        &saldo,
        async |org| {
            org.with_credits().await;
            let id = system::debit_id(&Clock::system(), 0);
            let (status, _) = system::debit(&org.saldo, &org.saldo.world(), &org.name, &id, &sms()).await;
            assert_eq!(status, 201);
            (org, id)
        },
        |world, (org, id)| system::reverse(&org.saldo, world, &org.name, id),
        async |(org, id)| {
            let again = || system::reverse(&org.saldo, &org.saldo.world(), &org.name, &id);
            let (status, first) = again().await;
            assert_eq!((status, &first["credits"]), (200, &json!(3)), "{}: {first}", org.name);
            assert_eq!(again().await, (200, first), "{}", org.name);
            assert_eq!(org.credits().await, 1000, "{}", org.name);
        },
    )
    .await;
    books::prove_always(&saldo, "after reversing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_repeated_is_one_batch() {
    let (saldo, clock) = start().await;
    let calls = each_call_goes_wrong(
        &saldo,
        async |org| {
            org.with_credits().await;
            (org, batch())
        },
        |world, (org, batch)| system::debit_batch(&org.saldo, world, &org.name, batch),
        async |(org, batch)| org.is_debited_once_each(&batch).await,
    )
    .await;
    assert_eq!(calls, 3, "one write of the balance, and one for each run");
    look_at_balances(&saldo, &clock, 994).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_debit_of_an_organisation_that_is_to_be_sharded_is_one_debit() {
    let (saldo, clock) = start_with(&[("Shards", &everyone_sharded())]).await;
    let calls = each_call_goes_wrong(
        &saldo,
        async |org| {
            org.with_credits().await;
            (org, batch())
        },
        |world, (org, batch)| system::debit_batch(&org.saldo, world, &org.name, batch),
        async |(org, batch)| org.is_debited_once_each(&batch).await,
    )
    .await;
    assert!(calls > 8, "it is sharded, and credits move: {calls}");
    look_at_balances(&saldo, &clock, 994).await;
}

/// Every organisation sees this balance, also after what was left half done is finished.
async fn look_at_balances(saldo: &Saldo, clock: &Clock, credits: i64) {
    books::prove_always(saldo, "before looking").await;
    clock.advance(120);
    for _ in 0..2 {
        for (org, _) in books::balances(saldo).await {
            let (_, balance) = system::balance(saldo, &org).await;
            assert_eq!(balance["available_credits"], credits, "{org}");
        }
    }
}
