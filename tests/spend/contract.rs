//! The table in memory and the real one answer alike, call by call: what the simulator drives is what AWS is asked.
use saldo_adapters::clock::Clock;
use saldo_adapters::dynamo::Store;
use saldo_credits::test_support::{Answer, Op, Row};
use saldo_credits::{Balances, Keys, OpenHolds, Reserved, Stored};
use saldo_domain::{
    Actor, BalanceShard, BalanceShards, Channel, Class, Counted, Country, Credits, DebitEntry, DebitId,
    Details, Entry, EntryId, EntryKind, Floor, IdempotencyKey, Known, MOST_ACKNOWLEDGED, Once, OrgId,
    PENDING_ROOM, PortError, Posting, RateVersion, Rebalance, Reference, Reservation, ReservedDebit, Resume,
    Reversal, RunId, ShardId, Sharding, Stamp, TopUpId,
};

use super::contract_budgets;
use super::history::{machine, wait};
use super::unreliable::{Port, Shared, State, port};
use crate::support::system;

const CALLS: usize = 900;

/// What the calls of one organisation are like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Usual,
    /// Nothing is acknowledged, so that a shard fills up.
    Filling,
    /// Credits move between shards, and the ledger is spread.
    Sharded,
}

const KINDS: [Kind; 4] = [Kind::Usual, Kind::Filling, Kind::Sharded, Kind::Sharded];
const LEAST_HISTORIES: u64 = 4;
const MOST_HISTORIES: u64 = 24;

/// What happened in all histories together.
#[derive(Debug, Default)]
struct Seen {
    /// Reservations that were refused, and those for several debits.
    refused: usize,
    several: usize,
    /// Times that credits moved between shards.
    moved: usize,
    /// Calls while something was owed, and times that it was paid.
    owed: usize,
    resumed: usize,
    /// The most room that was taken on one shard, in seats.
    fullest: usize,
    /// Calls while debits were pending in groups of more than one part, and those that a group lost some of its debits by.
    grouped: usize,
    in_part: usize,
    /// The groups of each shard at the last look, their sequence and how many debits they had.
    sizes: std::collections::BTreeMap<ShardId, std::collections::BTreeMap<RunId, (i64, usize)>>,
    /// Reservations that budgets counted, days that began, allowances, and reversals that are counted no more.
    counted: usize,
    turned: usize,
    allowed: usize,
    uncounted: usize,
    /// Ids that were closed, and keys that came to stand for another one.
    closed: usize,
    replaced: usize,
}

impl Seen {
    /// The shards before a call, which both tables keep in the same form.
    fn look(&mut self, all: &BalanceShards, memory: &BalanceShards) {
        for (id, shard) in all {
            assert_eq!(Some(shard.seats()), memory.get(id).map(BalanceShard::seats), "{id:?}");
            let groups = shard.groups();
            assert_eq!(Some(&groups), memory.get(id).map(BalanceShard::groups).as_ref(), "{id:?}");
            self.fullest = self.fullest.max(shard.seats());
            self.grouped += usize::from(groups.values().any(|group| group.codes.parts().len() > 1));
            let known = |(run, sizes): (&RunId, &mut (i64, usize))| {
                let now = groups.get(run).map(|group| (group.sequence, group.codes.iter().count()));
                let less = now.is_some_and(|(sequence, count)| sequence == sizes.0 && count < sizes.1);
                *sizes = now.unwrap_or_default();
                usize::from(less)
            };
            let before = self.sizes.entry(*id).or_default();
            for (run, group) in &groups {
                before.entry(*run).or_insert((group.sequence, group.codes.iter().count()));
            }
            self.in_part += before.iter_mut().map(known).sum::<usize>();
        }
    }

    /// Of what too little happened for the comparison to say much.
    fn lacks(&self) -> Vec<&'static str> {
        let wanted = [
            ("refused", self.refused > 20),
            ("several", self.several > 20),
            ("moved", self.moved > 20),
            ("owed", self.owed > 0),
            ("resumed", self.resumed > 20),
            ("full", self.fullest >= PENDING_ROOM),
            ("grouped", self.grouped > 20),
            ("in part", self.in_part > 20),
            ("counted", self.counted > 5),
            ("turned", self.turned > 20),
            ("allowed", self.allowed > 5),
            ("uncounted", self.uncounted > 0),
            ("closed", self.closed > 5),
            ("replaced", self.replaced > 0),
        ];
        wanted.into_iter().filter(|(_, enough)| !enough).map(|(what, _)| what).collect()
    }
}

/// An answer, or all balance shards.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    One(Result<Answer, PortError>),
    Main(Result<BalanceShard, PortError>),
    All(Result<BalanceShards, PortError>),
}

#[tokio::test(flavor = "multi_thread")]
async fn both_tables_answer_alike() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let store = saldo.world().store(&saldo.env_of("spend")).unwrap();
    let mut seen = Seen::default();
    for (seed, kind) in (0..MOST_HISTORIES).zip(KINDS.into_iter().cycle()) {
        // Ids are made anew each time, and what happens hangs on their order: it is gone on until enough has.
        if seed >= LEAST_HISTORIES && seen.lacks().is_empty() {
            break;
        }
        let org = OrgId::parse(&format!("org-{seed}")).unwrap();
        let memory = port(State::new(seed, None));
        assert_eq!(store.main_shard(&org).await, wait(memory.main_shard(&org)), "nothing there");
        assert_eq!(store.all_shards(&org).await, wait(memory.all_shards(&org)), "nothing there");
        system::with_credits(&saldo, org.as_str()).await;
        memory.state().credit(1000);
        memory.state().table.main().ready = true;
        let mut rng = fastrand::Rng::with_seed(seed);
        let ids = ids(&mut rng, &clock);
        for at in 0..CALLS {
            let all = store.all_shards(&org).await.unwrap();
            // Every other history has budgets, as they refuse much.
            let asked = if matches!(seed % 4, 0 | 3) && rng.u32(..6) == 0 {
                let at = of_kind(&mut rng, kind);
                contract_budgets::op(&mut rng, at, &all, &memory.state().table)
            } else {
                op(&mut rng, kind, &ids, &all, &clock)
            };
            let op = of_what_is_there(asked, &memory);
            seen.look(&all, &memory.state().table.shards);
            let real = answer(&store, &org, &op).await;
            let simulated = wait(answer(&memory, &org, &op));
            assert_eq!(real, simulated, "seed {seed}, call {at}: {op:?}");
            seen.refused +=
                usize::from(matches!(real, Said::One(Ok(Answer::Reserved(Reserved::Refused(_))))));
            seen.several +=
                usize::from(matches!(&op, Op::Reserve(_, reservation) if reservation.debits.len() > 1));
            seen.owed += usize::from(all.values().any(|shard| shard.halted));
            seen.resumed += usize::from(matches!((&op, &real), (Op::Resume(_), Said::One(Ok(_)))));
            seen.turned += usize::from(matches!((&op, &real), (Op::Turn(_), Said::One(Ok(_)))));
            seen.allowed += usize::from(matches!((&op, &real), (Op::Allow(_), Said::One(Ok(_)))));
            let done = matches!(&real, Said::One(Ok(_)));
            seen.uncounted += usize::from(
                matches!(&op, Op::Reverse(_, _, uncounted) if done && !uncounted.numbers.is_empty()),
            );
            let done = matches!(&real, Said::One(Ok(Answer::Reserved(Reserved::Done(_)))));
            seen.counted += usize::from(
                matches!(&op, Op::Reserve(_, asked) if done && !asked.counting.counts.is_empty()),
            );
            let closed = |there: &Said| *there == Said::One(Ok(Answer::Entries(vec![Stored::Other])));
            seen.closed += usize::from(matches!(&op, Op::Close(..)) && closed(&real));
            let stands_for = |id: &DebitId| real == Said::One(Ok(Answer::Key(Some(*id))));
            seen.replaced +=
                usize::from(matches!(&op, Op::Replace(_, before, id) if before != id && stands_for(id)));
            seen.moved += usize::from(matches!((&op, &real), (Op::Rebalance(_), Said::One(Ok(_)))));
        }
    }
    assert!(seen.lacks().is_empty(), "too little of {:?} happened: {seen:?}", seen.lacks());
    saldo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_was_only_credited_is_made_ready() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let store = saldo.world().store(&saldo.env_of("spend")).unwrap();
    let org = OrgId::parse("acme").unwrap();
    assert!(store.make_ready(&org).await.is_err(), "there is nothing to make ready");
    system::with_credits(&saldo, "acme").await;
    let client = crate::support::books::dynamodb(&saldo);
    let key = aws_sdk_dynamodb::types::AttributeValue::S;
    let update = client
        .update_item()
        .table_name(crate::support::books::table(&saldo))
        .key("pk", key("ORG#acme".to_owned()))
        .key("sk", key("BALANCE".to_owned()))
        .update_expression("REMOVE q, v");
    update.send().await.unwrap();
    assert!(!store.main_shard(&org).await.unwrap().ready);
    let id = system::debit_id(&clock, 0);
    let message = serde_json::json!({"channel": "sms"});
    let (status, debit) = system::debit(&saldo, &saldo.world(), "acme", &id, &message).await;
    assert_eq!((status, &debit["available_credits"]), (201, &serde_json::json!(997)), "{debit}");
    crate::support::books::prove_always(&saldo, "a shard of before").await;
    saldo.stop().await;
}

/// A balance shard that calls of this kind are about.
fn of_kind(rng: &mut fastrand::Rng, kind: Kind) -> ShardId {
    match kind {
        Kind::Sharded => ShardId::balances().nth(rng.usize(..4)).unwrap(),
        Kind::Usual | Kind::Filling => ShardId::MAIN,
    }
}

/// Some of a few runs.
fn ids(rng: &mut fastrand::Rng, clock: &Clock) -> Vec<DebitId> {
    let runs: Vec<_> = (0..6).map(|_| DebitId::parse(&system::debit_id(clock, 0)).unwrap().run()).collect();
    (0..60).map(|_| runs[rng.usize(..runs.len())].id(rng.u8(..32)).unwrap()).collect()
}

fn op(rng: &mut fastrand::Rng, kind: Kind, ids: &[DebitId], all: &BalanceShards, clock: &Clock) -> Op {
    let id = ids[rng.usize(..ids.len())];
    let at = of_kind(rng, kind);
    let shard = all.get(&at).cloned().unwrap_or_default();
    let made_up = Stamp::given(at.first_sequence() + rng.i64(1..9) * 65_536, 17);
    let stamp = shard.pending.get(&id).copied().filter(|_| rng.u32(..4) > 0).unwrap_or(made_up);
    match rng.u32(..if kind == Kind::Filling { 7 } else { 18 }) {
        0..=4 => {
            let most = if kind == Kind::Filling { 2 } else { 60 };
            let mut debits: Vec<ReservedDebit> = Vec::new();
            let run = ids[rng.usize(..ids.len())].run();
            let of_one_run = rng.bool();
            for _ in 0..[1, 1, 2, 8][rng.usize(..4)] {
                let id = if of_one_run { run.id(rng.u8(..32)).unwrap() } else { ids[rng.usize(..ids.len())] };
                let credits = Credits(rng.i64(0..=most));
                let code = match details(rng) {
                    _ if rng.u32(..4) == 0 && credits > Credits(0) => {
                        Stamp::code_of_before(credits, Channel::SMS)
                    }
                    of_one => Stamp::code(credits, channel(rng), &of_one).unwrap(),
                };
                if debits.iter().all(|debit| debit.id != id) {
                    debits.push(ReservedDebit { id, credits, code });
                }
            }
            let mut acknowledged = if kind == Kind::Filling { Vec::new() } else { some_pending(rng, &shard) };
            acknowledged.retain(|(done, _)| debits.iter().all(|debit| debit.id != *done));
            let epoch = if rng.u32(..5) > 0 { shard.epoch } else { rng.i64(0..3) };
            let at_time = clock.now();
            let unsharded = rng.u32(..4) > 0;
            Op::Reserve(
                at,
                Reservation {
                    debits,
                    acknowledged,
                    unsharded,
                    epoch,
                    counting: contract_budgets::counting(rng, &shard),
                    at: at_time,
                },
            )
        }
        5..=6 => Op::PutEntries(at, entries(rng, id, stamp)),
        7 => Op::GiveBack(id, stamp, contract_budgets::counted(rng, &shard)),
        8 => match some_pending(rng, &shard) {
            none if none.is_empty() => Op::Shard(ShardId::MAIN),
            some => Op::Acknowledge(at, some),
        },
        9 => Op::Entries((0..rng.usize(1..9)).map(|_| (at, ids[rng.usize(..ids.len())])).collect()),
        10 => match entries(rng, id, stamp).pop() {
            Some(entry) if rng.u32(..3) > 0 => Op::Complete(at, entry),
            _ => Op::Fence(at, rng.bool()),
        },
        11 => {
            let debit = DebitEntry {
                id,
                stamp,
                credits: Credits(1),
                channel: Channel::EMAIL,
                version: None,
                details: Details::default(),
                known: Known::ChannelOnly,
                available: Credits(0),
                actor: Actor::System,
                booked_at: clock.now().whole_secs(),
                shown: Known::ChannelOnly,
                hold: None,
                counted: Counted::default(),
            };
            let main = all.get(&ShardId::MAIN).cloned().unwrap_or_default();
            Op::Reverse(at, Reversal::of(&debit, clock.now()), contract_budgets::counted(rng, &main))
        }
        12 => match rng.u32(..4) {
            0 => Op::Close(at, id),
            1..=2 => of_a_key(rng, ids),
            _ => Op::Shard(at),
        },
        16 => Op::TakeBack(entry_of_a_refund(clock), Credits(rng.i64(1..12))),
        _ if kind != Kind::Sharded => Op::MakeReady,
        13 => match rng.u32(..4) {
            0 => Op::SetShards([None, Some(rng.u8(..=8))][rng.usize(..2)]),
            1 if shard.sharding == Sharding::No => Op::AnnounceSharding,
            _ => Op::StartSharding(clock.now().plus_secs(rng.i64(0..600))),
        },
        17 => {
            let credits = |id: &ShardId| all.get(id).map_or(0, |shard| shard.credits.0);
            let mut some = |id: &ShardId| (*id, Credits((credits(id) + rng.i64(-3..2)).max(0)));
            Op::Resume(Resume { gives: ShardId::balances().skip(1).take(3).map(|id| some(&id)).collect() })
        }
        _ => {
            let givers: Vec<_> =
                ShardId::balances().take(4).filter(|giver| *giver != at && rng.bool()).collect();
            let from: Vec<_> = givers.into_iter().map(|giver| (giver, Credits(rng.i64(1..40)))).collect();
            if from.is_empty() { Op::MakeReady } else { Op::Rebalance(Rebalance { to: at, from }) }
        }
    }
}

/// About one of a few keys.
fn of_a_key(rng: &mut fastrand::Rng, ids: &[DebitId]) -> Op {
    let key = format!("order-{}", rng.u8(..4));
    let mut id = || ids[rng.usize(..ids.len().min(6))];
    let (one, other) = (id(), id());
    match rng.u32(..4) {
        0 => Op::Claimed(key),
        1 => Op::Claim(key, one),
        _ => Op::Replace(key, one, other),
    }
}

/// Some pending debits, now and then with a wrong stamp.
fn some_pending(rng: &mut fastrand::Rng, shard: &BalanceShard) -> Vec<(DebitId, Stamp)> {
    let mut some: Vec<_> = shard.pending.iter().map(|(id, stamp)| (*id, *stamp)).collect();
    rng.shuffle(&mut some);
    some.truncate([0, 1, 4, MOST_ACKNOWLEDGED][rng.usize(..4)]);
    if let Some(first) = some.first_mut().filter(|_| rng.u32(..5) == 0) {
        first.1.0 += 65_536;
    }
    some
}

/// Entries of the run of `id`, up to three.
fn entries(rng: &mut fastrand::Rng, id: DebitId, stamp: Stamp) -> Vec<DebitEntry> {
    let mut places = vec![id.place()];
    places.extend((0..rng.usize(..3)).map(|_| rng.u8(..32)).filter(|place| *place != id.place()));
    places.sort_unstable();
    places.dedup();
    let entry = |place: u8| {
        let known = [Known::ChannelOnly, Known::ButReference, Known::Everything][rng.usize(..3)];
        let said = known == Known::Everything;
        let reference = Reference::parse("order 17").ok().filter(|_| said && rng.bool());
        let details = match known {
            Known::ChannelOnly => Details::default(),
            Known::ButReference | Known::Everything => Details { reference, ..details(rng) },
        };
        let (credits, channel) = (stamp.credits(), channel(rng));
        let actor = if rng.bool() { machine() } else { Actor::System };
        let id = id.run().id(place).unwrap();
        let available = Credits(rng.i64(0..1000));
        let booked_at = id.at().whole_secs().plus_secs([0, 1, -300, 86_400][usize::from(place) % 4]);
        let shown = if said && available.0 % 5 == 0 { Known::ButReference } else { known };
        let version = [None, Some(RateVersion(7))][usize::from(place) % 2];
        DebitEntry {
            id,
            stamp,
            credits,
            version,
            channel,
            details,
            known,
            available,
            actor,
            booked_at,
            shown,
            hold: None,
            counted: Counted::default(),
        }
    };
    places.into_iter().map(entry).collect()
}

/// Of one unit, so that any credits may be its price.
fn details(rng: &mut fastrand::Rng) -> Details {
    let country = Country::parse("ID").filter(|_| rng.bool());
    let class = Class::parse("utility").filter(|_| rng.bool());
    Details { country, class, ..Details::default() }
}

fn channel(rng: &mut fastrand::Rng) -> Channel {
    let voice = Channel::parse("voice").unwrap();
    [Channel::EMAIL, Channel::WHATSAPP, Channel::SMS, voice][rng.usize(..4)]
}

/// Who reverses a debit has read its entry.
fn of_what_is_there(op: Op, memory: &Port) -> Op {
    let Op::Reverse(ledger, reversal, uncounted) = op else { return op };
    match memory.state().table.ledger.get(&(ledger, reversal.debit.entry())) {
        Some(Row::Debit(entry)) => Op::Reverse(ledger, Reversal::of(entry, reversal.at), uncounted),
        Some(_) | None => Op::Reverse(ledger, reversal, uncounted),
    }
}

fn entry_of_a_refund(clock: &Clock) -> EntryId {
    EntryId::of_top_up(&TopUpId::new(clock.now()), clock.now())
}

/// What takes credits back with their money, which is no call of spending.
pub(super) trait TakesBack: Balances + Keys + OpenHolds {
    async fn take_back(&self, org: &OrgId, entry: EntryId, credits: Credits) -> Result<(), PortError>;
}

impl TakesBack for Store {
    async fn take_back(&self, org: &OrgId, id: EntryId, credits: Credits) -> Result<(), PortError> {
        let (credits, kind, cause) = (credits.negated(), EntryKind::Refund, "top_1".to_owned());
        let (channel, country, reference) = (None, None, None);
        let actor = Some(Actor::System);
        let (at, booked_at) = (id.at(), id.at().whole_secs());
        let (class, units, version) = (None, saldo_domain::Units::ONE, None);
        let entry = Entry {
            id,
            at,
            booked_at,
            credits,
            kind,
            cause,
            actor,
            channel,
            class,
            country,
            reference,
            units,
            version,
            hold: None,
        };
        self.post(
            org,
            &Posting { entry, once: Once::Entry, floor: Floor::None, uncounted: Counted::default() },
        )
        .await
        .map(drop)
    }
}

impl TakesBack for Port {
    async fn take_back(&self, _: &OrgId, entry: EntryId, credits: Credits) -> Result<(), PortError> {
        self.state().table.apply(&Op::TakeBack(entry, credits)).map(drop)
    }
}

pub(super) async fn answer<B: TakesBack>(table: &B, org: &OrgId, op: &Op) -> Said {
    let done = |result: Result<(), PortError>| result.map(Answer::Done);
    Said::One(match op {
        Op::Reserve(shard, reservation) => {
            table.reserve(org, *shard, reservation).await.map(Answer::Reserved)
        }
        Op::MakeReady => done(table.make_ready(org).await),
        Op::PutEntries(ledger, entries) => {
            table.put_entries(org, *ledger, entries).await.map(Answer::Written)
        }
        Op::Complete(ledger, entry) => table.complete(org, *ledger, entry).await.map(Answer::Written),
        Op::Fence(shard, at_once) => {
            table.fence(org, *shard, *at_once).await.map(|shard| Answer::Shard(Some(shard)))
        }
        Op::GiveBack(id, stamp, counted) => done(table.give_back(org, *id, *stamp, counted).await),
        Op::Acknowledge(shard, written) => done(table.acknowledge(org, *shard, written).await),
        Op::Entries(ids) => table.entries(org, ids).await.map(Answer::Entries),
        Op::Shard(ShardId::MAIN) => return Said::Main(table.main_shard(org).await),
        Op::Shard(_) => return Said::All(table.all_shards(org).await),
        Op::Rebalance(rebalance) => done(table.rebalance(org, rebalance).await),
        Op::Resume(resume) => done(table.resume(org, resume).await),
        Op::TakeBack(entry, credits) => done(table.take_back(org, *entry, *credits).await),
        Op::AnnounceSharding => done(table.announce_sharding(org).await),
        Op::StartSharding(since) => done(table.start_sharding(org, *since).await),
        Op::SetShards(shards) => done(table.set_shards(org, *shards).await),
        Op::BeginHolds(now) => done(table.begin_holds(org, *now).await),
        Op::ChangeHold(change, uncounted) => {
            done(table.change_hold(org, change, uncounted, &machine()).await)
        }
        Op::ReportLate(report) => table.report_late(org, report, &machine()).await.map(Answer::Told),
        Op::OpenHolds => table.open_holds(org).await.map(Answer::OpenHolds),
        Op::KeepOpenHolds(of, next) => done(table.keep_open_holds(org, of, *next).await),
        Op::Holds(month, from, after) => table.holds(org, *month, *from, *after).await.map(Answer::Holds),
        Op::Reverse(ledger, reversal, uncounted) => {
            table.reverse(org, *ledger, reversal, uncounted, &machine()).await.map(Answer::Reversed)
        }
        Op::Budgets => table.budgets(org).await.map(Answer::Budgets),
        Op::SetBudgets(before, after) => done(table.set_budgets(org, before, after).await),
        Op::Turn(turn) => done(table.turn(org, turn).await),
        Op::Allow(allowance) => done(table.allow(org, allowance).await),
        Op::RememberTold(number, (period, reached)) => {
            table.remember_told(org, *number, *period, *reached).await.map(Answer::Told)
        }
        Op::Claimed(key) => table.claimed(org, &key_of(key)).await.map(Answer::Key),
        Op::Claim(key, id) => table.claim(org, &key_of(key), *id).await.map(Some).map(Answer::Key),
        Op::Replace(key, before, id) => {
            table.replace(org, &key_of(key), *before, *id).await.map(Some).map(Answer::Key)
        }
        Op::Close(ledger, id) => {
            table.close(org, *ledger, *id).await.map(|there| Answer::Entries(vec![there]))
        }
    })
}

fn key_of(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}
