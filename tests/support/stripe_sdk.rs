//! Stripe's official SDK for Python, at the version that is pinned beside the scripts which use it.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use tokio::process::Command;

/// The scripts, and the list of what they need.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("stripe_sdk")
}

/// Runs a script with the SDK; `None`, and loudly, where there is none. With `CI` set that is a failure.
pub(crate) async fn run(script: &str, arguments: &[&str]) -> Option<Output> {
    let pinned = std::fs::read_to_string(folder().join("requirements.txt")).unwrap();
    let version = pinned.lines().find_map(|line| line.strip_prefix("stripe==")).unwrap().to_owned();
    for interpreter in interpreters() {
        if has_sdk(&interpreter, &version).await {
            let script = folder().join(script);
            let mut command = Command::new(interpreter);
            command.arg(script).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
            return Some(command.output().await.unwrap());
        }
    }
    let words = format!(
        "SKIPPED: no Python with Stripe's SDK {version}; python3 -m venv tests/stripe_sdk/.venv && \
         tests/stripe_sdk/.venv/bin/pip install -r tests/stripe_sdk/requirements.txt"
    );
    assert!(std::env::var_os("CI").is_none(), "{words}");
    eprintln!("{words}");
    None
}

/// Where the interpreter may be: named by the caller, in an environment beside the scripts, or the machine's own.
fn interpreters() -> Vec<String> {
    let named = std::env::var_os("SALDO_TEST_PYTHON").map(|path| path.to_string_lossy().into_owned());
    let beside = folder().join(".venv/bin/python").to_string_lossy().into_owned();
    named.into_iter().chain([beside, "python3".to_owned()]).collect()
}

async fn has_sdk(interpreter: &str, version: &str) -> bool {
    let mut probe = Command::new(interpreter);
    let question = format!("import stripe; assert stripe.VERSION == '{version}'");
    probe.args(["-c", &question]).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().await.is_ok_and(|status| status.success())
}
