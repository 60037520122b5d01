//! Stands between a function and DynamoDB, SQS and Stripe, and lets one call go wrong.
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lambda_http::http::{HeaderValue, Request, Response, StatusCode};
use saldo_adapters::world::{Endpoints, World};
use saldo_local::Saldo;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The function dies before the call has any effect.
    CrashBefore,
    /// The function dies when the call has had its effect.
    CrashAfter,
    /// The connection breaks before the call has any effect.
    LostBefore,
    /// The connection breaks when the call has had its effect.
    LostAfter,
    /// From this call on, nothing answers.
    Outage,
    /// Stripe fails before any effect, and answers so again whenever the same idempotency key comes.
    KeptBefore,
    /// Stripe fails after the effect, and answers so again whenever the same idempotency key comes.
    KeptAfter,
    /// Stripe refuses before any effect; of another call nothing happens.
    Refused,
    /// The answer takes half a second to come back, and is old by then.
    Late,
    /// A transaction is touching the same items: DynamoDB's transactions and updates say so.
    Conflict,
}

impl Kind {
    /// What may befall any call.
    pub(crate) const ALL: [Kind; 6] = [
        Kind::CrashBefore,
        Kind::CrashAfter,
        Kind::LostBefore,
        Kind::LostAfter,
        Kind::Outage,
        Kind::Conflict,
    ];
}

const LATE: Duration = Duration::from_millis(500);

/// Which call goes wrong, counted from 1 over all three, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

/// One function's way to the world.
pub(crate) struct Proxy {
    state: Arc<State>,
    pub(crate) world: World,
}

struct State {
    client: Client<HttpConnector, Full<Bytes>>,
    fault: Option<Fault>,
    /// Every call waits up to this long before it goes on, so that concurrent ones mix.
    jitter: Duration,
    dice: Mutex<fastrand::Rng>,
    calls: AtomicUsize,
    crashed: Notify,
    /// The idempotency key under which a failure is kept.
    kept: Mutex<Option<String>>,
    /// The objects about which nothing is answered.
    silent: Vec<String>,
    /// A call that says this takes so much longer.
    slow: Option<(&'static str, Duration)>,
}

/// What became of a function under a fault.
#[derive(Debug)]
pub(crate) enum Run<T> {
    Done(T),
    Crashed,
}

impl Proxy {
    /// Nothing goes wrong but `fault`.
    pub(crate) async fn start(saldo: &Saldo, fault: Option<Fault>) -> Proxy {
        Proxy::start_with(saldo, fault, Duration::ZERO, 0).await
    }

    /// Every call takes its own time, up to `jitter`, drawn by `seed`.
    pub(crate) async fn start_with_jitter(saldo: &Saldo, jitter: Duration, seed: u64) -> Proxy {
        Proxy::start_with(saldo, None, jitter, seed).await
    }

    /// The same before another SQS.
    pub(crate) async fn start_before(saldo: &Saldo, sqs: &str, fault: Option<Fault>) -> Proxy {
        Proxy::start_of(saldo, sqs, fault, Duration::ZERO, 0, Vec::new(), None).await
    }

    /// What is asked about these objects of Stripe is never answered.
    pub(crate) async fn start_silent_about(saldo: &Saldo, objects: &[String]) -> Proxy {
        Proxy::start_of(saldo, saldo.sqs_url(), None, Duration::ZERO, 0, objects.to_vec(), None).await
    }

    /// A call that says `text` is answered so much later than it could be.
    pub(crate) async fn start_slow_about(saldo: &Saldo, text: &'static str, by: Duration) -> Proxy {
        let slow = Some((text, by));
        Proxy::start_of(saldo, saldo.sqs_url(), None, Duration::ZERO, 0, Vec::new(), slow).await
    }

    async fn start_with(saldo: &Saldo, fault: Option<Fault>, jitter: Duration, seed: u64) -> Proxy {
        Proxy::start_of(saldo, saldo.sqs_url(), fault, jitter, seed, Vec::new(), None).await
    }

    async fn start_of(
        saldo: &Saldo,
        sqs: &str,
        fault: Option<Fault>,
        jitter: Duration,
        seed: u64,
        silent: Vec<String>,
        slow: Option<(&'static str, Duration)>,
    ) -> Proxy {
        let state = Arc::new(State {
            silent,
            slow,
            client: Client::builder(TokioExecutor::new()).build_http(),
            fault,
            jitter,
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
            calls: AtomicUsize::new(0),
            crashed: Notify::new(),
            kept: Mutex::new(None),
        });
        let endpoints = Endpoints {
            dynamodb: Some(listen(&state, saldo.dynamodb_url()).await),
            sqs: Some(listen(&state, sqs).await),
            secrets_manager: Some(saldo.secrets_manager_url().to_owned()),
            stripe: listen(&state, saldo.stripe_url()).await,
        };
        Proxy { world: saldo.world().with_endpoints(endpoints), state }
    }

    /// Runs a function until it answers or dies.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        act: impl Future<Output = T> + Send + 'static,
    ) -> Run<T> {
        let mut task = tokio::spawn(act);
        tokio::select! {
            done = &mut task => Run::Done(done.expect("the function does not panic")),
            () = self.state.crashed.notified() => {
                task.abort();
                let _ = task.await;
                Run::Crashed
            }
        }
    }

    /// How many calls went through here.
    pub(crate) fn calls(&self) -> usize {
        self.state.calls.load(Ordering::SeqCst)
    }
}

async fn listen(state: &Arc<State>, upstream: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (state, upstream) = (Arc::clone(state), upstream.to_owned());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (state, upstream) = (Arc::clone(&state), upstream.clone());
            let service = service_fn(move |request| {
                let (state, upstream) = (Arc::clone(&state), upstream.clone());
                async move { state.answer(&upstream, request).await }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    url
}

impl State {
    /// An error closes the connection without an answer.
    async fn answer(
        &self,
        upstream: &str,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, io::Error> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if !self.jitter.is_zero() {
            let most = u64::try_from(self.jitter.as_micros()).unwrap();
            let wait = self.dice.lock().unwrap().u64(0..most);
            tokio::time::sleep(Duration::from_micros(wait)).await;
        }
        if self.silent.iter().any(|object| request.uri().path().contains(object.as_str())) {
            return std::future::pending().await;
        }
        let kind = self.fault.filter(|fault| fault.at == call).map(|fault| fault.kind);
        let outage = self.fault.is_some_and(|fault| fault.kind == Kind::Outage && call >= fault.at);
        let key =
            request.headers().get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
        if key.is_some() && *self.kept.lock().unwrap() == key {
            return Ok(failure(true));
        }
        let lost = || io::Error::new(io::ErrorKind::ConnectionReset, "lost");
        match kind {
            Some(Kind::CrashBefore) => Ok(self.die().await),
            Some(Kind::CrashAfter) => {
                self.forward(upstream, request).await?;
                Ok(self.die().await)
            }
            Some(Kind::Late) => {
                let answer = self.forward(upstream, request).await;
                tokio::time::sleep(LATE).await;
                answer
            }
            Some(Kind::LostBefore) => Err(lost()),
            Some(Kind::LostAfter) => {
                self.forward(upstream, request).await?;
                Err(lost())
            }
            Some(Kind::KeptBefore) if key.is_some() => {
                *self.kept.lock().unwrap() = key;
                Ok(failure(false))
            }
            Some(Kind::KeptAfter) if key.is_some() => {
                *self.kept.lock().unwrap() = key;
                self.forward(upstream, request).await?;
                Ok(failure(false))
            }
            Some(Kind::Refused) if is_stripe(&request) => Ok(refusal()),
            Some(Kind::Conflict) if is(&request, "TransactWriteItems") => Ok(conflict(OF_TRANSACTIONS)),
            Some(Kind::Conflict) if is(&request, "UpdateItem") => Ok(conflict(OF_ONE_WRITE)),
            _ if outage => Err(lost()),
            _ => self.forward(upstream, request).await,
        }
    }

    async fn die(&self) -> Response<Full<Bytes>> {
        self.crashed.notify_one();
        std::future::pending().await
    }

    async fn forward(
        &self,
        upstream: &str,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, io::Error> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        if let Some((text, by)) = self.slow
            && String::from_utf8_lossy(&body).contains(text)
        {
            tokio::time::sleep(by).await;
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = format!("{upstream}{path}").parse().map_err(io::Error::other)?;
        let answer = self.client.request(Request::from_parts(head, Full::new(body))).await;
        let (head, body) = answer.map_err(io::Error::other)?.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Response::from_parts(head, Full::new(body)))
    }
}

fn is(request: &Request<Incoming>, action: &str) -> bool {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    target.is_some_and(|target| target.ends_with(&format!(".{action}")))
}

fn is_stripe(request: &Request<Incoming>) -> bool {
    request.headers().contains_key("stripe-version")
}

/// A 400 of Stripe.
fn refusal() -> Response<Full<Bytes>> {
    let body = r#"{"error":{"type":"invalid_request_error","message":"The account cannot do this yet."}}"#;
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    answer
}

/// A 500 of Stripe, the first time or again.
fn failure(replayed: bool) -> Response<Full<Bytes>> {
    let body = r#"{"error":{"type":"api_error","message":"Something went wrong on Stripe's end."}}"#;
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    if replayed {
        answer.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    answer
}

const OF_TRANSACTIONS: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "message":"Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]",
    "CancellationReasons":[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"}]}"#;
const OF_ONE_WRITE: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException",
    "message":"Transaction is ongoing for the item"}"#;

/// What DynamoDB answers when a write meets a transaction; the emulator never does.
fn conflict(body: &'static str) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(400).header("content-type", "application/x-amz-json-1.0");
    answer
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .unwrap_or_else(|_| Response::new(Full::default()))
}
