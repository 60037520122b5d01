//! The debits of one call: which are left, and what became of the others.

use std::collections::BTreeMap;

use saldo_domain::{
    Actor, BalanceShard, BalanceShards, Budgets, Counted, Counting, Credits, Day, Debit, DebitEntry, DebitId,
    MOST_IN_BATCH, OrgId, PendingChange, ReservedDebit, ShardId, Sharding, Stamp, Timestamp, covered,
};

use crate::outcome::{Debited, Outcome, SpendError};
use crate::port::Stored;
use crate::process::AtShard;

/// Debits on their way.
pub(crate) struct Call<'a> {
    pub(crate) org: &'a OrgId,
    pub(crate) actor: &'a Actor,
    pub(crate) now: Timestamp,
    pub(crate) sharding: Sharding,
    /// The balance shard that they all go to; `None` while that is the main one.
    pub(crate) at: Option<AtShard<'a>>,
    /// The day in which budgets count it.
    pub(crate) day: Day,
    /// Not answered yet.
    pub(crate) left: Vec<&'a Debit>,
    /// Written debits that the next reservation acknowledges; `None` to take what the process knows of.
    pub(crate) acknowledged: Option<Vec<(DebitId, Stamp)>>,
    /// Whether it is a hold; then it is alone.
    pub(crate) hold: bool,
    /// That it may reserve on a balance shard.
    pub(crate) inside: Option<AtShard<'a>>,
    /// How long it has waited for that, in milliseconds.
    pub(crate) waited_ms: i64,
    /// Whether each of its debits is answered by itself; else they are all done or none of them.
    pub(crate) each: bool,
    /// What those that are left have no room for: they come when these are done.
    aside: Vec<&'a Debit>,
    done: BTreeMap<DebitId, Outcome>,
    refused: BTreeMap<DebitId, SpendError>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        org: &'a OrgId,
        actor: &'a Actor,
        debits: &'a [Debit],
        now: Timestamp,
    ) -> Result<Call<'a>, SpendError> {
        if debits.iter().any(|debit| Stamp::code(debit.credits, debit.channel, &debit.details).is_none()) {
            return Err(SpendError::Unpayable);
        }
        let mut ids: Vec<_> = debits.iter().map(|debit| debit.id).collect();
        ids.sort_unstable();
        let twice = ids.windows(2).any(|pair| matches!(pair, [one, next] if one == next));
        if ids.is_empty() || twice || ids.len() > MOST_IN_BATCH {
            return Err(SpendError::NoBatch);
        }
        let hold = debits.iter().any(|debit| debit.hold.is_some());
        if hold && debits.len() > 1 {
            return Err(SpendError::NoBatch);
        }
        let (left, done) = (debits.iter().collect(), BTreeMap::new());
        let (sharding, day) = (Sharding::No, Day::of(now));
        Ok(Call {
            org,
            actor,
            now,
            sharding,
            at: None,
            day,
            left,
            acknowledged: None,
            inside: None,
            waited_ms: 0,
            hold,
            each: false,
            aside: Vec::new(),
            done,
            refused: BTreeMap::new(),
        })
    }

    /// Of which each debit is answered by itself. None of them may have been done before, as far as it was known when it came.
    pub(crate) fn of_group(
        org: &'a OrgId,
        actor: &'a Actor,
        debits: &'a [Debit],
        now: Timestamp,
    ) -> Result<Call<'a>, SpendError> {
        let call = Call::new(org, actor, debits, now)?;
        Ok(Call { each: true, ..call })
    }

    /// The time after what it has waited.
    pub(crate) fn time(&self) -> Timestamp {
        Timestamp::from_ms(self.now.ms().saturating_add(self.waited_ms))
    }

    /// What is to be reserved.
    pub(crate) fn to_reserve(&self) -> Vec<ReservedDebit> {
        let of = |debit: &&Debit| {
            let code = Stamp::code(debit.credits, debit.channel, &debit.details)?;
            let code = if debit.hold.is_some() { Stamp::held(code) } else { code };
            Some(ReservedDebit { id: debit.id, credits: debit.credits, code })
        };
        self.left.iter().filter_map(of).collect()
    }

    /// How much room it takes on a shard that was `seen` like this, in seats.
    pub(crate) fn seats(&self, seen: Option<&BalanceShard>) -> usize {
        PendingChange::reserving(&self.to_reserve(), &[], seen).seats()
    }

    /// How budgets count what is left.
    pub(crate) fn counting(&self, budgets: &Budgets, at: ShardId) -> Counting {
        Counting::of(budgets, at, self.day, self.actor, self.left.iter().copied())
    }

    /// By which budgets each of what is left is counted.
    pub(crate) fn counted(&self, budgets: &Budgets) -> BTreeMap<DebitId, Counted> {
        let of = |debit: &&Debit| {
            let numbers = budgets.counting(debit, self.actor);
            (!numbers.is_empty()).then_some((debit.id, Counted { day: self.day, numbers }))
        };
        self.left.iter().filter_map(of).collect()
    }

    /// What of it costs more than its sender lets it, or is not sold.
    pub(crate) fn refused_if_new(&self) -> Vec<DebitId> {
        self.left.iter().filter(|debit| debit.is_refused_if_new()).map(|debit| debit.id).collect()
    }

    /// Where the entry of one of its debits lies.
    pub(crate) fn ledger(&self, id: DebitId) -> ShardId {
        self.sharding.ledger_of(id, self.hold)
    }

    /// Whether the id may be used for the first time now.
    pub(crate) fn is_timely(&self, id: DebitId) -> bool {
        if self.hold { id.is_timely_for_hold(self.now) } else { id.is_timely(self.now) }
    }

    pub(crate) fn needed(&self) -> Credits {
        self.left.iter().fold(Credits::ZERO, |sum, debit| Credits(sum.0.saturating_add(debit.credits.0)))
    }

    /// With less than this nothing of what is left can be done.
    pub(crate) fn least(&self) -> Credits {
        let least = self.left.iter().map(|debit| debit.credits).min().filter(|_| self.each);
        least.unwrap_or_else(|| self.needed())
    }

    /// Whether all is answered; what was put aside comes back first.
    pub(crate) fn is_over(&mut self) -> bool {
        if self.left.is_empty() {
            std::mem::swap(&mut self.left, &mut self.aside);
        }
        self.left.is_empty()
    }

    /// Where each is answered by itself, puts aside what so many credits do not cover. Says whether they cover any.
    pub(crate) fn keep_covered(&mut self, credits: Credits) -> bool {
        let covered = covered(credits, self.left.iter().copied());
        self.keep(&covered)
    }

    /// The same, of what budgets do not let pass.
    pub(crate) fn keep_within(&mut self, budgets: &Budgets, all: &BalanceShards) -> bool {
        let over = budgets.within(all, self.day, self.actor, self.left.iter().copied());
        let within: Vec<_> = over.iter().map(Option::is_none).collect();
        self.keep(&within)
    }

    fn keep(&mut self, these: &[bool]) -> bool {
        let any = self.each && these.contains(&true);
        if any {
            let pairs = std::mem::take(&mut self.left).into_iter().zip(these);
            let (kept, aside): (Vec<_>, Vec<_>) = pairs.partition(|(_, kept)| **kept);
            self.left = kept.into_iter().map(|(debit, _)| debit).collect();
            self.aside.extend(aside.into_iter().map(|(debit, _)| debit));
        }
        any
    }

    /// Refuses what is left and has a reason to be.
    pub(crate) fn refuse(&mut self, why: impl Fn(&Debit) -> Option<SpendError>) {
        for debit in std::mem::take(&mut self.left) {
            match why(debit) {
                Some(error) => drop(self.refused.insert(debit.id, error)),
                None => self.left.push(debit),
            }
        }
    }

    /// What became of a debit by itself; `None` while it is not answered.
    pub(crate) fn told(&self, id: DebitId) -> Option<Result<Debited, SpendError>> {
        let refused = || self.refused.get(&id).cloned().map(Err);
        self.done.get(&id).map(|outcome| outcome.alone()).or_else(refused)
    }

    /// What the ledger has under the id of a debit answers it.
    pub(crate) fn answer(&mut self, id: DebitId, stored: &Stored, repeated: bool) {
        let Some(at) = self.left.iter().position(|debit| debit.id == id) else { return };
        let debit = self.left.swap_remove(at);
        let outcome = match stored {
            // A hold is told as it was made, also when what was captured of it was taken back.
            Stored::Debit(entry) | Stored::Reversed(entry, _)
                if entry.is_of(debit) && (matches!(stored, Stored::Debit(_)) || self.hold) =>
            {
                let DebitEntry { credits, available, hold, .. } = *entry;
                let (units, hold) = (entry.details.units, hold.map(|hold| hold.made()));
                Outcome::Done(Debited { id, credits, units, available, hold, repeated })
            }
            // Of one that nobody said anything of but its channel, nobody knows whose message it was.
            Stored::Reversed(entry, _) if entry.is_of(debit) => Outcome::Reversed,
            Stored::Reversed(entry, _) if entry.completed_by(debit, self.actor, self.now).is_some() => {
                Outcome::Reversed
            }
            Stored::Nothing | Stored::Debit(_) | Stored::Reversed(..) | Stored::Other => Outcome::Reused,
        };
        self.done.insert(id, outcome);
    }

    /// One for each debit, or that it was not possible to reserve credits for them all.
    pub(crate) fn outcomes(&self, debits: &[Debit]) -> Result<Vec<Outcome>, SpendError> {
        debits.iter().map(|debit| self.done.get(&debit.id).copied().ok_or(SpendError::Busy)).collect()
    }
}
