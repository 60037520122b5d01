//! What senders were told in a history, held against what is true.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use saldo_credits::{Debited, Outcome, SpendError};
use saldo_domain::{Credits, Debit, DebitId, EntryId, Limiting, PortError, Reversal, Timestamp, Units};

use super::unreliable::{Port, Shared};

/// For how long after its id's time a debit may be reversed.
const REVERSAL_SECS: i64 = 72 * 3600;

/// What one history has been told so far.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) debits: BTreeMap<DebitId, Debited>,
    /// Which message each of them was told to be.
    pub(super) messages: BTreeMap<DebitId, Debit>,
    pub(super) created: BTreeMap<DebitId, u32>,
    pub(super) reversals: BTreeMap<DebitId, Reversal>,
    /// Debits that were refused for good, behind which nobody has tried again.
    pub(super) refused: BTreeSet<DebitId>,
    pub(super) wrong: Option<String>,
    /// How many attempts of each debit are alive.
    under_way: BTreeMap<DebitId, u32>,
    /// How many attempts of each debit have begun.
    begun: BTreeMap<DebitId, u32>,
}

/// What was true when an attempt began; alive until it is dropped.
pub(super) struct Before {
    acknowledged: BTreeSet<DebitId>,
    reversed: BTreeSet<DebitId>,
    /// Pending or in the ledger.
    taken: BTreeSet<DebitId>,
    /// How many calls there had been.
    calls: usize,
    tried: Vec<DebitId>,
    /// Those of which no other attempt was alive, and how many had begun.
    alone: BTreeMap<DebitId, u32>,
    answers: Arc<Mutex<Answers>>,
}

impl Before {
    pub(super) fn of(answers: &Arc<Mutex<Answers>>, port: &Port, debits: &[Debit]) -> Before {
        let state = port.state();
        let taken = |(id, times): (&DebitId, &i64)| (*times > 0).then_some(*id);
        let mut told = answers.lock().unwrap();
        for debit in debits {
            told.refused.remove(&debit.id);
            *told.under_way.entry(debit.id).or_default() += 1;
            *told.begun.entry(debit.id).or_default() += 1;
        }
        let alone =
            |debit: &Debit| (told.under_way[&debit.id] == 1).then(|| (debit.id, told.begun[&debit.id]));
        let alone = debits.iter().filter_map(alone).collect();
        Before {
            acknowledged: told.debits.keys().copied().collect(),
            reversed: told.reversals.keys().copied().collect(),
            taken: state.table.charged.iter().filter_map(taken).collect(),
            calls: state.table.totals.len(),
            tried: debits.iter().map(|debit| debit.id).collect(),
            alone,
            answers: Arc::clone(answers),
        }
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        let mut told = self.answers.lock().unwrap();
        for id in &self.tried {
            *told.under_way.get_mut(id).unwrap() -= 1;
        }
    }
}

/// What a sender is told of a reversal.
pub(super) fn told(reversal: &Reversal) -> (DebitId, EntryId, Credits, Units, Timestamp) {
    (reversal.debit, reversal.entry, reversal.credits, reversal.units, reversal.at)
}

impl Answers {
    /// The answer to one debit, or to several at once.
    pub(super) fn answered(
        &mut self,
        debits: &[Debit],
        before: &Before,
        port: &Port,
        answer: Result<Vec<Outcome>, SpendError>,
    ) {
        match answer {
            Ok(outcomes) => {
                if outcomes.len() != debits.len() {
                    self.wrong.get_or_insert(format!("{} debits have {outcomes:?}", debits.len()));
                }
                for (debit, outcome) in debits.iter().zip(outcomes) {
                    self.outcome(debit, before, port, outcome);
                }
            }
            // Nothing is known: it has to be repeated.
            Err(
                SpendError::Port(PortError::Unavailable(_) | PortError::Conflict)
                | SpendError::Busy
                | SpendError::Crowded { .. },
            ) => {}
            Err(SpendError::NotEnough { needed, .. }) => self.refused(debits, before, port, needed),
            Err(SpendError::OverMaximum { id, .. }) => {
                if before.acknowledged.contains(&id) || before.taken.contains(&id) {
                    self.wrong.get_or_insert(format!("{id} was taken and then refused as too dear"));
                }
            }
            Err(SpendError::OverBudget(over)) => {
                let id = over.debit;
                if before.acknowledged.contains(&id) || before.taken.contains(&id) {
                    self.wrong.get_or_insert(format!("{id} was taken and then refused by a budget"));
                }
                let most: i64 = debits.iter().map(|debit| debit.credits.0).sum();
                let terms = &over.budget.terms;
                if terms.limiting == Limiting::Soft || over.spent.0 + most <= terms.limit.0 {
                    self.wrong.get_or_insert(format!("{id} was refused by {over:?}"));
                }
            }
            Err(SpendError::Untimely(id)) => {
                if before.acknowledged.contains(&id) || before.taken.contains(&id) {
                    self.wrong.get_or_insert(format!("{id} was taken and then refused as too old"));
                }
            }
            Err(error) => {
                self.wrong.get_or_insert(format!("{debits:?}: {error}"));
            }
        }
    }

    fn outcome(&mut self, debit: &Debit, before: &Before, port: &Port, outcome: Outcome) {
        let id = debit.id;
        match outcome {
            Outcome::Done(done) => {
                let first = *self.debits.entry(id).or_insert(done);
                *self.created.entry(id).or_default() += u32::from(!done.repeated);
                if (first.credits, first.available) != (done.credits, done.available) {
                    self.wrong.get_or_insert(format!("{id} was {first:?} and then {done:?}"));
                }
                let units = debit.details.units;
                if done.units != units || units.rate(done.credits).is_none() {
                    self.wrong.get_or_insert(format!("{units:?} of {id} were {done:?}"));
                }
                let message = self.messages.entry(id).or_insert_with(|| debit.clone());
                if (message.channel, &message.details) != (debit.channel, &debit.details) {
                    self.wrong.get_or_insert(format!("{message:?} and {debit:?} were both debited"));
                }
                if before.reversed.contains(&id) {
                    self.wrong.get_or_insert(format!("{id} was reversed and then a success"));
                }
                let state = port.state();
                let since = state.table.reserved_at.get(&id).copied().unwrap_or_default();
                let most = state.table.totals[since.min(state.table.totals.len())..].iter().max().copied();
                if most.is_some_and(|most| done.available.0 > most) {
                    self.wrong.get_or_insert(format!("{done:?}, and there were never more than {most:?}"));
                }
            }
            Outcome::Reused if before.acknowledged.contains(&id) && self.is_of(debit) => {
                self.wrong.get_or_insert(format!("{id} was acknowledged and then refused"));
            }
            // The message with other content that came first.
            Outcome::Reused => {}
            Outcome::Reversed => {
                if !port.state().table.reversals.keys().any(|(_, reversed)| *reversed == id) {
                    self.wrong.get_or_insert(format!("{id} was never reversed"));
                }
            }
        }
    }

    /// Whether this message is the one that was acknowledged under its id.
    fn is_of(&self, debit: &Debit) -> bool {
        let same = |message: &Debit| (message.channel, &message.details) == (debit.channel, &debit.details);
        self.messages.get(&debit.id).is_some_and(same)
    }

    /// A refusal for lack of credits is right if some debits that were not done needed `needed`, and if at some moment
    /// of the attempt there was less.
    fn refused(&mut self, debits: &[Debit], before: &Before, port: &Port, needed: Credits) {
        let new = debits.iter().filter(|debit| !before.taken.contains(&debit.id));
        let most: i64 = new.map(|debit| debit.credits.0).sum();
        let state = port.state();
        let totals = &state.table.totals;
        let least = totals[before.calls.saturating_sub(1).min(totals.len())..].iter().min().copied();
        if needed.0 > most {
            self.wrong
                .get_or_insert(format!("refused for {needed}, of which some was done before: {debits:?}"));
        } else if least.unwrap_or_default() >= needed.0 {
            self.wrong.get_or_insert(format!("refused for {needed} with {least:?} there"));
        }
        let charged = |debit: &Debit| state.table.charged.get(&debit.id).is_some_and(|times| *times > 0);
        // Whoever else tries it at the same time may be told something else, and later.
        let alone = |debit: &&Debit| before.alone.get(&debit.id) == self.begun.get(&debit.id);
        let open: i64 =
            debits.iter().filter(|debit| !charged(debit) || !alone(debit)).map(|debit| debit.credits.0).sum();
        let refused: Vec<_> = debits.iter().filter(|debit| !charged(debit)).filter(alone).collect();
        if needed.0 > open {
            self.wrong.get_or_insert(format!("refused for {needed}, and charged: {debits:?}"));
        }
        self.refused.extend(refused.into_iter().map(|debit| debit.id));
    }

    pub(super) fn reversed(
        &mut self,
        debit: &Debit,
        acknowledged: bool,
        now: Timestamp,
        answer: Result<Reversal, SpendError>,
    ) {
        let in_time = |at: Timestamp| at.secs_since(debit.id.at()) <= REVERSAL_SECS;
        match answer {
            Ok(reversal) => {
                let first = *self.reversals.entry(debit.id).or_insert(reversal);
                if told(&first) != told(&reversal) {
                    self.wrong.get_or_insert(format!("{} was reversed twice", debit.id));
                }
                if !in_time(reversal.at) {
                    self.wrong.get_or_insert(format!("{} was reversed too late", debit.id));
                }
            }
            Err(SpendError::NotFound) if acknowledged => {
                self.wrong.get_or_insert(format!("{} was acknowledged and is not found", debit.id));
            }
            Err(SpendError::ReversalWindowOver) if in_time(now) => {
                self.wrong.get_or_insert(format!("{} could still be reversed", debit.id));
            }
            Err(_) => {}
        }
    }
}
