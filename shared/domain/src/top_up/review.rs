//! Why a person must look at a top-up.

/// Why a paid invoice was not simply credited, or why a credited one needs a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewReason {
    /// Pretended money in production, or the reverse.
    WrongMode,
    WrongCurrency,
    WrongTotal,
    /// Paid with less, or partly from a balance.
    WrongAmountPaid,
    WrongCustomer,
    /// Another invoice names this top-up than the one it points to.
    WrongInvoice,
    /// `paid` without any money through the provider: marked by hand, from a balance, or too small to collect.
    NoPayment,
    Overpaid,
    /// Credited, and then the provider took the payment off the invoice.
    PaymentDetached,
}

impl ReviewReason {
    pub const ALL: [ReviewReason; 9] = [
        ReviewReason::WrongMode,
        ReviewReason::WrongCurrency,
        ReviewReason::WrongTotal,
        ReviewReason::WrongAmountPaid,
        ReviewReason::WrongCustomer,
        ReviewReason::WrongInvoice,
        ReviewReason::NoPayment,
        ReviewReason::Overpaid,
        ReviewReason::PaymentDetached,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ReviewReason::WrongMode => "wrong_mode",
            ReviewReason::WrongCurrency => "wrong_currency",
            ReviewReason::WrongTotal => "wrong_total",
            ReviewReason::WrongAmountPaid => "wrong_amount_paid",
            ReviewReason::WrongCustomer => "wrong_customer",
            ReviewReason::WrongInvoice => "wrong_invoice",
            ReviewReason::NoPayment => "no_payment",
            ReviewReason::Overpaid => "overpaid",
            ReviewReason::PaymentDetached => "payment_detached",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<ReviewReason> {
        ReviewReason::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}
