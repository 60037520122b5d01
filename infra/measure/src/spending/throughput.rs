//! How many debits a second: the code that spends on AWS, over the table in memory, in virtual time.

use std::sync::{Arc, Mutex};

use saldo_credits::test_support::{Answer, InMemory, Op, Way};
use saldo_credits::{NotSent, Order, Reserved, SpendError, Spender};
use saldo_domain::{
    Actor, Channel, Counting, Country, Credits, Debit, DebitId, Details, MOST_IN_BATCH, Meters, OrgId,
    Reference, Reservation, ReservedDebit, ShardCounts, ShardId, Stamp, Timestamp, TopUpId, Units,
};

use super::partitions::{Asked, Link};
use super::virtual_time::{Clock, Micros, Tasks, locked};
use crate::failure::Failure;

/// When virtual time begins, in milliseconds since 1970.
const START_MS: i64 = 1_795_441_928_000;
pub(crate) const SECOND: Micros = 1_000_000;
/// From the beginning of sharding on until new entries lie in the shards' ledgers.
const AFTER_SHARDING: Micros = 700 * SECOND;
pub(crate) const WARM_UP: Micros = SECOND;
pub(crate) const MEASURED: Micros = 5 * SECOND;
/// Senders do not begin in step.
pub(crate) const BEGIN_WITHIN: Micros = 20_000;
const SEED: u64 = 11;
/// As long as the names that identity providers make: a longer one leaves less room in an item.
const ORG: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

/// Who sends, and what happens beside it.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) shards: u8,
    pub(crate) processes: usize,
    /// Debits that each process has under way all the time.
    pub(crate) at_once: usize,
    /// How long each rests between two debits, in the mean.
    pub(crate) rests: Micros,
    pub(crate) granted: i64,
    pub(crate) top_ups: Option<TopUps>,
    /// Whether ids are chosen by Saldo, of one run for what goes together, and what is sent then.
    pub(crate) grouped: Option<Sent>,
    /// Batches of 25 whose processes die between their two writes while it is measured.
    pub(crate) dead: u8,
}

/// What the messages are like whose ids are chosen; each has a country, and a reference as long as a UUID.
#[derive(Clone, Copy)]
pub(crate) enum Sent {
    /// E-mails to one country.
    Alike,
    /// SMS of one to three segments to four countries.
    Varied,
}

#[derive(Clone, Copy)]
pub(crate) struct TopUps {
    pub(crate) every: Micros,
    pub(crate) credits: i64,
}

/// What came of a load.
pub(crate) struct Pace {
    pub(crate) debits_per_second: u64,
    /// All debits, and what was asked of the table for them.
    pub(crate) debits: u64,
    pub(crate) asked: Asked,
    /// How many 503 the senders were told for these debits.
    pub(crate) refused: u64,
    /// How long each of the measured debits took its sender, from the shortest on.
    pub(crate) took: Vec<Micros>,
    /// The longest of all, also where it ended after the measured time.
    pub(crate) longest: Micros,
}

/// What the senders were answered.
#[derive(Clone, Default)]
struct Acknowledged {
    debits: u64,
    credits: i64,
    measured: u64,
    /// How often a sender was told to come again.
    refused: u64,
    /// How long each of the measured debits took its sender.
    took: Vec<Micros>,
    /// The longest of all, also where it ended after the measured time.
    longest: Micros,
}

struct Scene {
    org: OrgId,
    shards: ShardCounts,
    clock: Clock,
    link: Link,
    meters: Meters,
    acknowledged: Mutex<Acknowledged>,
    granted: Mutex<i64>,
    wrong: Mutex<Option<String>>,
}

type Virtual = Spender<InMemory<Link>>;

/// Plays `load`; an error when the books are not right after it.
pub(crate) fn measure(load: &Load) -> Result<Pace, Failure> {
    let scene = Arc::new(Scene::new(load)?);
    // Which shard a process likes best is left to chance.
    fastrand::seed(SEED);
    let mut rng = fastrand::Rng::with_seed(SEED);
    let mut spenders = (0..load.processes).map(|_| scene.spender());
    let first = spenders.next().ok_or("nobody sends")?;
    scene.spread(load, &first, &mut rng)?;
    let before = scene.link.store().asked;
    *locked(&scene.acknowledged) = Acknowledged::default();
    let mut tasks = Tasks::new(&scene.clock);
    for spender in [first].into_iter().chain(spenders) {
        for _ in 0..load.at_once {
            tasks.add(Arc::clone(&scene).send(spender.clone(), *load, rng.fork()));
        }
    }
    if let Some(top_ups) = load.top_ups {
        tasks.add(Arc::clone(&scene).top_up(top_ups));
    }
    if load.dead > 0 {
        tasks.add(Arc::clone(&scene).die(*load));
    }
    tasks.run()?;
    scene.books()?;
    let mut acknowledged = locked(&scene.acknowledged).clone();
    acknowledged.took.sort_unstable();
    Ok(Pace {
        debits_per_second: acknowledged.measured * SECOND / MEASURED,
        debits: acknowledged.debits,
        refused: acknowledged.refused,
        took: acknowledged.took,
        longest: acknowledged.longest,
        asked: scene.link.store().asked.since(before),
    })
}

impl Scene {
    fn new(load: &Load) -> Result<Scene, Failure> {
        let clock = Clock::default();
        let scene = Scene {
            org: OrgId::parse(ORG).map_err(|_| "not an organisation")?,
            shards: ShardCounts::from_json(&format!("{{\"{ORG}\":{}}}", load.shards))
                .map_err(|error| error.0)?,
            link: Link::new(&clock, &OrgId::parse(ORG).map_err(|_| "not an organisation")?),
            clock,
            meters: Meters::from_json(r#"{"email":{"default":1},"sms":{"default":1}}"#)
                .map_err(|error| error.0)?,
            acknowledged: Mutex::default(),
            granted: Mutex::new(load.granted),
            wrong: Mutex::default(),
        };
        scene.link.credit(&TopUpId::new(scene.now()), Credits(load.granted));
        Ok(scene)
    }

    fn spender(&self) -> Virtual {
        Spender::new(InMemory(self.link.clone())).with_shards(self.shards.clone())
    }

    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.clock.now() / 1000).unwrap_or_default();
        Timestamp::from_ms(START_MS.saturating_add(ms))
    }

    /// The organisation's first debits, at once so that they go to different shards, spread it and bring credits to each.
    fn spread(
        self: &Arc<Scene>,
        load: &Load,
        spender: &Virtual,
        rng: &mut fastrand::Rng,
    ) -> Result<(), Failure> {
        let mut tasks = Tasks::new(&self.clock);
        for _ in 0..load.shards {
            let (scene, spender, mut rng) = (Arc::clone(self), spender.clone(), rng.fork());
            tasks.add(async move { scene.debit_alone(&spender, &mut rng).await });
        }
        tasks.run()?;
        *locked(&self.granted) -= locked(&self.acknowledged).credits;
        Ok(())
    }

    /// A sender: the next debit as soon as the one before is done.
    async fn send(self: Arc<Scene>, spender: Virtual, load: Load, mut rng: fastrand::Rng) {
        self.clock.sleep_until(AFTER_SHARDING + rng.u64(..BEGIN_WITHIN)).await;
        while self.clock.now() < AFTER_SHARDING + WARM_UP + MEASURED {
            match load.grouped {
                Some(sent) => self.send_grouped(&spender, sent, &mut rng).await,
                None => self.debit(&spender, &mut rng).await,
            }
            if load.rests > 0 {
                self.clock.sleep(rng.u64(..2 * load.rests)).await;
            }
        }
    }

    async fn top_up(self: Arc<Scene>, top_ups: TopUps) {
        let mut at = AFTER_SHARDING;
        while at < AFTER_SHARDING + WARM_UP + MEASURED {
            self.clock.sleep_until(at).await;
            self.link.top_up(&TopUpId::new(self.now()), Credits(top_ups.credits)).await;
            *locked(&self.granted) += top_ups.credits;
            at += top_ups.every;
        }
    }

    /// Processes reserve a batch each, on one shard, as soon as there is room, and do nothing any more.
    async fn die(self: Arc<Scene>, load: Load) {
        let mut rng = fastrand::Rng::with_seed(SEED);
        let Some(shard) = ShardId::serving(load.shards).next() else { return };
        self.clock.sleep_until(AFTER_SHARDING + WARM_UP).await;
        for _ in 0..load.dead {
            let code = Stamp::code(Credits(1), Channel::EMAIL, &Details::default()).unwrap_or_default();
            let debit = |id| ReservedDebit { id, credits: Credits(1), code };
            let debits: Vec<_> = (0..MOST_IN_BATCH).filter_map(|_| self.id(&mut rng)).map(debit).collect();
            let (credits, at) = (i64::try_from(debits.len()).unwrap_or_default(), self.now());
            let epoch = self.link.store().table.shards.get(&shard).map_or(0, |shard| shard.epoch);
            let reservation = Reservation {
                debits,
                acknowledged: Vec::new(),
                unsharded: false,
                epoch,
                counting: Counting::default(),
                at,
            };
            loop {
                let answer = self.link.call(Op::Reserve(shard, reservation.clone())).await;
                if let Ok(Answer::Reserved(Reserved::Done(_))) = answer {
                    break;
                }
            }
            *locked(&self.granted) -= credits;
        }
    }

    /// One e-mail of one credit, until it is acknowledged.
    async fn debit(&self, spender: &Virtual, rng: &mut fastrand::Rng) {
        let Some(debit) = self.email(rng) else { return self.note_wrong("no id".to_owned()) };
        let began = self.clock.now();
        loop {
            match spender.debit(&self.org, &Actor::System, &debit, self.now()).await {
                Ok(_) => break,
                Err(error) => match told_to_come_again(&error) {
                    Some(secs) => self.refused(secs).await,
                    None => return self.note_wrong(error.to_string()),
                },
            }
        }
        self.note_done(began, debit.credits);
    }

    /// The same as a batch by itself, which goes with nothing else.
    async fn debit_alone(&self, spender: &Virtual, rng: &mut fastrand::Rng) {
        let Some(debit) = self.email(rng) else { return self.note_wrong("no id".to_owned()) };
        let began = self.clock.now();
        match spender.debit_all(&self.org, &Actor::System, std::slice::from_ref(&debit), self.now()).await {
            Ok(_) => self.note_done(began, debit.credits),
            Err(error) => self.note_wrong(error.to_string()),
        }
    }

    fn email(&self, rng: &mut fastrand::Rng) -> Option<Debit> {
        Some(Debit::costing(self.id(rng)?, Channel::EMAIL, Credits(1)))
    }

    /// The same, under an id that Saldo chooses.
    async fn send_grouped(&self, spender: &Virtual, sent: Sent, rng: &mut fastrand::Rng) {
        let began = self.clock.now();
        let (channel, units, country) = match sent {
            Sent::Alike => (Channel::EMAIL, Units::ONE, "ID"),
            Sent::Varied => {
                let country = ["ID", "SG", "MY", "US"][rng.usize(..4)];
                (Channel::SMS, Units::new(rng.i64(1..=3)).unwrap_or_default(), country)
            }
        };
        let (country, reference) = (Country::parse(country), Reference::parse(ORG).ok());
        let details = Details { units, country, reference, class: None };
        let order = Order::new(&self.meters, channel, details, None, self.now());
        let Ok(order) = order else { return self.note_wrong("no price".to_owned()) };
        let mut sent = spender.send(&self.org, &Actor::System, &order, self.now()).await;
        let credits = loop {
            match sent {
                Ok(debited) => break debited.credits,
                Err(NotSent { error, debit }) if told_to_come_again(&error).is_some() => {
                    self.refused(told_to_come_again(&error).unwrap_or_default()).await;
                    let again = spender.debit(&self.org, &Actor::System, &debit, self.now()).await;
                    sent = again.map_err(|error| NotSent { error, debit });
                }
                Err(failed) => return self.note_wrong(failed.error.to_string()),
            }
        };
        self.note_done(began, credits);
    }

    fn note_done(&self, began: Micros, credits: Credits) {
        let took = self.clock.now() - began;
        let from = AFTER_SHARDING + WARM_UP;
        let measured = (from..from + MEASURED).contains(&self.clock.now());
        let mut acknowledged = locked(&self.acknowledged);
        acknowledged.debits += 1;
        acknowledged.credits += credits.0;
        acknowledged.measured += u64::from(measured);
        acknowledged.longest = acknowledged.longest.max(took);
        if measured {
            acknowledged.took.push(took);
        }
    }

    /// Does what a sender does about a 503: it repeats after as many seconds as it was told, and with the same id.
    async fn refused(&self, retry_after_secs: u32) {
        locked(&self.acknowledged).refused += 1;
        self.clock.sleep(u64::from(retry_after_secs) * SECOND).await;
    }

    /// A random id made now.
    fn id(&self, rng: &mut fastrand::Rng) -> Option<DebitId> {
        let mut bytes = [0; 16];
        rng.fill(&mut bytes);
        bytes[..6].copy_from_slice(&self.now().ms().to_be_bytes()[2..]);
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        DebitId::from_bytes(bytes).ok()
    }

    fn note_wrong(&self, wrong: String) {
        locked(&self.wrong).get_or_insert(wrong);
    }

    /// What was granted and not acknowledged as spent is there, and every look at the books agrees.
    fn books(&self) -> Result<(), Failure> {
        if let Some(wrong) = locked(&self.wrong).take() {
            return Err(wrong.into());
        }
        let spent = locked(&self.acknowledged).credits;
        let (there, expected) = (self.link.check()?, *locked(&self.granted) - spent);
        if there == expected {
            Ok(())
        } else {
            Err(format!("the shards have {there} credits, granted less acknowledged are {expected}").into())
        }
    }
}

/// In how many seconds, where it is answered 503.
fn told_to_come_again(error: &SpendError) -> Option<u32> {
    match error {
        SpendError::Busy => Some(1),
        SpendError::Crowded { retry_after_secs } => Some(*retry_after_secs),
        _ => None,
    }
}
