//! What Stripe keeps for an organisation beside its invoices.

use saldo_adapters::http::{Problem, ProblemCode, money_json};
use saldo_domain::{Currency, Money, OrgId};
use saldo_top_ups::PayerBalances;
use serde_json::{Value, json};

use crate::body::{Members, missing, whole_number};
use crate::{Function, provider, table};

impl Function {
    /// The balance as it is now: below zero it is credit, above it debt, and the next invoice would take it in.
    pub(crate) async fn customer(&self, org: &OrgId) -> Result<Value, Problem> {
        let payer = self.payer(org).await?;
        let balance = self.top_ups.invoices.payer_balance(&payer).await;
        let balance = balance.map_err(|error| provider(&error.into()))?;
        Ok(json!({ "organisation": org, "customer": payer, "balance": balance.map(money_json) }))
    }

    /// Stripe's name of the organisation.
    pub(crate) async fn payer(&self, org: &OrgId) -> Result<String, Problem> {
        let settings = self.store.settings(org).await.map_err(|error| table(&error))?;
        let payer = settings.payer.map(|payer| payer.id);
        payer.ok_or_else(|| {
            let detail = "Stripe has no customer of this organisation: it has never bought.";
            Problem::new(ProblemCode::OrganisationNotFound, detail)
        })
    }
}

pub(crate) fn balance_changed(balance: Option<Money>) -> Problem {
    let detail = "Stripe keeps another balance now. Look at it again.";
    Problem::new(ProblemCode::CustomerBalanceChanged, detail).with("balance", json!(balance.map(money_json)))
}

/// The balance that was looked at: `expected_balance: {currency, minor_units}`.
pub(crate) fn expected_balance(body: &Members<'_>) -> Result<Money, Problem> {
    const FIELD: &str = "expected_balance";
    let balance = body.get(FIELD).ok_or_else(|| missing(FIELD))?;
    let balance: Members<'_> = serde_json::from_str(balance.get()).map_err(|_| {
        Problem::invalid(FIELD, "expected_balance is an object with currency and minor_units.")
    })?;
    let minor_units = balance.get("minor_units").and_then(|value| whole_number(value));
    let minor_units = minor_units.ok_or_else(|| missing("expected_balance.minor_units"))?;
    let currency =
        balance.get("currency").and_then(|value| serde_json::from_str::<Currency>(value.get()).ok());
    let currency = currency.ok_or_else(|| missing("expected_balance.currency"))?;
    Ok(Money::new(currency, minor_units))
}
