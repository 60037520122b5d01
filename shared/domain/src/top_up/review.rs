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
    /// The provider does not know the invoice any more that could be paid, or calls it a draft again.
    InvoiceGone,
}

impl ReviewReason {
    pub const ALL: [ReviewReason; 10] = [
        ReviewReason::WrongMode,
        ReviewReason::WrongCurrency,
        ReviewReason::WrongTotal,
        ReviewReason::WrongAmountPaid,
        ReviewReason::WrongCustomer,
        ReviewReason::WrongInvoice,
        ReviewReason::NoPayment,
        ReviewReason::Overpaid,
        ReviewReason::PaymentDetached,
        ReviewReason::InvoiceGone,
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
            ReviewReason::InvoiceGone => "invoice_gone",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<ReviewReason> {
        ReviewReason::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// What the provider says that does not fit, for the staff.
    #[must_use]
    pub fn means(self) -> &'static str {
        match self {
            ReviewReason::WrongMode => {
                "The invoice is of the other mode: test money in the live system, or the reverse."
            }
            ReviewReason::WrongCurrency => "The invoice is in another currency than was ordered.",
            ReviewReason::WrongTotal => "The invoice has another total than was ordered: somebody edited it.",
            ReviewReason::WrongAmountPaid => {
                "Less was paid than was ordered, or a balance at Stripe paid a part of it."
            }
            ReviewReason::WrongCustomer => "The invoice is another customer's than the one it was made for.",
            ReviewReason::WrongInvoice => {
                "Another invoice names this top-up than its own, a copy perhaps, and was paid."
            }
            ReviewReason::NoPayment => {
                "The invoice says that it is paid, and no money went through Stripe: it was marked by hand, paid from a balance, or is too small to collect."
            }
            ReviewReason::Overpaid => "More was paid than was asked for.",
            ReviewReason::PaymentDetached => {
                "Credits were given, and then the payment was taken off the invoice."
            }
            ReviewReason::InvoiceGone => {
                "Stripe does not know the invoice any more that could be paid: the key is of another account, or somebody deleted test data."
            }
        }
    }

    /// What a person does about it.
    #[must_use]
    pub fn to_do(self) -> &'static str {
        match self {
            ReviewReason::WrongMode => {
                "Correct the mode or the keys of the deployment, then settle the top-up again."
            }
            ReviewReason::WrongCurrency | ReviewReason::WrongTotal | ReviewReason::WrongCustomer => {
                "Ask who of the staff edited the invoice. Release it as paid if the organisation may have what it ordered, else pay the money back at Stripe and release it as nothing."
            }
            ReviewReason::WrongAmountPaid => {
                "Look at the payments and at the customer's balance. Release it as paid if the rest is forgiven, else pay the money back at Stripe and release it as nothing."
            }
            ReviewReason::WrongInvoice => {
                "Look at both invoices. Release it as nothing once the money of the other one is paid back; adjust the balance if its credits are to be kept."
            }
            ReviewReason::NoPayment => {
                "Did the money come another way? Then release it as paid, else as nothing."
            }
            ReviewReason::Overpaid => "Pay back what is too much, then release it as paid.",
            ReviewReason::PaymentDetached => {
                "Attach the payment again and settle the top-up; if the money went back, refund the credits out of band."
            }
            ReviewReason::InvoiceGone => {
                "Look for the invoice in Stripe's dashboard. Is the key of another account, set it right and settle the top-up; is it gone for good, void the top-up and release it as nothing."
            }
        }
    }
}
