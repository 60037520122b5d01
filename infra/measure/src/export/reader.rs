//! Reads a whole month through the function, page after page, from the text of an event to the text of an answer.

use std::convert::Infallible;
use std::sync::Arc;

use lambda_http::lambda_runtime::{Context, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Service, service_fn};
use saldo_adapters::clock::Clock;
use saldo_adapters::config::Env;
use saldo_adapters::world::{Endpoints, World};
use serde_json::{Value, json};

use super::process::{cpu_ms, peak_kb};
use crate::failure::Failure;

const ENTRIES: &str = include_str!("../../../../events/history-entries.json");
const USAGE: &str = include_str!("../../../../events/history-usage.json");

/// What was read so far.
#[derive(Default)]
struct Read {
    calls: u64,
    entries: u64,
    largest: usize,
    slowest_ms: u64,
}

/// `words` are csv or usage, organisation, URL of the table, month; `env` is that of the function.
pub(super) async fn read(words: &[String], env: &Env) -> Result<Value, Failure> {
    let [what, org, url, month] = words else { return Err("four words say what to read".into()) };
    let endpoints =
        Endpoints { dynamodb: Some(url.clone()), sqs: None, secrets_manager: None, stripe: String::new() };
    let function = Arc::new(saldo_history::connect(env, &World::at(endpoints, Clock::system()))?);
    let mut service = Adapter::from(service_fn(move |request| {
        let function = Arc::clone(&function);
        async move { Ok::<_, Infallible>(function.handle(request).await) }
    }));
    let (mut read, mut cursor) = (Read::default(), None);
    loop {
        let before = cpu_ms()?;
        let request: LambdaRequest = serde_json::from_str(&event(what, org, month, cursor.as_deref())?)?;
        let Ok(answer) = service.call(LambdaEvent::new(request, Context::default())).await;
        let answer = serde_json::to_string(&answer)?;
        read.slowest_ms = read.slowest_ms.max(cpu_ms()? - before);
        read.calls += 1;
        cursor = next(what, &answer, &mut read)?;
        if cursor.is_none() {
            break;
        }
    }
    let Read { calls, entries, largest, slowest_ms } = read;
    Ok(json!({
        "calls": calls, "entries": entries, "largest": largest, "slowest_ms": slowest_ms,
        "peak_kb": peak_kb()?, "cpu_ms": cpu_ms()?,
    }))
}

fn event(what: &str, org: &str, month: &str, cursor: Option<&str>) -> Result<String, Failure> {
    let mut event: Value = serde_json::from_str(if what == "csv" { ENTRIES } else { USAGE })?;
    event["headers"]["accept"] = json!(if what == "csv" { "text/csv" } else { "application/json" });
    event["requestContext"]["authorizer"]["jwt"]["claims"]["org_id"] = json!(org);
    let mut query = json!({ "month": month });
    let mut raw = format!("month={month}");
    if let Some(cursor) = cursor {
        query["cursor"] = json!(cursor);
        raw.push_str(&format!("&cursor={cursor}"));
    }
    (event["queryStringParameters"], event["rawQueryString"]) = (query, json!(raw));
    Ok(event.to_string())
}

/// Counts an answer; where the rest begins. Looks at the text as it is, so that no second one is in memory beside it.
fn next(what: &str, answer: &str, read: &mut Read) -> Result<Option<String>, Failure> {
    if !answer.contains(r#""statusCode":200"#) {
        return Err(answer.chars().take(500).collect::<String>().into());
    }
    if !(answer.contains(r#""saldo-final":"true""#) || answer.contains(r#"\"final\":true"#)) {
        return Err("the month is not final".into());
    }
    read.largest = read.largest.max(answer.len());
    let (counted, mark) = match what {
        "csv" => (answer.matches("\\r\\n").count() - 1, "&cursor="),
        _ => (messages(answer), r#"\"next_cursor\":\""#),
    };
    read.entries += u64::try_from(counted)?;
    Ok(answer.split_once(mark).map(|(_, rest)| rest.chars().take(36).collect()))
}

fn messages(answer: &str) -> usize {
    let counts = answer.split(r#"\"messages\":"#).skip(1);
    counts
        .filter_map(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse::<usize>().ok())
        .sum()
}
