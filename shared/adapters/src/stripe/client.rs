//! How requests reach Stripe: async-stripe's client trait over one pooled connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use saldo_domain::{Answer, Asked, Metric, Timestamp, measure};
use saldo_top_ups::note_asked;
use stripe_client_core::{
    CustomizedStripeRequest, RequestBuilder, RequestStrategy, StripeClient, StripeMethod,
};
use tokio::time::Instant;

use super::error::{Failure, StripeError, failure_of};
use super::gate::{Gate, Seen};
use super::secrets::{Bearer, Key};
use crate::clock::Clock;
use crate::secrets::SecretError;
use crate::telemetry::{Subsegment, To};

/// The longest that one attempt may take, connecting included.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);
/// The same for the probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// What the probe asks for: an invoice that nobody has, of the kind that all our keys may read. Any answer shows that Stripe
/// is there.
const PROBE: &str = "/invoices/in_saldo_probe";
/// How often a request is sent at most.
const ATTEMPTS: u32 = 3;
/// The longest pause before the first repeat; it doubles.
const FIRST_PAUSE_MS: u64 = 250;
/// The longest pause that Stripe asks for which a call waits for; a longer one ends it.
const LONGEST_PAUSE_SECS: u32 = 2;
/// How Stripe's logs name who asked.
const NAME: &str = concat!("Saldo/", env!("CARGO_PKG_VERSION"));
/// The longest name of a request that is kept, in bytes.
const LONGEST_REQUEST_ID: usize = 64;
/// The largest answer taken.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// One pool of connections to Stripe, shared by all clones.
#[derive(Clone, Debug)]
pub struct StripeHttp(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl StripeHttp {
    #[must_use]
    pub(crate) fn new() -> StripeHttp {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(Duration::from_secs(2)));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let mut client = Client::builder(TokioExecutor::new());
        // Lambda freezes between calls: a connection that was idle for longer may be dead without saying so.
        client.pool_timer(TokioTimer::new()).pool_idle_timeout(Duration::from_secs(20));
        StripeHttp(client.build(connector))
    }
}

/// Sends async-stripe's requests with a key to a base URL.
#[derive(Clone)]
pub(super) struct Connection {
    http: StripeHttp,
    base: Arc<str>,
    key: Key,
    gate: Gate,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(http: StripeHttp, base: &str, key: Key, clock: Clock) -> Connection {
        let base = base.trim_end_matches('/').into();
        Connection { http, base, key, gate: Gate::new(clock) }
    }

    /// Reads the key, so that no call waits for that. A failure is told, and the first call tries again.
    pub(super) async fn prepare(&self) {
        let _ = self.key.value().await;
    }

    /// Until when Stripe is not asked, as it answers nobody; `None` while it is.
    pub(super) fn closed_until(&self) -> Option<Timestamp> {
        self.gate.closed_until()
    }

    pub(super) fn closed_for(&self) -> Option<u32> {
        self.gate.closed_for()
    }

    async fn noted(
        &self,
        request: &RequestBuilder,
        key: Option<&str>,
        bearer: &Bearer,
    ) -> Result<Bytes, Failure> {
        let (answered, id) = self.measured(request, key, bearer, ATTEMPT_TIMEOUT).await;
        note_asked(Asked { call: call(request), answer: kind_of(&answered), id });
        let seen = answered.as_ref().map_or_else(|failure| failure.seen, |_| Seen::Answered);
        if seen == Seen::Answered || seen.asks_for_more_than(LONGEST_PAUSE_SECS) {
            self.gate.saw(seen);
        }
        answered
    }

    async fn probe(&self, bearer: &Bearer) -> Seen {
        let request = RequestBuilder::new(StripeMethod::Get, PROBE);
        let (answered, _) = self.measured(&request, None, bearer, PROBE_TIMEOUT).await;
        answered.map_or_else(|failure| failure.seen, |_| Seen::Answered)
    }

    /// One attempt, and the name that Stripe gave it.
    async fn measured(
        &self,
        request: &RequestBuilder,
        key: Option<&str>,
        bearer: &Bearer,
        timeout: Duration,
    ) -> (Result<Bytes, Failure>, Option<String>) {
        let (call, began) = (call(request), Instant::now());
        let what = format!("{:?} {}", request.method, request.path);
        let subsegment = Subsegment::begin(|| self.asked(&call));
        let answer = self.attempt(request, key, bearer, &what, timeout).await;
        if let (Some(subsegment), Ok(answer)) = (subsegment, &answer) {
            subsegment.answered(answer.status().as_u16());
        }
        let id = answer.as_ref().ok().and_then(request_id);
        let answered = answer.and_then(|answer| match answer.status().is_success() {
            true => Ok(answer.into_body()),
            false => Err(failure_of(&what, &answer)),
        });
        if answered.as_ref().is_err_and(|failure| failure.error.is_a_fault()) {
            measure!(Metric::ProviderErrors, 1, &call);
        }
        measure!(Metric::ProviderCalls, 1, &call);
        measure!(Metric::ProviderTime, i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX), &call);
        (answered, id)
    }

    /// For the trace: without the ids in the path, and without what is asked for.
    fn asked(&self, call: &str) -> To {
        let host = self.base.split_once("://").map_or(&*self.base, |(_, host)| host).to_owned();
        let (method, path) = call.split_once(' ').unwrap_or_default();
        To::Remote { host, method: method.to_owned(), address: format!("{}/v1{path}", self.base) }
    }

    async fn attempt(
        &self,
        request: &RequestBuilder,
        key: Option<&str>,
        bearer: &Bearer,
        what: &str,
        timeout: Duration,
    ) -> Result<Response<Bytes>, Failure> {
        let unclear = |reason: String| Failure {
            error: StripeError::Unclear { what: format!("{what}: {reason}"), replayed: false },
            again: true,
            seen: Seen::Unanswered { retry_after_secs: None },
            key_unknown: false,
        };
        let sent = async {
            let answer = self
                .http
                .0
                .request(self.to_http(request, key, bearer)?)
                .await
                .map_err(|e| unclear(source(&e)))?;
            let (head, body) = answer.into_parts();
            let body =
                Limited::new(body, LARGEST_ANSWER).collect().await.map_err(|e| unclear(e.to_string()))?;
            Ok::<_, Failure>(Response::from_parts(head, body.to_bytes()))
        };
        tokio::time::timeout(timeout, sent).await.map_err(|_| unclear("timed out".into()))?
    }

    fn to_http(
        &self,
        request: &RequestBuilder,
        key: Option<&str>,
        bearer: &Bearer,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let method = match request.method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        let mut uri = format!("{}/v1{}", self.base, request.path);
        if let Some(query) = request.query.as_deref().filter(|query| !query.is_empty()) {
            uri.push('?');
            uri.push_str(query);
        }
        let mut built = Request::builder()
            .method(method)
            .uri(uri)
            .header(AUTHORIZATION, bearer.header())
            .header(USER_AGENT, NAME)
            .header("stripe-version", stripe_client_core::VERSION.as_str());
        if let Some(key) = key {
            built = built.header("idempotency-key", key);
        }
        if request.body.is_some() {
            built = built.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let body = Full::from(request.body.clone().unwrap_or_default());
        built.body(body).map_err(|error| Failure {
            error: StripeError::Broken { what: format!("request not made: {error}") },
            again: false,
            seen: Seen::Answered,
            key_unknown: false,
        })
    }
}

impl StripeClient for Connection {
    type Err = StripeError;

    /// Sends a request, and again while that is safe: what Stripe did not answer clearly is repeated under the same
    /// idempotency key; a change without a key is sent once. Under a key that Stripe does not know nothing was done, so that
    /// it is sent once more when there is another one. While Stripe answers nobody, nothing is sent.
    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, StripeError> {
        let (request, settings) = request.into_pieces();
        let key = settings.request_strategy.as_ref().and_then(RequestStrategy::get_key);
        let key = key.as_ref().map(|key| key.as_str());
        let repeatable = key.is_some() || !matches!(request.method, StripeMethod::Post);
        let not_sent = |error: SecretError| StripeError::Unclear { what: error.to_string(), replayed: false };
        let mut bearer = self.key.value().await.map_err(not_sent)?;
        self.gate.enter(self.probe(&bearer)).await.map_err(|until| held(&request, until))?;
        let (mut attempt, mut changed) = (1, false);
        loop {
            let began = Instant::now();
            let failure = match self.noted(&request, key, &bearer).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if failure.key_unknown && !changed {
                bearer = self.key.instead_of(&bearer).await.ok_or(failure.error)?;
                changed = true;
                continue;
            }
            let over = !(failure.again && repeatable && attempt < ATTEMPTS);
            // What took long is not repeated to somebody who answers nobody: the time is the caller's.
            let long = failure.seen.asks_for_more_than(LONGEST_PAUSE_SECS) || began.elapsed() > PROBE_TIMEOUT;
            let doubtful = failure.seen != Seen::Answered && (over || long);
            let away = doubtful && self.gate.is_away(self.probe(&bearer)).await;
            if away || over {
                return Err(failure.error);
            }
            tokio::time::sleep(pause(attempt, failure.seen)).await;
            attempt += 1;
        }
    }
}

/// Before the next attempt: as long as Stripe asks for, or a part of a second that doubles.
fn pause(attempt: u32, seen: Seen) -> Duration {
    let longest = FIRST_PAUSE_MS << (attempt - 1);
    let own = Duration::from_millis(fastrand::u64(longest / 4..=longest));
    match seen {
        Seen::Unanswered { retry_after_secs: Some(secs) } => own.max(Duration::from_secs(secs.into())),
        Seen::Unanswered { retry_after_secs: None } | Seen::Answered => own,
    }
}

/// A request that was not sent.
fn held(request: &RequestBuilder, until: Timestamp) -> StripeError {
    measure!(Metric::ProviderCalls, 1, "held");
    measure!(Metric::ProviderErrors, 1, "held");
    let what = format!("{:?} {}: not asked before {}", request.method, request.path, until.rfc3339());
    StripeError::Unclear { what, replayed: false }
}

/// A request by method and path, without the ids in it, so that there are few.
fn call(request: &RequestBuilder) -> String {
    let part = |part: &str| {
        let names_one = part.contains(|letter: char| letter.is_ascii_digit() || letter.is_ascii_uppercase());
        if names_one { "{id}".to_owned() } else { part.to_owned() }
    };
    let path: Vec<_> = request.path.split('/').map(part).collect();
    format!("{} {}", format!("{:?}", request.method).to_uppercase(), path.join("/"))
}

/// By which name Stripe's log has the request.
fn request_id(answer: &Response<Bytes>) -> Option<String> {
    let id = answer.headers().get("request-id")?.to_str().ok()?;
    (1..=LONGEST_REQUEST_ID).contains(&id.len()).then(|| id.to_owned())
}

fn kind_of(answered: &Result<Bytes, Failure>) -> Answer {
    match answered.as_ref().map_err(|failure| &failure.error) {
        Ok(_) => Answer::Done,
        Err(StripeError::NotFound { .. }) => Answer::NotFound,
        Err(
            StripeError::Refused { .. } | StripeError::Barred { .. } | StripeError::NoSuchCustomer { .. },
        ) => Answer::Refused,
        Err(StripeError::Unclear { .. } | StripeError::Broken { .. }) => Answer::Unclear,
    }
}

fn source(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
