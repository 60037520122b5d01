//! Holds: credits taken before it is known what a thing costs; captured, released and extended.
//!
//! A hold is a debit whose stamp and entry say that it is one, so that it is made, repeated, refused and repaired as one. What
//! becomes of it is decided on its entry as it was read, and written only if that is still so: of two that end it at the same
//! time one finds it ended.

use saldo_domain::{
    Actor, Credits, Debit, DebitEntry, DebitId, Hold, HoldRefused, HoldStep, HoldUse, LateReport, OrgId,
    PortError, Timestamp, total,
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

/// What a sender reports of a hold when it asks for its next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    pub id: DebitId,
    /// `None` where nothing was used.
    pub used: Option<HoldUse>,
}

/// A hold as it was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub entry: DebitEntry,
    pub hold: Hold,
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
        let settled = self.change(org, &Actor::System, id, now, |_, _| Ok(None)).await?;
        self.as_held(org, settled).await
    }

    /// Charges what was used of a hold, and gives the rest back; the same again is the same. Of a quota that has ended what was
    /// used is a debit of now.
    ///
    /// # Errors
    /// [`SpendError::NotFound`], and [`SpendError::Hold`] where it was ended otherwise or holds less, or where what was used is
    /// not sold; [`SpendError::NotEnough`] where a quota has ended and there is less now.
    pub async fn capture(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        used: &HoldUse,
        now: Timestamp,
    ) -> Result<Held, SpendError> {
        let meters = self.meters.as_deref();
        let settled =
            self.change(org, actor, id, now, |entry, hold| entry.capture(hold, used, meters, now)).await?;
        self.as_held(org, settled).await
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
        let settled = self.change(org, actor, id, now, |entry, hold| released(entry, hold, now)).await?;
        self.as_held(org, settled).await
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
        let extend = |entry: &DebitEntry, hold: &Hold| {
            entry.extend(hold, ends_at).map(|change| change.map(|change| HoldStep::Change(Box::new(change))))
        };
        let settled = self.change(org, actor, id, now, extend).await?;
        self.as_held(org, settled).await
    }

    /// Takes the report of a sender that asks for its next quota: what it used of this one is captured, or charged now where it
    /// has ended; nothing where it used none. The same again is the same.
    ///
    /// # Errors
    /// As of a capture, or of a release.
    pub async fn settle(
        &self,
        org: &OrgId,
        actor: &Actor,
        report: &Settlement,
        now: Timestamp,
    ) -> Result<Settled, SpendError> {
        let meters = self.meters.as_deref();
        self.change(org, actor, report.id, now, |entry, hold| match &report.used {
            None => released(entry, hold, now),
            Some(used) => entry.capture(hold, used, meters, now),
        })
        .await
    }

    /// Load, decide, commit; what is over its time is ended first.
    async fn change(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        now: Timestamp,
        decide: impl Fn(&DebitEntry, &Hold) -> Result<Option<HoldStep>, HoldRefused> + Send,
    ) -> Result<Settled, SpendError> {
        for _ in 0..TRIES {
            let (_, stored) = self.found(org, id, true, now).await?;
            let Stored::Debit(entry) = stored else { return Err(SpendError::NotFound) };
            let Some(hold) = entry.hold else { return Err(SpendError::NotFound) };
            if let Some(end) = entry.end(&hold, now) {
                // What it is then decides.
                or_changed(self.balances.change_hold(org, &end, &Actor::System).await)?;
                continue;
            }
            let step = decide(&entry, &hold).map_err(SpendError::Hold)?;
            let Some(step) = step else { return Ok(Settled { entry, hold }) };
            let (written, hold) = match &step {
                HoldStep::Change(change) => {
                    (self.balances.change_hold(org, change, actor).await, change.hold)
                }
                HoldStep::Report(report) => (self.report_late(org, report, actor).await?, report.hold),
            };
            if or_changed(written)? {
                return Ok(Settled { entry: DebitEntry { hold: Some(hold), ..entry }, hold });
            }
        }
        Err(SpendError::Busy)
    }

    /// A refusal for lack of credits is an error of its own: nothing was written.
    async fn report_late(
        &self,
        org: &OrgId,
        report: &LateReport,
        actor: &Actor,
    ) -> Result<Result<(), PortError>, SpendError> {
        match self.balances.report_late(org, report, actor).await {
            Ok(true) => Ok(Ok(())),
            Ok(false) => {
                let main = self.balances.main_shard(org).await?;
                let available = total(&self.shards_beside(org, main).await?);
                Err(SpendError::NotEnough { needed: report.reported.charge.credits, available })
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn as_held(&self, org: &OrgId, Settled { entry, hold }: Settled) -> Result<Held, SpendError> {
        let main = self.balances.main_shard(org).await?;
        let available = total(&self.shards_beside(org, main).await?).max(Credits::ZERO);
        Ok(Held { entry, hold, available })
    }
}

fn released(entry: &DebitEntry, hold: &Hold, now: Timestamp) -> Result<Option<HoldStep>, HoldRefused> {
    entry.release(hold, now).map(|change| change.map(|change| HoldStep::Change(Box::new(change))))
}

/// Whether it was written; not where someone else was faster.
fn or_changed(written: Result<(), PortError>) -> Result<bool, PortError> {
    match written {
        Ok(()) => Ok(true),
        Err(PortError::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}
