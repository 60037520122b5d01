//! Clients that are generated from docs/openapi.json, for TypeScript and Python: they compile, and a small journey passes.
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use saldo_domain::Permission;
use saldo_local::{Options, Saldo};
use tokio::process::Command;

use crate::openapi::python;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs what makes the clients; see the README"]
async fn a_typescript_client_compiles_and_buys_and_spends() {
    let place = Place::of("typescript");
    let tools = place.folder.join("node_modules/.bin");
    if !tools.join("openapi-typescript").exists() {
        let words = "SKIPPED: no generator of clients for TypeScript; mkdir -p target/clients && cp -r \
            tests/clients/typescript target/clients/ && npm ci --prefix target/clients/typescript";
        assert!(std::env::var_os("CI").is_none(), "{words}");
        eprintln!("{words}");
        return;
    }
    let description = place.description();
    place.run(tools.join("openapi-typescript"), &[&description, "--output", "saldo.ts"]).await;
    place.run(tools.join("tsc"), &[]).await;
    place.journey("node", "built/journey.js").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs what makes the clients; see the README"]
async fn a_python_client_has_its_types_and_buys_and_spends() {
    let Some(python) = python::interpreter().await else { return };
    let place = Place::of("python");
    let description = place.description();
    let made = ["generate", "--path", &description, "--output-path", "saldo_client", "--overwrite"];
    let how = ["--meta", "none", "--config", "config.yml", "--fail-on-warning"];
    place.run(python.with_file_name("openapi-python-client"), &[&made[..], &how].concat()).await;
    // Types are asked of the journey; the generator's own files are not this strict.
    let strict = ["--strict", "--follow-imports=silent", "journey.py"];
    place.run(python.with_file_name("mypy"), &strict).await;
    place.journey(python, "journey.py").await;
}

/// Where a client is made and tried: below `target`, with a copy of what is beside this file.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn of(language: &str) -> Place {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = root.join("target/clients").join(language);
        std::fs::create_dir_all(&folder).unwrap();
        for file in std::fs::read_dir(root.join("tests/clients").join(language)).unwrap() {
            let file = file.unwrap();
            if file.file_type().unwrap().is_file() {
                std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
            }
        }
        Place { folder }
    }

    fn description(&self) -> String {
        self.folder.join("../../../docs/openapi.json").to_string_lossy().into_owned()
    }

    /// Runs a program, which has to end well, and says what it said.
    async fn run(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
        self.ended(Command::new(program).args(arguments)).await
    }

    /// The journey of an organisation of its own through a system of its own.
    async fn journey(&self, program: impl AsRef<OsStr>, script: &str) {
        let saldo = Saldo::start(Options::default()).await.unwrap();
        let token = saldo.token("acme", &Permission::ALL.map(Permission::as_str), None).unwrap();
        let mut command = Command::new(program);
        command.arg(script).env("SALDO_URL", saldo.api_url()).env("SALDO_TOKEN", token);
        let said = self.ended(&mut command).await;
        assert!(said.trim_end().ends_with("all well"), "{said}");
        saldo.stop().await;
    }

    async fn ended(&self, command: &mut Command) -> String {
        let output =
            command.current_dir(&self.folder).env("PYTHONDONTWRITEBYTECODE", "1").output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{command:?}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
        said
    }
}
