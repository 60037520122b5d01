//! Secrets are read at run time: whoever rolls one deploys nothing and loses nothing, and nobody can make many reads.
use std::time::Duration;

use saldo_adapters::clock::Clock;
use saldo_adapters::stripe::{READ_KEY, WRITE_KEY};
use saldo_local::secrets::Mood;
use saldo_local::watch::NAMESPACE;
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::{Method, Webhook, sign};
use serde_json::json;

use crate::support::client::{Answer, Client};
use crate::support::system::{self, WEBHOOK_SECRET};

const WRITE_SECRET: &str = "saldo-local/stripe/write_key";
const READ_SECRET: &str = "saldo-local/stripe/read_key";
/// Organisations that buy at the same moment.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn the_webhooks_secret_is_rolled_under_load_and_no_event_is_refused() {
    let (saldo, _) = start().await;
    let old = system::webhook_secret(&saldo);
    let signs_with = |secrets: &[&str]| {
        let secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        let url = format!("{}/stripe/webhook", saldo.api_url());
        saldo.stand_in().set_webhook(Some(Webhook { url, secrets }));
    };
    all_buy(&saldo, "before").await;
    signs_with(&["whsec_new", &old]);
    all_buy(&saldo, "while-stripe-signs-with-both").await;
    saldo.secrets().put(WEBHOOK_SECRET, "whsec_new");
    all_buy(&saldo, "when-the-new-one-is-known").await;
    everything_is_delivered(&saldo).await;
    signs_with(&["whsec_new"]);
    all_buy(&saldo, "when-the-old-one-is-over").await;
    everything_is_delivered(&saldo).await;
    let refused = saldo.watch().unwrap().total(NAMESPACE, "Refusals");
    assert_eq!((refused, saldo.secrets().reads(WEBHOOK_SECRET)), (0, 2), "refused, and read");
    saldo.stop().await;
}

/// Nobody waited for the old secret to end: what comes meanwhile is refused, and Stripe sends it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_ended_before_the_new_one_was_put_loses_nothing() {
    let (saldo, clock) = start().await;
    all_buy(&saldo, "before").await;
    everything_is_delivered(&saldo).await;
    let url = format!("{}/stripe/webhook", saldo.api_url());
    saldo.stand_in().set_webhook(Some(Webhook { url, secrets: vec!["whsec_new".to_owned()] }));
    let invoices = order(&saldo, "meanwhile").await;
    for invoice in &invoices {
        saldo.stand_in().pay(invoice, Method::VirtualAccount).unwrap();
    }
    until("an event is refused", || async { saldo.watch().unwrap().total(NAMESPACE, "Refusals") > 0 }).await;
    saldo.secrets().put(WEBHOOK_SECRET, "whsec_new");
    clock.advance(61);
    everything_is_delivered(&saldo).await;
    credited(&saldo, "meanwhile").await;
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_forged_signatures_reads_the_secret_once_a_minute() {
    let (saldo, clock) = start().await;
    let client = Client::new(saldo.api_url());
    assert_eq!(deliver(&client, &clock, &system::webhook_secret(&saldo)).await.status, 200);
    assert_eq!(saldo.secrets().reads(WEBHOOK_SECRET), 1, "read when it was needed");
    for minute in 1..=2 {
        let storm = (0..50).map(|_| async {
            let answer = deliver(&client, &clock, "whsec_forged").await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_signature"));
        });
        futures_util::future::join_all(storm).await;
        assert_eq!(saldo.secrets().reads(WEBHOOK_SECRET), 1 + minute);
        clock.advance(60);
    }
    for unfit in ["", "t=1,v1=00", "nonsense"] {
        let answer = client.send("POST", "/stripe/webhook", &[("stripe-signature", unfit)], "{}").await;
        assert_eq!(answer.status, 400, "{unfit}");
    }
    assert_eq!(saldo.secrets().reads(WEBHOOK_SECRET), 3, "what is no signature asks for nothing");
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_stripe_does_not_know_any_more_is_read_again_by_the_same_process() {
    let (saldo, clock) = start().await;
    all_buy(&saldo, "before").await;
    let reads = || (saldo.secrets().reads(WRITE_SECRET), saldo.secrets().reads(READ_SECRET));
    let (before, _) = reads();
    saldo.stand_in().restrict_key("rk_test_new_write", &WRITE_KEY);
    saldo.stand_in().restrict_key("rk_test_new_read", &READ_KEY);
    for _ in 0..5 {
        let answer = buy(&saldo, "early").await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (500, "provider_key_not_permitted"));
    }
    // A read that is slow is tried three times at the most.
    assert!((1..=3).contains(&(reads().0 - before)), "read again once, and it still says the old one");
    saldo.secrets().put(WRITE_SECRET, "rk_test_new_write");
    saldo.secrets().put(READ_SECRET, "rk_test_new_read");
    clock.advance(60);
    all_buy(&saldo, "after").await;
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_secrets_manager_nothing_starts_and_everything_heals() {
    for mood in [Mood::Down, Mood::Denying] {
        let (saldo, clock) = start().await;
        let client = Client::new(saldo.api_url());
        saldo.secrets().set_mood(mood);
        let secret = system::webhook_secret(&saldo);
        let answer = deliver(&client, &clock, &secret).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "temporarily_unavailable"));
        let answer = buy(&saldo, "acme").await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "payment_provider_unavailable"));
        assert!(answer.headers.contains_key("retry-after"));
        assert_eq!(saldo.watch().unwrap().total(NAMESPACE, "NeedsALook"), 2, "a person is told");
        let reader = saldo.world().webhook_secrets(&saldo.env_of("stripe-webhook")).unwrap();
        let why = reader.value().await.unwrap_err().to_string();
        assert!(why.starts_with("the secret saldo-local/stripe/webhook_secrets cannot be read: "), "{why}");
        assert!(!why.contains(&secret), "{why}");
        let reads = saldo.secrets().reads(WEBHOOK_SECRET);
        assert_eq!(reader.value().await.unwrap_err().to_string(), why);
        assert_eq!(saldo.secrets().reads(WEBHOOK_SECRET), reads, "not asked again at once");

        saldo.secrets().set_mood(Mood::Well);
        clock.advance(2);
        assert_eq!(deliver(&client, &clock, &secret).await.status, 200);
        assert_eq!(buy(&saldo, "acme").await.status, 200, "what was ordered meanwhile is brought on");
        saldo.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_again_or_cannot_be_used_leaves_the_old_value() {
    let (saldo, clock) = start().await;
    let client = Client::new(saldo.api_url());
    let old = system::webhook_secret(&saldo);
    assert_eq!(deliver(&client, &clock, &old).await.status, 200);
    let wrong = ["secret", "", "whsec_1,whsec_2,whsec_3"];
    for at in 0..=wrong.len() {
        match wrong.get(at) {
            Some(wrong) => saldo.secrets().put(WEBHOOK_SECRET, wrong),
            None => saldo.secrets().set_mood(Mood::Down),
        }
        let told = saldo.watch().unwrap().total(NAMESPACE, "NeedsALook");
        clock.advance(60);
        assert_eq!(deliver(&client, &clock, "whsec_forged").await.status, 400);
        assert!(saldo.watch().unwrap().total(NAMESPACE, "NeedsALook") > told, "{at}: a person is told");
        assert_eq!(deliver(&client, &clock, &old).await.status, 200, "{at}");
    }
    saldo.stop().await;
}

/// Its functions are connected once, as processes that go on.
async fn start() -> (Saldo, Clock) {
    let clock = Clock::system();
    let saldo = Saldo::start(Options { clock: clock.clone(), ..Options::default() }).await.unwrap();
    (saldo, clock)
}

async fn deliver(client: &Client, clock: &Clock, secret: &str) -> Answer {
    let event = json!({"id": "evt_1", "type": "customer.updated", "data": {"object": {"id": "cus_1"}}});
    let body = event.to_string();
    let signature = sign(&[secret.to_owned()], clock.now().secs(), body.as_bytes());
    client.send("POST", "/stripe/webhook", &[("stripe-signature", &signature)], body).await
}

async fn buy(saldo: &Saldo, org: &str) -> Answer {
    let token = saldo.token(org, &["billing:view", "billing:subscribe"], None).unwrap();
    let order = json!({"credits": 1000, "expected_total": {"currency": "IDR", "minor_units": system::TOTAL}});
    let client = Client::new(saldo.api_url()).with_token(token);
    client.send("POST", "/v1/top-ups", &[("idempotency-key", "one")], order.to_string()).await
}

fn names(of: &str) -> impl Iterator<Item = String> {
    (0..AT_ONCE).map(move |at| format!("{of}-{at}"))
}

/// Several organisations order at once; their invoices.
async fn order(saldo: &Saldo, of: &str) -> Vec<String> {
    let orders = names(of).map(|org| async move { buy(saldo, &org).await });
    let answers = futures_util::future::join_all(orders).await;
    answers
        .into_iter()
        .map(|answer| {
            assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
            system::invoice_of(saldo, answer.json()["id"].as_str().unwrap()).unwrap()
        })
        .collect()
}

/// Several organisations order, pay, and are credited because an event told of it.
async fn all_buy(saldo: &Saldo, of: &str) {
    for invoice in order(saldo, of).await {
        saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    }
    credited(saldo, of).await;
}

async fn credited(saldo: &Saldo, of: &str) {
    for org in names(of) {
        until(&format!("{org} has its credits"), || async {
            system::balance(saldo, &org).await.1["available_credits"] == 1000
        })
        .await;
    }
}

async fn everything_is_delivered(saldo: &Saldo) {
    until("Stripe has delivered everything", || async { saldo.stand_in().undelivered() == 0 }).await;
}

async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    for _ in 0..600 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("in half a minute it does not come to this: {what}");
}
