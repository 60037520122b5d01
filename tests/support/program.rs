//! The program of `cargo run`, as it is started on the command line.
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tokio::process::Command;

/// With the environment of this process, but for a key of Stripe.
pub(crate) fn command() -> Command {
    let mut command = Command::new(program());
    command.env_remove("STRIPE_API_KEY").kill_on_drop(true);
    command
}

/// The program of `cargo run`, built from what is being tested.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut build = std::process::Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--workspace", "--bin", "saldo"]).current_dir(&root);
        assert!(build.status().unwrap().success());
        root.join("target/debug/saldo")
    })
}
