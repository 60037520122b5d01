//! Delivers events to the webhook endpoint until it answers 2xx.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::{Request, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rusqlite::params;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api_error::ApiResult;
use crate::signature;
use crate::stand_in::{StandIn, Webhook, locked};
use crate::store::Store;

/// Seconds before each further attempt; the last one repeats.
const DELAYS: [u64; 8] = [1, 2, 5, 15, 60, 300, 900, 3_600];
/// Attempts end three days after the event.
const LIFETIME: i64 = 3 * 86_400;
const TIMEOUT: Duration = Duration::from_secs(20);
const AT_ONCE: usize = 8;

type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// An event that waits for its 2xx.
struct Delivery {
    event: String,
    /// Its place among all deliveries.
    number: u64,
    body: String,
    attempts: u64,
}

impl StandIn {
    /// Delivers until `shutdown` ends; what was not acknowledged is sent again after a restart.
    pub async fn deliver(&self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let client: HttpClient = Client::builder(TokioExecutor::new()).build_http();
        let mut running: JoinSet<(String, bool)> = JoinSet::new();
        let mut under_way: HashMap<String, Option<Instant>> = HashMap::new();
        loop {
            let next = self.start_due(&client, &mut running, &mut under_way);
            tokio::select! {
                () = &mut shutdown => return,
                () = self.shared.bell.notified() => {}
                () = tokio::time::sleep_until(next) => {}
                Some(Ok((event, delivered))) = running.join_next() => {
                    let again = self.settle_delivery(&event, delivered);
                    match again {
                        Some(delay) => under_way.insert(event, Some(Instant::now() + delay)),
                        None => under_way.remove(&event),
                    };
                }
            }
        }
    }

    /// Starts every delivery whose time has come; returns when to look again.
    fn start_due(
        &self,
        client: &HttpClient,
        running: &mut JoinSet<(String, bool)>,
        under_way: &mut HashMap<String, Option<Instant>>,
    ) -> Instant {
        let now = Instant::now();
        let mut next = now + Duration::from_secs(60);
        let webhook = {
            let settings = locked(&self.shared.settings);
            settings.webhook.clone().filter(|_| !settings.paused)
        };
        let Some(webhook) = webhook else { return next };
        for delivery in self.waiting() {
            match under_way.get(&delivery.event) {
                Some(None) => continue,
                Some(Some(due)) if *due > now => {
                    next = next.min(*due);
                    continue;
                }
                _ if running.len() >= AT_ONCE => continue,
                _ => {}
            }
            under_way.insert(delivery.event.clone(), None);
            let plan = Plan::draw(self.shared.chaos, &delivery);
            let attempt =
                Attempt { client: client.clone(), webhook: webhook.clone(), stand_in: self.clone() };
            running.spawn(async move {
                let delivered = attempt.carry_out(&delivery, plan).await;
                (delivery.event, delivered)
            });
        }
        next
    }

    fn waiting(&self) -> Vec<Delivery> {
        let read = |store: Store<'_>| -> ApiResult<Vec<Delivery>> {
            let sql = "SELECT event, number, body, attempts FROM deliveries ORDER BY number LIMIT 1000";
            let mut statement = store.transaction.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(Delivery {
                    event: row.get(0)?,
                    number: row.get(1)?,
                    body: row.get(2)?,
                    attempts: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<Delivery>>>()?)
        };
        self.transact(Value::Null, read).unwrap_or_default()
    }

    /// Forgets what was delivered or is too old; otherwise how long to wait.
    fn settle_delivery(&self, event: &str, delivered: bool) -> Option<Duration> {
        let work = |store: Store<'_>| -> ApiResult<Option<Duration>> {
            let update = "UPDATE deliveries SET attempts = attempts + 1 WHERE event = ?1";
            store.transaction.prepare_cached(update)?.execute(params![event])?;
            let read = "SELECT attempts, created FROM deliveries WHERE event = ?1";
            let mut statement = store.transaction.prepare_cached(read)?;
            let row = statement
                .query_row(params![event], |row| Ok((row.get::<_, usize>(0)?, row.get::<_, i64>(1)?)));
            let (attempts, created) = row?;
            if delivered || store.now - created > LIFETIME {
                let delete = "DELETE FROM deliveries WHERE event = ?1";
                store.transaction.prepare_cached(delete)?.execute(params![event])?;
                return Ok(None);
            }
            let place = attempts.saturating_sub(1).min(DELAYS.len() - 1);
            Ok(Some(Duration::from_secs(DELAYS[place])))
        };
        self.transact(Value::Null, work).unwrap_or(Some(Duration::from_secs(5)))
    }
}

/// One attempt with everything it needs.
struct Attempt {
    client: HttpClient,
    webhook: Webhook,
    stand_in: StandIn,
}

impl Attempt {
    async fn carry_out(&self, delivery: &Delivery, plan: Plan) -> bool {
        tokio::time::sleep(plan.delay).await;
        if plan.lost {
            return false;
        }
        let delivered = if plan.doubled {
            let (one, other) = tokio::join!(self.post(delivery), self.post(delivery));
            one && other
        } else {
            self.post(delivery).await
        };
        delivered && !plan.answer_lost
    }

    async fn post(&self, delivery: &Delivery) -> bool {
        let signed_at = (self.stand_in.shared.now)();
        let signature = signature::sign(&self.webhook.secrets, signed_at, delivery.body.as_bytes());
        let request = Request::post(&self.webhook.url)
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .header(header::USER_AGENT, "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("stripe-signature", signature)
            .body(Full::new(Bytes::from(delivery.body.clone())));
        let Ok(request) = request else { return false };
        let answer = tokio::time::timeout(TIMEOUT, self.client.request(request)).await;
        match answer {
            Ok(Ok(response)) if response.status().is_success() => true,
            Ok(Ok(response)) => {
                let (event, status) = (delivery.event.as_str(), response.status().as_u16());
                tracing::warn!(event, status, "the webhook endpoint refused an event");
                false
            }
            Ok(Err(_)) | Err(_) => {
                let event = delivery.event.as_str();
                tracing::warn!(event, "the webhook endpoint did not answer");
                false
            }
        }
    }
}

/// What chaos does to one attempt.
struct Plan {
    delay: Duration,
    /// Sent twice at the same moment.
    doubled: bool,
    /// Not sent at all, as if the endpoint were out of reach.
    lost: bool,
    /// Sent, but the answer is lost: it comes again.
    answer_lost: bool,
}

impl Plan {
    /// The same seed gives the same plans to the same order of events.
    fn draw(chaos: Option<u64>, delivery: &Delivery) -> Plan {
        let Some(seed) = chaos else {
            return Plan { delay: Duration::ZERO, doubled: false, lost: false, answer_lost: false };
        };
        let mut random = fastrand::Rng::with_seed(seed ^ (delivery.number << 16) ^ delivery.attempts);
        let first_attempts = delivery.attempts < 3;
        Plan {
            delay: Duration::from_millis(if random.u8(..4) == 0 {
                random.u64(..3_000)
            } else {
                random.u64(..50)
            }),
            doubled: random.u8(..4) == 0,
            lost: first_attempts && random.u8(..5) == 0,
            answer_lost: first_attempts && random.u8(..5) == 0,
        }
    }
}
