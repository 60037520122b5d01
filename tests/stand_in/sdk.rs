//! Stripe's own SDK for Python drives the stand-in.

use std::path::Path;
use std::process::Stdio;

use saldo_stripe_stand_in::Webhook;
use tokio::process::Command;

use super::{Start, Stripe};

/// Where the interpreter with the SDK may be: named by the caller, in an environment beside the script, or the
/// machine's own.
fn interpreters(folder: &Path) -> Vec<String> {
    let named = std::env::var_os("SALDO_TEST_PYTHON").map(|path| path.to_string_lossy().into_owned());
    let beside = folder.join(".venv/bin/python").to_string_lossy().into_owned();
    named.into_iter().chain([beside, "python3".to_owned()]).collect()
}

async fn has_sdk(interpreter: &str) -> bool {
    let mut probe = Command::new(interpreter);
    probe.args(["-c", "import stripe"]).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().await.is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_sdk_is_satisfied() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stripe_sdk");
    let mut found = None;
    for interpreter in interpreters(&folder) {
        if found.is_none() && has_sdk(&interpreter).await {
            found = Some(interpreter);
        }
    }
    let Some(interpreter) = found else {
        let words = "SKIPPED: no Python with Stripe's SDK; python3 -m venv tests/stripe_sdk/.venv && \
                     tests/stripe_sdk/.venv/bin/pip install -r tests/stripe_sdk/requirements.txt";
        assert!(std::env::var_os("CI").is_none(), "{words}");
        eprintln!("{words}");
        return;
    };
    // The script itself is the endpoint of the events.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/stripe/webhook");
    let webhook = Some(Webhook { url, secrets: vec!["whsec_sdk".to_owned()] });
    let stripe = Stripe::start_with(Start { webhook, ..Start::default() }).await;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    stripe.clock.store(i64::try_from(now).unwrap(), std::sync::atomic::Ordering::SeqCst);
    let stand_in = stripe.stand_in.clone();
    tokio::spawn(async move { stand_in.deliver(std::future::pending()).await });

    let script = folder.join("drive.py");
    let arguments =
        [script.to_string_lossy().into_owned(), stripe.url.clone(), port.to_string(), "whsec_sdk".into()];
    let output = Command::new(interpreter).args(arguments).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.trim_end().ends_with("all well"), "{said}");
}
