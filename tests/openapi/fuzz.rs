//! A fuzzer makes requests from the description, right and wrong ones, and finds no answer that the description lacks.
use std::path::Path;
use std::time::Duration;

use saldo_domain::Permission;
use saldo_local::{Options, Saldo};
use saldo_stripe_stand_in::Method;
use serde_json::json;
use tokio::process::Command;

use super::python;
use crate::support::client::Client;
use crate::support::system;

const ORG: &str = "fuzz";
/// Requests of a call that are made at random, beside those at the edges of what is described.
const AT_RANDOM: &str = "40";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes of both cores; see the README"]
async fn whatever_is_asked_the_answer_is_described() {
    let Some(python) = python::interpreter().await else { return };
    let saldo = Saldo::start(Options::default().with_wide_budgets()).await.unwrap();
    let token = token_with_credits(&saldo).await;
    let folder = python::folder().join("fuzz");
    // What the fuzzer remembers is nobody's source.
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/openapi");
    std::fs::create_dir_all(&place).unwrap();
    let mut command = Command::new(python.with_file_name("schemathesis"));
    command
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", "--no-color", "--generation-deterministic"])
        .args(["--max-examples", AT_RANDOM, "--continue-on-failure", "--suppress-health-check", "all"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .arg(format!("{}/v1/openapi.json", saldo.api_url()))
        .current_dir(&place)
        .env("PYTHONPATH", &folder)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SALDO_URL", saldo.api_url())
        .env("SALDO_TOKEN", &token);
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    saldo.stop().await;
}

/// A token that may do everything, of an organisation that has bought as many credits as it could.
async fn token_with_credits(saldo: &Saldo) -> String {
    let token = saldo.token(ORG, &Permission::ALL.map(Permission::as_str), None).unwrap();
    let client = Client::new(saldo.api_url()).with_token(token.clone());
    let most = client.get("/v1/quote").await.json()["maximum_credits"].clone();
    let total = client.get(&format!("/v1/quote?credits={most}")).await.json()["total"].clone();
    let order = json!({"credits": most, "expected_total": total}).to_string();
    let top_up = client.send("POST", "/v1/top-ups", &[("idempotency-key", "first")], order).await.json();
    let invoice = system::invoice_of(saldo, &system::id_of(&top_up)).unwrap();
    saldo.stand_in().pay(&invoice, Method::VirtualAccount).unwrap();
    for _ in 0..100 {
        if client.get("/v1/balance").await.json()["available_credits"] == most {
            return token;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the credits have come")
}
