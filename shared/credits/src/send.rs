//! Send: debits that a process sends at the same time share their two writes, without anybody waiting for a timer.
//!
//! Whoever finds no group of its organisation under way leads one at once: alone, so that a lonely debit costs and takes
//! what it always does. What comes meanwhile waits in line and is the next group, up to [`saldo_domain::MOST_IN_BATCH`] of one caller's
//! actor, under ids of one run, so that their entries share an item. The more is sent, the larger groups become.
//!
//! The others of a group lose nothing by one that is refused, nor by a leader that is dropped: then each goes on by
//! itself, under the id that it was given.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use futures_util::future::{Either, select};
use saldo_domain::{Actor, Debit, DebitId, OrgId, RunId, Timestamp};
use tokio::sync::oneshot;

use crate::group::{NotSent, Order, Waiting};
use crate::outcome::{Debited, Outcome, SpendError, broken};
use crate::port::Balances;
use crate::spender::Spender;

impl<B: Balances> Spender<B> {
    /// Spends the credits of one message under an id of our choice, together with what else of its organisation this
    /// process sends at the same time. Dropped, it is debited or not; nobody else notices.
    pub async fn send(
        &self,
        org: &OrgId,
        actor: &Actor,
        order: &Order,
        now: Timestamp,
    ) -> Result<Debited, NotSent> {
        let (answer, mut answered) = oneshot::channel();
        let debit = Arc::<OnceLock<Debit>>::default();
        let waiting =
            Waiting { order: order.clone(), actor: actor.clone(), debit: Arc::clone(&debit), answer };
        let places = self.groups.join(org, waiting);
        let told = loop {
            let place = std::pin::pin!(Arc::clone(&places).acquire_owned());
            match select(&mut answered, place).await {
                Either::Left((told, _)) => break told,
                // Nobody closes it.
                Either::Right((Err(_), _)) => break (&mut answered).await,
                Either::Right((Ok(place), _)) => {
                    let group = self.groups.next(org);
                    // Its own is with somebody else: the place is for whoever comes now.
                    if group.is_empty() {
                        drop(place);
                        break (&mut answered).await;
                    }
                    self.lead(org, group, now).await;
                }
            }
        };
        self.groups.leave(org, places);
        match (told, debit.get()) {
            (Ok(done), _) => done.map_err(|error| not_sent(error, &debit)),
            // Whoever led it was dropped.
            (Err(_), Some(own)) => {
                self.debit(org, actor, own, now).await.map_err(|error| not_sent(error, &debit))
            }
            (Err(_), None) => Err(not_sent(broken("nobody led it").into(), &debit)),
        }
    }

    /// Debits a group, all of one actor, and answers each.
    async fn lead(&self, org: &OrgId, group: Vec<Waiting>, now: Timestamp) {
        let Some(actor) = group.first().map(|waiting| waiting.actor.clone()) else { return };
        let mut random = [0; 10];
        random.iter_mut().for_each(|byte| *byte = fastrand::u8(..));
        let run = RunId::made_at(now, &random);
        let mut answers = HashMap::new();
        let mut debits = Vec::new();
        for (place, waiting) in (0_u8..).zip(group) {
            let Ok(id) = run.id(place) else { continue };
            let debit = waiting.debit.get_or_init(|| waiting.order.under(id)).clone();
            answers.insert(id, waiting.answer);
            debits.push(debit);
        }
        // What is left to do: parts of the group that go or are refused together.
        let mut parts = vec![debits];
        while let Some(part) = parts.pop() {
            for (id, done) in self.debit_part(org, &actor, part, now, &mut parts).await {
                if let Some(answer) = answers.remove(&id) {
                    // Nobody waits for it any more.
                    let _ = answer.send(done);
                }
            }
        }
    }

    /// Debits a part of a group, or leaves smaller `parts` of it to be tried: the one that is refused by itself, and the others;
    /// halves of what is not covered together, the first of which goes first.
    async fn debit_part(
        &self,
        org: &OrgId,
        actor: &Actor,
        part: Vec<Debit>,
        now: Timestamp,
        parts: &mut Vec<Vec<Debit>>,
    ) -> Vec<(DebitId, Result<Debited, SpendError>)> {
        match self.debit_all(org, actor, &part, now).await {
            Ok(outcomes) => {
                let ids = part.iter().map(|debit| debit.id);
                ids.zip(outcomes).map(|(id, outcome)| (id, alone(outcome))).collect()
            }
            Err(error) => {
                let at = error.of_one().and_then(|id| part.iter().position(|debit| debit.id == id));
                let is_divided = at.is_some() || matches!(error, SpendError::NotEnough { .. });
                if part.len() == 1 || !is_divided {
                    return part.iter().map(|debit| (debit.id, Err(error.clone()))).collect();
                }
                let mut first = part;
                let mut second = first.split_off(at.unwrap_or(first.len() / 2));
                let third = if at.is_some() { second.split_off(1) } else { Vec::new() };
                parts.extend([third, second, first].into_iter().filter(|some| !some.is_empty()));
                Vec::new()
            }
        }
    }
}

fn alone(outcome: Outcome) -> Result<Debited, SpendError> {
    match outcome {
        Outcome::Done(debited) => Ok(debited),
        Outcome::Reused => Err(SpendError::Reused),
        Outcome::Reversed => Err(SpendError::Reversed),
    }
}

fn not_sent(error: SpendError, debit: &OnceLock<Debit>) -> NotSent {
    NotSent { error, debit: debit.get().cloned() }
}
