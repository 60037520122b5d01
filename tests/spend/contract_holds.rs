//! The table in memory and the real one answer alike to every call about holds.
use saldo_adapters::clock::Clock;
use saldo_credits::OpenHoldsOf;
use saldo_credits::test_support::{Answer, Op, Row};
use saldo_domain::{
    Actor, AtEnd, Channel, Counted, Country, Credits, DebitEntry, DebitId, Details, EntryId, Hold,
    HoldChange, HoldStep, HoldTerms, HoldUse, HowEnded, Known, Meters, Month, OrgId, PortError, RateVersion,
    Reference, Round, ShardId, Stamp, Timestamp, Units, Watermark,
};

use super::contract::{Said, answer};
use super::history::{machine, wait};
use super::unreliable::{Port, Shared, State, port};
use crate::support::system;

const HISTORIES: u64 = 6;
const CALLS: usize = 500;
const HOUR_SECS: i64 = 3_600;
const METERS: &str = r#"{"email":{"default":1},"whatsapp":{"default":2},"sms":{"default":3}}"#;

/// How often something was seen of which the comparison says little otherwise.
#[derive(Debug, Default)]
struct Seen {
    /// Changes that were written, those that gave credits back, those behind their month, and those that were refused.
    changed: usize,
    returned: usize,
    late: usize,
    refused: usize,
    /// Reports of quotas that had ended: those that were charged, and others.
    reported: usize,
    not_reported: usize,
    completed: usize,
    kept: usize,
    not_kept: usize,
    /// Lists of holds with any, and those behind a run.
    listed: usize,
    listed_behind: usize,
    /// Moments at which the organisation was due, and at which it was not.
    due: usize,
    not_due: usize,
}

struct Both {
    rng: fastrand::Rng,
    memory: Port,
    ids: Vec<DebitId>,
    meters: Meters,
    start: Timestamp,
}

#[tokio::test(flavor = "multi_thread")]
async fn both_tables_answer_alike_about_holds() {
    let clock = Clock::system();
    let saldo = system::start(&clock).await;
    let store = saldo.world().store(&saldo.env_of("spend")).unwrap();
    let mut seen = Seen::default();
    for seed in 0..HISTORIES {
        let org = OrgId::parse(&format!("holds-{seed}")).unwrap();
        let memory = port(State::new(seed, None));
        let mut both = Both::new(seed, memory, clock.now());
        for op in [Op::BeginHolds(both.start), Op::OpenHolds] {
            assert_eq!(
                answer(&store, &org, &op).await,
                wait(answer(&both.memory, &org, &op)),
                "nothing there"
            );
        }
        system::with_credits(&saldo, org.as_str()).await;
        both.memory.state().credit(1000);
        both.memory.state().table.main().ready = true;
        for at in 0..CALLS {
            let op = both.op();
            let real = answer(&store, &org, &op).await;
            let simulated = wait(answer(&both.memory, &org, &op));
            assert_eq!(real, simulated, "seed {seed}, call {at}: {op:?}");
            seen.count(&op, &real);
            if matches!(op, Op::ChangeHold(..) | Op::ReportLate(_)) {
                let entries = Op::Entries(both.ids.iter().map(|id| (ShardId::HOLDS, *id)).collect());
                for look in [entries, Op::Shard(ShardId::MAIN)] {
                    let real = answer(&store, &org, &look).await;
                    assert_eq!(
                        real,
                        wait(answer(&both.memory, &org, &look)),
                        "seed {seed}, behind call {at}: {op:?}"
                    );
                }
            }
            let now = both.some_time();
            let due = store.organisations_with_holds(now).await.unwrap().contains(&org);
            let kept = both.memory.state().table.holds.due();
            assert_eq!(due, kept.is_some_and(|due| due <= now), "seed {seed}, call {at}, at {now}: {kept:?}");
            *(if due { &mut seen.due } else { &mut seen.not_due }) += 1;
        }
    }
    assert!(seen.lacks().is_empty(), "too little of {:?} happened: {seen:?}", seen.lacks());
    saldo.stop().await;
}

impl Seen {
    fn count(&mut self, op: &Op, said: &Said) {
        let Said::One(said) = said else { return };
        match (op, said) {
            (Op::ChangeHold(change, _), Ok(_)) => {
                self.changed += 1;
                self.returned += usize::from(change.returned > Credits::ZERO);
                self.late += usize::from(change.reversal.is_some());
            }
            (Op::ChangeHold(..), Err(PortError::Conflict)) => self.refused += 1,
            (Op::ReportLate(_), Ok(Answer::Told(true))) => self.reported += 1,
            (Op::ReportLate(_), _) => self.not_reported += 1,
            (Op::Complete(..), Ok(Answer::Written(saldo_credits::Written::New))) => self.completed += 1,
            (Op::KeepOpenHolds(..), Ok(_)) => self.kept += 1,
            (Op::KeepOpenHolds(..), Err(PortError::Conflict)) => self.not_kept += 1,
            (Op::Holds(_, _, after), Ok(Answer::Holds((some, _)))) if !some.is_empty() => {
                self.listed += 1;
                self.listed_behind += usize::from(after.is_some());
            }
            _ => {}
        }
    }

    /// Of what too little happened for the comparison to say much.
    fn lacks(&self) -> Vec<&'static str> {
        let wanted = [
            ("changed", self.changed > 50),
            ("returned", self.returned > 20),
            ("late", self.late > 3),
            ("refused", self.refused > 50),
            ("reported", self.reported > 5),
            ("not reported", self.not_reported > 2),
            ("completed", self.completed > 5),
            ("kept", self.kept > 20),
            ("not kept", self.not_kept > 5),
            ("listed", self.listed > 20),
            ("listed behind", self.listed_behind > 5),
            ("due", self.due > 50),
            ("not due", self.not_due > 50),
        ];
        wanted.into_iter().filter(|(_, enough)| !enough).map(|(what, _)| what).collect()
    }
}

impl Both {
    /// With ids of some runs, of this month and the one before.
    fn new(seed: u64, memory: Port, now: Timestamp) -> Both {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut ids = Vec::new();
        for secs in [0, -1, -900, -2 * HOUR_SECS, -31 * 24 * HOUR_SECS] {
            let ms = format!("{:012x}", now.plus_secs(secs).ms());
            let id = format!("{}-{}-7abc-8def-{:012x}", &ms[..8], &ms[8..], rng.u64(..1 << 48));
            let run = DebitId::parse(&id).unwrap().run();
            ids.extend((0..6).map(|place| run.id(place * 5).unwrap()));
        }
        Both { rng, memory, ids, meters: Meters::from_json(METERS).unwrap(), start: now }
    }

    fn id(&mut self) -> DebitId {
        self.ids[self.rng.usize(..self.ids.len())]
    }

    /// Around now, within two days.
    fn some_time(&mut self) -> Timestamp {
        self.start.plus_secs(self.rng.i64(-24 * HOUR_SECS..24 * HOUR_SECS))
    }

    fn op(&mut self) -> Op {
        match self.rng.u32(..20) {
            0 => Op::BeginHolds(self.some_time()),
            1 => Op::OpenHolds,
            2..=4 => self.keep(),
            5..=6 => self.list(),
            7 => Op::Entries(vec![(ShardId::HOLDS, self.id())]),
            8..=10 => Op::PutEntries(ShardId::HOLDS, vec![self.entry()]),
            11..=12 => {
                let entry = self.entry();
                Op::Complete(ShardId::HOLDS, self.of_what_is_there(entry))
            }
            _ => self.change().unwrap_or(Op::Shard(ShardId::MAIN)),
        }
    }

    fn keep(&mut self) -> Op {
        let kept = self.memory.state().table.holds.of.clone();
        let revision = kept.map_or(1, |of| of.revision) + i64::from(self.rng.u32(..4) == 0);
        let carried = self.ids.iter().filter(|_| self.rng.u32(..5) == 0).copied().collect();
        let mark = Watermark { from: self.some_time(), carried };
        let next = (self.rng.u32(..3) > 0).then(|| self.some_time());
        let go_on = (self.rng.bool()).then(|| self.some_time());
        let round = Round { mark, go_on };
        Op::KeepOpenHolds(OpenHoldsOf { round, touched: self.start, revision }, next)
    }

    /// A run that is gone on behind is one of those that the list has.
    fn list(&mut self) -> Op {
        let behind = self.id();
        let month: Month = Month::of(behind.at());
        let from = self.some_time().min(behind.at());
        let after = (self.rng.bool() && behind.run().first() >= EntryId::first_at(from))
            .then(|| behind.run().first().of_hold());
        Op::Holds(month, from, after)
    }

    /// Open as it was made, by its sender or by repair.
    fn entry(&mut self) -> DebitEntry {
        let (id, rng) = (self.id(), &mut self.rng);
        let (units, rate) = (rng.i64(1..6), rng.i64(0..4));
        let known = [Known::ButReference, Known::Everything][rng.usize(..2)];
        let details = Details {
            units: Units::new(units).unwrap(),
            country: Country::parse("ID").filter(|_| rng.bool()),
            class: None,
            reference: Reference::parse("order 17").ok().filter(|_| known == Known::Everything && rng.bool()),
        };
        let held = Credits(units * rate);
        let at_end = if rng.bool() { AtEnd::Capture } else { AtEnd::Release };
        let ends_at = id.at().whole_secs().plus_secs(rng.i64(60..20 * HOUR_SECS));
        let valid_until = Some(ends_at).filter(|_| rng.bool());
        let terms = HoldTerms { ends_at, at_end, valid_until };
        let code = Stamp::code(held, Channel::SMS, &details).unwrap();
        DebitEntry {
            id,
            stamp: Stamp::given(65_536 * rng.i64(1..4), code),
            credits: held,
            version: [None, Some(RateVersion(7))][rng.usize(..2)],
            channel: Channel::SMS,
            details,
            known,
            available: Credits(rng.i64(0..1000)),
            actor: if rng.bool() { machine() } else { Actor::System },
            booked_at: id.at().whole_secs().plus_secs(rng.i64(0..60)),
            shown: known,
            hold: Some(Hold { held, terms, ended: None, reported: None }),
            counted: Counted::default(),
        }
    }

    fn held(&mut self) -> Option<DebitEntry> {
        let state = self.memory.state();
        let held = state.table.ledger.values().filter_map(|row| match row {
            Row::Debit(entry) => Some(DebitEntry::clone(entry)),
            Row::Reversal(_) | Row::TopUp(_) | Row::TakenBack(_) | Row::Reported(_) | Row::Closed => None,
        });
        let held: Vec<_> = held.collect();
        drop(state);
        let is_quota = |entry: &DebitEntry| {
            entry.hold.is_some_and(|hold| {
                hold.terms.valid_until.is_some()
                    && hold.ended.is_some_and(|ended| ended.how == HowEnded::Expired)
            })
        };
        let over: Vec<_> = held.iter().filter(|entry| is_quota(entry)).cloned().collect();
        let of = if over.is_empty() || self.rng.u32(..3) > 0 { held } else { over };
        (!of.is_empty()).then(|| of[self.rng.usize(..of.len())].clone())
    }

    /// Who completes an entry knows its stamp, and sometimes what has become of the hold.
    fn of_what_is_there(&mut self, entry: DebitEntry) -> DebitEntry {
        let state = self.memory.state();
        let stored = state.table.ledger.get(&(ShardId::HOLDS, entry.id.entry()));
        let Some(Row::Debit(there)) = stored else { return entry };
        let there = DebitEntry::clone(there);
        drop(state);
        let (before, terms) = (there.hold, entry.hold.map(|hold| hold.terms));
        let hold = match self.rng.u32(..4) {
            0 => before,
            1 => before.map(|hold| Hold { ended: None, ..hold }),
            _ => before.map(|hold| hold.completed(terms)),
        };
        DebitEntry { known: Known::Everything, shown: Known::Everything, hold, ..there }
    }

    /// What somebody decides on a hold, now and then one that has another stamp or other terms by then.
    fn change(&mut self) -> Option<Op> {
        let mut entry = self.held()?;
        let mut hold = entry.hold?;
        match self.rng.u32(..4) {
            0 => hold.ended = None,
            1 => hold.reported = None,
            _ => {}
        }
        let days = [0, 0, 0, 62][self.rng.usize(..4)];
        let now = entry.id.at().plus_secs(self.rng.i64(1..21 * HOUR_SECS) + days * 24 * HOUR_SECS);
        if self.rng.u32(..8) == 0 {
            entry.stamp.0 += 65_536;
        }
        if self.rng.u32(..8) == 0 {
            hold.terms.ends_at = hold.terms.ends_at.plus_secs(60);
        }
        let units = Units::new(self.rng.i64(1..6)).filter(|_| self.rng.u32(..4) > 0);
        let channel = [None, None, Some(Channel::EMAIL), Some(Channel::WHATSAPP)][self.rng.usize(..4)];
        let used = HoldUse { units, channel, ..HoldUse::default() };
        let step = |change: HoldChange| HoldStep::Change(Box::new(change));
        let choice = if hold.ended.is_some() { 0 } else { self.rng.u32(..6) };
        let decided = match choice {
            0..=2 => entry.capture(&hold, &used, Some(&self.meters), now),
            3 => entry.release(&hold, now).map(|change| change.map(step)),
            4 => {
                entry.extend(&hold, now.plus_secs(self.rng.i64(60..HOUR_SECS))).map(|change| change.map(step))
            }
            _ => Ok(entry.end(&hold, now).map(step)),
        };
        Some(match decided.ok().flatten()? {
            HoldStep::Change(change) => Op::ChangeHold(*change, Counted::default()),
            HoldStep::Report(report) => Op::ReportLate(report),
        })
    }
}
