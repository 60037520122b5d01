//! What an event tells, and what came of it.

use saldo_domain::{Change, Timestamp, TopUp};

/// What an event tells of: where to look, never what to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub about: About,
    pub news: News,
    /// The provider's word for it, which is only kept.
    pub kind: Option<String>,
}

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// An invoice, by the provider's name.
    Invoice(String),
    /// A payment, by the provider's name: it is on an invoice that the provider knows.
    Payment(String),
}

/// What it is about: it says what is asked for, and nothing of it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Something became of the invoice.
    Invoice,
    /// A payment was refused then.
    Refused(Timestamp),
    /// Money went back to the payer, or came again.
    Returned,
    /// The issuer of the card says that the payment was fraud.
    FraudWarning,
}

impl Told {
    /// That something became of an invoice.
    #[must_use]
    pub fn of_invoice(invoice: &str) -> Told {
        Told { about: About::Invoice(invoice.to_owned()), news: News::Invoice, kind: None }
    }

    /// That money of an invoice went back to its payer, or came again.
    #[must_use]
    pub fn returned(invoice: &str) -> Told {
        Told { news: News::Returned, ..Told::of_invoice(invoice) }
    }
}

impl News {
    /// When a payment was refused, if that is what is told.
    pub(crate) fn refused_at(self) -> Option<Timestamp> {
        match self {
            News::Refused(at) => Some(at),
            News::Invoice | News::Returned | News::FraudWarning => None,
        }
    }

    /// Whether to ask what went back: of a payment that was just made that costs several requests, for nothing.
    pub(crate) fn asks_what_returned(self) -> bool {
        match self {
            News::Returned | News::FraudWarning => true,
            News::Invoice | News::Refused(_) => false,
        }
    }
}

/// What came of settling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The row as it is now.
    pub top_up: TopUp,
    pub change: Change,
    /// Credits moved by evidence that may be over by now: it is settled once that is held against the provider again.
    pub(crate) look_again: bool,
}

/// What came of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    Settled(Box<Settled>),
    NotOurs(NotOurs),
}

/// Why an event is nobody's business here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOurs {
    /// The provider does not know the invoice: it was made up, or deleted.
    Gone,
    /// It is of another deployment of this system.
    OtherDeployment,
    /// It is of another system in the same account.
    OtherSystem,
}

impl NotOurs {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            NotOurs::Gone => "gone",
            NotOurs::OtherDeployment => "other_deployment",
            NotOurs::OtherSystem => "other_system",
        }
    }
}
