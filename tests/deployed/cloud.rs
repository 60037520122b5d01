//! AWS on this machine: the emulator as a process of its own, the SAM CLI in front of it, and what the test asks of it.
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

/// The name of the secret that holds Stripe's keys.
pub(super) const SECRET: &str = "saldo-deployed/stripe";

/// The emulator, ended with the test.
pub(super) struct Cloud {
    url: String,
    python: String,
    folder: PathBuf,
    _emulator: Child,
}

/// What a program said and whether it was content.
pub(super) struct Said {
    pub(super) well: bool,
    pub(super) words: String,
}

impl Cloud {
    /// Starts the emulator with IAM enforced; what it writes lies in `folder`.
    pub(super) async fn start(folder: &Path) -> Cloud {
        let python = interpreter().await;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let log = std::fs::File::create(folder.join("emulator.log")).unwrap();
        let mut emulator = Command::new(&python);
        emulator
            .args(["-m", "ministack"])
            .envs([("AUTH", "true"), ("BIND_HOST", "127.0.0.1"), ("IOT_MTLS_ENABLED", "0")])
            .envs([
                ("MINISTACK_HOST", "127.0.0.1"),
                ("GATEWAY_PORT", &port.to_string()),
                ("AWS_ENDPOINT_URL", &url),
            ])
            .envs(caller(&url))
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true);
        let emulator = emulator.spawn().expect("the emulator starts");
        let cloud = Cloud { url, python, folder: folder.to_owned(), _emulator: emulator };
        cloud.ask("ready", &[]).await;
        cloud
    }

    /// `http://127.0.0.1:4566`
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// One command of aws.py.
    pub(super) async fn ask(&self, command: &str, arguments: &[&str]) -> Value {
        let script = here().join("aws.py");
        let said = self.run(Command::new(&self.python).arg(script).arg(command).args(arguments)).await;
        assert!(said.well, "{command} {arguments:?}: {}", said.words);
        let answer = said.words.lines().last().unwrap_or_default();
        serde_json::from_str(answer).unwrap_or_else(|error| panic!("{command}: {error}: {}", said.words))
    }

    /// The SAM CLI in the root of the project.
    pub(super) async fn sam(&self, arguments: &[&str]) -> Said {
        self.run(Command::new("sam").args(arguments)).await
    }

    async fn run(&self, command: &mut Command) -> Said {
        let output = command
            .current_dir(root())
            .envs(caller(&self.url))
            .env("TMPDIR", &self.folder)
            .stdin(Stdio::null())
            .output()
            .await
            .expect("the program is installed");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let words = if output.status.success() { out.into_owned() } else { format!("{out}\n{err}") };
        Said { well: output.status.success(), words }
    }
}

/// The root of the project.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deployed")
}

/// The administrator of the emulated account, who is never anybody on AWS.
fn caller(url: &str) -> [(&'static str, String); 6] {
    [
        ("AWS_ENDPOINT_URL", url.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("SAM_CLI_TELEMETRY", "0".to_owned()),
    ]
}

/// The Python that has the emulator: named by the caller, in an environment beside this file, or the machine's own.
async fn interpreter() -> String {
    let named = std::env::var_os("SALDO_TEST_CLOUD_PYTHON").map(|path| path.to_string_lossy().into_owned());
    let beside = here().join(".venv/bin/python").to_string_lossy().into_owned();
    for python in named.into_iter().chain([beside, "python3".to_owned()]) {
        let mut probe = Command::new(&python);
        probe.args(["-c", "import ministack, samtranslator, cryptography, boto3"]);
        if probe
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await
            .is_ok_and(|status| status.success())
        {
            return python;
        }
    }
    panic!(
        "no Python with the emulator; python3 -m venv tests/deployed/.venv && \
         tests/deployed/.venv/bin/pip install -r tests/deployed/requirements.txt"
    );
}
