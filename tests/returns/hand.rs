//! How the use case reaches the provider and the table, with calls that fail before or after their effect, and with bugs.
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use saldo_domain::{
    BillingContact, Commit, DisputeStatus, Evidence, FailureReason, IdempotencyKey, Language, Occasion,
    OrgId, PaidWith, PortError, Purchase, Refund, RefundState, RefundUnderWay, Returned, Settings, Timestamp,
    TopUp, TopUpId,
};
use saldo_top_ups::{Begun, Invoices, InvoicesError, Rows};

use super::books::Books;
use super::bug::Bug;
use super::kept::Kept;
use super::provider::{INVOICE, PAYMENT, Provider};

/// Everything there is.
pub(super) struct World {
    pub(super) provider: Provider,
    pub(super) books: Books,
    pub(super) rng: fastrand::Rng,
    /// Of 100 calls, how many fail.
    pub(super) failing_percent: u32,
    pub(super) bug: Option<Bug>,
    pub(super) kept: Kept,
}

/// The world as the handling of one event reaches it.
#[derive(Clone)]
pub(super) struct Hand {
    world: Arc<Mutex<World>>,
    /// What the event says went back.
    says: Option<Returned>,
}

/// Where a call fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fails {
    Nowhere,
    Before,
    After,
}

impl Hand {
    pub(super) fn new(world: &Arc<Mutex<World>>, says: Option<Returned>) -> Hand {
        Hand { world: Arc::clone(world), says }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// A call: others go on before it and behind it, and it may fail with or without its effect.
    pub(super) async fn call<T>(&self, act: impl FnOnce(&mut World) -> T) -> Result<T, PortError> {
        Step::default().await;
        let done = {
            let mut world = self.world();
            let fails = match world.rng.u32(..100) < world.failing_percent {
                false => Fails::Nowhere,
                true => [Fails::Before, Fails::After][world.rng.usize(..2)],
            };
            let done = (fails != Fails::Before).then(|| act(&mut world));
            done.filter(|_| fails == Fails::Nowhere)
        };
        Step::default().await;
        done.ok_or_else(|| PortError::Unavailable("no answer".to_owned()))
    }

    async fn ask<T>(&self, act: impl FnOnce(&mut World) -> T) -> Result<T, InvoicesError> {
        let answer = self.call(act).await;
        answer.map_err(|error| InvoicesError::Unclear { what: error.to_string(), kept: false })
    }
}

impl World {
    pub(super) fn give_back(&mut self, refund: &RefundUnderWay, key: &str) -> bool {
        let taken = self.books.row.refund.as_ref().is_some_and(|taken| taken.operation == refund.operation);
        let willing = self.rng.u32(..4) > 0;
        let before = self.provider.returned.credit_notes.len();
        if self.bug == Some(Bug::RefundKeyIgnored) {
            self.provider.keys.remove(key);
        }
        let given = self.provider.give_back(refund, key, willing);
        if before < self.provider.returned.credit_notes.len() && !taken {
            self.books.wrong.get_or_insert("money went before its credits".to_owned());
        }
        given
    }
}

/// A note that is told of brings its refund, which may be younger than the list of refunds.
fn noted_since(world: &World, listed: usize) -> Vec<Refund> {
    let all = world.provider.returned.refunds.iter().enumerate();
    let younger = all.filter(|(at, _)| *at >= listed && world.provider.noted.contains(at));
    younger.map(|(_, refund)| Refund { amount: refund.amount, state: RefundState::Pending }).collect()
}

/// What the reading of a bug makes of what went back.
fn misread(world: &mut World, mut returned: Returned, says: Option<&Returned>) -> Returned {
    let set = |returned: &mut Returned, from: RefundState, to: RefundState| {
        returned
            .refunds
            .iter_mut()
            .filter(|refund| refund.state == from)
            .for_each(|refund| refund.state = to);
    };
    match world.bug {
        Some(Bug::FailedRefundCounts) => set(&mut returned, RefundState::Failed, RefundState::Succeeded),
        Some(Bug::CanceledRefundCounts) => set(&mut returned, RefundState::Canceled, RefundState::Succeeded),
        Some(Bug::PendingRefundIgnored) => set(&mut returned, RefundState::Pending, RefundState::Failed),
        Some(Bug::WaitingRefundIgnored) => {
            set(&mut returned, RefundState::WaitsForPayer, RefundState::Failed)
        }
        Some(Bug::ChargeBelieved) => {
            let amount = world.provider.ever_refunded;
            returned.refunds = vec![Refund { amount, state: RefundState::Succeeded }];
        }
        Some(Bug::FirstRefundOnly) => returned.refunds = returned.refunds.pop().into_iter().collect(),
        Some(Bug::RefundsReadTwice) => returned.refunds.extend(returned.refunds.clone()),
        Some(Bug::DisputeByStatus) => returned.disputes.iter_mut().for_each(|dispute| {
            dispute.withdrawn = dispute.status == DisputeStatus::Lost;
        }),
        Some(Bug::WonStaysTaken) => returned.disputes.iter_mut().for_each(|dispute| {
            dispute.withdrawn |= dispute.status == DisputeStatus::Won;
        }),
        Some(Bug::InquiryTakes) => returned.disputes.iter_mut().for_each(|dispute| {
            dispute.withdrawn |= dispute.status == DisputeStatus::Inquiry;
        }),
        Some(Bug::DisputesUnread) => returned.disputes.clear(),
        Some(Bug::NoteBesideItsRefund) => {
            returned.credit_notes.iter_mut().for_each(|note| note.refunded = 0);
        }
        Some(Bug::VoidedNoteCounts) => returned.credit_notes.iter_mut().for_each(|note| note.voided = false),
        Some(Bug::NotesUnread) => returned.credit_notes.clear(),
        Some(Bug::MarkUnread) => returned.credit_notes.iter_mut().for_each(|note| note.made_for = None),
        Some(Bug::EventBelieved) => return says.cloned().unwrap_or(returned),
        Some(Bug::Incremental) => {
            let amount = world.books.row.returns.refunded;
            if amount > 0 {
                returned.refunds.push(Refund { amount, state: RefundState::Succeeded });
            }
        }
        _ => {}
    }
    returned
}

impl Invoices for Hand {
    async fn invoice(&self, invoice: &str, _: Option<Timestamp>) -> Result<Option<Evidence>, InvoicesError> {
        let is_it = invoice == INVOICE;
        self.ask(|world| {
            let mut now = world.provider.invoice.clone();
            now.returned = (world.bug == Some(Bug::UnaskedIsNothing)).then(Returned::default);
            is_it.then_some(now)
        })
        .await
    }

    async fn invoice_of(&self, payment: &str) -> Result<Option<String>, InvoicesError> {
        let is_it = payment == PAYMENT;
        self.ask(|_| is_it.then(|| INVOICE.to_owned())).await
    }

    async fn paid_with(&self, payment: &str) -> Result<Option<PaidWith>, InvoicesError> {
        let is_it = payment == PAYMENT;
        self.ask(|_| is_it.then(|| PaidWith { method: "card".to_owned(), receipt_url: None })).await
    }

    /// One list after the other, as they are read there.
    async fn returned(&self, _: &Evidence, _: Option<&str>) -> Result<Returned, InvoicesError> {
        let truth = |world: &mut World| {
            let stale = world.bug == Some(Bug::StaleAnswers);
            let past = world.provider.past.last().cloned().filter(|_| stale);
            past.unwrap_or_else(|| world.provider.returned.clone())
        };
        let refunds = self.ask(|world| truth(world).refunds).await?;
        let disputes = self.ask(|world| truth(world).disputes).await?;
        let listed = refunds.len();
        let (credit_notes, younger) =
            self.ask(|world| (truth(world).credit_notes, noted_since(world, listed))).await?;
        let read = Returned { refunds: [refunds, younger].concat(), disputes, credit_notes };
        Ok(misread(&mut self.world(), read, self.says.as_ref()))
    }

    /// Now and then it refuses; what it did under a key it does not do again.
    async fn give_back(&self, _: &TopUp, refund: &RefundUnderWay, key: &str) -> Result<(), InvoicesError> {
        let given = self.ask(|world| world.give_back(refund, key)).await?;
        if given {
            Ok(())
        } else {
            Err(InvoicesError::Refused { what: "it does not give it back".to_owned() })
        }
    }

    async fn create_payer(&self, _: &OrgId, _: &BillingContact, _: &str) -> Result<String, InvoicesError> {
        Err(not_asked())
    }

    async fn update_payer(&self, _: &str, _: &BillingContact) -> Result<(), InvoicesError> {
        Err(not_asked())
    }

    async fn create_draft(
        &self,
        _: &TopUp,
        _: &str,
        _: Option<&str>,
        _: &str,
    ) -> Result<Evidence, InvoicesError> {
        Err(not_asked())
    }

    async fn add_line(
        &self,
        _: &str,
        _: &Purchase,
        _: Option<Language>,
        _: &str,
    ) -> Result<Evidence, InvoicesError> {
        Err(not_asked())
    }

    async fn finalize(&self, _: &str, _: &str) -> Result<Evidence, InvoicesError> {
        Err(not_asked())
    }

    async fn invoices_of(&self, _: &TopUp, _: &str) -> Result<Vec<Evidence>, InvoicesError> {
        Err(not_asked())
    }

    async fn delete_draft(&self, _: &str) -> Result<(), InvoicesError> {
        Err(not_asked())
    }

    async fn close(&self, _: &str) -> Result<Option<Evidence>, InvoicesError> {
        Err(not_asked())
    }
}

impl Rows for Hand {
    async fn begin(&self, _: &TopUp, _: &IdempotencyKey) -> Result<Begun, PortError> {
        Err(not_asked().into())
    }

    async fn top_up(&self, _: &OrgId, _: &TopUpId) -> Result<Option<TopUp>, PortError> {
        self.call(|world| Some(world.books.row.clone())).await
    }

    async fn requested_before(&self, _: &OrgId, _: &IdempotencyKey) -> Result<Option<TopUpId>, PortError> {
        Err(not_asked().into())
    }

    async fn keep_invoice(&self, _: &str, _: &TopUp) -> Result<(), PortError> {
        Err(not_asked().into())
    }

    /// Rows of before were not remembered.
    async fn kept_for(&self, _: &str) -> Result<Option<(OrgId, TopUpId)>, PortError> {
        let row = |world: &mut World| {
            let row = &world.books.row;
            world.rng.bool().then(|| (row.org.clone(), row.id.clone()))
        };
        self.call(row).await
    }

    async fn save(&self, top_up: &TopUp) -> Result<(), PortError> {
        let save = |world: &mut World| {
            if world.books.row.revision + 1 != top_up.revision {
                return Err(PortError::Conflict);
            }
            world.books.row = top_up.clone();
            if world.bug == Some(Bug::RepeatForgotten) {
                world.books.row.refund.iter_mut().for_each(|refund| refund.tries = 1);
            }
            Ok(())
        };
        self.call(save).await?
    }

    async fn commit(&self, commit: &Commit) -> Result<(), PortError> {
        let sent = |world: &mut World| {
            let beside = commit.postings.is_empty() && commit.top_up.refund.is_some();
            if beside && world.bug == Some(Bug::ToldBesideForgotten) {
                return Ok(());
            }
            if world.rng.u32(..8) == 0 {
                // Its answer was lost, and it is sent again.
                let _ = world.books.commit(commit, world.bug);
            }
            world.books.commit(commit, world.bug)
        };
        self.call(sent).await?
    }

    async fn note(&self, _: &TopUp, occasion: &Occasion) -> Result<(), PortError> {
        assert!(!occasion.what.changes_the_row(), "what changes the row is written with it");
        self.call(|_| ()).await
    }

    async fn withdraw(&self, _: &TopUp, _: &IdempotencyKey) -> Result<(), PortError> {
        Err(not_asked().into())
    }

    async fn keep_refusal(&self, _: &OrgId, _: Option<FailureReason>) -> Result<(), PortError> {
        Err(not_asked().into())
    }

    async fn settings(&self, _: &OrgId) -> Result<Settings, PortError> {
        Err(not_asked().into())
    }

    async fn keep_payer(
        &self,
        _: &OrgId,
        _: &str,
        _: &BillingContact,
        _: Option<&str>,
    ) -> Result<(), PortError> {
        Err(not_asked().into())
    }

    async fn keep_told(&self, _: &OrgId, _: &str, _: &BillingContact) -> Result<(), PortError> {
        Err(not_asked().into())
    }
}

pub(super) fn not_asked() -> InvoicesError {
    InvoicesError::Broken { what: "nobody who hears of money that went back asks this".to_owned() }
}

/// Lets someone else go on first.
#[derive(Default)]
struct Step(bool);

impl Future for Step {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}
