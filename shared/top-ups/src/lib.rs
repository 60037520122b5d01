//! The use cases of buying credits, over ports for the rows and for the payment provider's invoices.
//!
//! | use case | what it does | who calls it |
//! |---|---|---|
//! | [`TopUps::open`] | takes the open slot and makes the invoice payable | create-top-up |
//! | [`TopUps::bought_before`] | the top-up that the same request made before | create-top-up |
//! | [`TopUps::handle`] | what an event is told about, compared with its row | credit-worker |
//! | [`TopUps::reconcile`] | one row, compared with its invoice | all of them |
//! | [`TopUps::close`] | ends the invoice, and lets the same decision speak | cancel-top-up |
//! | [`TopUps::operate`] | what the staff do about a top-up, with what is kept of it | operate |
//! | [`TopUps::refund`] | money given back, its credits first | operate |
//! | [`TopUps::look_after_refund`] | one that was cut off: found, made, or undone | cleanup |
//! | [`TopUps::adjust`], [`TopUps::approve`] | a balance set right, by one person or two | operate |
//! | [`TopUps::zero_balance`] | what the provider keeps for a payer, brought to zero | operate |
//! | [`TopUps::find`] | the organisations and top-ups behind what the staff typed | operate |
//! | [`TopUps::check`] | one row that is due: compared, brought on or ended | cleanup |

mod adjust;
mod audited;
mod check;
mod close;
mod find;
mod measured;
pub mod memory;
mod noted;
mod open;
mod operate;
mod payer_balance;
mod ports;
mod refund;
mod settle;
mod told;

use saldo_domain::Policy;

pub use audited::{Asked, Audits, Booked};
pub use find::{Behind, Found, Lookups};
pub use noted::note_asked;
pub use open::{Failure, Opening, Order};
pub use operate::{OperateError, Operated, Wish};
pub use payer_balance::{BalanceChange, PayerBalances};
pub use ports::{Begun, Invoices, InvoicesError, Rows};
pub use refund::{GivenBack, Refunding};
pub use told::{About, Handled, News, NotOurs, Settled, Told};

/// Top-ups, over their rows and the provider's invoices.
#[derive(Clone, Debug)]
pub struct TopUps<R, I> {
    pub rows: R,
    pub invoices: I,
    pub policy: Policy,
}
