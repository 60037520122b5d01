//! Differences: what does not fit, as it was seen on both sides, and what was done about it.

use std::fmt;

use crate::OrgId;

macro_rules! difference_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal,)*) => {
        /// In which way two records do not fit together.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum DifferenceKind {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl DifferenceKind {
            pub const ALL: &[DifferenceKind] = &[$(DifferenceKind::$variant,)*];

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(DifferenceKind::$variant => $code,)*
                }
            }
        }
    };
}

difference_kinds! {
    /// A balance is not the sum of its entries less what is reserved without an entry.
    Balance = "balance",
    /// A balance shard other than the main one is below zero.
    ShardInDebt = "shard_in_debt",
    /// A balance is below zero, and nothing was taken back.
    Debt = "debt",
    /// A row does not say what its entries say was granted.
    Granted = "granted",
    /// A row does not say what its entries say went with refunds.
    Refunded = "refunded",
    /// A row does not say what its entries say went with disputes.
    Disputed = "disputed",
    /// A row is paid without credits, or has credits without being paid.
    Status = "status",
    /// An unfinished row is not on the work list, or a finished one is.
    Unlisted = "unlisted",
    /// Entries name a top-up that has no row.
    EntryWithoutRow = "entry_without_row",
    /// The open slot is not held by the one unfinished row.
    OpenSlot = "open_slot",
    /// Entries of a month that is closed are not what its closing says.
    Closing = "closing",
    /// Something in the table cannot be read as what it should be.
    Unreadable = "unreadable",
    /// A debit was reserved, and nobody wrote its entry.
    HalfDone = "half_done",
    /// Money arrived, and nobody credited it.
    PaidUnheard = "paid_unheard",
    /// Money went back, or came again after that, and the credits did not follow.
    ReturnUnheard = "return_unheard",
    /// An invoice can be paid, and its row did not know.
    OpenUnheard = "open_unheard",
    /// An invoice ended, and its row did not know.
    EndUnheard = "end_unheard",
    /// A payment was refused, and its row did not know.
    RefusalUnheard = "refusal_unheard",
    /// An invoice of ours that is or can be paid belongs to no row.
    InvoiceWithoutRow = "invoice_without_row",
    /// The provider says what cannot be after what it said before.
    Contradiction = "contradiction",
    /// Money does not fit its row, which waits for a person.
    InReview = "in_review",
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was done about a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was set right, as the rules of money do it whenever they see what was seen.
    Repaired,
    /// It is as it was: no rule says which side is right.
    ForAPerson,
}

impl Outcome {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Repaired => "repaired",
            Outcome::ForAPerson => "for_a_person",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Outcome> {
        [Outcome::Repaired, Outcome::ForAPerson].into_iter().find(|one| one.as_str() == text)
    }
}

/// Two records that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub kind: DifferenceKind,
    /// `None` where it is not known whose it is.
    pub org: Option<OrgId>,
    /// What it is about: the id of a top-up, a debit or an invoice, a month, or a part of the balance.
    pub subject: String,
    /// What our row or our balance says.
    pub ours: String,
    /// What it was held against says: the entries, or the provider.
    pub theirs: String,
    pub outcome: Outcome,
}

impl DifferenceKind {
    /// Whether a row does not say what its entries say of the credits that its money has earned.
    #[must_use]
    pub fn is_of_entries(self) -> bool {
        matches!(self, DifferenceKind::Granted | DifferenceKind::Refunded | DifferenceKind::Disputed)
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<DifferenceKind> {
        DifferenceKind::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}
