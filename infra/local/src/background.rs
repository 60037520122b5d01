//! What runs in the background until the stop: servers, pollers, schedules, deliveries.
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use saldo_stripe_stand_in::StandIn;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::chaos::Chaos;
use crate::event_sources::QueueSource;
use crate::functions::ScheduleFunction;
use crate::poller::Poller;
use crate::queue::Queues;
use crate::template::{Plan, TemplateError};
use crate::{Now, Options, StartError, scheduler};

/// With chaos a message fails on purpose; waiting for the queue's own visibility would only be dull.
const VISIBILITY_IN_CHAOS: Duration = Duration::from_secs(3);

/// Everything that is told to stop, and waited for.
pub(crate) struct Background {
    stop: watch::Sender<bool>,
    set: JoinSet<()>,
}

impl Background {
    pub(crate) fn new() -> Background {
        Background { stop: watch::Sender::new(false), set: JoinSet::new() }
    }

    /// What runs may end within `patience`; then it is ended.
    pub(crate) async fn stop(&mut self, patience: Duration) {
        let _ = self.stop.send(true);
        let ended = async { while self.set.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(patience, ended).await;
        self.set.shutdown().await;
    }

    fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopped = self.stop.subscribe();
        async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }
    }

    pub(crate) fn serve(&mut self, listener: TcpListener, app: Router) {
        let stopped = self.stopped();
        self.set.spawn(async move {
            let _ = axum::serve(listener, app).with_graceful_shutdown(stopped).await;
        });
    }

    pub(crate) fn deliver(&mut self, stand_in: StandIn) {
        let stopped = self.stopped();
        self.set.spawn(async move { stand_in.deliver(stopped).await });
    }

    pub(crate) fn schedule(&mut self, function: ScheduleFunction, every: Duration, now: Now) {
        let stopped = self.stop.subscribe();
        self.set.spawn(scheduler::run(function, every, now, stopped));
    }

    pub(crate) fn poll(
        &mut self,
        source: &QueueSource,
        queues: &Queues,
        plan: &Plan,
        options: &Options,
    ) -> Result<(), StartError> {
        let queue = plan
            .queues
            .iter()
            .find(|queue| queue.arn == source.arn)
            .ok_or_else(|| TemplateError(format!("no queue has the ARN {}", source.arn)))?;
        let chaos = options.chaos.map(|seed| Arc::new(Chaos::new(seed)));
        let poller = Poller {
            queues: queues.clone(),
            queue: queue.name.clone(),
            queue_arn: queue.arn.clone(),
            function: source.function.clone(),
            batch_size: source.batch_size,
            concurrency: source.concurrency,
            partial_failures: source.partial_failures,
            visibility: options.visibility.or_else(|| chaos.is_some().then_some(VISIBILITY_IN_CHAOS)),
            chaos,
        };
        let stopped = self.stop.subscribe();
        self.set.spawn(poller.run(stopped));
        Ok(())
    }
}

pub(crate) async fn listen(port: u16, flag: &'static str) -> Result<(TcpListener, String), StartError> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => StartError::PortInUse { port, flag },
        _ => StartError::Listen(error),
    })?;
    let address = listener.local_addr().map_err(StartError::Listen)?;
    Ok((listener, format!("http://{address}")))
}
