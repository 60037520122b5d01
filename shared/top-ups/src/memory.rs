//! An invoice provider in memory, for tests: as strict as a real one, and as small as the port allows.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use saldo_domain::{
    BillingContact, CreditNote, Deployment, Evidence, InvoiceLink, InvoiceStatus, Language, OrgId, PaidWith,
    Payment, PaymentFailure, PaymentKind, Purchase, Refund, RefundState, RefundUnderWay, Returned, Timestamp,
    TopUp,
};

use crate::{Invoices, InvoicesError};

/// A provider that forgets everything with its last clone.
#[derive(Clone, Debug, Default)]
pub struct InMemory(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    payers: HashMap<String, BillingContact>,
    /// In the order of their making.
    invoices: Vec<Invoice>,
    /// What was answered under each key.
    answers: HashMap<String, Answer>,
    made: u64,
    /// Invoices that it does not know for now.
    lost: HashSet<String>,
}

#[derive(Debug)]
struct Invoice {
    /// Without what went back.
    now: Evidence,
    returned: Returned,
    /// Whether a payment is under way, which keeps the invoice from being voided.
    clearing: bool,
}

#[derive(Clone, Debug)]
enum Answer {
    Payer(String),
    Invoice(Box<Evidence>),
}

/// What payers, banks and staff do.
impl InMemory {
    /// Pays an invoice that can be paid; what was under way has arrived.
    pub fn pay(&self, invoice: &str, now: Timestamp) -> Result<(), InvoicesError> {
        let mut state = self.state();
        let payment = state.name("payment");
        let invoice = state.payable(invoice)?;
        invoice.clearing = false;
        let evidence = &mut invoice.now;
        evidence.status = InvoiceStatus::Paid;
        evidence.amount_paid = evidence.total;
        evidence.paid_at = Some(now);
        evidence.payments =
            vec![Payment { kind: PaymentKind::ThroughProvider, paid: true, id: Some(payment) }];
        Ok(())
    }

    /// A payment is under way.
    pub fn start_payment(&self, invoice: &str) -> Result<(), InvoicesError> {
        self.state().payable(invoice)?.clearing = true;
        Ok(())
    }

    /// The bank refuses a payment, or one that was under way.
    pub fn decline(&self, invoice: &str, code: &str, now: Timestamp) -> Result<(), InvoicesError> {
        let mut state = self.state();
        let invoice = state.payable(invoice)?;
        invoice.clearing = false;
        let detail = "Use another way to pay.".to_owned();
        invoice.now.failure = Some(PaymentFailure { code: code.to_owned(), detail, at: now });
        Ok(())
    }

    /// What happens to money after it was paid: refunds, disputes, credit notes.
    pub fn afterwards(&self, invoice: &str, change: impl FnOnce(&mut Returned)) -> Result<(), InvoicesError> {
        change(&mut self.state().invoice(invoice)?.returned);
        Ok(())
    }

    /// It does not know an invoice any more.
    pub fn lose(&self, invoice: &str) {
        self.state().lost.insert(invoice.to_owned());
    }

    /// It knows the invoice again.
    pub fn find_again(&self, invoice: &str) {
        self.state().lost.remove(invoice);
    }

    /// Staff deletes a payer.
    pub fn forget_payer(&self, payer: &str) {
        self.state().payers.remove(payer);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a change of an invoice: as before under a key that was used, else by making it.
    fn change(
        &self,
        key: &str,
        make: impl FnOnce(&mut State) -> Result<Evidence, InvoicesError>,
    ) -> Result<Evidence, InvoicesError> {
        let mut state = self.state();
        match state.answers.get(key) {
            Some(Answer::Invoice(before)) => return Ok((**before).clone()),
            Some(Answer::Payer(_)) => return Err(refused("the key was used for something else")),
            None => {}
        }
        let made = make(&mut state)?;
        state.answers.insert(key.to_owned(), Answer::Invoice(Box::new(made.clone())));
        Ok(made)
    }
}

impl State {
    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        // As with a real one, no id ever comes twice, not even at another provider.
        format!("{kind}_{}_{:016x}", self.made, fastrand::u64(..))
    }

    fn invoice(&mut self, id: &str) -> Result<&mut Invoice, InvoicesError> {
        let known = !self.lost.contains(id);
        let found = self.invoices.iter_mut().find(|invoice| known && invoice.now.invoice.id == id);
        found.ok_or_else(|| InvoicesError::NotFound { what: format!("no invoice {id}") })
    }

    fn draft(&mut self, id: &str) -> Result<&mut Invoice, InvoicesError> {
        match self.invoice(id)? {
            invoice if invoice.now.status == InvoiceStatus::Draft => Ok(invoice),
            _ => Err(refused("only a draft can be changed")),
        }
    }

    fn payable(&mut self, id: &str) -> Result<&mut Invoice, InvoicesError> {
        match self.invoice(id)? {
            invoice if invoice.now.status == InvoiceStatus::Open => Ok(invoice),
            _ => Err(refused("only an open invoice can be paid")),
        }
    }
}

impl Invoices for InMemory {
    async fn create_payer(
        &self,
        _org: &OrgId,
        contact: &BillingContact,
        key: &str,
    ) -> Result<String, InvoicesError> {
        let mut state = self.state();
        match state.answers.get(key) {
            Some(Answer::Payer(before)) => return Ok(before.clone()),
            Some(Answer::Invoice(_)) => return Err(refused("the key was used for something else")),
            None => {}
        }
        let payer = state.name("payer");
        state.payers.insert(payer.clone(), contact.clone());
        state.answers.insert(key.to_owned(), Answer::Payer(payer.clone()));
        Ok(payer)
    }

    async fn update_payer(&self, payer: &str, contact: &BillingContact) -> Result<(), InvoicesError> {
        let mut state = self.state();
        let known = state.payers.get_mut(payer);
        let known = known.ok_or_else(|| InvoicesError::PayerUnknown { what: format!("no payer {payer}") })?;
        *known = contact.clone();
        Ok(())
    }

    async fn create_draft(
        &self,
        top_up: &TopUp,
        payer: &str,
        _tax_id: Option<&str>,
        key: &str,
    ) -> Result<Evidence, InvoicesError> {
        self.change(key, |state| {
            let Some(contact) = state.payers.get(payer) else {
                return Err(InvoicesError::PayerUnknown { what: format!("no payer {payer}") });
            };
            if contact.email.is_none() {
                return Err(refused("there is nowhere to send the invoice"));
            }
            let now = empty_draft(state.name("invoice"), top_up, payer);
            state.invoices.push(Invoice { now: now.clone(), returned: Returned::default(), clearing: false });
            Ok(now)
        })
    }

    async fn add_line(
        &self,
        invoice: &str,
        purchase: &Purchase,
        _language: Option<Language>,
        key: &str,
    ) -> Result<Evidence, InvoicesError> {
        self.change(key, |state| {
            let draft = &mut state.draft(invoice)?.now;
            draft.total = draft.total.saturating_add(purchase.total.minor_units);
            draft.amount_due = draft.total;
            Ok(draft.clone())
        })
    }

    async fn finalize(&self, invoice: &str, key: &str) -> Result<Evidence, InvoicesError> {
        self.change(key, |state| {
            let draft = &mut state.draft(invoice)?.now;
            draft.status = InvoiceStatus::Open;
            draft.invoice.number = Some(format!("N-{invoice}"));
            draft.invoice.pay_url = Some(format!("https://pay.example/{invoice}"));
            Ok(draft.clone())
        })
    }

    async fn invoice(
        &self,
        invoice: &str,
        failed_at: Option<Timestamp>,
    ) -> Result<Option<Evidence>, InvoicesError> {
        let mut now = self.state().invoice(invoice).ok().map(|invoice| invoice.now.clone());
        if let (Some(failure), Some(at)) = (now.as_mut().and_then(|now| now.failure.as_mut()), failed_at) {
            failure.at = at;
        }
        Ok(now)
    }

    async fn invoice_of(&self, payment: &str) -> Result<Option<String>, InvoicesError> {
        let of = |one: &Payment| one.id.as_deref() == Some(payment);
        let state = self.state();
        let found = state.invoices.iter().find(|invoice| invoice.now.payments.iter().any(of));
        Ok(found.map(|invoice| invoice.now.invoice.id.clone()))
    }

    async fn paid_with(&self, payment: &str) -> Result<Option<PaidWith>, InvoicesError> {
        let known = self.invoice_of(payment).await?;
        Ok(known.map(|_| PaidWith { method: "card".to_owned(), receipt_url: None }))
    }

    async fn returned(&self, invoice: &Evidence, _: Option<&str>) -> Result<Returned, InvoicesError> {
        self.state().invoice(&invoice.invoice.id).map(|invoice| invoice.returned.clone())
    }

    async fn invoices_of(&self, top_up: &TopUp, payer: &str) -> Result<Vec<Evidence>, InvoicesError> {
        let state = self.state();
        let newest_first = state.invoices.iter().rev().map(|invoice| &invoice.now);
        let of = newest_first
            .filter(|now| now.top_up.as_ref() == Some(&top_up.id) && now.payer.as_deref() == Some(payer));
        Ok(of.cloned().collect())
    }

    async fn give_back(
        &self,
        top_up: &TopUp,
        refund: &RefundUnderWay,
        key: &str,
    ) -> Result<(), InvoicesError> {
        let link = top_up.invoice.clone().ok_or_else(|| refused("there is no invoice"))?;
        let made = self.change(key, |state| {
            let invoice = state.invoice(&link.id)?;
            let Invoice { now, returned, .. } = invoice;
            let noted =
                returned.credit_notes.iter().fold(refund.money, |sum, note| sum.saturating_add(note.amount));
            if now.status != InvoiceStatus::Paid || refund.money <= 0 || noted > now.amount_paid {
                return Err(refused("there is not so much to give back"));
            }
            let refunded = if refund.out_of_band { 0 } else { refund.money };
            let gone = returned.refunds.iter().filter(|one| one.state != RefundState::Failed);
            let gone = gone.fold(refunded, |sum, one| sum.saturating_add(one.amount));
            if refunded > 0 && gone > now.amount_paid {
                return Err(refused("it was given back already"));
            }
            if refunded > 0 {
                returned.refunds.push(Refund { amount: refunded, state: RefundState::Succeeded });
            }
            let (amount, made_for) = (refund.money, Some(refund.operation.clone()));
            returned.credit_notes.push(CreditNote { amount, refunded, made_for, ..CreditNote::default() });
            Ok(now.clone())
        });
        made.map(drop)
    }

    async fn delete_draft(&self, invoice: &str) -> Result<(), InvoicesError> {
        let mut state = self.state();
        match state.draft(invoice) {
            Ok(_) => state.invoices.retain(|kept| kept.now.invoice.id != invoice),
            Err(InvoicesError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn close(&self, invoice: &str) -> Result<Option<Evidence>, InvoicesError> {
        if self.state().draft(invoice).is_ok() {
            self.delete_draft(invoice).await?;
        }
        let mut state = self.state();
        let Ok(Invoice { now, clearing, .. }) = state.invoice(invoice) else { return Ok(None) };
        let voidable = matches!(now.status, InvoiceStatus::Open | InvoiceStatus::Uncollectible);
        if voidable && !*clearing {
            now.status = InvoiceStatus::Void;
        }
        Ok(Some(now.clone()))
    }
}

fn empty_draft(id: String, top_up: &TopUp, payer: &str) -> Evidence {
    Evidence {
        invoice: InvoiceLink { id, number: None, pay_url: None, pdf: None },
        status: InvoiceStatus::Draft,
        currency: top_up.purchase.total.currency,
        total: 0,
        amount_due: 0,
        amount_paid: 0,
        amount_overpaid: 0,
        from_balance: 0,
        payer: Some(payer.to_owned()),
        right_mode: true,
        deployment: Deployment::Ours,
        top_up: Some(top_up.id.clone()),
        org: Some(top_up.org.clone()),
        paid_at: None,
        payments: Vec::new(),
        returned: None,
        failure: None,
    }
}

fn refused(what: &str) -> InvoicesError {
    InvoicesError::Refused { what: what.to_owned() }
}
