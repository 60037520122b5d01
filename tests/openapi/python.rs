//! The Python that has the judges of the interface: the fuzzer, and the maker of clients.
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

/// What the judges read, and the list of what they are.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("openapi")
}

/// The interpreter of the environment with the pinned fuzzer; `None`, and loudly, where there is none. With `CI` set that
/// is a failure.
pub(crate) async fn interpreter() -> Option<PathBuf> {
    let pinned = std::fs::read_to_string(folder().join("requirements.txt")).unwrap();
    let version = pinned.lines().find_map(|line| line.strip_prefix("schemathesis==")).unwrap().to_owned();
    let named = std::env::var_os("SALDO_TEST_API_PYTHON").map(PathBuf::from);
    for interpreter in named.into_iter().chain([folder().join(".venv/bin/python")]) {
        let question = format!(
            "import importlib.metadata as m, openapi_python_client; assert m.version('schemathesis') == '{version}'"
        );
        let mut probe = Command::new(&interpreter);
        probe.args(["-c", &question]).stdout(Stdio::null()).stderr(Stdio::null());
        if probe.status().await.is_ok_and(|status| status.success()) {
            return Some(interpreter);
        }
    }
    let words = format!(
        "SKIPPED: no Python with schemathesis {version}; python3 -m venv tests/openapi/.venv && \
         tests/openapi/.venv/bin/pip install -r tests/openapi/requirements.txt, or name one in SALDO_TEST_API_PYTHON"
    );
    assert!(std::env::var_os("CI").is_none(), "{words}");
    eprintln!("{words}");
    None
}
