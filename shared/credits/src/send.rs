//! Send: debits that a process makes at the same time share their two writes, without anybody waiting for a timer.
//!
//! Whoever finds few groups of its organisation under way leads one at once: alone, so that a lonely debit costs and takes
//! what it always does. What comes meanwhile waits in line and is the next group, up to [`saldo_domain::MOST_IN_BATCH`] of one
//! caller's actor. Ids that are chosen for what comes together are of one run, so that their entries share an item. The more is
//! sent, the larger groups become.
//!
//! What may have been done before is looked up before it gets in line, and what is to be refused whatever goes beside it is
//! refused there. The others of a group lose nothing by one that is refused, nor by a leader that is dropped: then each goes on
//! by itself.

use futures_util::future::{Either, select};
use saldo_domain::{Actor, Debit, DebitId, OrgId, Timestamp};
use tokio::sync::oneshot;

use crate::group::{NotSent, Order, Waiting};
use crate::outcome::{Debited, SpendError};
use crate::port::Balances;
use crate::spender::Spender;

impl<B: Balances> Spender<B> {
    /// An id for a debit of this caller that is sent now. Those that are chosen at the same moment are of one run.
    #[must_use]
    pub fn choose_id(&self, org: &OrgId, actor: &Actor, now: Timestamp) -> DebitId {
        self.groups.choose(org, actor, now)
    }

    /// Spends the credits of one message under an id of our choice: [`Spender::choose_id`] and [`Spender::debit`] in one.
    pub async fn send(
        &self,
        org: &OrgId,
        actor: &Actor,
        order: &Order,
        now: Timestamp,
    ) -> Result<Debited, NotSent> {
        let debit = order.under(self.choose_id(org, actor, now));
        let done = match SpendError::if_new(&debit) {
            // Nobody can have done it before.
            Some(over) => Err(over),
            None => self.debit(org, actor, &debit, now).await,
        };
        done.map_err(|error| NotSent { error, debit })
    }

    /// Gets in line, and leads groups until its own debit is answered.
    pub(crate) async fn join(
        &self,
        org: &OrgId,
        actor: &Actor,
        debit: &Debit,
        now: Timestamp,
    ) -> Result<Debited, SpendError> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { debit: debit.clone(), actor: actor.clone(), now, answer };
        let line = self.groups.join(org, waiting);
        // Dropped before the line is, which forgets those who want no answer.
        let mut answered = answered;
        let told = loop {
            let place = std::pin::pin!(line.place());
            match select(&mut answered, place).await {
                Either::Left((told, _)) => break told,
                // Nobody closes it.
                Either::Right((None, _)) => break (&mut answered).await,
                Either::Right((Some(place), _)) => {
                    let group = self.groups.next(org);
                    // Its own is with somebody else: the place is for whoever comes now.
                    if group.is_empty() {
                        drop(place);
                        break (&mut answered).await;
                    }
                    self.lead(org, group).await;
                }
            }
        };
        match told {
            Ok(done) => done,
            // Whoever led it was dropped.
            Err(_) => self.debit_alone(org, actor, debit, now).await,
        }
    }

    /// Debits a group, all of one actor, and answers each.
    async fn lead(&self, org: &OrgId, group: Vec<Waiting>) {
        let Some((actor, now)) = group.first().map(|first| (first.actor.clone(), first.now)) else { return };
        // What was a repeat when it came is one when the group begins.
        let now = group.iter().fold(now, |latest, waiting| latest.max(waiting.now));
        let (debits, answers): (Vec<_>, Vec<_>) =
            group.into_iter().map(|waiting| (waiting.debit, waiting.answer)).unzip();
        let done = self.debit_each(org, &actor, &debits, now).await;
        for (answer, done) in answers.into_iter().zip(done) {
            // Nobody waits for it any more.
            let _ = answer.send(done);
        }
    }
}
