//! Finding a moment at which an organisation's balance, rows and latest entries are known together.

use std::time::Duration;

use saldo_credits::Balances;
use saldo_domain::{
    Credits, Cut, Month, OrgId, PortError, RowBooks, ShardId, Sharding, Timestamp, TopUp, TopUpId,
};
use saldo_top_ups::{Invoices, Rows};

use crate::port::{Books, Place, Provider};
use crate::{Reconciliation, Time};

/// What was read at one moment.
pub(crate) struct Moment {
    pub(crate) cut: Cut,
    pub(crate) sharding: Sharding,
    /// Whether there may be holds.
    pub(crate) holds: bool,
    pub(crate) rows: RowBooks,
    /// When the first of all rows was made.
    pub(crate) first_row: Option<Month>,
    /// Rows that the provider is to be asked about.
    pub(crate) open: Vec<TopUp>,
}

/// How often such a moment is looked for: credits that are no debits move seldom.
const TRIES: u32 = 10;
/// How often one is looked for in which no hold was ended either; from then on what came back of holds meanwhile is allowed for.
const EXACT_TRIES: u32 = 4;
/// The longest pause before looking again, in milliseconds.
const PAUSE_MS: u64 = 400;
/// A row that is younger, in seconds, is being made by someone.
const MAKING_SECS: i64 = 15 * 60;
/// Debits may be for credits whose row is younger than their ids by this much, in seconds.
const EARLIER_SECS: i64 = 2 * 86_400;

impl<S, P> Reconciliation<S, P>
where
    S: Rows + Balances + Books,
    P: Invoices + Provider,
{
    /// Reads shards, latest entries and rows, and the shards again, until nothing but debits happened in between, or where holds
    /// end all the time nothing but these; `None` when there was no such moment.
    pub(crate) async fn moment(&self, org: &OrgId, time: Time<'_>) -> Result<Option<Moment>, PortError> {
        for tried in 0..TRIES {
            let (sharding, shards) = self.spender.all_shards(org, time.now()).await?;
            let holds = shards.get(&ShardId::MAIN).is_some_and(|main| main.holds);
            let mut cut = Cut::new(shards, time.now());
            let (recent_from, holds_from) = (cut.recent_from(), cut.holds_from());
            self.list_recent(org, &mut cut, (ShardId::MAIN, recent_from), time).await?;
            if holds {
                self.list_recent(org, &mut cut, (ShardId::HOLDS, holds_from), time).await?;
            }
            let mut moment = self.read_rows(org, cut, (sharding, holds), time).await?;
            let (_, later) = self.spender.all_shards(org, time.now()).await?;
            let exact = |cut: &Cut| cut.returned() == Credits::ZERO || tried >= EXACT_TRIES;
            if moment.cut.stands(&later) && exact(&moment.cut) {
                return Ok(Some(moment));
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(PAUSE_MS / 8..=PAUSE_MS))).await;
        }
        Ok(None)
    }

    async fn list_recent(
        &self,
        org: &OrgId,
        cut: &mut Cut,
        (ledger, from): (ShardId, Timestamp),
        time: Time<'_>,
    ) -> Result<(), PortError> {
        let mut month = Month::of(from);
        let last = last_month(time);
        while month <= last {
            let place = Place { month, ledger, from: Some(from) };
            let mut after = None;
            loop {
                let page = self.top_ups.rows.ledger(org, place, after).await?;
                page.lines.iter().for_each(|line| cut.list(line));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            month = month.next();
        }
        Ok(())
    }

    async fn read_rows(
        &self,
        org: &OrgId,
        cut: Cut,
        (sharding, holds): (Sharding, bool),
        time: Time<'_>,
    ) -> Result<Moment, PortError> {
        let slot = self.top_ups.rows.open_slot(org).await?;
        let mut rows = RowBooks::new(slot.map(|id| id.to_string()));
        let (mut open, mut first_row, mut after) = (Vec::new(), None, None::<TopUpId>);
        loop {
            let page = self.top_ups.rows.rows(org, after).await?;
            for row in page.rows {
                let month = Month::of(row.created_at.plus_secs(-EARLIER_SECS));
                first_row = Some(first_row.map_or(month, |first: Month| first.min(month)));
                rows.add(&row);
                let made = time.now().secs_since(row.created_at) >= MAKING_SECS;
                if made && (row.status.is_unfinished() || row.review.is_some()) {
                    open.push(row);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(Moment { cut, sharding, holds, rows, first_row, open });
            }
        }
    }
}

/// The last month that an entry may lie in: ids may be a little ahead of our clock.
pub(crate) fn last_month(time: Time<'_>) -> Month {
    Month::of(time.now().plus_secs(3600))
}
