//! `cargo run -- doctor` finds what is set up wrongly at Stripe, says what to do, and changes nothing there.

use saldo_adapters::stripe::{OPERATE_KEY, READ_KEY, WRITE_KEY, WRITE_KEY_WITH_PRODUCT};
use saldo_local::doctor::{Report, Settings, Verdict, run};
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::Seller;

use crate::support::client::Client;
use crate::support::program::command;

const WRITE: &str = "rk_test_doctor_write";
const READ: &str = "rk_test_doctor_read";
const STAFF: &str = "sk_test_doctor";
const PRODUCT: &str = "prod_Doctor";

/// Sets something up wrongly.
type Plant = fn(&mut Seller);

/// A Saldo at whose Stripe all is as it should be.
async fn healthy() -> Saldo {
    let saldo = Saldo::start(Options::default()).await.unwrap();
    saldo.stand_in().restrict_key(WRITE, &and_operate(&WRITE_KEY));
    saldo.stand_in().restrict_key(READ, &READ_KEY);
    saldo
}

fn and_operate<'a>(selling: &[&'a str]) -> Vec<&'a str> {
    [selling, &OPERATE_KEY].concat()
}

fn environment(saldo: &Saldo) -> Vec<(&'static str, String)> {
    vec![
        ("STRIPE_WRITE_KEY", WRITE.to_owned()),
        ("STRIPE_READ_KEY", READ.to_owned()),
        ("STRIPE_API_KEY", STAFF.to_owned()),
        ("STRIPE_API_BASE", saldo.stripe_url().to_owned()),
        ("SALDO_STRIPE_LIVEMODE", "false".to_owned()),
        ("SALDO_WEBHOOK_URL", format!("{}/stripe/webhook", saldo.api_url())),
    ]
}

async fn looked_at(saldo: &Saldo, changes: &[(&'static str, &str)]) -> Report {
    let mut environment = environment(saldo);
    for (name, value) in changes {
        environment.retain(|(known, _)| known != name);
        environment.push((name, (*value).to_owned()));
    }
    let of = |name: &str| {
        let value = environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        value.filter(|value| !value.is_empty())
    };
    run(&Settings::read(of).unwrap()).await
}

/// What is to be mended, with what was seen and what is to be done.
fn to_mend(report: &Report) -> Vec<(&str, &str, &str)> {
    let wrong = report.findings.iter().filter(|finding| finding.verdict != Verdict::Right);
    wrong.map(|finding| (finding.what.as_str(), finding.seen.as_str(), finding.advice.as_str())).collect()
}

/// The one thing that is wrong: its row, and a part of what is said about it.
fn only(report: &Report, what: &str, seen: &str, advice: &str) {
    let wrong = to_mend(report);
    let [(found, said, told)] = wrong[..] else { panic!("{what}: {report}") };
    assert_eq!(found, what, "{report}");
    assert!(said.contains(seen), "{seen}: {said}");
    assert!(told.contains(advice), "{advice}: {told}");
    assert!(!report.is_right());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_right_it_says_so_and_nothing_is_changed() {
    let saldo = healthy().await;
    let staff = Client::new(saldo.stripe_url()).with_token(STAFF);
    let paths = ["customers", "products", "invoiceitems", "tax_rates", "events", "invoices", "refunds"];
    let count = async || {
        let mut all = Vec::new();
        for path in paths {
            all.push(
                staff.get(&format!("/v1/{path}?limit=100")).await.json()["data"].as_array().unwrap().len(),
            );
        }
        all
    };
    let before = count().await;
    let report = looked_at(&saldo, &[]).await;
    assert!(report.is_right(), "{report}");
    assert_eq!(count().await, before);
    let table = report.to_string();
    for row in [
        "write_key: Prices: write",
        "read_key: Invoices: read",
        "webhook endpoint: API version",
        "account: IDR",
    ] {
        assert!(table.lines().any(|line| line.starts_with(row)), "{row}: {table}");
    }
    assert!(table.ends_with("0 to mend, 0 not looked at"), "{table}");
    assert!(
        !table.contains(WRITE) && !table.contains(READ) && !table.contains(STAFF),
        "no key is told: {table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_permission_that_is_missing_is_named() {
    let saldo = healthy().await;
    let write = and_operate(&WRITE_KEY);
    for (key, name, all) in [(WRITE, "write_key", &write[..]), (READ, "read_key", &READ_KEY[..])] {
        for missing in all {
            let rest: Vec<&str> = all.iter().copied().filter(|each| each != missing).collect();
            saldo.stand_in().restrict_key(key, &rest);
            let report = looked_at(&saldo, &[]).await;
            let wrong = to_mend(&report);
            let [(what, seen, advice)] = wrong[..] else { panic!("without {missing}: {report}") };
            assert!(what.starts_with(name) && seen == "may not", "{missing}: {report}");
            assert!(advice.contains(missing), "{missing}: {advice}");
        }
        saldo.stand_in().restrict_key(key, all);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_product_it_is_looked_for_and_may_be_read_alone() {
    let saldo = healthy().await;
    let with = [("SALDO_STRIPE_PRODUCT", PRODUCT)];
    saldo.stand_in().restrict_key(WRITE, &and_operate(&WRITE_KEY_WITH_PRODUCT));
    only(&looked_at(&saldo, &with).await, "product", "does not exist", "StripeProduct");
    let staff = Client::new(saldo.stripe_url()).with_token(STAFF);
    let made = staff.send("POST", "/v1/products", &[], format!("id={PRODUCT}&name=Credits")).await;
    assert_eq!(made.status, 200, "{made:?}");
    let report = looked_at(&saldo, &with).await;
    assert!(report.is_right(), "{report}");
    let path = format!("/v1/products/{PRODUCT}");
    assert_eq!(staff.send("POST", &path, &[], "active=false").await.status, 200);
    only(&looked_at(&saldo, &with).await, "product", "archived", "out of the archive");
    let report = looked_at(&saldo, &[]).await;
    only(&report, "write_key: Products: write", "may not", "rak_product_write");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_endpoint_and_account_is_named() {
    let saldo = healthy().await;
    let cases: [(Plant, &str, &str, &str); 7] = [
        (
            |seller| seller.api_version = Some("2024-06-20".to_owned()),
            "webhook endpoint: API version",
            "2024-06-20",
            "anew",
        ),
        (
            |seller| seller.api_version = None,
            "webhook endpoint: API version",
            "the account's default",
            "2026-09-30.endive",
        ),
        (
            |seller| seller.enabled_events.retain(|kind| kind != "invoice.overpaid"),
            "webhook endpoint: event types",
            "without invoice.overpaid",
            "add them",
        ),
        (|seller| seller.endpoint_enabled = false, "webhook endpoint: status", "disabled", "enable it"),
        (|seller| seller.charges_enabled = false, "account: charges", "not enabled", "complete"),
        (|seller| seller.currencies = Some(vec!["idr".to_owned()]), "account: USD", "not taken", "Prices"),
        (|seller| seller.currencies = Some(vec!["usd".to_owned()]), "account: IDR", "not taken", "Prices"),
    ];
    for (plant, what, seen, advice) in cases {
        saldo.stand_in().set_up_seller(|seller| *seller = Seller::default());
        saldo.stand_in().set_up_seller(plant);
        only(&looked_at(&saldo, &[]).await, what, seen, advice);
    }
    saldo.stand_in().set_up_seller(|seller| *seller = Seller::default());
    saldo.stand_in().set_up_seller(|seller| seller.enabled_events = vec!["*".to_owned()]);
    let report = looked_at(&saldo, &[]).await;
    assert!(report.is_right(), "every type is told of: {report}");
    let elsewhere = looked_at(&saldo, &[("SALDO_WEBHOOK_URL", "https://saldo.example/stripe/webhook")]).await;
    only(&elsewhere, "webhook endpoint", "/stripe/webhook", "make one at https://saldo.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_mode_a_key_that_is_none_and_one_that_may_too_much_are_named() {
    let saldo = healthy().await;
    let report = looked_at(&saldo, &[("SALDO_STRIPE_LIVEMODE", "true")]).await;
    let wrong: Vec<&str> = to_mend(&report).iter().map(|(what, _, _)| *what).collect();
    assert_eq!(wrong, ["write_key: mode", "read_key: mode", "webhook endpoint: mode"], "{report}");

    let report = looked_at(&saldo, &[("STRIPE_READ_KEY", "rk_test_rolled")]).await;
    assert!(
        to_mend(&report)
            .iter()
            .any(|(what, seen, _)| what.starts_with("read_key: Invoices") && seen.contains("no such key")),
        "{report}"
    );

    let report = looked_at(&saldo, &[("STRIPE_READ_KEY", "sk_test_anything")]).await;
    only(&report, "read_key: not Customers: write", "may, or Stripe looks", "restricted key");
    saldo
        .stand_in()
        .restrict_key(WRITE, &[&and_operate(&WRITE_KEY)[..], &["rak_payment_intent_write"]].concat());
    let report = looked_at(&saldo, &[]).await;
    only(&report, "write_key: not Payment intents: write", "may, or Stripe looks", "check-stripe");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_key_may_read_is_said_not_to_be_looked_at() {
    let saldo = healthy().await;
    let report = looked_at(&saldo, &[("STRIPE_API_KEY", "")]).await;
    let unseen: Vec<&str> = to_mend(&report).iter().map(|(what, _, _)| *what).collect();
    assert_eq!(unseen, ["webhook endpoint", "account"], "{report}");
    let report = looked_at(&saldo, &[("STRIPE_API_KEY", WRITE)]).await;
    let unseen = to_mend(&report);
    assert!(
        unseen.iter().any(|(what, seen, _)| *what == "webhook endpoint" && seen.contains("403")),
        "{report}"
    );
    assert!(report.findings.iter().all(|finding| finding.verdict != Verdict::ToMend), "{report}");
    let report = looked_at(&saldo, &[("SALDO_WEBHOOK_URL", "")]).await;
    only(&report, "webhook endpoint", "not named", "StripeWebhookUrl");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_tells_by_its_exit_code_and_keeps_live_keys_at_stripe() {
    let saldo = healthy().await;
    let output = command().arg("doctor").envs(environment(&saldo)).output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    saldo.stand_in().set_up_seller(|seller| seller.endpoint_enabled = false);
    let output = command().arg("doctor").envs(environment(&saldo)).output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("TO MEND"), "{said}");
    for (name, value, words) in [
        ("STRIPE_WRITE_KEY", "", "STRIPE_WRITE_KEY is missing"),
        ("STRIPE_READ_KEY", "rk_live_secret", "a live key is sent to Stripe alone"),
        ("STRIPE_API_KEY", "secret", "STRIPE_API_KEY must start with"),
        ("SALDO_STRIPE_LIVEMODE", "", "SALDO_STRIPE_LIVEMODE is not set"),
        ("SALDO_STRIPE_PRODUCT", "Message credits", "SALDO_STRIPE_PRODUCT is the id"),
    ] {
        let output =
            command().arg("doctor").envs(environment(&saldo)).env(name, value).output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(words) && !said.contains("secret"), "{name}: {said}");
    }
}
