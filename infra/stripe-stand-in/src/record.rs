//! Records every exchange as a line of JSON, so that what was asked and answered can be held against Stripe's own types.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, header};
use axum::middleware::{Next, from_fn_with_state};
use serde_json::{Value, json};

/// The folder in which every stand-in of this process records, and of each process that inherits the variable.
const FOLDER: &str = "SALDO_RECORD_STRIPE";

/// The router as it is, or recording when the environment asks for it: whoever starts a stand-in, and in whichever
/// process, is then recorded.
pub(crate) fn if_asked(router: Router) -> Router {
    let Some(folder) = std::env::var_os(FOLDER) else { return router };
    match recorded(router.clone(), Path::new(&folder)) {
        Ok(recording) => recording,
        Err(error) => {
            tracing::error!(%error, "exchanges are not recorded");
            router
        }
    }
}

/// A router whose calls below `/v1` are recorded in `folder`, which is made: one file for each process, one line for
/// each answered call.
///
/// # Errors
/// When the folder or the file cannot be made.
pub fn recorded(router: Router, folder: &Path) -> std::io::Result<Router> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join(format!("{}.jsonl", std::process::id()));
    let file = Arc::new(OpenOptions::new().create(true).append(true).open(file)?);
    Ok(router.layer(from_fn_with_state(file, record)))
}

async fn record(State(file): State<Arc<File>>, request: Request, next: Next) -> Response<Body> {
    if !request.uri().path().starts_with("/v1/") {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let asked = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut line = json!({
        "method": head.method.as_str(),
        "path": head.uri.path(),
        "query": head.uri.query().unwrap_or_default(),
        "body": text(&asked),
        "version": named(&head.headers, "stripe-version"),
        "user_agent": named(&head.headers, header::USER_AGENT.as_str()),
        "key": kind_of_key(&head.headers),
        "idempotent": head.headers.contains_key("idempotency-key"),
    });
    let (answer, body) = next.run(Request::from_parts(head, Body::from(asked))).await.into_parts();
    let answered = to_bytes(body, usize::MAX).await.unwrap_or_default();
    line["status"] = answer.status.as_u16().into();
    line["answer"] = text(&answered);
    if let Err(error) = append(&file, &line) {
        tracing::error!(%error, "an exchange was not recorded");
    }
    Response::from_parts(answer, Body::from(answered))
}

/// In one write, so that lines of several stand-ins do not mix.
fn append(mut file: &File, line: &Value) -> std::io::Result<()> {
    file.write_all(format!("{line}\n").as_bytes())
}

fn text(bytes: &Bytes) -> Value {
    String::from_utf8_lossy(bytes).into()
}

fn named(headers: &HeaderMap, name: &str) -> Value {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().into()
}

/// `rk_test`, `sk_live` and their like: which sort of key was used, never the key.
fn kind_of_key(headers: &HeaderMap) -> Value {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.strip_prefix("Bearer ").and_then(|key| key.get(..7)).unwrap_or("none").into()
}
