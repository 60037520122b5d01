//! One organisation that looks, buys and spends by chance.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use saldo_domain::DebitId;
use saldo_local::Saldo;
use saldo_stripe_stand_in::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::failure::Failure;
use crate::metered::Payer;

const PATIENCE: Duration = Duration::from_secs(30);
const BATCH: u8 = 10;

/// What is measured apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Balance,
    TopUps,
    Entries,
    Quote,
    Create,
    /// From the payment on, until the balance has the credits.
    Credited,
    Debit,
    Batch,
}

/// The mix, in hundredths. Whoever buys also pays.
const MIX: [(Kind, u8); 7] = [
    (Kind::Balance, 15),
    (Kind::TopUps, 10),
    (Kind::Entries, 10),
    (Kind::Quote, 4),
    (Kind::Create, 1),
    (Kind::Debit, 50),
    (Kind::Batch, 10),
];

/// How long calls took, in microseconds, and what went wrong.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) micros: BTreeMap<Kind, Vec<u64>>,
    pub(crate) errors: BTreeMap<Kind, u64>,
    /// The first of them, to be looked at.
    pub(crate) error: Option<String>,
}

impl Seen {
    pub(crate) fn add(&mut self, other: Seen) {
        for (kind, micros) in other.micros {
            self.micros.entry(kind).or_default().extend(micros);
        }
        for (kind, errors) in other.errors {
            *self.errors.entry(kind).or_default() += errors;
        }
        self.error = self.error.take().or(other.error);
    }
}

pub(crate) struct Sender {
    saldo: Arc<Saldo>,
    payer: Payer,
    chance: fastrand::Rng,
    /// What the answers leave it.
    credits: i64,
    seen: Seen,
}

impl Sender {
    /// An organisation that has bought as many credits as can be bought at once.
    pub(crate) async fn open(
        saldo: &Arc<Saldo>,
        organisation: &str,
        chance: fastrand::Rng,
    ) -> Result<Sender, Failure> {
        let payer = Payer::new(saldo, organisation)?;
        let (saldo, seen) = (Arc::clone(saldo), Seen::default());
        let mut sender = Sender { saldo, payer, chance, credits: 0, seen };
        let most = sender.get("/v1/quote").await?["maximum_credits"].as_i64().unwrap_or_default();
        let top_up = sender.create(most).await?;
        sender.pay(&top_up).await?;
        Ok(sender)
    }

    /// One call after the other; in the end the balance has to be what the answers say.
    pub(crate) async fn go_on(mut self, until: Instant) -> Result<Seen, Failure> {
        while Instant::now() < until {
            let kind = self.kind();
            let begun = Instant::now();
            let outcome = self.act(kind).await;
            self.note(kind, begun, outcome.as_ref().err());
            if let (Kind::Create, Ok(top_up)) = (kind, outcome) {
                let begun = Instant::now();
                let paid = self.pay(&top_up).await;
                self.note(Kind::Credited, begun, paid.as_ref().err());
            }
        }
        let left = self.available().await?;
        if self.seen.error.is_none() && left != self.credits {
            return Err(format!("{left} credits are left, not {}", self.credits).into());
        }
        Ok(self.seen)
    }

    fn kind(&mut self) -> Kind {
        let mut drawn = self.chance.u8(0..100);
        for (kind, share) in MIX {
            match drawn.checked_sub(share) {
                None => return kind,
                Some(rest) => drawn = rest,
            }
        }
        Kind::Debit
    }

    async fn act(&mut self, kind: Kind) -> Result<Value, Failure> {
        match kind {
            Kind::Balance | Kind::Credited => self.get("/v1/balance").await,
            Kind::TopUps => self.get("/v1/top-ups").await,
            Kind::Entries => self.get("/v1/entries").await,
            Kind::Quote => self.get("/v1/quote").await,
            Kind::Create => self.create(1000).await,
            Kind::Debit => self.debit().await,
            Kind::Batch => self.batch().await,
        }
    }

    fn note(&mut self, kind: Kind, begun: Instant, error: Option<&Failure>) {
        match error {
            None => {
                let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.seen.micros.entry(kind).or_default().push(micros);
            }
            Some(error) => {
                *self.seen.errors.entry(kind).or_default() += 1;
                self.seen.error.get_or_insert_with(|| error.to_string());
            }
        }
    }

    async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.payer.send("GET", path, None, Value::Null, 200).await
    }

    async fn available(&self) -> Result<i64, Failure> {
        Ok(self.get("/v1/balance").await?["available_credits"].as_i64().unwrap_or_default())
    }

    async fn create(&self, credits: i64) -> Result<Value, Failure> {
        let quote = self.get(&format!("/v1/quote?credits={credits}")).await?;
        let order = json!({"credits": credits, "expected_total": quote["total"]});
        self.payer
            .send("POST", "/v1/top-ups", Some(("idempotency-key", &Uuid::now_v7().to_string())), order, 201)
            .await
    }

    /// Pays, and waits for the credits.
    async fn pay(&mut self, top_up: &Value) -> Result<(), Failure> {
        let invoices = self.saldo.stand_in().invoices();
        let ours = invoices.iter().find(|invoice| invoice["metadata"]["top_up_id"] == top_up["id"]);
        let invoice = ours.and_then(|invoice| invoice["id"].as_str()).ok_or("the top-up has no invoice")?;
        self.saldo.stand_in().pay(invoice, Method::VirtualAccount)?;
        self.credits += top_up["credits"].as_i64().unwrap_or_default();
        let begun = Instant::now();
        while self.available().await? != self.credits {
            if begun.elapsed() > PATIENCE {
                return Err("a payment was not credited".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    async fn debit(&mut self) -> Result<Value, Failure> {
        let message = json!({"channel": "email", "country": "ID", "reference": "order 17"});
        let path = format!("/v1/debits/{}", Uuid::now_v7());
        let done = self.payer.send("PUT", &path, None, message, 201).await?;
        self.credits -= 1;
        Ok(done)
    }

    /// Ten in one run.
    async fn batch(&mut self) -> Result<Value, Failure> {
        let run = DebitId::parse(&Uuid::now_v7().to_string()).map_err(|_| "not an id")?.run();
        let message = |place| {
            let id = run.id(place).map_err(|_| "not an id")?;
            Ok(json!({"id": id.to_string(), "channel": "email", "country": "ID", "reference": "order 17"}))
        };
        let debits = (0..BATCH).map(message).collect::<Result<Vec<_>, Failure>>()?;
        let done =
            self.payer.send("POST", "/v1/debit-batches", None, json!({ "debits": debits }), 201).await?;
        self.credits -= i64::from(BATCH);
        Ok(done)
    }
}
