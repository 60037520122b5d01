//! What the payment provider says now about the money of a top-up, in our words.

use crate::{Currency, InvoiceLink, OperationId, OrgId, Timestamp, TopUpId};

/// Everything that a decision about one invoice needs; each field as it is now, none as it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub invoice: InvoiceLink,
    pub status: InvoiceStatus,
    pub currency: Currency,
    /// Minor units, after tax.
    pub total: i64,
    pub amount_due: i64,
    pub amount_paid: i64,
    pub amount_overpaid: i64,
    /// What the provider counted in of a balance that it keeps for the payer; 0 for every invoice of ours.
    pub from_balance: i64,
    /// By which name the provider knows the organisation.
    pub payer: Option<String>,
    /// Whether the money is of the kind that this system deals in: real in production, pretended elsewhere.
    pub right_mode: bool,
    /// Whose invoice it says that it is; a pointer, not a proof.
    pub deployment: Deployment,
    /// The top-up that the invoice names; a pointer, not a proof.
    pub top_up: Option<TopUpId>,
    /// The organisation that the invoice names; a pointer, not a proof.
    pub org: Option<OrgId>,
    pub paid_at: Option<Timestamp>,
    pub payments: Vec<Payment>,
    /// What went back of it; `None` where that was not asked for, which says nothing about it.
    pub returned: Option<Returned>,
    /// The latest refused attempt to pay, if the provider tells of one.
    pub failure: Option<PaymentFailure>,
}

impl Evidence {
    /// The payments through the provider that paid it, by the provider's names.
    pub fn paid_by(&self) -> impl Iterator<Item = &str> {
        let through = |payment: &&Payment| payment.paid && payment.kind == PaymentKind::ThroughProvider;
        self.payments.iter().filter(through).filter_map(|payment| payment.id.as_deref())
    }
}

/// Which system an invoice says that it is of: several may sell through one account of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deployment {
    /// This one.
    Ours,
    /// Another deployment of the same code.
    Another,
    /// It does not say, or not any more.
    Unmarked,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceStatus {
    Draft,
    Open,
    Paid,
    Void,
    Uncollectible,
    /// A word that a later version of the provider's interface brought.
    Unknown,
}

impl InvoiceStatus {
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            InvoiceStatus::Draft => "draft",
            InvoiceStatus::Open => "open",
            InvoiceStatus::Paid => "paid",
            InvoiceStatus::Void => "void",
            InvoiceStatus::Uncollectible => "uncollectible",
            InvoiceStatus::Unknown => "unknown",
        }
    }
}

/// One payment on an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub kind: PaymentKind,
    pub paid: bool,
    /// The provider's name of it, where it went through the provider.
    pub id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentKind {
    /// Money that went through the provider.
    ThroughProvider,
    /// A record of money that the provider never saw, or a kind that we do not know.
    Other,
}

/// All ways in which money of one invoice went back, each as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    pub refunds: Vec<Refund>,
    pub disputes: Vec<Dispute>,
    pub credit_notes: Vec<CreditNote>,
}

/// Money on its way back to the payer, or there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Minor units of the invoice's currency.
    pub amount: i64,
    pub state: RefundState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    Pending,
    /// The payer has to say where the money shall go.
    WaitsForPayer,
    Succeeded,
    /// It came back, which may be a month after it succeeded.
    Failed,
    Canceled,
}

/// The payer's bank doubts a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Minor units of the invoice's currency.
    pub amount: i64,
    /// Whether the money is gone now; not while it is only asked about, and no more once it is won.
    pub withdrawn: bool,
    pub status: DisputeStatus,
}

/// How far a dispute has come. Of several, the greatest matters most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeStatus {
    /// A word that a later version of the provider's interface brought.
    Other,
    InquiryClosed,
    Won,
    /// The bank only asks: no money moves.
    Inquiry,
    /// Settled before it became a dispute; the money is gone all the same.
    Prevented,
    /// For now: it can be appealed.
    Lost,
    UnderReview,
    /// Evidence is wanted by a day that the provider says.
    NeedsResponse,
}

impl DisputeStatus {
    pub const ALL: [DisputeStatus; 8] = [
        DisputeStatus::Other,
        DisputeStatus::InquiryClosed,
        DisputeStatus::Won,
        DisputeStatus::Inquiry,
        DisputeStatus::Prevented,
        DisputeStatus::Lost,
        DisputeStatus::UnderReview,
        DisputeStatus::NeedsResponse,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DisputeStatus::Other => "other",
            DisputeStatus::InquiryClosed => "inquiry_closed",
            DisputeStatus::Won => "won",
            DisputeStatus::Inquiry => "inquiry",
            DisputeStatus::Prevented => "prevented",
            DisputeStatus::Lost => "lost",
            DisputeStatus::UnderReview => "under_review",
            DisputeStatus::NeedsResponse => "needs_response",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<DisputeStatus> {
        DisputeStatus::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether a person has to do something about it now.
    #[must_use]
    pub fn wants_a_person(self) -> bool {
        match self {
            DisputeStatus::NeedsResponse | DisputeStatus::Inquiry => true,
            DisputeStatus::Other
            | DisputeStatus::InquiryClosed
            | DisputeStatus::Won
            | DisputeStatus::Prevented
            | DisputeStatus::Lost
            | DisputeStatus::UnderReview => false,
        }
    }
}

/// A document that takes back a part of a paid invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreditNote {
    /// Minor units of the invoice's currency.
    pub amount: i64,
    /// What of it is a refund, and so among the refunds already.
    pub refunded: i64,
    pub voided: bool,
    /// The refund of ours that it was made for, where it names one.
    pub made_for: Option<OperationId>,
    /// The document, to be shown; nothing is decided by it.
    pub document: Option<NoteDocument>,
}

/// A credit note as its payer may want to have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteDocument {
    pub number: String,
    /// Where it is, if the provider says so.
    pub pdf: Option<String>,
    /// Minor units of the invoice's currency.
    pub money: i64,
    pub at: Timestamp,
}

impl Returned {
    /// The documents of the latest credit notes that hold, the oldest first: at most eight.
    #[must_use]
    pub fn documents(&self) -> Vec<NoteDocument> {
        let holding = self.credit_notes.iter().filter(|note| !note.voided);
        let mut all: Vec<_> = holding.filter_map(|note| note.document.clone()).collect();
        all.sort_by(|one, other| (one.at, &one.number).cmp(&(other.at, &other.number)));
        let surplus = all.len().saturating_sub(MOST_NOTES);
        all.drain(..surplus);
        all
    }
}

/// How many credit notes of a top-up are shown.
const MOST_NOTES: usize = 8;

/// The latest refused attempt to pay for a top-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentFailure {
    /// A stable word.
    pub code: String,
    /// What happened and what to do next, for the payer.
    pub detail: String,
    pub at: Timestamp,
}
