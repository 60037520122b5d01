//! Every fact that is tried, in the order of `docs/unproven.md`.

use std::pin::Pin;

use super::lab::Lab;
use super::seen::Seen;
use super::{customers, invoices, keys, payments, refunds, virtual_accounts};
use crate::obstacle::Obstacle;

/// What Saldo relies on, and how it is tried.
pub struct Fact {
    pub name: &'static str,
    pub expected: &'static str,
    pub(super) check: Check,
}

type Check = for<'a> fn(&'a Lab) -> Pin<Box<dyn Future<Output = Result<Seen, Obstacle>> + Send + 'a>>;

macro_rules! fact {
    ($name:literal, $expected:literal, $check:path) => {
        Fact { name: $name, expected: $expected, check: |lab| Box::pin($check(lab)) }
    };
}

/// All of them.
pub const FACTS: [Fact; 36] = [
    fact!("customer-without-email", "an invoice to be sent is refused (400)", customers::without_email),
    fact!("customer-deleted", "a draft is refused: resource_missing, customer", customers::deleted),
    fact!("tax-id-of-15-digits", "accepted as id_npwp", customers::npwp_15),
    fact!("tax-id-of-16-digits", "accepted as id_npwp", customers::npwp_16),
    fact!("tax-id-nik", "accepted as id_npwp", customers::nik),
    fact!("language-indonesian", "preferred_locales takes id", customers::indonesian),
    fact!("two-currencies", "one customer has drafts in IDR and USD", customers::two_currencies),
    fact!("currency-not-taken", "a draft is refused: currency", customers::currency_not_taken),
    fact!("customer-balance", "a draft shows it and owes less", customers::balance),
    fact!("draft", "accepted with discounts empty, without a page to pay on", invoices::draft),
    fact!("list-is-current", "a draft is listed at once", invoices::listed),
    fact!("tax-amounts", "added with an inline price, to the minor unit", invoices::tax_amounts),
    fact!("tax-of-another-base", "added and kept, to the minor unit", invoices::tax_of_another_base),
    fact!("line-of-a-product", "added with a description of its own", invoices::line_of_a_product),
    fact!("repeated-line", "the same key adds nothing", invoices::repeated_line),
    fact!("refusal-under-a-key", "repeated, and said to be", invoices::refusal_under_a_key),
    fact!("finalized", "open, with a page and an unpaid payment intent", invoices::finalized),
    fact!("close-a-draft", "void refused, then deleted", invoices::close_draft),
    fact!("close-an-open-one", "void", invoices::close_open),
    fact!("close-a-void-one", "void refused, still void", invoices::close_void),
    fact!("minimum-charge", "paid at once by no payment", invoices::below_minimum),
    fact!("paid-by-card", "paid in full by a payment intent", payments::card),
    fact!("card-declined", "open, with the reason on its payment intent", payments::declined),
    fact!("paid-out-of-band", "paid by no payment intent", payments::out_of_band),
    fact!("close-a-paid-one", "void refused, still paid", payments::close_paid),
    fact!(
        "refund-with-a-note",
        "made at once, named by its note, which is listed and marked",
        refunds::with_note
    ),
    fact!("note-out-of-band", "kept without a refund, listed and marked", refunds::past_stripe),
    fact!("virtual-account-offered", "on an IDR invoice without being asked for", virtual_accounts::offered),
    fact!("virtual-account-asked-for", "payment_method_types takes it", virtual_accounts::asked_for),
    fact!("virtual-account-unpaid", "does not keep an invoice from being voided", virtual_accounts::unpaid),
    fact!("virtual-account-paid", "paid in full by a payment intent", virtual_accounts::paid),
    fact!("virtual-account-refund", "pending or waiting for the customer", virtual_accounts::refund),
    fact!("write-key", "may do all that opening and ending ask", keys::write),
    fact!("read-key", "may fetch an invoice, its payments and what went back", keys::read),
    fact!("read-key-writes-nothing", "a draft is refused (403)", keys::read_only),
    fact!("permission-before-object", "what is not there is refused (403)", keys::permission_first),
];
