//! Each function's key at Stripe may do what the function asks, and nothing of it is to spare.
use saldo_adapters::clock::Clock;
use saldo_adapters::stripe::{OPERATE_KEY, READ_KEY, WRITE_KEY, WRITE_KEY_WITH_PRODUCT};
use saldo_local::Saldo;
use saldo_stripe_stand_in::{DisputeKind, Method};

use crate::operate::staff as operate;
use crate::support::books;
use crate::support::client::Client;
use crate::support::system::{self, TOTAL, message};

mod asked;

/// The keys that the local system hands to its functions.
const WRITE: &str = "rk_test_local_write";
const READ: &str = "rk_test_local_read";
/// So many of the permissions to read, the first ones, are what a payment takes; the others, what went back.
const PAYING: usize = 3;
/// So many of the read key's are needed to take back what was paid; the last one is for listing events.
const RETURNING: usize = 6;

async fn with_keys(clock: &Clock, write: &[&str], read: &[&str]) -> Saldo {
    let saldo = system::start(clock).await;
    saldo.stand_in().restrict_key(WRITE, write);
    saldo.stand_in().restrict_key(READ, read);
    saldo
}

fn without<'a>(all: &[&'a str], one: &str) -> Vec<&'a str> {
    all.iter().copied().filter(|name| *name != one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_with_the_permissions_that_are_told_are_enough_for_everything() {
    let clock = Clock::system();
    let saldo = with_keys(&clock, &WRITE_KEY, &READ_KEY).await;
    let world = saldo.world();
    system::with_credits(&saldo, "acme").await;
    assert_eq!(system::balance(&saldo, "acme").await.1["available_credits"], 1000);
    system::change_settings(&saldo, &world, "acme", 0, "PT Acme").await;
    let (id, _) = system::open_top_up(&saldo, "globex").await;
    assert_eq!(system::cancel(&saldo, &world, "globex", &id).await.0, 200);
    let (status, again) = system::create(&saldo, &world, "acme", "again").await;
    assert_eq!((status, &again["status"]), (201, &"open".into()), "the customer was told anew: {again}");
    clock.advance(80 * 3600);
    let summary = system::cleanup(&saldo, &world).await;
    assert_eq!((&summary["failed"], &summary["finished"]), (&0.into(), &1.into()), "{summary}");
    books::prove_always(&saldo, "with restricted keys").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_of_them_no_top_up_is_opened() {
    for missing in WRITE_KEY {
        let saldo = with_keys(&Clock::system(), &without(&WRITE_KEY, missing), &READ_KEY).await;
        let (status, answer) = system::create(&saldo, &saldo.world(), "acme", "first").await;
        assert_ne!(status, 201, "without {missing}: {answer}");
        books::prove_always(&saldo, missing).await;
    }
}

/// Lines of a product that is configured need it to be read, and none to be made.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_product_of_the_configuration_none_is_made_and_none_needs_to_be() {
    let clock = Clock::system();
    let saldo = system::start_with(&clock, &[("StripeProduct", "prod_Credits")]).await;
    let staff = Client::new(saldo.stripe_url()).with_token("sk_test_staff");
    let made = staff.send("POST", "/v1/products", &[], "id=prod_Credits&name=Credits").await;
    assert_eq!(made.status, 200, "{made:?}");
    let with = |names: &[&str]| saldo.stand_in().restrict_key(WRITE, names);
    for missing in WRITE_KEY_WITH_PRODUCT {
        with(&without(&WRITE_KEY_WITH_PRODUCT, missing));
        let (status, answer) = system::create(&saldo, &saldo.world(), "acme", missing).await;
        assert_eq!((status, answer["code"].as_str()), (500, Some("provider_key_not_permitted")), "{missing}");
    }
    with(&WRITE_KEY_WITH_PRODUCT);
    let (_, invoice) = system::open_top_up(&saldo, "acme").await;
    let invoices = saldo.stand_in().invoices();
    let line = &invoices.iter().find(|each| each["id"] == invoice.as_str()).unwrap()["lines"]["data"][0];
    assert_eq!(line["pricing"]["price_details"]["product"], "prod_Credits");
    assert_eq!(line["description"], "Message credits");
    let products = staff.get("/v1/products").await.json();
    assert_eq!(products["data"].as_array().unwrap().len(), 1, "none is made: {products}");
    books::prove_always(&saldo, "with a product").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_that_is_not_there_refuses_the_top_up() {
    let saldo = system::start_with(&Clock::system(), &[("StripeProduct", "prod_None")]).await;
    let (status, top_up) = system::create(&saldo, &saldo.world(), "acme", "first").await;
    assert_eq!((status, &top_up["failure"]["code"]), (200, &"provider_refused".into()), "{top_up}");
    books::prove_always(&saldo, "without the product").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_of_them_no_payment_is_credited_and_none_is_lost() {
    for missing in &READ_KEY[..PAYING] {
        let saldo = with_keys(&Clock::system(), &WRITE_KEY, &without(&READ_KEY, missing)).await;
        let (_, invoice) = system::open_top_up(&saldo, "acme").await;
        saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
        let paid = [message("invoice.paid", &invoice)];
        assert_eq!(system::work(&saldo, &saldo.world(), &paid).await, ["0"], "without {missing}");
        saldo.stand_in().restrict_key(READ, &READ_KEY);
        assert!(system::work(&saldo, &saldo.world(), &paid).await.is_empty(), "with {missing} again");
        assert_eq!(system::balance(&saldo, "acme").await.1["available_credits"], 1000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_of_the_others_what_went_back_waits_and_is_not_lost() {
    for missing in &READ_KEY[PAYING..RETURNING] {
        let saldo = with_keys(&Clock::system(), &WRITE_KEY, &without(&READ_KEY, missing)).await;
        let invoice = system::with_credits(&saldo, "acme").await;
        saldo.stand_in().refund(&invoice, Some(TOTAL / 2)).unwrap();
        let heard = system::heard(&saldo, "refund.created").await;
        assert_eq!(system::work(&saldo, &saldo.world(), &heard).await, ["0"], "without {missing}");
        assert_eq!(system::balance(&saldo, "acme").await.1["available_credits"], 1000);
        saldo.stand_in().restrict_key(READ, &READ_KEY);
        assert!(system::work(&saldo, &saldo.world(), &heard).await.is_empty(), "with {missing} again");
        assert_eq!(system::balance(&saldo, "acme").await.1["available_credits"], 500);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_listing_events_the_invoices_are_compared_all_the_same() {
    let clock = Clock::system();
    let saldo = with_keys(&clock, &WRITE_KEY, &READ_KEY[..RETURNING]).await;
    let (_, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    clock.advance(3600);
    let report = system::reconcile(&saldo, &saldo.world(), false).await;
    assert_eq!((&report["failed"], &report["repaired"]), (&1.into(), &1.into()), "{report}");
    saldo.stand_in().restrict_key(READ, &READ_KEY);
    let report = system::reconcile(&saldo, &saldo.world(), false).await;
    assert_eq!((&report["failed"], &report["verdict"]), (&0.into(), &"clean".into()), "{report}");
}

#[test]
fn the_page_about_deploying_lists_the_permissions_of_both_keys() {
    let page = include_str!("../docs/deploy.md");
    for (key, permissions) in
        [("write_key", [&WRITE_KEY[..], &OPERATE_KEY].concat()), ("read_key", READ_KEY.to_vec())]
    {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{key}` |"))).unwrap();
        let (write, read) = row.split_once("read:").unwrap();
        for permission in &permissions {
            let (object, part) = match permission.trim_start_matches("rak_").rsplit_once('_').unwrap() {
                (object, "write") => (object, write),
                (object, _) => (object, read),
            };
            // Stripe's pages say Prices where its permissions say plan.
            let words = object.replace("plan", "price").replace('_', " ");
            assert!(part.to_lowercase().contains(&words), "{permission} is not in the row of {key}");
        }
        assert_eq!(row.matches(',').count() + 1, permissions.len() - usize::from(row.contains(';')), "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_staff_need_three_permissions_more_and_each_of_them() {
    let write = [&WRITE_KEY[..], &OPERATE_KEY].concat();
    let saldo = with_keys(&Clock::system(), &write, &READ_KEY).await;
    let (id, invoice) = system::open_top_up(&saldo, "acme").await;
    saldo.stand_in().pay(&invoice, Method::Card).unwrap();
    let refund = saldo.stand_in().refund(&invoice, Some(1_000)).unwrap();
    let dispute = saldo.stand_in().dispute(&invoice, DisputeKind::Chargeback, Some(1_000)).unwrap();
    let note = operate::at_stripe(
        &saldo,
        "/v1/credit_notes",
        &format!("invoice={invoice}&amount=100&out_of_band_amount=100"),
    )
    .await;
    let note = note["id"].as_str().unwrap();
    let staff = operate::Staff::of(&saldo, "ana").await;
    for (needed, name) in
        [("rak_charge_write", &*refund), ("rak_dispute_read", &dispute), ("rak_credit_note_write", note)]
    {
        assert_eq!(staff.finds(name).await, operate::the_top_up("acme", &id), "{name}");
        saldo.stand_in().restrict_key(WRITE, &without(&write, needed));
        let refused = staff.ask(&format!("search?q={name}")).await;
        assert_eq!(refused.json()["code"], "provider_key_not_permitted", "without {needed}");
        saldo.stand_in().restrict_key(WRITE, &write);
    }
    for (at, needed) in OPERATE_KEY.into_iter().enumerate() {
        saldo.stand_in().restrict_key(WRITE, &without(&write, needed));
        let path = format!("top-ups/{id}/refund");
        let body = serde_json::json!({"org": "acme", "credits": 10, "reason": "the payer asked for it"});
        let deed = operate::Deed { by: "ana", path: &path, key: &format!("key-{at}"), body };
        let (status, problem) = operate::does(&saldo, &saldo.world(), &deed).await;
        assert!([409, 500].contains(&status), "without {needed}: {status} {problem}");
        saldo.stand_in().restrict_key(WRITE, &write);
    }
    books::prove_always(&saldo, "nothing was given back").await;
}
