//! `cargo run -- check-stripe`: tries on Stripe's test mode what Saldo relies on and nobody could prove without it.

mod customers;
mod facts;
mod invoices;
mod keys;
mod lab;
mod payments;
mod product;
mod refunds;
mod report;
mod seen;
mod settings;
mod virtual_accounts;

pub use facts::{FACTS, Fact};
pub use report::{Report, Row, Verdict};
pub use settings::Settings;

use lab::Lab;

/// Tries every fact, one after the other, and takes away the customers that it made.
///
/// An error says why Stripe cannot be used at all with this key.
pub async fn run(settings: &Settings) -> Result<Report, String> {
    let lab = Lab::open(settings)?;
    lab.reach().await.map_err(|obstacle| obstacle.to_string())?;
    let mut report = Report::default();
    for fact in &FACTS {
        report.add(fact, (fact.check)(&lab).await);
    }
    lab.tidy().await;
    Ok(report)
}
