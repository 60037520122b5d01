//! The real program survives kill -9 at any point: no payment, credit or message is lost, and nothing is credited twice.
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::client::Client;
use crate::support::program::command;

#[tokio::test]
async fn a_top_up_survives_a_kill_at_every_step() {
    let data = Folder::new("steps");
    let saldo = Program::start(&data).await;
    let top_up = saldo.create("first").await;
    let id = top_up["id"].as_str().unwrap().to_owned();
    saldo.kill().await;

    let saldo = Program::start(&data).await;
    assert_eq!(saldo.get(&format!("/v1/top-ups/{id}")).await["status"], "open");
    let repeated = saldo.create("first").await;
    assert_eq!(repeated["id"], id.as_str(), "the same request is the same top-up");
    saldo.pay(&repeated).await;
    saldo.kill().await;

    let saldo = Program::start(&data).await;
    saldo.until_credits(1000).await;
    saldo.kill().await;

    let saldo = Program::start(&data).await;
    assert_eq!(saldo.credits().await, 1000);
    let entries = saldo.get("/v1/entries").await;
    assert_eq!(entries["entries"].as_array().unwrap().len(), 1);
    let second = saldo.create("second").await;
    assert_ne!(second["id"], id.as_str(), "the slot is free again");
    saldo.kill().await;
}

#[tokio::test]
async fn payments_survive_kills_in_a_row() {
    let data = Folder::new("row");
    let mut bought = 0;
    for round in 0..4 {
        let saldo = Program::start(&data).await;
        saldo.until_credits(bought).await;
        let top_up = saldo.create(&format!("round-{round}")).await;
        saldo.pay(&top_up).await;
        bought += 1000;
        // From before the webhook until after the credit.
        tokio::time::sleep(Duration::from_millis(round * 15)).await;
        saldo.kill().await;
    }
    let saldo = Program::start(&data).await;
    saldo.until_credits(bought).await;
    let entries = saldo.get("/v1/entries").await;
    let credits =
        entries["entries"].as_array().unwrap().iter().map(|entry| entry["credits"].as_u64().unwrap());
    assert_eq!(credits.sum::<u64>(), bought, "the balance is the sum of the entries");
    saldo.kill().await;
}

#[tokio::test]
async fn debits_survive_kills_in_the_middle() {
    let data = Folder::new("debits");
    let saldo = Program::start(&data).await;
    let top_up = saldo.create("first").await;
    saldo.pay(&top_up).await;
    saldo.until_credits(1000).await;
    saldo.kill().await;
    let mut sent: Vec<Order> = Vec::new();
    for round in 0..3 {
        let saldo = Program::start(&data).await;
        let sender = std::sync::Arc::new(saldo.sender().await);
        let mut running = tokio::task::JoinSet::new();
        for order in orders() {
            sent.push(order.clone());
            let sender = std::sync::Arc::clone(&sender);
            running.spawn(async move { order.send(&sender).await });
        }
        tokio::time::sleep(Duration::from_millis(20 + round * 25)).await;
        saldo.kill().await;
        running.abort_all();
        while running.join_next().await.is_some() {}
    }
    let saldo = Program::start(&data).await;
    let sender = saldo.sender().await;
    for order in &sent {
        for expected in [&[200, 201][..], &[200]] {
            let status = order.send(&sender).await;
            assert!(expected.contains(&status), "{}: {status}", order.path);
        }
    }
    let spent = 3 * (30 * 3 + 20 * 3 + 4 * 5 * 2);
    assert_eq!(saldo.credits().await, (1000_u64).saturating_sub_signed(spent));
    let (mut credits, mut cursor) = (0, String::new());
    loop {
        let page = saldo.get(&format!("/v1/entries?limit=100{cursor}")).await;
        let entries = page["entries"].as_array().unwrap();
        credits += entries.iter().map(|entry| entry["credits"].as_i64().unwrap()).sum::<i64>();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(credits, 1000 - spent, "the balance is the sum of the entries");
    saldo.kill().await;
}

/// Holds of fifteen credits of which six are captured, within a budget that covers twenty of them at a time.
#[tokio::test]
async fn holds_their_captures_and_budgets_survive_kills_in_the_middle() {
    const LIMIT: i64 = 300;
    let data = Folder::new("holds");
    let saldo = Program::start(&data).await;
    let top_up = saldo.create("first").await;
    saldo.pay(&top_up).await;
    saldo.until_credits(1000).await;
    let budget =
        json!({"name": "SMS", "by": {"meter": "sms"}, "period": "month", "limit": LIMIT, "limiting": "hard"});
    let made = saldo.client().send("PUT", "/v1/budgets/sms", &[], budget.to_string()).await;
    assert!(made.status.is_success(), "{}", String::from_utf8_lossy(&made.body));
    saldo.kill().await;
    let mut sent: Vec<[Order; 2]> = Vec::new();
    for round in 0..3 {
        let saldo = Program::start(&data).await;
        let sender = std::sync::Arc::new(saldo.sender().await);
        let mut running = tokio::task::JoinSet::new();
        for [hold, capture] in (0..14).map(|_| held_and_captured()) {
            sent.push([hold.clone(), capture.clone()]);
            let sender = std::sync::Arc::clone(&sender);
            running.spawn(async move {
                hold.send(&sender).await;
                capture.send(&sender).await
            });
        }
        tokio::time::sleep(Duration::from_millis(25 + round * 30)).await;
        saldo.kill().await;
        running.abort_all();
        while running.join_next().await.is_some() {}
    }
    let saldo = Program::start(&data).await;
    let sender = saldo.sender().await;
    let mut held = 0;
    for [hold, capture] in &sent {
        let status = hold.send(&sender).await;
        assert!([200, 201, 402].contains(&status), "{}: {status}", hold.path);
        let was_held = status != 402;
        held += i64::from(was_held);
        for _ in 0..2 {
            assert_eq!(capture.send(&sender).await, if was_held { 200 } else { 404 }, "{}", capture.path);
        }
        if was_held {
            assert_eq!(hold.send(&sender).await, 200, "{}", hold.path);
        }
    }
    assert!((1..=LIMIT / 6).contains(&held), "{held} were held");
    assert_eq!(saldo.credits().await, (1000_u64).saturating_sub_signed(held * 6));
    let balance = saldo.get("/v1/balance").await;
    assert_eq!(balance["on_hold"], 0);
    let spent = saldo.get("/v1/budgets").await["budgets"][0]["spent"].as_i64().unwrap();
    assert!((held * 6..=LIMIT).contains(&spent), "{held} times 6 are counted as {spent}");
    let lines = saldo.get("/v1/entries?limit=100").await["entries"].as_array().unwrap().clone();
    let credits: i64 = lines.iter().map(|line| line["credits"].as_i64().unwrap()).sum();
    assert_eq!(credits, 1000 - held * 6, "the balance is the sum of the entries");
    saldo.kill().await;
}

/// A hold of five SMS, and the capture of two of them.
fn held_and_captured() -> [Order; 2] {
    let id = crate::support::system::debit_id(&saldo_adapters::clock::Clock::system(), 0);
    let order = |method, what: &str, body: Value| Order {
        method,
        path: format!("/v1/holds/{id}{what}"),
        key: None,
        body: body.to_string(),
    };
    [order("PUT", "", json!({"channel": "sms", "units": 5})), order("POST", "/capture", json!({"units": 2}))]
}

/// Something to spend, that can be sent again.
#[derive(Clone)]
struct Order {
    method: &'static str,
    path: String,
    /// In the place of an id.
    key: Option<String>,
    body: String,
}

/// Thirty messages alone, twenty under keys, and four batches of five.
fn orders() -> Vec<Order> {
    let clock = saldo_adapters::clock::Clock::system();
    let alone = (0..30).map(|_| {
        let (path, body) = (
            format!("/v1/debits/{}", crate::support::system::debit_id(&clock, 0)),
            json!({"channel": "sms"}),
        );
        Order { method: "PUT", path, key: None, body: body.to_string() }
    });
    let keyed = (0..20).map(|_| {
        let (path, key) = ("/v1/debits".to_owned(), crate::support::system::debit_id(&clock, 0));
        Order { method: "POST", path, key: Some(key), body: json!({"channel": "sms"}).to_string() }
    });
    let batches = (0..4).map(|_| {
        let run = saldo_domain::DebitId::parse(&crate::support::system::debit_id(&clock, 0)).unwrap().run();
        let message = |place| json!({"id": run.id(place).unwrap().to_string(), "channel": "whatsapp"});
        let body = json!({"debits": (0..5).map(message).collect::<Vec<_>>()});
        Order { method: "POST", path: "/v1/debit-batches".to_owned(), key: None, body: body.to_string() }
    });
    alone.chain(keyed).chain(batches).collect()
}

impl Order {
    async fn send(&self, sender: &Client) -> u16 {
        let key = self.key.iter().map(|key| ("idempotency-key", key.as_str()));
        let headers: Vec<_> = key.collect();
        sender.send(self.method, &self.path, &headers, self.body.clone()).await.status.as_u16()
    }
}

#[tokio::test]
async fn a_second_program_is_told_what_is_taken() {
    let data = Folder::new("taken");
    let saldo = Program::start(&data).await;
    let said = refused(&["--port", "0", "--stripe-port", "0", "--data", data.text()]).await;
    assert!(said.contains("another saldo is using") && said.contains("--data"), "{said}");
    let other = Folder::new("taken-other");
    let port = saldo.api.rsplit(':').next().unwrap();
    let said = refused(&["--port", port, "--stripe-port", "0", "--data", other.text()]).await;
    assert!(said.contains(&format!("port {port} is in use")) && said.contains("--port"), "{said}");
    saldo.kill().await;
}

#[tokio::test]
async fn fresh_forgets_and_an_interrupt_ends_cleanly() {
    let data = Folder::new("fresh");
    let saldo = Program::start(&data).await;
    saldo.create("first").await;
    saldo.interrupt().await;
    let saldo = Program::start_with(&data, &["--fresh"]).await;
    assert_eq!(saldo.get("/v1/top-ups").await["top_ups"], json!([]));
    saldo.interrupt().await;
}

#[tokio::test]
async fn the_first_lines_show_calls_that_work() {
    let data = Folder::new("curl");
    let saldo = Program::start(&data).await;
    let script: String =
        saldo.greeting.lines().skip_while(|line| *line != "Try it").skip(1).collect::<Vec<_>>().join("\n");
    assert!(script.contains("curl"), "{}", saldo.greeting);
    let ran = Command::new("bash").args(["-euc", &script]).output().await.unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains(r#""unit_price""#), "{said}");
    assert_eq!(saldo.get("/v1/top-ups").await["top_ups"][0]["status"], "open", "{said}");
    saldo.kill().await;
}

/// A running `saldo`.
struct Program {
    child: Child,
    api: String,
    stripe: String,
    token: String,
    greeting: String,
}

impl Program {
    async fn start(data: &Folder) -> Self {
        Self::start_with(data, &[]).await
    }

    async fn start_with(data: &Folder, more: &[&str]) -> Self {
        let mut child = command()
            .args(["--port", "0", "--stripe-port", "0", "--data", data.text()])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut greeting = String::new();
        let reading = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                greeting.push_str(&line);
                greeting.push('\n');
                // The last call of the greeting.
                if line.contains("Idempotency-Key") {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reading).await.expect("saldo starts within 30 s");
        let after = |word: &str| {
            let line = greeting.lines().find(|line| line.trim_start().starts_with(word));
            let line = line.unwrap_or_else(|| panic!("no {word} in: {greeting}"));
            line.split_whitespace().nth(1).unwrap().trim_end_matches("/v1").to_owned()
        };
        let (api, stripe) = (after("API"), after("Stripe"));
        let answer = Client::new(&api).get("/local/token?org=acme").await;
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        Self { child, api, stripe, token, greeting }
    }

    fn client(&self) -> Client {
        Client::new(&self.api).with_token(&self.token)
    }

    async fn sender(&self) -> Client {
        let path = "/local/token?org=acme&permissions=credits:spend";
        let answer = Client::new(&self.api).get(path).await;
        Client::new(&self.api).with_token(answer.json()["token"].as_str().unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.client().get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    async fn create(&self, key: &str) -> Value {
        let body =
            json!({ "credits": 1000, "expected_total": { "currency": "IDR", "minor_units": 27_750_000 } });
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let answer = self.client().send("POST", "/v1/top-ups", &headers, body.to_string()).await;
        assert!(answer.status.is_success(), "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// Pays on the hosted page, whose address may still name the port of an earlier run.
    async fn pay(&self, top_up: &Value) {
        let page = top_up["pay_url"].as_str().unwrap();
        let page = &page[page.find("/i/").unwrap_or_else(|| panic!("not a hosted page: {page}"))..];
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer =
            Client::new(&self.stripe).send("POST", &format!("{page}/pay"), &headers, VIRTUAL_ACCOUNT).await;
        assert_eq!(answer.status, 303, "{}", String::from_utf8_lossy(&answer.body));
    }

    async fn credits(&self) -> u64 {
        self.get("/v1/balance").await["available_credits"].as_u64().unwrap()
    }

    async fn until_credits(&self, credits: u64) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.credits().await != credits {
            assert!(Instant::now() < deadline, "{} instead of {credits}", self.credits().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    async fn interrupt(mut self) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        let ended = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
        assert!(ended.expect("it ends within 10 s").unwrap().success());
    }
}

const VIRTUAL_ACCOUNT: &str = "action=transfer";

/// What `saldo` says when it refuses to start.
async fn refused(arguments: &[&str]) -> String {
    let output = command().args(arguments).output();
    let output = tokio::time::timeout(Duration::from_secs(30), output).await.unwrap().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// A folder of this test that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("saldo-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
