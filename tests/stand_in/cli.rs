//! Stripe's own command line triggers its events against the stand-in.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::Stripe;
use super::idempotency::Folder;

/// Where the program may be: named by the caller, or on the path.
async fn program() -> Option<String> {
    let named = std::env::var_os("SALDO_TEST_STRIPE_CLI").map(|path| path.to_string_lossy().into_owned());
    for program in named.into_iter().chain(["stripe".to_owned()]) {
        let mut probe = Command::new(&program);
        probe.arg("--help").stdout(Stdio::null()).stderr(Stdio::null());
        if probe.status().await.is_ok_and(|status| status.success()) {
            return Some(program);
        }
    }
    let words = "SKIPPED: no stripe command line; npm install --prefix target/stripe-cli @stripe/cli@1.52.0 and set \
                 SALDO_TEST_STRIPE_CLI=target/stripe-cli/node_modules/.bin/stripe";
    assert!(std::env::var_os("CI").is_none(), "{words}");
    eprintln!("{words}");
    None
}

async fn trigger(program: &str, home: &Path, stripe: &Stripe, event: &str) {
    let mut command = Command::new(program);
    command.args(["trigger", event, "--api-key", "sk_test_0123456789abcdef", "--api-base", &stripe.url]);
    command.env("HOME", home).env("XDG_CONFIG_HOME", home).env("STRIPE_CLI_TELEMETRY_OPTOUT", "1");
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("Trigger succeeded"), "{event}: {said}");
    assert!(stripe.event_types().contains(&event.to_owned()), "{event}: {:?}", stripe.event_types());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_command_line_triggers_its_events() {
    let Some(program) = program().await else { return };
    let home = Folder::new();
    for event in [
        "invoice.paid",
        "invoice.payment_failed",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "charge.refunded",
        "charge.dispute.created",
    ] {
        let stripe = Stripe::start().await;
        trigger(&program, &home.0, &stripe, event).await;
    }
}
