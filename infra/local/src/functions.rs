//! The functions of the house as Lambda runs them: event in, answer out, a time limit, and a crash that stays inside.
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_http::lambda_runtime::{Config, Context, LambdaEvent};
use lambda_http::{Adapter, Request, Response, Service, service_fn};
use saldo_adapters::http::Event;
use saldo_adapters::telemetry::{self, Daemon};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::watch::{self, Watch};

/// One invocation as Lambda describes it: a request id and a trace of its own, which is sampled where a daemon hears of it.
fn context(function: &str, sampled: bool) -> Context {
    let mut context = Context::default();
    context.request_id = uuid::Uuid::new_v4().to_string();
    let trace = uuid::Uuid::new_v4().simple().to_string();
    let parent = format!("{:016x}", fastrand::u64(1..));
    let root = format!("Root=1-{}-{};Parent={parent};Sampled=", &trace[..8], &trace[8..]);
    context.xray_trace_id = Some(root + if sampled { "1" } else { "0" });
    context.env_config = Arc::new(Config { function_name: function.to_owned(), ..Config::default() });
    context
}

type Answering<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Handler<E, A> = Arc<dyn Fn(E) -> Answering<A> + Send + Sync>;

/// Why an invocation has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    TimedOut,
    Crashed,
    /// As many of it run as may at a time: it was not started.
    Throttled,
}

/// One function with its trigger's kind of event.
pub enum Function {
    Http(HttpFunction),
    Queue(QueueFunction),
    Schedule(ScheduleFunction),
}

/// A function behind a route. It goes through the request and response mapping of `lambda_http`.
#[derive(Clone)]
pub struct HttpFunction(Invoked<String, Option<Value>>);

/// A function behind a queue.
#[derive(Clone)]
pub struct QueueFunction(Invoked<SqsEvent, SqsBatchResponse>);

/// A function behind a schedule.
#[derive(Clone)]
pub struct ScheduleFunction(Invoked<Value, Value>);

impl Function {
    /// The same, counted by `watch` under the function's logical id in the template; at most `at_once` of it run at a time,
    /// clones included.
    #[must_use]
    pub fn watched(self, id: &str, at_once: Option<usize>, watch: &Watch) -> Function {
        match self {
            Function::Http(HttpFunction(invoked)) => {
                Function::Http(HttpFunction(invoked.watched(id, at_once, watch)))
            }
            Function::Queue(QueueFunction(invoked)) => {
                Function::Queue(QueueFunction(invoked.watched(id, at_once, watch)))
            }
            Function::Schedule(ScheduleFunction(invoked)) => {
                Function::Schedule(ScheduleFunction(invoked.watched(id, at_once, watch)))
            }
        }
    }

    /// The same, telling X-Ray's daemon what it asks of others.
    #[must_use]
    pub fn traced(self, daemon: Option<Daemon>) -> Function {
        match self {
            Function::Http(HttpFunction(invoked)) => {
                Function::Http(HttpFunction(Invoked { daemon, ..invoked }))
            }
            Function::Queue(QueueFunction(invoked)) => {
                Function::Queue(QueueFunction(Invoked { daemon, ..invoked }))
            }
            Function::Schedule(ScheduleFunction(invoked)) => {
                Function::Schedule(ScheduleFunction(Invoked { daemon, ..invoked }))
            }
        }
    }
}

impl HttpFunction {
    /// `handle` with the time limit `timeout`.
    pub fn new<H, F>(name: &str, timeout: Duration, handle: H) -> HttpFunction
    where
        H: Fn(Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<lambda_http::Body>> + Send + 'static,
    {
        HttpFunction(Invoked::new(name, timeout, move |event: String| {
            let handle = handle.clone();
            async move {
                let Event(request) = serde_json::from_str(&event).ok()?;
                let service = service_fn(move |request| {
                    let answer = handle(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                let answer = Adapter::from(service).call(LambdaEvent::new(request, Context::default())).await;
                let Ok(answer) = answer;
                serde_json::to_value(answer).ok()
            }
        }))
    }

    /// What the function answers to an API Gateway `event`, both in payload format 2.0.
    pub async fn invoke(&self, event: Value) -> Result<Value, Failure> {
        self.0.invoke(event.to_string()).await?.ok_or(Failure::Crashed)
    }
}

impl QueueFunction {
    /// `handle` with the time limit `timeout`.
    pub fn new<H, F>(name: &str, timeout: Duration, handle: H) -> QueueFunction
    where
        H: Fn(SqsEvent) -> F + Send + Sync + 'static,
        F: Future<Output = SqsBatchResponse> + Send + 'static,
    {
        QueueFunction(Invoked::new(name, timeout, handle))
    }

    /// Which messages of `event` failed.
    pub async fn invoke(&self, event: SqsEvent) -> Result<SqsBatchResponse, Failure> {
        self.0.invoke(event).await
    }
}

impl ScheduleFunction {
    /// `handle` with the time limit `timeout`.
    pub fn new<H, F>(name: &str, timeout: Duration, handle: H) -> ScheduleFunction
    where
        H: Fn(Value) -> F + Send + Sync + 'static,
        F: Future<Output = Value> + Send + 'static,
    {
        ScheduleFunction(Invoked::new(name, timeout, handle))
    }

    /// The function's summary of its run.
    pub async fn invoke(&self, event: Value) -> Result<Value, Failure> {
        self.0.invoke(event).await
    }
}

struct Invoked<E, A> {
    name: Arc<str>,
    timeout: Duration,
    handler: Handler<E, A>,
    /// How many more may run now.
    free: Arc<Semaphore>,
    watch: Watch,
    daemon: Option<Daemon>,
}

impl<E, A> Clone for Invoked<E, A> {
    fn clone(&self) -> Invoked<E, A> {
        let (name, handler, free) =
            (Arc::clone(&self.name), Arc::clone(&self.handler), Arc::clone(&self.free));
        let (watch, daemon) = (self.watch.clone(), self.daemon.clone());
        Invoked { name, timeout: self.timeout, handler, free, watch, daemon }
    }
}

impl<E, A: Send + 'static> Invoked<E, A> {
    fn new<H, F>(name: &str, timeout: Duration, handle: H) -> Invoked<E, A>
    where
        H: Fn(E) -> F + Send + Sync + 'static,
        F: Future<Output = A> + Send + 'static,
    {
        let handler: Handler<E, A> = Arc::new(move |event| Box::pin(handle(event)));
        let free = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Invoked { name: name.into(), timeout, handler, free, watch: Watch::default(), daemon: None }
    }

    fn watched(self, id: &str, at_once: Option<usize>, watch: &Watch) -> Invoked<E, A> {
        let free = Arc::new(Semaphore::new(at_once.unwrap_or(Semaphore::MAX_PERMITS)));
        Invoked { name: id.into(), watch: watch.clone(), free, ..self }
    }

    /// In a task of its own: a caller who hangs up stops nothing, as on Lambda.
    async fn invoke(&self, event: E) -> Result<A, Failure> {
        let Ok(place) = Arc::clone(&self.free).try_acquire_owned() else {
            self.watch.throttled(&self.name);
            return Err(Failure::Throttled);
        };
        let (context, began) = (context(&self.name, self.daemon.is_some()), Instant::now());
        let _attributed = watch::attribute(&context.request_id, &self.watch);
        let running = tokio::time::timeout(self.timeout, (self.handler)(event));
        let running = async move { (running.await, drop(place)).0 };
        let work = telemetry::invocation_told_to(self.daemon.as_ref(), &context, running);
        let ended = tokio::spawn(work).await;
        let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.watch.invoked(&self.name, took_ms, !matches!(ended, Ok(Ok(_))));
        match ended {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => {
                tracing::error!(function = %self.name, "the function timed out");
                Err(Failure::TimedOut)
            }
            Err(_) => {
                tracing::error!(function = %self.name, "the function crashed");
                Err(Failure::Crashed)
            }
        }
    }
}
