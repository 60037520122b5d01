//! What senders were told in a history, held against what is true.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use saldo_adapters::PortError;
use saldo_credits::{Debited, Outcome, SpendError};
use saldo_domain::{Credits, Debit, DebitId, Reversal};

use super::unreliable::{Port, Shared};

/// What one history has been told so far.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) debits: BTreeMap<DebitId, Debited>,
    pub(super) created: BTreeMap<DebitId, u32>,
    pub(super) reversals: BTreeMap<DebitId, Reversal>,
    pub(super) wrong: Option<String>,
}

/// What was true when an attempt began.
pub(super) struct Before {
    acknowledged: BTreeSet<DebitId>,
    /// In a ring or in the ledger.
    taken: BTreeSet<DebitId>,
    /// How many calls there had been.
    calls: usize,
}

impl Before {
    pub(super) fn of(told: &Mutex<Answers>, port: &Port) -> Before {
        let state = port.state();
        let taken = |(id, times): (&DebitId, &i64)| (*times > 0).then_some(*id);
        Before {
            acknowledged: told.lock().unwrap().debits.keys().copied().collect(),
            taken: state.table.charged.iter().filter_map(taken).collect(),
            calls: state.table.totals.len(),
        }
    }
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
                    self.outcome(debit, before, outcome);
                }
            }
            // Nothing is known: it has to be repeated.
            Err(SpendError::Port(PortError::Unavailable(_) | PortError::Conflict) | SpendError::Busy) => {}
            Err(SpendError::NotEnough { needed, .. }) => self.refused(debits, before, port, needed),
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

    fn outcome(&mut self, debit: &Debit, before: &Before, outcome: Outcome) {
        match outcome {
            Outcome::Done(done) => {
                let first = *self.debits.entry(debit.id).or_insert(done);
                *self.created.entry(debit.id).or_default() += u32::from(!done.repeated);
                if (first.credits, first.available) != (done.credits, done.available) {
                    self.wrong.get_or_insert(format!("{} was {first:?} and then {done:?}", debit.id));
                }
            }
            Outcome::Reused if before.acknowledged.contains(&debit.id) => {
                self.wrong.get_or_insert(format!("{} was acknowledged and then refused", debit.id));
            }
            // The message with other content that came first.
            Outcome::Reused => {}
        }
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
    }

    /// A message of another channel under the same id.
    pub(super) fn other(&mut self, debit: &Debit, acknowledged: bool, answer: Result<Debited, SpendError>) {
        if acknowledged && answer.is_ok() {
            self.wrong.get_or_insert(format!("{} was given to another message", debit.id));
        }
    }

    pub(super) fn reversed(
        &mut self,
        debit: &Debit,
        acknowledged: bool,
        answer: Result<Reversal, SpendError>,
    ) {
        match answer {
            Ok(reversal) => {
                let first = *self.reversals.entry(debit.id).or_insert(reversal);
                if first != reversal {
                    self.wrong.get_or_insert(format!("{} was reversed twice", debit.id));
                }
            }
            Err(SpendError::NotFound) if acknowledged => {
                self.wrong.get_or_insert(format!("{} was acknowledged and is not found", debit.id));
            }
            Err(_) => {}
        }
    }
}
