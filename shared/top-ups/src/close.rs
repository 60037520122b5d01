//! Ending a top-up.

use saldo_domain::{
    Author, Cause, Change, Ending, Nothing, Occasion, PortError, ReviewReason, Timestamp, TopUp, What, decide,
};

use crate::noted::{has_a_place, keep_cut_off, noting};
use crate::settle::{TRIES, seen};
use crate::{Invoices, Rows, Settled, TopUps};

impl<R: Rows, I: Invoices> TopUps<R, I> {
    /// Ends an unfinished top-up: its invoice is voided, or deleted while a draft, and what the provider then says decides.
    ///
    /// It may turn out paid, and is credited then. It stays as it was while the provider refuses because a payment is under
    /// way. `ending` is how a top-up ends of which nothing that could be paid is left.
    pub async fn close(
        &self,
        top_up: &TopUp,
        ending: Ending,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        noting(None, Box::pin(self.close_noted(top_up, ending, author, now))).await
    }

    async fn close_noted(
        &self,
        top_up: &TopUp,
        ending: Ending,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        if author.cause == Cause::Cancellation && top_up.status.is_unfinished() {
            // Who wanted it is written down first: what came of it may be heard by way of an event, which does not know.
            let asked = Occasion::of(What::CancelAsked, top_up, author, now);
            self.rows.note(top_up, &asked).await?;
        }
        let mut current = top_up.clone();
        for _ in 0..TRIES {
            match self.close_once(&current, ending, author, now).await {
                Err(PortError::Conflict) => current = self.as_it_is_now(&current).await?,
                Ok(settled) if settled.look_again => {
                    return self.reconcile(&settled.top_up, author, now).await;
                }
                Ok(settled) => return Ok(settled),
                Err(error) => {
                    if has_a_place(author) {
                        keep_cut_off(&self.rows, &current, author, now).await;
                    }
                    return Err(error);
                }
            }
        }
        Err(PortError::Conflict)
    }

    async fn close_once(
        &self,
        top_up: &TopUp,
        ending: Ending,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        if !top_up.status.is_unfinished() {
            let change = Change::Nothing(Nothing::AlreadyApplied);
            return Ok(Settled { top_up: top_up.clone(), change, look_again: false });
        }
        let Some(link) = &top_up.invoice else {
            return self.commit(top_up, Change::Close(ending), author, now).await;
        };
        let evidence = self.invoices.close(&link.id).await?;
        let change = match decide(top_up, seen(evidence.as_ref()), self.policy, now) {
            Change::Close(_) => Change::Close(ending),
            // Somebody wants its end, and nothing is left that could be ended or paid.
            Change::Flag(ReviewReason::InvoiceGone) | Change::Nothing(Nothing::Undecided)
                if evidence.is_none() =>
            {
                Change::Review(top_up.review.unwrap_or(ReviewReason::InvoiceGone))
            }
            change => change,
        };
        self.commit(top_up, change, author, now).await
    }
}
