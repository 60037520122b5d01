//! POST /stripe/webhook: verifies, enqueues, answers. 2xx only when the queue has the message.

use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request};
use saldo_adapters::clock::Clock;
use saldo_adapters::config::{ConfigError, Env};
use saldo_adapters::http::{Problem, ProblemCode, json_response};
use saldo_adapters::queue::{About, PaymentMessage, PaymentQueue};
use saldo_adapters::secrets::Secret;
use saldo_adapters::stripe::{Event, InvalidSignature, Meaning, verify};
use saldo_adapters::world::World;
use saldo_domain::{Alarm, Metric, OrgId, TopUpId, measure};
use serde_json::json;
use tracing::{error, info, warn};

/// The largest event taken, in bytes: an invoice carries at most ten lines in its event, each with up to 25 KB of
/// metadata, so that 256 KB hold the largest that Stripe sends.
pub const LARGEST_EVENT: usize = 256 * 1024;

/// The function, ready to answer.
#[derive(Clone)]
pub struct Function {
    secrets: Secret<Vec<String>>,
    livemode: bool,
    queue: PaymentQueue,
    clock: Clock,
}

/// Reads where the webhook secrets are, mode and queue.
pub fn connect(env: &Env, world: &World) -> Result<Function, ConfigError> {
    Ok(Function {
        secrets: world.webhook_secrets(env)?,
        livemode: env.livemode()?,
        queue: world.payment_queue(env)?,
        clock: world.clock(),
    })
}

impl Function {
    /// Reads the secrets, so that no event waits for that. A failure is told, and the first event tries again.
    pub async fn prepare(&self) {
        let _ = self.secrets.value().await;
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let received = self.receive(&request).await;
        measure!(Metric::Webhooks, 1, outcome(&received));
        match received {
            Ok(enqueued) => json_response(StatusCode::OK, &json!({"received": true, "enqueued": enqueued})),
            Err(problem) => problem.into_response(),
        }
    }

    /// Whether the event was worth a message. Whatever Stripe has signed is taken, as sending it again would not change it.
    async fn receive(&self, request: &Request) -> Result<bool, Problem> {
        let body = self.signed(request).await?;
        let Ok(event) = Event::parse(body) else {
            error!(alarm = Alarm::MalformedEvent.as_str(), bytes = body.len(), "a signed body is no event");
            return Ok(false);
        };
        let Some(about) = self.concerns(&event) else { return Ok(false) };
        let subject = subject(&about).to_owned();
        let message = PaymentMessage {
            event: event.id.clone(),
            kind: event.kind.clone(),
            about,
            created: event.created.unwrap_or(self.clock.now().secs()),
            waiting: None,
        };
        match self.queue.send(&message).await {
            Ok(()) => {
                let org = event.org.as_ref().map(OrgId::as_str);
                let top_up = event.top_up.as_ref().map(TopUpId::as_str);
                info!(event = event.id, kind = event.kind, subject, org, top_up, "enqueued");
                Ok(true)
            }
            Err(error) => {
                let top_up = event.top_up.as_ref().map(TopUpId::as_str);
                error!(event = event.id, kind = event.kind, subject, top_up, %error, "not enqueued");
                Err(Problem::unavailable())
            }
        }
    }

    /// What of this system an event may be about. Without a mode it may be of ours: the worker looks.
    fn concerns(&self, event: &Event) -> Option<About> {
        let (id, kind) = (&event.id, &event.kind);
        if event.account.is_some() {
            info!(event = id, kind, not_ours = "connected_account", "not ours");
            return None;
        }
        let about = match event.meaning() {
            Meaning::Invoice(invoice) => About::Invoice(invoice.to_owned()),
            Meaning::Payment(payment) => About::Payment(payment.to_owned()),
            Meaning::Nothing => {
                info!(event = id, kind, not_ours = "type", "not ours");
                return None;
            }
            Meaning::Unreadable => {
                error!(
                    event = id,
                    kind,
                    alarm = Alarm::MalformedEvent.as_str(),
                    "an event does not say of what"
                );
                return None;
            }
        };
        if event.livemode.is_some_and(|livemode| livemode != self.livemode) {
            let alarm = Alarm::WrongMode.as_str();
            warn!(event = id, alarm, livemode = event.livemode, "event of the other mode ignored");
            return None;
        }
        Some(about)
    }

    /// The body, if Stripe has signed it. What the secrets that we know do not explain may be signed with a newer one.
    async fn signed<'a>(&self, request: &'a Request) -> Result<&'a [u8], Problem> {
        let body: &[u8] = match request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        if body.len() > LARGEST_EVENT {
            error!(bytes = body.len(), "event too large");
            return Err(Problem::too_large(LARGEST_EVENT));
        }
        let mut signatures = request.headers().get_all("stripe-signature").iter();
        let signature = match (signatures.next(), signatures.next()) {
            (Some(one), None) => one.to_str().unwrap_or_default(),
            (None | Some(_), _) => "",
        };
        let mut secrets = self.secrets.value().await.map_err(|_| Problem::unavailable())?;
        let mut verified = verify(body, signature, &secrets, self.clock.now());
        if (secrets.is_empty() || verified == Err(InvalidSignature::OfAnotherSecret))
            && let Some(newer) = self.secrets.instead_of(&secrets).await
        {
            secrets = newer;
            verified = verify(body, signature, &secrets, self.clock.now());
        }
        if secrets.is_empty() {
            let alarm = Alarm::NoWebhookSecret.as_str();
            error!(alarm, "an event came before this endpoint was told its secret");
            return Err(secret_missing());
        }
        verified.map_err(|_| {
            warn!(bytes = body.len(), "signature refused");
            let detail = "The signature is missing, wrong or too old.";
            Problem::new(ProblemCode::InvalidSignature, detail)
        })?;
        Ok(body)
    }
}

fn subject(about: &About) -> &str {
    match about {
        About::Invoice(id) | About::Payment(id) => id,
    }
}

/// What came of a delivery, for counting.
fn outcome(received: &Result<bool, Problem>) -> &'static str {
    match received {
        Ok(true) => "enqueued",
        Ok(false) => "done",
        Err(problem) => match problem.code {
            ProblemCode::InvalidSignature => "signature_refused",
            ProblemCode::WebhookSecretMissing => "no_secret",
            ProblemCode::PayloadTooLarge => "too_large",
            _ => "not_enqueued",
        },
    }
}

/// Not 400: Stripe sends again what was not taken, so that the events of these hours come after the secret.
fn secret_missing() -> Problem {
    let detail = "This endpoint does not know its signing secret yet, so it cannot tell who sent this. Nothing is lost: \
        Stripe sends the event again until the endpoint takes it, with live keys for three days.";
    Problem::new(ProblemCode::WebhookSecretMissing, detail)
}
