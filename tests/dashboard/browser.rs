//! One headless Chromium for all tests, driven over its DevTools protocol through a pipe.
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);
const PROGRAMS: [&str; 2] = ["/usr/bin/chromium", "/usr/bin/google-chrome"];

pub(crate) struct Browser {
    pipe: Mutex<ChildStdin>,
    next_id: AtomicU64,
    waiting: Arc<Waiting>,
    /// Ends by itself when this process ends, since its pipe then closes.
    _process: Child,
}

#[derive(Default)]
struct Waiting {
    answers: Mutex<HashMap<u64, Sender<Value>>>,
    events: Mutex<HashMap<String, Vec<Value>>>,
}

/// The browser, started at its first use; `None` after saying loudly why when there is none on this machine.
/// With `CI` set its absence is a failure.
pub(crate) fn browser() -> Option<&'static Browser> {
    static BROWSER: OnceLock<Option<Browser>> = OnceLock::new();
    let browser = BROWSER.get_or_init(|| {
        let program = PROGRAMS.iter().find(|program| std::path::Path::new(program).exists());
        program.map(|program| Browser::start(program))
    });
    if browser.is_none() {
        skip("there is no Chromium in /usr/bin (Debian: apt-get install chromium)");
    }
    browser.as_ref()
}

/// Says that a test proves nothing here; where tests must prove something it is a failure.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "CI must run this test, but {reason}");
    eprintln!("\n*** SKIPPED, NOTHING PROVEN: {reason} ***\n");
}

impl Browser {
    fn start(program: &str) -> Self {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
        let profile = folder.join(format!("browser-{}", std::process::id()));
        // Chromium reads commands from descriptor 3 and writes answers to 4.
        let script = r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"#;
        let mut process = Command::new("sh")
            .args(["-c", script, program, "--remote-debugging-pipe"])
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--disable-renderer-backgrounding"])
            .args(["--disable-backgrounding-occluded-windows", "--disable-background-timer-throttling"])
            .args([
                "--disable-extensions",
                "--disable-default-apps",
                "--mute-audio",
                "--renderer-process-limit=3",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let pipe = process.stdin.take().expect("the pipe to the browser");
        let answers = process.stdout.take().expect("the pipe from the browser");
        let waiting = Arc::new(Waiting::default());
        let reader = Arc::clone(&waiting);
        std::thread::spawn(move || reader.read(answers));
        Self { pipe: Mutex::new(pipe), next_id: AtomicU64::new(1), waiting, _process: process }
    }

    /// What the browser answers to `method`.
    ///
    /// # Panics
    /// When it refuses or does not answer in time.
    pub(crate) fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.try_call(session, method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// What the browser answers to `method`, or why it can't, as when the page is just being left.
    pub(crate) fn try_call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let answer = self.send(session, method, params).recv_timeout(PATIENCE);
        let answer = answer.unwrap_or_else(|_| panic!("the browser did not answer {method}"));
        match answer.get("error") {
            Some(error) => Err(error.to_string()),
            None => Ok(answer["result"].clone()),
        }
    }

    fn send(&self, session: Option<&str>, method: &str, params: Value) -> Receiver<Value> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = channel();
        self.waiting.answers.lock().unwrap().insert(id, sender);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut pipe = self.pipe.lock().unwrap();
        pipe.write_all(format!("{message}\0").as_bytes()).expect("the browser is alive");
        receiver
    }

    /// The events of a page so far.
    pub(crate) fn events(&self, session: &str) -> Vec<Value> {
        self.waiting.events.lock().unwrap().get(session).cloned().unwrap_or_default()
    }
}

impl Waiting {
    fn read(&self, answers: ChildStdout) {
        for message in BufReader::new(answers).split(0).map_while(Result::ok) {
            let Ok(message) = serde_json::from_slice::<Value>(&message) else { continue };
            if let Some(id) = message["id"].as_u64() {
                if let Some(sender) = self.answers.lock().unwrap().remove(&id) {
                    // A caller who no longer waits is no fault of the browser's.
                    sender.send(message).ok();
                }
            } else if let Some(session) = message["sessionId"].as_str() {
                self.events.lock().unwrap().entry(session.to_owned()).or_default().push(message.clone());
            }
        }
    }
}
