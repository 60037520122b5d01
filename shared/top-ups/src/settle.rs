//! Settling a top-up: load, decide, commit. Every use case ends here.

use saldo_domain::{
    Alarm, Author, Cause, Change, Deployment, DisputeStatus, Evidence, InvoiceLink, InvoiceStatus, Nothing,
    Occasion, OrgId, PortError, Seen, Status, Timestamp, TopUp, TopUpId, What, apply, decide,
};
use tracing::{error, info, warn};

use crate::measured::measure_change;
use crate::noted::{has_a_place, keep, keep_cut_off, noted, noting, row_is_changed};
use crate::told::{About, Handled, News, NotOurs, Settled, Told};
use crate::{Invoices, Rows, TopUps};

/// How often a decision is made anew because the row changed meanwhile.
pub(crate) const TRIES: usize = 5;

impl<R: Rows, I: Invoices> TopUps<R, I> {
    /// Fetches the invoice that an event tells of, and settles its top-up.
    ///
    /// An invoice of ours whose top-up does not exist is an error, so that the event is tried again and in the end kept: the
    /// money is someone's.
    pub async fn handle(&self, told: &Told, author: &Author, now: Timestamp) -> Result<Handled, PortError> {
        noting(told.kind.as_deref(), Box::pin(self.handle_noted(told, author, now))).await
    }

    async fn handle_noted(&self, told: &Told, author: &Author, now: Timestamp) -> Result<Handled, PortError> {
        let invoice = match &told.about {
            About::Invoice(invoice) => invoice.clone(),
            About::Payment(payment) => match self.invoices.invoice_of(payment).await? {
                Some(invoice) => invoice,
                None => return Ok(Handled::NotOurs(NotOurs::OtherSystem)),
            },
        };
        for _ in 0..TRIES {
            // Boxed, as the requests of all adapters together are too deep for the compiler to lay out in one piece.
            match Box::pin(self.handle_once(&invoice, told.news, author, now)).await {
                Err(PortError::Conflict) => {}
                Ok(Handled::Settled(settled)) if settled.look_again => {}
                Ok(Handled::Settled(settled)) => {
                    if told.news == News::FraudWarning {
                        warn_of_fraud(&settled.top_up);
                    }
                    match self.note_payment(settled, author).await {
                        Err(PortError::Conflict) => {}
                        noted => return noted.map(Handled::Settled),
                    }
                }
                handled => return handled,
            }
        }
        Err(PortError::Conflict)
    }

    /// Looks up how a credited payment was made, once, on an event behind the one that credited it: that one waits for
    /// nothing.
    async fn note_payment(
        &self,
        mut settled: Box<Settled>,
        author: &Author,
    ) -> Result<Box<Settled>, PortError> {
        let credited_now = matches!(settled.change, Change::Earn { .. });
        let payment = settled.top_up.payment_to_look_at().filter(|_| !credited_now);
        let Some(payment) = payment else { return Ok(settled) };
        let how = match self.invoices.paid_with(payment).await {
            Ok(Some(how)) => how,
            Ok(None) => return Ok(settled),
            // It is only shown: what matters is done, and the next event asks again.
            Err(error) => {
                let (org, top_up) = (settled.top_up.org.as_str(), settled.top_up.id.as_str());
                warn!(org, top_up, %error, "how it was paid is not known yet");
                return Ok(settled);
            }
        };
        let known = settled.top_up.paid_like(how, author);
        self.rows.save(&known).await?;
        settled.top_up = known;
        Ok(settled)
    }

    async fn handle_once(
        &self,
        invoice: &str,
        news: News,
        author: &Author,
        now: Timestamp,
    ) -> Result<Handled, PortError> {
        let remembered = if news.asks_what_returned() { self.remembered(invoice).await? } else { None };
        let top_up = match remembered {
            Some(top_up) => top_up,
            None => {
                let evidence = self.invoices.invoice(invoice, news.refused_at()).await?;
                let top_up = match self.row_of(invoice, evidence.as_ref()).await? {
                    Ok(top_up) => top_up,
                    Err(why) => return Ok(Handled::NotOurs(why)),
                };
                let change = decide(&top_up, seen(evidence.as_ref()), self.policy, now);
                if !news.asks_what_returned() && !change.may_be_over(&top_up) {
                    let settled = self.commit(&top_up, change, author, now).await?;
                    return Ok(Handled::Settled(Box::new(settled)));
                }
                // What the provider said before the row was read may be older than the row: it is asked again.
                top_up
            }
        };
        match self.settle_anew(&top_up, invoice, news, author, now).await {
            Ok(settled) => Ok(Handled::Settled(Box::new(settled))),
            Err(error) => {
                if error != PortError::Conflict {
                    keep_cut_off(&self.rows, &top_up, author, now).await;
                }
                Err(error)
            }
        }
    }

    /// Decides on evidence that is not older than the row.
    async fn settle_anew(
        &self,
        top_up: &TopUp,
        invoice: &str,
        news: News,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        let mut fresh = self.invoices.invoice(invoice, news.refused_at()).await?;
        if news.asks_what_returned() {
            fresh = self.with_returned(fresh, top_up).await?;
        }
        self.decide_and_commit(top_up, seen(fresh.as_ref()), author, now).await
    }

    /// All that the provider says now of the invoice that a top-up points to, with what went back.
    pub async fn evidence_of(&self, top_up: &TopUp) -> Result<Option<Evidence>, PortError> {
        let Some(link) = &top_up.invoice else { return Ok(None) };
        let evidence = self.invoices.invoice(&link.id, None).await?;
        self.with_returned(evidence, top_up).await
    }

    /// The same with what went back, which only of a paid invoice can be anything.
    async fn with_returned(
        &self,
        evidence: Option<Evidence>,
        top_up: &TopUp,
    ) -> Result<Option<Evidence>, PortError> {
        let Some(mut evidence) = evidence else { return Ok(None) };
        if evidence.status == InvoiceStatus::Paid {
            let returned = self.invoices.returned(&evidence, top_up.payment.as_deref()).await?;
            evidence.returned = Some(returned);
        }
        Ok(Some(evidence))
    }

    /// The row that an invoice is for: the one that it names, or else the one that it is remembered for.
    async fn row_of(
        &self,
        invoice: &str,
        evidence: Option<&Evidence>,
    ) -> Result<Result<TopUp, NotOurs>, PortError> {
        let deployment = evidence.map(|evidence| evidence.deployment);
        if deployment != Some(Deployment::Another)
            && let Some((org, id)) = evidence.and_then(names)
            && let Some(top_up) = self.rows.top_up(&org, &id).await?
        {
            return Ok(Ok(top_up));
        }
        if let Some(top_up) = self.remembered(invoice).await? {
            return Ok(Ok(top_up));
        }
        match deployment {
            Some(Deployment::Ours) => Err(missing(invoice)),
            Some(Deployment::Another) => Ok(Err(NotOurs::OtherDeployment)),
            Some(Deployment::Unmarked) => Ok(Err(NotOurs::OtherSystem)),
            None => Ok(Err(NotOurs::Gone)),
        }
    }

    /// The row that an invoice is remembered for.
    async fn remembered(&self, invoice: &str) -> Result<Option<TopUp>, PortError> {
        let Some((org, id)) = self.rows.kept_for(invoice).await? else { return Ok(None) };
        self.rows.top_up(&org, &id).await?.map(Some).ok_or_else(|| missing(invoice))
    }

    /// Compares a top-up with the invoice that it points to, and if it was paid before, with what went back too.
    pub async fn reconcile(
        &self,
        top_up: &TopUp,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        noting(None, Box::pin(self.reconcile_noted(top_up, author, now))).await
    }

    async fn reconcile_noted(
        &self,
        top_up: &TopUp,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        let mut current = top_up.clone();
        let was_paid = top_up.status == Status::Paid;
        for _ in 0..TRIES {
            let mut evidence = match &current.invoice {
                Some(link) => self.invoices.invoice(&link.id, None).await?,
                None => None,
            };
            if was_paid {
                evidence = self.with_returned(evidence, &current).await?;
            }
            match self.decide_and_commit(&current, seen(evidence.as_ref()), author, now).await {
                Err(PortError::Conflict) => current = self.as_it_is_now(&current).await?,
                Ok(settled) if settled.look_again => current = self.as_it_is_now(&current).await?,
                settled => return settled,
            }
        }
        Err(PortError::Conflict)
    }

    /// Decides on what was seen, and commits over the revision that was read.
    pub(crate) async fn decide_and_commit(
        &self,
        top_up: &TopUp,
        seen: Seen<'_>,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        self.commit(top_up, decide(top_up, seen, self.policy, now), author, now).await
    }

    pub(crate) async fn commit(
        &self,
        top_up: &TopUp,
        change: Change,
        author: &Author,
        now: Timestamp,
    ) -> Result<Settled, PortError> {
        let look_again = matches!(change, Change::Earn { .. }) && change.may_be_over(top_up);
        let before = top_up;
        let top_up = match apply(top_up, &change, author, now) {
            Some(commit) => {
                self.keep_number(&commit.top_up, &change).await?;
                let mut commit = commit.promising(top_up, self.policy);
                commit.occasion = noted(commit.occasion);
                self.rows.commit(&commit).await?;
                row_is_changed();
                measure_change(top_up, &commit.top_up, &change, author, now);
                commit.top_up
            }
            None => {
                if has_a_place(author) {
                    keep(&self.rows, top_up, left_as_it_is(&change, top_up, author, now)).await;
                }
                top_up.clone()
            }
        };
        tell(&top_up, &change);
        tell_of_dispute(before, &top_up);
        tell_of_failed_refund(before, &top_up);
        Ok(Settled { top_up, change, look_again })
    }

    /// The number on an invoice that can be paid from now on leads to its top-up, as its id does.
    async fn keep_number(&self, top_up: &TopUp, change: &Change) -> Result<(), PortError> {
        let Change::Open(InvoiceLink { number: Some(number), .. }) = change else { return Ok(()) };
        self.rows.keep_invoice(number, top_up).await
    }

    pub(crate) async fn as_it_is_now(&self, top_up: &TopUp) -> Result<TopUp, PortError> {
        let row = self.rows.top_up(&top_up.org, &top_up.id).await?;
        row.ok_or_else(|| PortError::Broken(format!("{} is gone", top_up.id)))
    }
}

pub(crate) fn seen(evidence: Option<&Evidence>) -> Seen<'_> {
    evidence.map_or(Seen::Missing, Seen::Found)
}

/// Of what somebody wanted and the provider did not do, the trail says so.
fn left_as_it_is(change: &Change, top_up: &TopUp, author: &Author, now: Timestamp) -> Occasion {
    let occasion = change.occasion(top_up, top_up, author, now);
    match (occasion.what, &author.cause) {
        (What::Undecided | What::Contradiction, Cause::Cancellation) => {
            Occasion { what: What::CancelRefused, ..occasion }
        }
        _ => occasion,
    }
}

fn missing(invoice: &str) -> PortError {
    PortError::Broken(format!("{invoice} is ours, and its top-up does not exist"))
}

/// The row that an invoice names; `None` when it names none.
fn names(evidence: &Evidence) -> Option<(OrgId, TopUpId)> {
    Some((evidence.org.clone()?, evidence.top_up.clone()?))
}

fn tell(top_up: &TopUp, change: &Change) {
    let (org, id) = (top_up.org.as_str(), top_up.id.as_str());
    match change {
        Change::Earn { earned, .. } => {
            let (granted, refunded, disputed) = (earned.granted.0, earned.refunded.0, earned.disputed.0);
            info!(org, top_up = id, credits = earned.credited().0, granted, refunded, disputed, "credited");
        }
        Change::Open(_) => info!(org, top_up = id, "opened"),
        Change::Close(ending) => info!(org, top_up = id, status = ending.status().as_str(), "closed"),
        Change::NoteFailure(failure) => info!(org, top_up = id, code = failure.code, "payment refused"),
        Change::Review(reason) => {
            error!(org, top_up = id, alarm = Alarm::InReview.as_str(), reason = reason.as_str(), "in review")
        }
        Change::Flag(reason) => {
            error!(
                org,
                top_up = id,
                alarm = Alarm::InReview.as_str(),
                reason = reason.as_str(),
                "needs a look"
            )
        }
        Change::Nothing(Nothing::Contradiction) => {
            error!(
                org,
                top_up = id,
                alarm = Alarm::InReview.as_str(),
                reason = "contradiction",
                "the provider contradicts our row"
            );
        }
        Change::Nothing(Nothing::AlreadyApplied | Nothing::Undecided) => {}
    }
}

fn warn_of_fraud(top_up: &TopUp) {
    let (org, id) = (top_up.org.as_str(), top_up.id.as_str());
    error!(org, top_up = id, alarm = Alarm::FraudWarning.as_str(), "the issuer of the card warns of fraud");
}

/// Less is given back than the row said before: whoever was promised the money does not get it.
fn tell_of_failed_refund(before: &TopUp, after: &TopUp) {
    let failed = before.returns.refunded - after.returns.refunded;
    if failed > 0 {
        let (org, id) = (after.org.as_str(), after.id.as_str());
        error!(
            org,
            top_up = id,
            alarm = Alarm::RefundFailed.as_str(),
            minor_units = failed,
            "a refund failed"
        );
    }
}

/// Once for each time that a dispute comes to want a person.
fn tell_of_dispute(before: &TopUp, after: &TopUp) {
    let (was, is) = (before.returns.dispute, after.returns.dispute);
    if was != is && is.is_some_and(DisputeStatus::wants_a_person) {
        let (org, id) = (after.org.as_str(), after.id.as_str());
        let status = is.map(DisputeStatus::as_str);
        error!(
            org,
            top_up = id,
            alarm = Alarm::Disputed.as_str(),
            status,
            "the payer's bank wants an answer"
        );
    }
}
