//! Events of the provider since the last run, once more through the worker's own use case.

use std::collections::HashSet;

use saldo_credits::Balances;
use saldo_domain::{Actor, Author, Cause, PortError, Report};
use saldo_top_ups::{Invoices, News, Rows};

use crate::port::{Books, Provider, SweepOf};
use crate::{Reconciliation, Time};

/// What is younger may still be on its way through webhook and queue, in seconds.
const SETTLING_SECS: i64 = 5 * 60;
/// Each run looks again at what was made so long before the last one began, in seconds: an event may be listed late.
const OVERLAP_SECS: i64 = 3600;
/// The provider lists events for thirty days.
const LISTED_SECS: i64 = 30 * 86_400;
/// What a page needs at the least, in seconds.
const LEAST_SECS: u64 = 10;

impl<S, P> Reconciliation<S, P>
where
    S: Rows + Balances + Books,
    P: Invoices + Provider,
{
    /// Goes on with the sweep through events. Says whether it is over.
    pub(crate) async fn sweep_events(&self, time: Time<'_>, report: &mut Report) -> Result<bool, PortError> {
        let rows = &self.top_ups.rows;
        let mut sweep = rows.sweep(SweepOf::Events).await?.next(time.now(), OVERLAP_SECS, LISTED_SECS);
        let until = sweep.began.plus_secs(-SETTLING_SECS);
        // Several events tell the same of one invoice: looking once is enough.
        let mut seen: HashSet<String> = HashSet::new();
        while !sweep.over {
            if !time.suffices(LEAST_SECS) {
                return Ok(false);
            }
            let page = self.top_ups.invoices.events(sweep.since, until, sweep.after.as_deref()).await?;
            for event in page.items {
                report.events = report.events.saturating_add(1);
                let Some(mut told) = event.told else { continue };
                // Whoever heard the warning was told of it; what it may have done to the money is looked at all the same.
                if told.news == News::FraudWarning {
                    told.news = News::Returned;
                }
                if seen.insert(format!("{told:?}")) {
                    let author = Author { actor: Actor::System, cause: Cause::Event(event.id) };
                    self.settle_again(&told, &author, None, time, report).await?;
                }
            }
            sweep.over = page.next.is_none();
            sweep.after = page.next;
            rows.keep_sweep(SweepOf::Events, &sweep).await?;
        }
        Ok(true)
    }
}
