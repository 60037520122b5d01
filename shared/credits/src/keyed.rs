//! Keyed: debits whose senders choose a key in the place of an id.
//!
//! A key stands for an id, which is chosen when it is claimed, by one conditional write; under that id it is a debit like any
//! other, made and repeated as one. What is to be refused whatever goes beside it claims nothing.
//!
//! What was refused for lack of credits may be sent again, also when the id may not be used any more for the first time. Then
//! the key comes to stand for another one, and the first one is **closed** before that: the ledger keeps that nothing will ever
//! lie there. The entry decides, so that whatever is reserved under a closed id, however late, by whomever, is given back.

use saldo_domain::{Actor, Debit, DebitId, IdempotencyKey, OrgId, PortError, Timestamp};

use crate::call::Call;
use crate::outcome::{Debited, SpendError, broken};
use crate::port::{Balances, Keys, Stored};
use crate::spender::Spender;

/// How often a key is found to stand for an id that is over: others may give it another one at the same time.
const TRIES: usize = 4;

/// Why nothing was debited under a key, or it is not known whether it was: repeating with the same key is always safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotKeyed<E> {
    /// There is no such debit under the id that the key stands for.
    NoDebit(E),
    Spend(SpendError),
}

impl<E> From<SpendError> for NotKeyed<E> {
    fn from(error: SpendError) -> NotKeyed<E> {
        NotKeyed::Spend(error)
    }
}

impl<E> From<PortError> for NotKeyed<E> {
    fn from(error: PortError) -> NotKeyed<E> {
        NotKeyed::Spend(error.into())
    }
}

impl<B: Balances + Keys> Spender<B> {
    /// Spends the credits of one message, once for its key however often it is called. `debit_of` tells the debit that it is
    /// under an id.
    ///
    /// # Errors
    /// As of a debit, [`SpendError::Reused`] where the key stands for another message; and what `debit_of` gives.
    pub async fn debit_by_key<E>(
        &self,
        org: &OrgId,
        actor: &Actor,
        key: &IdempotencyKey,
        debit_of: impl Fn(DebitId) -> Result<Debit, E>,
        now: Timestamp,
    ) -> Result<Debited, NotKeyed<E>> {
        let mut own = self.choose_id(org, actor, now);
        let first = debit_of(own).map_err(NotKeyed::NoDebit)?;
        let mut id = self.claim_for(org, actor, key, &first, now).await?;
        for _ in 0..TRIES {
            let debit = debit_of(id).map_err(NotKeyed::NoDebit)?;
            let told = self.debit_or_repeat(org, actor, &debit, now, id != own).await;
            let is_over = match told {
                Err(SpendError::Untimely(_)) => self.close(org, id, now).await?,
                Err(SpendError::Reused) => self.is_closed(org, id, now).await?,
                told => return Ok(told?),
            };
            match (is_over, told) {
                (true, _) => {
                    own = self.choose_id(org, actor, now);
                    id = self.balances.replace(org, key, id, own).await?;
                }
                (false, Err(error @ SpendError::Reused)) => return Err(error.into()),
                // It was done meanwhile.
                (false, _) => {}
            }
        }
        Err(SpendError::Busy.into())
    }

    /// Lets the key stand for this debit, if it stands for none and the debit may be done; gives which one it stands for.
    async fn claim_for(
        &self,
        org: &OrgId,
        actor: &Actor,
        key: &IdempotencyKey,
        debit: &Debit,
        now: Timestamp,
    ) -> Result<DebitId, SpendError> {
        Call::new(org, actor, std::slice::from_ref(debit), now)?;
        match SpendError::if_new(debit) {
            None => Ok(self.balances.claim(org, key, debit.id).await?),
            Some(refused) => self.balances.claimed(org, key).await?.ok_or(refused),
        }
    }

    /// Sees to it that nothing is ever debited under an id, unless it was; says whether that is so.
    async fn close(&self, org: &OrgId, id: DebitId, now: Timestamp) -> Result<bool, PortError> {
        let (sharding, _) = self.all_shards(org, now).await?;
        match self.balances.close(org, sharding.ledger(id), id).await? {
            Stored::Other => Ok(true),
            Stored::Debit(_) | Stored::Reversed(..) => Ok(false),
            Stored::Nothing => Err(broken("an id that was closed is open")),
        }
    }

    async fn is_closed(&self, org: &OrgId, id: DebitId, now: Timestamp) -> Result<bool, PortError> {
        let (sharding, _) = self.all_shards(org, now).await?;
        Ok(self.entry(org, sharding, id, false).await? == Stored::Other)
    }
}
