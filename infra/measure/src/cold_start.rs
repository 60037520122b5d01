//! How much CPU the release binaries take to start.
//!
//! Each binary of `target/release` (or of the folder given) runs under a small Lambda Runtime API on loopback with the
//! environment of the template. CPU is read when it asks for its first event (init) and, for quote, which needs nothing
//! from outside, when it asks for the next ones (first call, warm calls). Runs are interleaved, and quote runs twice as
//! often under two names: what lies between the two is noise.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use saldo_local::{Options, Saldo};
use serde_json::Value;
use tokio::sync::watch;

use crate::failure::Failure;

const RUNS: usize = 20;
const WARM_CALLS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(20);
const ROOTS: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];
const LARGEST_ANSWER: usize = 1024 * 1024;
const QUOTE: &str = include_str!("../../../events/quote.json");

pub(crate) async fn run(words: &[String]) -> Result<(), Failure> {
    let folder = words.first().map_or_else(release, PathBuf::from);
    let saldo = Saldo::start(Options::default()).await?;
    let mut functions: Vec<String> =
        saldo.plan().functions.iter().map(|function| function.name.clone()).collect();
    functions.insert(0, "quote".to_owned());
    let mut seen: Vec<Vec<Usage>> = functions.iter().map(|_| Vec::new()).collect();
    for _ in 0..RUNS {
        for (function, usages) in functions.iter().zip(&mut seen) {
            let environment = saldo.plan().environment(function).ok_or("a function without environment")?;
            // Starting reads the function's secret.
            let secrets = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", saldo.secrets_manager_url());
            let mut environment = environment.clone();
            environment.extend([(secrets.0.to_owned(), secrets.1.to_owned())]);
            let calls = if function == "quote" { 1 + WARM_CALLS } else { 0 };
            usages.push(usage_of(&folder.join(format!("saldo-{function}")), &environment, calls).await?);
        }
    }
    saldo.stop().await;
    println!("| function (CPU, milliseconds; median, in brackets least) | init | first call | warm call |");
    println!("|---|---|---|---|");
    for (index, (function, usages)) in functions.iter().zip(&seen).enumerate() {
        let name = if index == 0 { "quote (control)" } else { function };
        let column = |of: fn(&Usage) -> Option<u64>| summary(usages.iter().filter_map(of).collect());
        let cells =
            [column(|usage| Some(usage.init)), column(|usage| usage.first), column(|usage| usage.warm)];
        println!("| {name} | {} |", cells.join(" | "));
    }
    Ok(())
}

fn release() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release")
}

/// CPU in nanoseconds.
struct Usage {
    init: u64,
    first: Option<u64>,
    /// Of one call, the mean of [`WARM_CALLS`].
    warm: Option<u64>,
}

/// Starts `binary`, gives it `calls` events, and ends it.
async fn usage_of(
    binary: &Path,
    environment: &BTreeMap<String, String>,
    calls: usize,
) -> Result<Usage, Failure> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    let runtime = Runtime { calls, state: Arc::default(), done: watch::Sender::new(false) };
    let mut done = runtime.done.subscribe();
    let app = Router::new().fallback(answer).with_state(runtime.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let child = {
        // Held until the process is known, so that it cannot ask before.
        let mut state = runtime.state();
        let child = start(binary, environment, &address)?;
        state.process = child.id();
        Ending(child)
    };
    let ended = tokio::time::timeout(PATIENCE, done.wait_for(|done| *done)).await;
    serving.abort();
    drop(child);
    ended.map_err(|_| format!("{} did not ask for its events", binary.display()))??;
    let state = runtime.state();
    if state.refused {
        return Err(format!("{} did not answer with 200", binary.display()).into());
    }
    usage(&state.asked_at).ok_or_else(|| format!("{}: its CPU could not be read", binary.display()).into())
}

fn start(binary: &Path, environment: &BTreeMap<String, String>, runtime: &str) -> Result<Child, Failure> {
    let mut command = Command::new(binary);
    command.env_clear().envs(environment).stdout(Stdio::null()).envs([
        ("AWS_LAMBDA_RUNTIME_API", runtime),
        ("AWS_LAMBDA_FUNCTION_NAME", "measured"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "none"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "none"),
        ("AWS_REGION", "ap-southeast-3"),
        ("AWS_ACCESS_KEY_ID", "none"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
    ]);
    // Otherwise a folder of roots is read as well, which on some systems holds hundreds of files.
    if let Some(roots) = ROOTS.iter().find(|file| Path::new(file).exists()) {
        command.env("SSL_CERT_FILE", roots);
    }
    let started = command.spawn();
    started.map_err(|error| format!("{}: {error}; build it with infra/sizes.sh", binary.display()).into())
}

fn usage(asked_at: &[u64]) -> Option<Usage> {
    let init = *asked_at.first()?;
    let first = asked_at.get(1).map(|at| at.saturating_sub(init));
    let warm = asked_at.get(1).zip(asked_at.last()).map(|(from, to)| to.saturating_sub(*from));
    let warm = warm.and_then(|total| total.checked_div(u64::try_from(asked_at.len()).ok()?.checked_sub(2)?));
    Some(Usage { init, first, warm })
}

/// Ends the process with the run, also when that fails.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Clone)]
struct Runtime {
    calls: usize,
    state: Arc<Mutex<Progress>>,
    done: watch::Sender<bool>,
}

#[derive(Default)]
struct Progress {
    process: u32,
    /// The CPU that the process had used each time it asked for an event.
    asked_at: Vec<u64>,
    /// Whether an answer was none or not 200.
    refused: bool,
}

impl Runtime {
    fn state(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the process asks for an event; whether it gets one.
    fn next(&self) -> bool {
        let mut state = self.state();
        let cpu = cpu_of(state.process);
        state.asked_at.extend(cpu);
        let more = state.asked_at.len() <= self.calls;
        if !more {
            self.done.send_replace(true);
        }
        more
    }
}

async fn answer(State(runtime): State<Runtime>, request: Request) -> Response {
    if request.method() == Method::POST {
        let body = to_bytes(request.into_body(), LARGEST_ANSWER).await.unwrap_or_default();
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        runtime.state().refused |= answer["statusCode"] != 200;
        return StatusCode::ACCEPTED.into_response();
    }
    if !runtime.next() {
        std::future::pending::<()>().await;
    }
    let headers = [
        ("lambda-runtime-aws-request-id", "00000000-0000-4000-8000-000000000000"),
        ("lambda-runtime-deadline-ms", "9999999999999"),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:ap-southeast-3:000000000000:function:measured",
        ),
        ("content-type", "application/json"),
    ];
    (headers, QUOTE).into_response()
}

/// The time that all threads of a process were on a CPU, in nanoseconds.
fn cpu_of(process: u32) -> Option<u64> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    threads
        .map(|thread| {
            let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        })
        .sum()
}

fn summary(mut all: Vec<u64>) -> String {
    all.sort_unstable();
    let millis = |nanos: &u64| format!("{}.{:02}", nanos / 1_000_000, nanos % 1_000_000 / 10_000);
    match (all.get(all.len() / 2), all.first()) {
        (Some(median), Some(least)) => format!("{} ({})", millis(median), millis(least)),
        _ => String::new(),
    }
}
