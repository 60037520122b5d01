//! What Stripe says of money that went back: refunds, disputes, credit notes, and the invoice that a payment is on.

use std::collections::HashMap;

use miniserde::Deserialize;
use miniserde::json::Value;
use saldo_domain::{
    CreditNote, Dispute, DisputeStatus, Evidence, NoteDocument, OperationId, PaidWith, Refund, RefundState,
    RefundUnderWay, Timestamp,
};
use stripe::StripeRequest;
use stripe_billing::credit_note::{CreateCreditNote, ListCreditNote};
use stripe_billing::invoice_payment::{
    ListInvoicePayment, ListInvoicePaymentPayment, ListInvoicePaymentPaymentType,
};
use stripe_client_core::RequestBuilder;
use stripe_core::charge::ListCharge;
use stripe_core::dispute::ListDispute;
use stripe_core::refund::ListRefund;

use super::answers::id_of;

/// Under which key a credit note names the refund of ours that it was made for.
const REFUND_KEY: &str = "saldo_refund";

/// As many as one page has.
const PAGE: i64 = 100;

/// What a page is asked for with, behind the object that the page before ended with.
pub(super) fn refunds(payment: &str, after: Option<&str>) -> RequestBuilder {
    let request = ListRefund::new().payment_intent(payment).limit(PAGE);
    after.map_or(request.clone(), |after| request.starting_after(after)).build()
}

pub(super) fn disputes(payment: &str, after: Option<&str>) -> RequestBuilder {
    let request = ListDispute::new().payment_intent(payment).limit(PAGE);
    after.map_or(request.clone(), |after| request.starting_after(after)).build()
}

pub(super) fn credit_notes(invoice: &str, after: Option<&str>) -> RequestBuilder {
    let request = ListCreditNote::new().invoice(invoice).limit(PAGE);
    after.map_or(request.clone(), |after| request.starting_after(after)).build()
}

/// A credit note of an amount that includes tax, with a refund of as much, or with a word that it goes back by another way.
/// Stripe tells the payer by mail.
pub(super) fn give_back(
    invoice: &str,
    refund: &RefundUnderWay,
    mut marks: HashMap<String, String>,
) -> RequestBuilder {
    marks.insert(REFUND_KEY.to_owned(), refund.operation.as_str().to_owned());
    let note = CreateCreditNote::new(invoice).amount(refund.money).metadata(marks);
    match refund.out_of_band {
        true => note.out_of_band_amount(refund.money).build(),
        false => note.refund_amount(refund.money).build(),
    }
}

/// The attempts of a payment, the newest first: the one that succeeded is the last that was made.
pub(super) fn charges(payment: &str) -> RequestBuilder {
    ListCharge::new().payment_intent(payment).limit(PAGE).build()
}

/// A payment is on one invoice, so that one page is enough.
pub(super) fn invoice_payments(payment: &str) -> RequestBuilder {
    let mut of = ListInvoicePaymentPayment::new(ListInvoicePaymentPaymentType::PaymentIntent);
    of.payment_intent = Some(payment.to_owned());
    ListInvoicePayment::new().payment(of).build()
}

#[derive(Deserialize)]
pub(super) struct InvoicePaymentAnswer {
    invoice: Option<Value>,
}

impl InvoicePaymentAnswer {
    pub(super) fn invoice(&self) -> Option<String> {
        id_of(self.invoice.as_ref()?)
    }
}

#[derive(Deserialize)]
pub(super) struct ChargeAnswer {
    status: Option<String>,
    receipt_url: Option<String>,
    payment_method_details: Option<MethodDetails>,
}

#[derive(Deserialize)]
struct MethodDetails {
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl ChargeAnswer {
    /// How it was made, if it succeeded. Addresses that are none are left out, as pages link to them.
    pub(super) fn paid_with(self) -> Option<PaidWith> {
        if self.status.as_deref() != Some("succeeded") {
            return None;
        }
        let method = self.payment_method_details?.kind?;
        let fits =
            method.len() <= 64 && method.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let receipt_url = self.receipt_url.filter(|url| url.starts_with("http") && url.len() <= 1_000);
        fits.then_some(PaidWith { method, receipt_url })
    }
}

/// What is listed one page after the other.
pub(super) trait Listed {
    fn id(&self) -> &str;
}

#[derive(Deserialize)]
pub(super) struct RefundAnswer {
    id: String,
    amount: i64,
    currency: String,
    status: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct DisputeAnswer {
    id: String,
    amount: i64,
    currency: String,
    status: String,
    balance_transactions: Vec<BalanceTransaction>,
}

/// In the currency of the account, which need not be that of the payment.
#[derive(Deserialize)]
struct BalanceTransaction {
    amount: i64,
}

#[derive(Deserialize)]
pub(super) struct CreditNoteAnswer {
    id: String,
    currency: String,
    status: String,
    post_payment_amount: i64,
    refunds: Option<Vec<NotedRefund>>,
    metadata: Option<HashMap<String, String>>,
    number: Option<String>,
    pdf: Option<String>,
    created: Option<i64>,
}

#[derive(Deserialize)]
struct NotedRefund {
    amount_refunded: i64,
    refund: Option<Value>,
}

impl Listed for RefundAnswer {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Listed for DisputeAnswer {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Listed for CreditNoteAnswer {
    fn id(&self) -> &str {
        &self.id
    }
}

impl RefundAnswer {
    /// A status of a later version may mean that the money is gone, and so it counts.
    pub(super) fn refund(&self, of: &Evidence) -> Refund {
        let state = match self.status.as_deref() {
            Some("requires_action") => RefundState::WaitsForPayer,
            Some("succeeded") => RefundState::Succeeded,
            Some("failed") => RefundState::Failed,
            Some("canceled") => RefundState::Canceled,
            Some(_) | None => RefundState::Pending,
        };
        Refund { amount: in_currency(self.amount, &self.currency, of), state }
    }
}

impl DisputeAnswer {
    /// Its status does not say where the money is: that stands in what was moved, out and perhaps in again.
    pub(super) fn dispute(&self, of: &Evidence) -> Dispute {
        let moved = self.balance_transactions.iter().fold(0_i64, |sum, one| sum.saturating_add(one.amount));
        let status = match self.status.as_str() {
            "needs_response" | "appeal_needs_response" => DisputeStatus::NeedsResponse,
            "under_review" | "appeal_under_review" => DisputeStatus::UnderReview,
            "warning_needs_response" | "warning_under_review" => DisputeStatus::Inquiry,
            "warning_closed" => DisputeStatus::InquiryClosed,
            "won" => DisputeStatus::Won,
            "lost" => DisputeStatus::Lost,
            "prevented" => DisputeStatus::Prevented,
            _ => DisputeStatus::Other,
        };
        Dispute { amount: in_currency(self.amount, &self.currency, of), withdrawn: moved < 0, status }
    }
}

impl CreditNoteAnswer {
    /// Of what was credited before the payment nothing was ever paid.
    pub(super) fn credit_note(&self, of: &Evidence) -> CreditNote {
        let refunds = self.refunds.iter().flatten();
        CreditNote {
            amount: in_currency(self.post_payment_amount, &self.currency, of),
            refunded: refunds.fold(0, |sum, one| sum.saturating_add(one.amount_refunded)),
            voided: self.status == "void",
            document: self.document(of),
            made_for: self
                .metadata
                .as_ref()
                .and_then(|marks| OperationId::parse(marks.get(REFUND_KEY)?).ok()),
        }
    }

    /// What a payer may want of it. Addresses that are none are left out, as pages link to them.
    fn document(&self, of: &Evidence) -> Option<NoteDocument> {
        let number = self.number.clone()?;
        let plain = (1..=64).contains(&number.len()) && !number.chars().any(char::is_control);
        let link = |pdf: &&String| {
            pdf.starts_with("http") && pdf.len() <= 1_000 && !pdf.contains(char::is_whitespace)
        };
        plain.then(|| NoteDocument {
            number,
            pdf: self.pdf.as_ref().filter(link).cloned(),
            money: in_currency(self.post_payment_amount, &self.currency, of),
            at: Timestamp::from_secs(self.created.unwrap_or_default()),
        })
    }

    /// Refunds that it is and that are not among those that were listed: they were made after that, with it.
    pub(super) fn unlisted(&self, listed: &[RefundAnswer], of: &Evidence) -> Vec<Refund> {
        let is_listed = |id: &str| listed.iter().any(|refund| refund.id == id);
        let refunds = self.refunds.iter().flatten();
        let unlisted =
            refunds.filter(|one| one.refund.as_ref().and_then(id_of).is_some_and(|id| !is_listed(&id)));
        unlisted
            .map(|one| Refund {
                amount: in_currency(one.amount_refunded, &self.currency, of),
                state: RefundState::Pending,
            })
            .collect()
    }
}

/// An amount in another currency cannot be compared: it stands for all that was paid.
fn in_currency(amount: i64, currency: &str, of: &Evidence) -> i64 {
    if currency.eq_ignore_ascii_case(of.currency.as_str()) { amount } else { of.total }
}

#[cfg(test)]
mod tests {
    use saldo_domain::{Currency, Deployment, InvoiceLink, InvoiceStatus};

    use super::*;

    fn invoice() -> Evidence {
        Evidence {
            invoice: InvoiceLink { id: "in_1".to_owned(), number: None, pay_url: None, pdf: None },
            status: InvoiceStatus::Paid,
            currency: Currency::IDR,
            total: 27_750_000,
            amount_due: 0,
            amount_paid: 27_750_000,
            amount_overpaid: 0,
            from_balance: 0,
            payer: None,
            right_mode: true,
            deployment: Deployment::Ours,
            top_up: None,
            org: None,
            paid_at: None,
            payments: Vec::new(),
            returned: None,
            failure: None,
        }
    }

    fn dispute(status: &str, currency: &str, moved: &[i64]) -> Dispute {
        let moved: Vec<_> = moved.iter().map(|amount| format!(r#"{{"amount":{amount}}}"#)).collect();
        let json = format!(
            r#"{{"id":"du_1","amount":500,"currency":"{currency}","status":"{status}","balance_transactions":[{}],"x":1}}"#,
            moved.join(",")
        );
        miniserde::json::from_str::<DisputeAnswer>(&json).unwrap().dispute(&invoice())
    }

    #[test]
    fn where_the_money_of_a_dispute_is_says_what_was_moved_and_not_its_status() {
        for status in ["needs_response", "lost", "prevented", "under_review", "won", "a_word_of_2031"] {
            assert!(dispute(status, "idr", &[-31]).withdrawn, "{status}");
            assert!(!dispute(status, "idr", &[-31, 31]).withdrawn, "{status}");
            assert!(!dispute(status, "idr", &[]).withdrawn, "{status}");
        }
        assert_eq!(dispute("appeal_needs_response", "idr", &[]).status, DisputeStatus::NeedsResponse);
        assert_eq!(dispute("warning_under_review", "idr", &[]).status, DisputeStatus::Inquiry);
        assert_eq!(dispute("a_word_of_2031", "idr", &[]).status, DisputeStatus::Other);
        assert_eq!(dispute("lost", "idr", &[]).amount, 500);
        assert_eq!(dispute("lost", "usd", &[]).amount, 27_750_000, "what cannot be compared is all of it");
    }

    #[test]
    fn a_refund_counts_unless_it_is_known_to_have_come_to_nothing() {
        let state = |status: &str| {
            let json = format!(r#"{{"id":"re_1","amount":7,"currency":"idr","status":{status}}}"#);
            miniserde::json::from_str::<RefundAnswer>(&json).unwrap().refund(&invoice()).state
        };
        assert_eq!(state("\"failed\""), RefundState::Failed);
        assert_eq!(state("\"canceled\""), RefundState::Canceled);
        for status in ["null", "\"pending\"", "\"a_word_of_2031\""] {
            assert_eq!(state(status), RefundState::Pending, "{status}");
        }
    }
}
