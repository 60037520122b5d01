//! `cargo run -- check-stripe` tries each fact of docs/unproven.md, and says honestly what it saw.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use axum::middleware::{Next, from_fn};
use saldo_local::check_stripe::{FACTS, Settings, Verdict, run};
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::Method;

use crate::support::client::Client;
use crate::support::program::command;

/// What the stand-in does otherwise than Stripe is expected to.
const OTHERWISE: [&str; 4] =
    ["tax-id-of-16-digits", "tax-id-nik", "read-key-writes-nothing", "permission-before-object"];

/// What cannot be tried on the stand-in: it confirms no intent of an invoice.
const NOT_TRIED: [&str; 1] = ["virtual-account-unpaid"];

#[tokio::test(flavor = "multi_thread")]
async fn every_fact_is_tried_on_the_stand_in_and_told_in_a_table() {
    let saldo = Saldo::start(Options::default()).await.unwrap();
    paid_by_transfer(&saldo).await;
    let report = run(&settings(saldo.stripe_url())).await.unwrap();
    let table = report.to_string();
    let mut verdicts: BTreeMap<&str, &str> = BTreeMap::new();
    for line in table.lines().skip(1).filter(|line| line.contains('|')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [fact, expected, seen, verdict] = cells[..] else { panic!("not a row: {line}") };
        assert!(!expected.is_empty() && !seen.is_empty(), "{line}");
        verdicts.insert(fact, verdict);
    }
    for fact in &FACTS {
        let expected = match fact.name {
            name if OTHERWISE.contains(&name) => "otherwise",
            name if NOT_TRIED.contains(&name) => "could not be tried",
            _ => "as expected",
        };
        assert_eq!(verdicts[fact.name], expected, "{}\n{table}", fact.name);
    }
    assert_eq!(verdicts.len(), FACTS.len());
    assert!(table.ends_with("31 as expected, 4 otherwise, 1 could not be tried"), "{table}");
    assert!(!report.is_as_expected());
    let left = Client::new(saldo.stripe_url()).with_token("sk_test_x").get("/v1/customers?limit=100").await;
    let left = left.json()["data"].as_array().unwrap().len();
    assert_eq!(left, 1, "of the customers only the one that was there before is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stripe_that_refuses_to_void_is_told_as_otherwise() {
    let saldo = Saldo::start(Options::default()).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = saldo.stand_in().router().layer(from_fn(never_void));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let report = run(&settings(&url)).await.unwrap();
    let of = |name: &str| report.rows.iter().find(|row| row.fact == name).unwrap();
    let open = of("close-an-open-one");
    assert_eq!(open.verdict, Verdict::Otherwise, "{report}");
    assert!(open.seen.starts_with("Open, 27750000 due of 27750000"), "{}", open.seen);
    assert_eq!(of("write-key").verdict, Verdict::Otherwise);
    assert_eq!(of("finalized").verdict, Verdict::AsExpected);
}

#[tokio::test]
async fn what_nobody_paid_by_transfer_yet_is_left_for_a_person_to_pay() {
    let saldo = Saldo::start(Options::default()).await.unwrap();
    let report = run(&settings(saldo.stripe_url())).await.unwrap();
    let row = report.rows.iter().find(|row| row.fact == "virtual-account-paid").unwrap();
    assert_eq!(row.verdict, Verdict::NotTried);
    let page = row.seen.split_whitespace().find(|word| word.starts_with("http")).unwrap();
    let page = Client::new("").get(page).await;
    assert_eq!(page.status, 200, "the page that is named can be paid on");
}

#[tokio::test]
async fn the_program_prints_the_table_and_fails_unless_all_is_as_expected() {
    let saldo = Saldo::start(Options::default()).await.unwrap();
    let keys = [("STRIPE_API_KEY", "sk_test_check"), ("STRIPE_API_BASE", saldo.stripe_url())];
    let output = command().arg("check-stripe").envs(keys).output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), FACTS.len() + 2, "{said}");
    assert!(said.contains("STRIPE_WRITE_KEY is not set"), "{said}");
}

#[tokio::test]
async fn a_live_key_is_refused_and_not_repeated() {
    for (name, key) in [("STRIPE_API_KEY", "sk_live_secret"), ("STRIPE_WRITE_KEY", "rk_live_secret")] {
        let keys = [("STRIPE_API_KEY", "sk_test_check"), (name, key)];
        let output = command().arg("check-stripe").envs(keys).output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("{name} is a live key")) && !said.contains(key), "{said}");
        assert!(output.stdout.is_empty());
    }
    let output = command().arg("check-stripe").output().await.unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("STRIPE_API_KEY=sk_test_… is missing"));
}

/// Names, their order and what is expected are the same in the page and in the program.
#[test]
fn the_page_of_what_is_unproven_and_the_checks_name_the_same_facts() {
    let page = include_str!("../../docs/unproven.md");
    let sections: Vec<&str> = page.split("\n### `").skip(1).collect();
    let told: Vec<(&str, &str)> = sections
        .iter()
        .map(|section| {
            let (name, rest) = section.split_once('`').unwrap();
            let (_, rest) = rest.split_once("- Expected: ").unwrap();
            let (expected, rest) = rest.split_once('\n').unwrap();
            let (request, otherwise) = rest.split_once("- Otherwise: ").unwrap();
            assert!(request.starts_with("- Request:\n  ```sh\n"), "{name} has a request");
            assert!(otherwise.trim().len() > 20, "{name} says what happens otherwise");
            (name, expected)
        })
        .collect();
    let tried: Vec<(&str, &str)> = FACTS.iter().map(|fact| (fact.name, fact.expected)).collect();
    assert_eq!(told, tried);
}

/// The requests of the page are ones that a shell understands.
#[tokio::test]
async fn the_requests_of_the_page_are_shell() {
    let page = include_str!("../../docs/unproven.md");
    let blocks: Vec<&str> =
        page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert!(blocks.len() > FACTS.len());
    for block in blocks {
        let checked = tokio::process::Command::new("bash").args(["-n", "-c", block]).output().await.unwrap();
        assert!(checked.status.success() && checked.stderr.is_empty(), "{block}");
    }
}

fn settings(base: &str) -> Settings {
    let environment = |name: &str| {
        let value = match name {
            "STRIPE_API_KEY" => "sk_test_check",
            "STRIPE_API_BASE" => base,
            "STRIPE_WRITE_KEY" => "rk_test_local_write",
            "STRIPE_READ_KEY" => "rk_test_local_read",
            _ => return None,
        };
        Some(value.to_owned())
    };
    Settings::read(environment).unwrap()
}

/// An invoice that was paid by Virtual Account, as a person does before the check is run.
async fn paid_by_transfer(saldo: &Saldo) {
    let (id, world) = ("paid-before", saldo.world());
    let (status, top_up) = crate::support::system::create(saldo, &world, id, "first").await;
    assert_eq!(status, 201, "{top_up}");
    let invoice = crate::support::system::invoice_of(saldo, &crate::support::system::id_of(&top_up)).unwrap();
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
}

async fn never_void(request: Request, next: Next) -> Response<Body> {
    if !request.uri().path().ends_with("/void") {
        return next.run(request).await;
    }
    let refusal = r#"{"error":{"type":"invalid_request_error","message":"There are pending payments waiting to clear."}}"#;
    Response::builder().status(400).body(Body::from(refusal)).unwrap()
}
