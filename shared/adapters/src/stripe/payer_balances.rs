//! Stripe's balance of a customer, which invoices use up or add.

use std::collections::HashMap;

use miniserde::Deserialize;
use saldo_domain::{Currency, Money, OperationId};
use saldo_top_ups::{BalanceChange, InvoicesError, PayerBalances};
use stripe::StripeRequest;
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_core::customer_balance_transaction::{
    CreateCustomerCustomerBalanceTransaction, ListCustomerCustomerBalanceTransaction,
};

use super::answers::List;
use super::currency::currency_of;
use super::error::StripeError;
use super::invoices::Stripe;

/// In the metadata of a change: the operation that it is.
const OPERATION_KEY: &str = "saldo_operation";
const LATEST: i64 = 100;

#[derive(Deserialize)]
struct CustomerAnswer {
    /// Absent of one that is deleted.
    balance: Option<i64>,
    /// Absent before the first invoice or change.
    currency: Option<String>,
}

#[derive(Deserialize)]
struct ChangeAnswer {
    id: String,
    amount: i64,
    ending_balance: i64,
    currency: String,
    metadata: Option<HashMap<String, String>>,
}

impl PayerBalances for Stripe {
    async fn payer_balance(&self, payer: &str) -> Result<Option<Money>, InvoicesError> {
        let request = RequestBuilder::new(StripeMethod::Get, format!("/customers/{payer}"));
        let answer: CustomerAnswer = match self.ask(request, None).await {
            Ok(answer) => answer,
            Err(StripeError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let (Some(minor_units), Some(currency)) = (answer.balance, answer.currency) else { return Ok(None) };
        Ok(Some(Money::new(read(&currency)?, minor_units)))
    }

    async fn balance_changes(&self, payer: &str) -> Result<Vec<BalanceChange>, InvoicesError> {
        let request = ListCustomerCustomerBalanceTransaction::new(payer).limit(LATEST).build();
        let list: List<ChangeAnswer> = match self.ask(request, None).await {
            Ok(list) => list,
            Err(StripeError::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        list.data.into_iter().map(ChangeAnswer::change).collect()
    }

    async fn change_balance(
        &self,
        payer: &str,
        by: Money,
        of: &OperationId,
        after: Option<&str>,
    ) -> Result<BalanceChange, InvoicesError> {
        let named = HashMap::from([(OPERATION_KEY.to_owned(), of.to_string())]);
        let request =
            CreateCustomerCustomerBalanceTransaction::new(payer, by.minor_units, currency_of(by.currency))
                .description("Brought to zero")
                .metadata(named)
                .build();
        // Who names another operation under the same key is refused by Stripe.
        let key = format!("zero-balance-{payer}-{}", after.unwrap_or("first"));
        self.ask::<ChangeAnswer>(request, Some(&key)).await?.change()
    }
}

impl ChangeAnswer {
    fn change(self) -> Result<BalanceChange, InvoicesError> {
        let currency = read(&self.currency)?;
        let money = |minor_units| Money::new(currency, minor_units);
        let operation = self.metadata.and_then(|mut metadata| metadata.remove(OPERATION_KEY));
        let (amount, after) = (money(self.amount), money(self.ending_balance));
        Ok(BalanceChange { id: self.id, amount, after, operation })
    }
}

fn read(currency: &str) -> Result<Currency, InvoicesError> {
    currency
        .to_ascii_uppercase()
        .parse()
        .map_err(|_| InvoicesError::Broken { what: format!("{currency} is no currency") })
}
