//! What proving the books asks of the outside, beside what buying and spending ask of it.

use std::future::Future;

use saldo_domain::{
    Closing, EntryId, Evidence, LedgerLine, Month, OrgId, PortError, Report, ShardId, Sharding, Sweep,
    Timestamp, TopUp, TopUpId,
};
use saldo_top_ups::{InvoicesError, Told};

/// Ledgers, rows and what is kept about their proof. Every read of a ledger or a row is of now.
pub trait Books: Send + Sync {
    /// Organisations whose books are due at `until`, in one of the eight parts of the list: the longest due first, after
    /// this one; some of them, and none only when there are no more.
    fn due_organisations(
        &self,
        part: u8,
        until: Timestamp,
        after: Option<&DueOrganisation>,
    ) -> impl Future<Output = Result<Vec<DueOrganisation>, PortError>> + Send;

    /// Puts an organisation off until `next`; [`PortError::Conflict`] when someone else did meanwhile.
    fn put_off(
        &self,
        organisation: &DueOrganisation,
        next: Timestamp,
    ) -> impl Future<Output = Result<DueOrganisation, PortError>> + Send;

    /// A page of one ledger of a month, in order of ids, behind `after`.
    fn ledger(
        &self,
        org: &OrgId,
        place: Place,
        after: Option<EntryId>,
    ) -> impl Future<Output = Result<LedgerPage, PortError>> + Send;

    /// A page of the organisation's top-ups, behind `after`.
    fn rows(
        &self,
        org: &OrgId,
        after: Option<TopUpId>,
    ) -> impl Future<Output = Result<RowPage, PortError>> + Send;

    /// Which top-up holds the organisation's open slot.
    fn open_slot(&self, org: &OrgId) -> impl Future<Output = Result<Option<TopUpId>, PortError>> + Send;

    /// The closings of the organisation's months, from the first on, without a gap.
    fn closings(&self, org: &OrgId) -> impl Future<Output = Result<Vec<Closing>, PortError>> + Send;

    /// Keeps a closing; one that is kept already stays as it is.
    fn keep_closing(
        &self,
        org: &OrgId,
        closing: &Closing,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// How far a sweep has come; the default when there was none.
    fn sweep(&self, of: SweepOf) -> impl Future<Output = Result<Sweep, PortError>> + Send;

    fn keep_sweep(&self, of: SweepOf, sweep: &Sweep) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Keeps the report of a run for 90 days.
    fn keep_report(&self, report: &Report) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// What the payment provider lists, newest first.
pub trait Provider: Send + Sync {
    /// Events of the types that matter, made from `since` up to `until`, behind the one with the id `after`.
    fn events(
        &self,
        since: Timestamp,
        until: Timestamp,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Page<ListedEvent>, InvoicesError>> + Send;

    /// Invoices made from `since` up to `until`, behind the one with the id `after`. What is listed may be older than what
    /// is fetched.
    fn invoices(
        &self,
        since: Timestamp,
        until: Timestamp,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Page<Evidence>, InvoicesError>> + Send;
}

/// Some of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Behind which one the list goes on; `None` at its end.
    pub next: Option<String>,
}

/// An event as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEvent {
    pub id: String,
    /// `None` for one that is not about this system.
    pub told: Option<Told>,
}

/// An organisation whose books are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueOrganisation {
    pub org: OrgId,
    pub at: Timestamp,
}

/// Where entries lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub month: Month,
    pub ledger: ShardId,
    /// Only entries with ids of this moment or later.
    pub from: Option<Timestamp>,
}

impl Place {
    /// All places of a month, of an organisation whose debits are spread like this, and which may have holds.
    pub fn of_month(month: Month, sharding: Sharding, holds: bool) -> impl Iterator<Item = Place> {
        sharding.ledgers(month, holds).map(move |ledger| Place { month, ledger, from: None })
    }
}

/// Some entries of a ledger.
#[derive(Clone, Debug)]
pub struct LedgerPage {
    pub lines: Vec<LedgerLine>,
    /// Behind which id it goes on; `None` at the end.
    pub next: Option<EntryId>,
}

/// Some rows of an organisation.
#[derive(Clone, Debug)]
pub struct RowPage {
    pub rows: Vec<TopUp>,
    pub next: Option<TopUpId>,
}

/// What is swept through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepOf {
    Events,
    Invoices,
}
