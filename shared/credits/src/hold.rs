//! Holds: credits taken before it is known what a thing costs; captured, released and extended.
//!
//! A hold is a debit whose stamp and entry say that it is one, so that it is made, repeated, refused and repaired as one. What
//! becomes of it is decided on its entry as it was read, and written only if that is still so: of two that end it at the same
//! time one finds it ended.

use saldo_domain::{
    Actor, Credits, Debit, DebitEntry, DebitId, Hold, HoldChange, HoldRefused, HoldUse, OrgId, PortError,
    Timestamp, total,
};

use crate::outcome::{Debited, SpendError};
use crate::port::{Balances, Stored};
use crate::spender::Spender;

/// A hold as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub entry: DebitEntry,
    pub hold: Hold,
    /// What could be spent then.
    pub available: Credits,
}

/// How often a hold is read again that was changed by someone else.
const TRIES: usize = 6;
impl<B: Balances> Spender<B> {
    /// Holds the credits of one thing, once for its id however often it is called. `debit` has the terms of a hold.
    ///
    /// # Errors
    /// As a debit's.
    pub async fn hold(
        &self,
        org: &OrgId,
        actor: &Actor,
        debit: &Debit,
        now: Timestamp,
    ) -> Result<Debited, SpendError> {
        if !self.process.knows_holds(org, now) {
            match self.balances.begin_holds(org, now).await {
                Ok(()) => self.process.knew_holds(org, now),
                // Without a balance nothing was ever held.
                Err(PortError::Conflict) => {
                    return Err(SpendError::NotEnough { needed: debit.credits, available: Credits::ZERO });
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.debit(org, actor, debit, now).await
    }

    /// A hold as it is, ended if its time is over.
    ///
    /// # Errors
    /// [`SpendError::NotFound`] where there is none.
    pub async fn held(&self, org: &OrgId, id: DebitId, now: Timestamp) -> Result<Held, SpendError> {
        self.change(org, &Actor::System, id, now, |_, _| Ok(None)).await
    }

    /// Charges what was used of a hold, and gives the rest back; the same again is the same.
    ///
    /// # Errors
    /// [`SpendError::NotFound`], and [`SpendError::Hold`] where it was ended otherwise or holds less, or where what was used is
    /// not sold.
    pub async fn capture(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        used: &HoldUse,
        now: Timestamp,
    ) -> Result<Held, SpendError> {
        let meters = self.meters.as_deref();
        self.change(org, actor, id, now, |entry, hold| entry.capture(hold, used, meters, now)).await
    }

    /// Gives all of a hold back; the same again is the same.
    ///
    /// # Errors
    /// [`SpendError::NotFound`], and [`SpendError::Hold`] where it was captured.
    pub async fn release(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        now: Timestamp,
    ) -> Result<Held, SpendError> {
        self.change(org, actor, id, now, |entry, hold| entry.release(hold, now)).await
    }

    /// Holds it until `ends_at`, as far as it may be.
    ///
    /// # Errors
    /// [`SpendError::NotFound`], and [`SpendError::Hold`] where it was ended.
    pub async fn extend(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Result<Held, SpendError> {
        self.change(org, actor, id, now, |entry, hold| entry.extend(hold, ends_at)).await
    }

    /// Load, decide, commit; what is over its time is ended first.
    async fn change(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        now: Timestamp,
        decide: impl Fn(&DebitEntry, &Hold) -> Result<Option<HoldChange>, HoldRefused> + Send,
    ) -> Result<Held, SpendError> {
        for _ in 0..TRIES {
            let (_, stored) = self.found(org, id, true, now).await?;
            let Stored::Debit(mut entry) = stored else { return Err(SpendError::NotFound) };
            let Some(hold) = entry.hold else { return Err(SpendError::NotFound) };
            let end = entry.end(&hold, now);
            let by = if end.is_some() { &Actor::System } else { actor };
            let change = match &end {
                Some(end) => Some(end.clone()),
                None => decide(&entry, &hold).map_err(SpendError::Hold)?,
            };
            let Some(change) = change else { return self.as_held(org, entry, hold).await };
            match self.balances.change_hold(org, &change, by).await {
                Ok(()) if end.is_none() => {
                    entry.hold = Some(change.hold);
                    return self.as_held(org, entry, change.hold).await;
                }
                // It is ended, or someone else changed it: what it is now decides.
                Ok(()) | Err(PortError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(SpendError::Busy)
    }

    async fn as_held(&self, org: &OrgId, entry: DebitEntry, hold: Hold) -> Result<Held, SpendError> {
        let main = self.balances.main_shard(org).await?;
        let available = total(&self.shards_beside(org, main).await?).max(Credits::ZERO);
        Ok(Held { entry, hold, available })
    }
}
