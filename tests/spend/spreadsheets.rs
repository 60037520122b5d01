//! An export as spreadsheets read it: no cell is a formula, accents are whole, and what was guarded can be told.
use std::io::Write as _;
use std::process::{Command, Stdio};

use saldo_domain::DebitId;
use serde_json::{Map, Value, json};

use super::sending_org::SendingOrg;
use crate::support::system;

/// What hostile references are made of; control characters are refused before.
const PARTS: [&str; 22] = [
    "=", "+", "-", "@", "＝", "－", "'", "\"", ";", ",", "|", " ", "\u{a0}", "\u{200b}", "\u{3000}",
    "\u{2028}", "1", "a", "é", "=1+1", "\"\"", "';",
];
const KNOWN: [&str; 12] = [
    "a;=1+1;b",
    "=HYPERLINK(\"https://evil.test\";\"here\")",
    " =1+1",
    "\u{a0}\u{200b}@SUM(1)",
    "＝1+1",
    ";\"=1+1\"",
    "x\",=1+1,\"",
    "'=1+1",
    "''-1",
    "José Müller, Jalan Ñuñoa 5; +62 812",
    "\u{feff}=1",
    "plain",
];
const HOSTILE: usize = 500;

/// A reference of 1 to 128 bytes.
fn hostile(rng: &mut fastrand::Rng) -> String {
    (0..rng.usize(1..12)).map(|_| PARTS[rng.usize(..PARTS.len())]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spreadsheet_finds_a_formula_whatever_the_references_are() {
    let acme = SendingOrg::open().await;
    let mut rng = fastrand::Rng::with_seed(913);
    let mut references: Vec<String> = KNOWN.map(str::to_owned).into();
    references.extend((0..HOSTILE).map(|_| hostile(&mut rng)));
    for some in references.chunks(25) {
        let run = DebitId::parse(&system::debit_id(&acme.clock, 0)).unwrap().run();
        let debit = |(at, reference): (u8, &String)| json!({"id": run.id(at).unwrap().to_string(), "channel": "email", "reference": reference});
        let batch: Value = (0..).zip(some).map(debit).collect();
        let answer = acme.batch(&batch).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    }
    let csv = acme.viewer().send("GET", "/v1/entries", &[("accept", "text/csv")], "").await;
    let csv = String::from_utf8(csv.body).unwrap();
    let exact: Map<String, Value> = acme
        .entries()
        .await
        .into_iter()
        .map(|entry| (entry["id"].as_str().unwrap().to_owned(), entry["reference"].clone()))
        .collect();
    let told: Vec<_> = exact.values().filter_map(Value::as_str).collect();
    assert!(references.iter().all(|reference| told.contains(&reference.as_str())), "JSON has the exact text");
    let found = read_as_spreadsheets_do(&json!({"csv": csv, "references": exact}));
    assert_eq!(found["wrong"], json!([]));
    assert!(found["cells"].as_u64() > Some(4 * references.len() as u64), "{found}");
}

fn read_as_spreadsheets_do(export: &Value) -> Value {
    let script = format!("{}/spend/spreadsheet.py", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("python3");
    let started = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut python = started.expect("python3 reads the export as spreadsheets do");
    python.stdin.take().unwrap().write_all(export.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}
