//! One history: money is paid and comes back in every way, and several workers hear of it in any order, twice, and die.
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::task::{Context, Waker};

use saldo_adapters::stripe::LIMITS;
use saldo_domain::{
    Action, Actor, Author, Cause, Credits, Currency, EntryKind, IdempotencyKey, InvoiceLink, OrgId, Policy,
    PortError, PriceList, Purchase, Reason, RefundState, Status, Subject, Timestamp, TopUp, TopUpId,
};
use saldo_top_ups::{OperateError, Refunding, TopUps, Wish};

use super::books::Books;
use super::bug::Bug;
use super::hand::{Hand, World};
use super::kept::Kept;
use super::provider::{Event, INVOICE, PAYER, Provider, Topic};

const STEPS: usize = 140;
const WORKERS: usize = 3;
/// Far more than there are events.
const MOST_HANDLINGS: usize = 2_000;
/// Of such sizes that shares of credits are no whole numbers.
const TOTALS: [i64; 4] = [27_750_000, 1_000, 999, 7];
const START_MS: i64 = 1_795_441_928_000;

/// What a history came to.
#[derive(Debug, PartialEq)]
pub(super) struct Lived {
    pub(super) postings: usize,
    /// How many of them undid another one.
    pub(super) undone: usize,
    /// Whether more was taken back than was there.
    pub(super) owed: bool,
}

/// What somebody does, call by call.
pub(super) type Task = Pin<Box<dyn Future<Output = Result<(), PortError>>>>;

/// A worker with the event that it handles; `None` compares the row by itself, or does what the staff wish.
struct Working {
    event: Option<Event>,
    /// How many of its turns it lets pass: others get far meanwhile.
    naps: u32,
    task: Task,
}

pub(super) struct Play {
    world: Arc<Mutex<World>>,
    workers: Vec<Working>,
    /// What the staff wished to be given back: any of them may be repeated.
    wishes: Vec<(Wish, Refunding)>,
    /// Whether it is mostly the staff who give money back.
    quiet: bool,
    made: i64,
}

/// Plays the history of `seed`; what is wrong with it, if anything.
pub(super) fn run(seed: u64, bug: Option<Bug>) -> Result<Lived, String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let quiet = rng.u8(..3) == 0;
    let mut play = Play::new(quiet, rng, bug);
    if !quiet && play.roll(2) == 0 {
        play.live_calmly();
    } else {
        for _ in 0..if play.quiet { 3 * STEPS } else { STEPS } {
            play.step();
        }
    }
    play.ends()
}

impl Play {
    fn new(quiet: bool, mut rng: fastrand::Rng, bug: Option<Bug>) -> Play {
        let top_up = open(quiet, &mut rng);
        let failing_percent = [0, 0, 5, 15][rng.usize(..4)];
        let (provider, books) = (Provider::new(&top_up), Books::new(top_up));
        let kept = Kept::default();
        let world = Arc::new(Mutex::new(World { provider, books, rng, failing_percent, bug, kept }));
        Play { world, workers: Vec::new(), wishes: Vec::new(), quiet, made: 0 }
    }

    /// A top-up that is paid, and of which a part was given back; all of it was heard. No call fails.
    pub(super) fn given_back_in_part(seed: u64, bug: Option<Bug>) -> Play {
        let mut play = Play::new(true, fastrand::Rng::with_seed(seed), bug);
        play.world().failing_percent = 0;
        play.change();
        play.world().provider.refund(TOTALS[0] / 4, RefundState::Succeeded);
        play.rest();
        let wish = play.wish();
        play.wishes.push(wish);
        play
    }

    /// What was given back fails, and somebody hears of it, for the first time or again.
    pub(super) fn hears_that_what_was_given_back_fails(&mut self) -> Task {
        self.world().provider.fail_refunds();
        let event = self.world().provider.events.pop().unwrap();
        self.handles(&event)
    }

    /// All comes to its end; what is wrong then, if anything.
    pub(super) fn ends(&mut self) -> Result<Lived, String> {
        self.world().failing_percent = 0;
        self.rest();
        self.cleans_up();
        self.verdict()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn roll(&self, sides: u32) -> u32 {
        self.world().rng.u32(..sides)
    }

    /// What happens is heard before anything else does, and nobody looks by himself.
    fn live_calmly(&mut self) {
        for _ in 0..self.roll(12) {
            self.change();
            self.rest();
            self.spend();
        }
    }

    fn change(&mut self) {
        let mut world = self.world();
        let World { provider, rng, .. } = &mut *world;
        provider.changes(rng, Timestamp::from_ms(START_MS));
    }

    fn spend(&mut self) {
        let mut world = self.world();
        let some = world.rng.i64(0..800);
        world.books.spend(some);
    }

    fn step(&mut self) {
        let is_paid = self.world().books.balance > 0;
        match self.roll(16) {
            15 if is_paid && self.workers.len() < WORKERS => self.refunds(),
            0..=2 if self.quiet && is_paid && self.roll(16) > 0 => self.works(),
            0 | 1 => self.change(),
            2 => self.spend(),
            3 if self.workers.len() < WORKERS => self.begins_to_compare(),
            4 | 5 if self.workers.len() < WORKERS => self.hears(),
            6 if !self.workers.is_empty() && self.roll(4) == 0 => self.dies(),
            _ => self.works(),
        }
    }

    /// The next event, in any order; now and then it is delivered once more later.
    fn hears(&mut self) {
        let event = {
            let mut world = self.world();
            let World { provider, rng, .. } = &mut *world;
            if provider.events.is_empty() {
                return;
            }
            let at = rng.usize(..provider.events.len());
            if rng.u32(..6) == 0 { provider.events[at].clone() } else { provider.events.swap_remove(at) }
        };
        if self.is_unheard(event.topic) {
            return;
        }
        let task = self.handles(&event);
        self.workers.push(Working { event: Some(event), naps: 0, task });
    }

    fn handles(&mut self, event: &Event) -> Task {
        let hand = Hand::new(&self.world, Some(event.says.clone()));
        let (told, author, now) = (event.told.clone(), author(), self.now());
        Box::pin(async move { top_ups(&hand).handle(&told, &author, now).await.map(drop) })
    }

    fn is_unheard(&self, topic: Topic) -> bool {
        match self.world().bug {
            Some(Bug::RefundEventsUnheard) => topic == Topic::RefundLater,
            Some(Bug::DisputeEventsUnheard) => topic == Topic::DisputeLater,
            Some(Bug::NoteEventsUnheard) => topic == Topic::Note,
            _ => false,
        }
    }

    /// Somebody of the staff gives money back, or says again that it is to be given back.
    fn refunds(&mut self) {
        let again = !self.wishes.is_empty() && self.roll(3) > 0;
        if !again {
            let wish = self.wish();
            self.wishes.push(wish);
        }
        let latest = self.wishes.len() - 1;
        let at = if again && self.roll(3) == 0 { self.world().rng.usize(..=latest) } else { latest };
        let task = self.asks_for_wish(at);
        self.workers.push(Working { event: None, naps: 0, task });
    }

    /// Somebody asks for what was wished, for the first time or again.
    pub(super) fn asks_for_wish(&mut self, at: usize) -> Task {
        let (wish, refunding) = self.wishes[at].clone();
        let (hand, now) = (Hand::new(&self.world, None), self.now());
        Box::pin(async move {
            match top_ups(&hand).refund(&wish, &refunding, now).await {
                Err(OperateError::Port(error)) => Err(error),
                Err(OperateError::NotRefunded(_) | OperateError::RefundRefused(_)) | Ok(_) => Ok(()),
                Err(error) => Err(PortError::Broken(format!("{error:?}"))),
            }
        })
    }

    fn wish(&self) -> (Wish, Refunding) {
        let mut world = self.world();
        let World { books, rng, .. } = &mut *world;
        let credits = if rng.u8(..4) == 0 { None } else { Some(Credits(rng.i64(1..=400))) };
        let wish = Wish {
            action: Action::Refund,
            org: books.row.org.clone(),
            about: books.row.id.to_string(),
            by: Actor::Operator(Subject::parse("ana").unwrap()),
            reason: Reason::parse("the payer asked for it").unwrap(),
            key: IdempotencyKey::parse(&format!("wish-{}", self.wishes.len())).unwrap(),
        };
        let (also_spent, out_of_band) = (rng.u8(..4) == 0, rng.u8(..4) == 0);
        (wish, Refunding { credits, also_spent, out_of_band, payable_step: |_| 1 })
    }

    /// Cleanup looks after a refund that is under way, until it is over.
    fn cleans_up(&mut self) {
        for _ in 0..MOST_HANDLINGS {
            let row = self.world().books.row.clone();
            if row.refund.is_none() {
                return;
            }
            self.made += 61_000;
            let (hand, now) = (Hand::new(&self.world, None), self.now());
            let task =
                async move { top_ups(&hand).look_after_refund(&row.org, &row.id, now).await.map(drop) };
            self.workers.push(Working { event: None, naps: 0, task: Box::pin(task) });
            self.rest();
        }
        self.world().books.wrong.get_or_insert("a refund is under way for ever".to_owned());
    }

    fn begins_to_compare(&mut self) {
        let hand = Hand::new(&self.world, None);
        let now = self.now();
        let row = self.world().books.row.clone();
        let task = async move { top_ups(&hand).reconcile(&row, &author(), now).await.map(drop) };
        self.workers.push(Working { event: None, naps: 0, task: Box::pin(task) });
    }

    /// A worker dies between two calls: its event comes again.
    fn dies(&mut self) {
        let at = self.world().rng.usize(..self.workers.len());
        let dead = self.workers.swap_remove(at);
        self.world().provider.events.extend(dead.event);
    }

    fn works(&mut self) {
        if self.workers.is_empty() {
            return;
        }
        let at = self.world().rng.usize(..self.workers.len());
        if self.workers[at].naps > 0 {
            self.workers[at].naps -= 1;
            return;
        }
        if self.quiet && self.roll(20) == 0 {
            self.workers[at].naps = self.roll(120);
        }
        let polled = self.workers[at].task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let std::task::Poll::Ready(done) = polled else { return };
        let worker = self.workers.swap_remove(at);
        let mut world = self.world();
        match done {
            Ok(()) => {}
            Err(PortError::Unavailable(_) | PortError::Conflict) => {
                if world.bug != Some(Bug::FailureAcknowledged) {
                    world.provider.events.extend(worker.event);
                }
            }
            Err(error @ (PortError::Broken(_) | PortError::NotPermitted(_))) => {
                world.books.wrong.get_or_insert(error.to_string());
            }
        }
    }

    /// Whoever works comes to an end, and every event is handled.
    fn rest(&mut self) {
        for _ in 0..MOST_HANDLINGS {
            while !self.workers.is_empty() {
                self.works();
            }
            if self.world().provider.events.is_empty() {
                return;
            }
            self.hears();
        }
        self.world().books.wrong.get_or_insert("an event is never done with".to_owned());
    }

    /// Each handling has a moment of its own.
    fn now(&mut self) -> Timestamp {
        self.made += 1;
        Timestamp::from_ms(START_MS + self.made)
    }

    fn verdict(&self) -> Result<Lived, String> {
        let world = self.world();
        let books = &world.books;
        if let Some(wrong) = &books.wrong {
            return Err(wrong.clone());
        }
        let (left, credits) =
            (world.provider.left_of(books.row.purchase.credits), books.row.posted.credited().0);
        if left != credits {
            return Err(format!("{credits} credits are left, and should be {left}"));
        }
        if books.balance != left - books.spent {
            return Err(format!("the balance is {}, and should be {}", books.balance, left - books.spent));
        }
        let mut made_for: Vec<_> = world
            .provider
            .returned
            .credit_notes
            .iter()
            .filter_map(|note| {
                let operation = note.made_for.as_ref()?.as_str();
                Some(world.kept.keys.get(operation).map_or(operation, String::as_str))
            })
            .collect();
        made_for.sort_unstable();
        if made_for.windows(2).any(|two| two[0] == two[1]) {
            return Err(format!("one wish was made twice: {made_for:?}"));
        }
        let undone = [EntryKind::RefundUndone, EntryKind::DisputeUndone];
        let undone = books.ledger.values().filter(|posting| undone.contains(&posting.entry.kind)).count();
        Ok(Lived { postings: books.ledger.len(), undone, owed: books.owed })
    }
}

fn top_ups(hand: &Hand) -> TopUps<Hand, Hand> {
    TopUps {
        rows: hand.clone(),
        invoices: hand.clone(),
        policy: Policy { accept_out_of_band: false, review_working_days: 2 },
    }
}

fn author() -> Author {
    Author { actor: Actor::System, cause: Cause::Event("evt_1".to_owned()) }
}

/// A top-up whose invoice can be paid.
fn open(quiet: bool, rng: &mut fastrand::Rng) -> TopUp {
    static PURCHASE: LazyLock<Purchase> = LazyLock::new(|| {
        let list = PriceList::from_json(
            r#"{"version":"v1","default_currency":"IDR","currencies":{"IDR":{"unit_price":25000,"tax_percent":"11",
            "minimum_credits":1000,"maximum_credits":100000,"presets":[1000],"low_below":200}}}"#,
            LIMITS,
        );
        list.unwrap().quote(Currency::IDR, None).unwrap().purchase
    });
    let now = Timestamp::from_ms(START_MS);
    let id = TopUpId::parse("top_01a208d846c676229a08bf3f3cf70805").unwrap();
    let org = OrgId::parse("acme").unwrap();
    let mut purchase = PURCHASE.clone();
    purchase.total.minor_units = if quiet { TOTALS[0] } else { TOTALS[rng.usize(..TOTALS.len())] };
    let mut top_up = TopUp::requested(id, org, purchase, &Actor::System, now, 72 * 3600);
    top_up.payer = Some(PAYER.to_owned());
    top_up.status = Status::Open;
    top_up.invoice = Some(InvoiceLink { id: INVOICE.to_owned(), number: None, pay_url: None, pdf: None });
    top_up
}
