//! The program of `cargo run`, as it is started on the command line.
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use serde_json::Value;
use tokio::process::Command;

/// With the environment of this process, but for a key of Stripe.
pub(crate) fn command() -> Command {
    let mut command = Command::new(program());
    command.env_remove("STRIPE_API_KEY").kill_on_drop(true);
    command
}

/// The program of `cargo run`, built from what is being tested, wherever Cargo is told to put it.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut build = std::process::Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--workspace", "--bin", "saldo", "--message-format=json"]);
        build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).stderr(Stdio::inherit());
        let built = build.output().unwrap();
        assert!(built.status.success());
        let told = String::from_utf8(built.stdout).unwrap();
        let of = |line| serde_json::from_str::<Value>(line).ok()?["executable"].as_str().map(PathBuf::from);
        told.lines().filter_map(of).next_back().expect("Cargo tells where the program is")
    })
}
