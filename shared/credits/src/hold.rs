//! Holds: credits taken before it is known what a thing costs; captured, released and extended.
//!
//! A hold is a debit whose stamp and entry say that it is one, so that it is made, repeated, refused and repaired as one. What
//! becomes of it is decided on its entry as it was read, and written only if that is still so: of two that end it at the same
//! time one finds it ended.

use saldo_domain::{
    Actor, Counted, Credits, Debit, DebitEntry, DebitId, Hold, HoldChange, HoldRefused, HoldStep, HoldUse,
    LateReport, OrgId, PortError, Reversal, ShardId, Timestamp, total,
};

use crate::outcome::{Debited, SpendError};
use crate::port::{Balances, Stored};
use crate::spender::Spender;

/// A hold as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub entry: DebitEntry,
    pub hold: Hold,
    /// There where what was charged was taken back.
    pub reversed: Option<Reversal>,
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
    /// There where what was charged was taken back.
    pub reversed: Option<Reversal>,
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

    /// Takes back what was charged of a hold, once however often it is called, within the window that is configured, from when it
    /// was charged on.
    ///
    /// # Errors
    /// [`SpendError::NotFound`], [`SpendError::Hold`] where nothing was charged, and [`SpendError::ReversalWindowOver`].
    pub async fn reverse_hold(
        &self,
        org: &OrgId,
        actor: &Actor,
        id: DebitId,
        now: Timestamp,
    ) -> Result<Reversal, SpendError> {
        let Settled { entry, hold, reversed } =
            self.change(org, &Actor::System, id, now, |_, _| Ok(None)).await?;
        if let Some(before) = reversed {
            return Ok(before);
        }
        let charged_at = hold.charged_at().ok_or(SpendError::Hold(HoldRefused::NotCaptured))?;
        if now.secs_since(charged_at) > self.reversal_secs {
            return Err(SpendError::ReversalWindowOver);
        }
        self.take_back(org, ShardId::HOLDS, &entry, actor, now).await
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
            let (entry, reversed) = match stored {
                Stored::Debit(entry) => (entry, None),
                Stored::Reversed(entry, reversal) => (entry, Some(reversal)),
                Stored::Nothing | Stored::Other => return Err(SpendError::NotFound),
            };
            let Some(hold) = entry.hold else { return Err(SpendError::NotFound) };
            if let Some(end) = entry.end(&hold, now) {
                // What it is then decides.
                self.write_change(org, &entry, &end, &Actor::System).await?;
                continue;
            }
            let step = decide(&entry, &hold).map_err(SpendError::Hold)?;
            let Some(step) = step else { return Ok(Settled { entry, hold, reversed }) };
            let (written, hold) = match &step {
                HoldStep::Change(change) => {
                    (self.write_change(org, &entry, change, actor).await?, change.hold)
                }
                HoldStep::Report(report) => (self.report_late(org, report, actor).await?, report.hold),
            };
            if written {
                return Ok(Settled { entry: DebitEntry { hold: Some(hold), ..entry }, hold, reversed: None });
            }
        }
        Err(SpendError::Busy)
    }

    /// Whether it was written; a refusal for lack of credits is an error of its own.
    async fn report_late(&self, org: &OrgId, report: &LateReport, actor: &Actor) -> Result<bool, SpendError> {
        match self.balances.report_late(org, report, actor).await {
            Ok(true) => Ok(true),
            Ok(false) => {
                let main = self.balances.main_shard(org).await?;
                let available = total(&self.shards_beside(org, main).await?);
                Err(SpendError::NotEnough { needed: report.reported.charge.credits, available })
            }
            Err(PortError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it was written; not where someone else changed it, or the counters of budgets, first.
    pub(crate) async fn write_change(
        &self,
        org: &OrgId,
        entry: &DebitEntry,
        change: &HoldChange,
        actor: &Actor,
    ) -> Result<bool, PortError> {
        let uncounted = if change.frees_budgets() {
            self.uncounted(org, &entry.counted).await?
        } else {
            Counted::default()
        };
        match self.balances.change_hold(org, change, &uncounted, actor).await {
            Ok(()) => Ok(true),
            Err(PortError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn as_held(
        &self,
        org: &OrgId,
        Settled { entry, hold, reversed }: Settled,
    ) -> Result<Held, SpendError> {
        let main = self.balances.main_shard(org).await?;
        let available = total(&self.shards_beside(org, main).await?).max(Credits::ZERO);
        Ok(Held { entry, hold, reversed, available })
    }
}

fn released(entry: &DebitEntry, hold: &Hold, now: Timestamp) -> Result<Option<HoldStep>, HoldRefused> {
    entry.release(hold, now).map(|change| change.map(|change| HoldStep::Change(Box::new(change))))
}
