//! Stripe's customer: what it is told of whom to bill.

use std::collections::HashMap;

use saldo_domain::{BillingContact, Language};
use stripe::StripeRequest;
use stripe_client_core::RequestBuilder;
use stripe_core::customer::{CreateCustomer, OptionalFieldsCustomerAddress, UpdateCustomer};

/// A customer that is told apart by these marks; its name is the organisation's own, and never its id.
pub(super) fn create(marks: HashMap<String, String>, contact: &BillingContact) -> RequestBuilder {
    let mut request = CreateCustomer::new().metadata(marks);
    if let Some(name) = &contact.name {
        request = request.name(name.as_str());
    }
    if let Some(email) = &contact.email {
        request = request.email(email.as_str());
    }
    if let Some(phone) = &contact.phone {
        request = request.phone(phone.as_str());
    }
    if let Some(text) = &contact.address {
        request = request.address(address(text));
    }
    if let Some(language) = contact.language {
        request = request.preferred_locales(locales(language));
    }
    request.build()
}

/// The same, where an empty text takes away what was told before. Stripe knows none for the language, which therefore stays
/// until another one is told.
pub(super) fn update(customer: &str, contact: &BillingContact) -> RequestBuilder {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let mut request = UpdateCustomer::new(customer)
        .name(text(&contact.name))
        .email(text(&contact.email))
        .phone(text(&contact.phone));
    if let Some(text) = &contact.address {
        request = request.address(address(text));
    }
    if let Some(language) = contact.language {
        request = request.preferred_locales(locales(language));
    }
    let mut request = request.build();
    // A typed address cannot be the empty text that takes it away.
    if let (None, Some(body)) = (&contact.address, request.body.as_mut()) {
        body.push_str("&address=");
    }
    request
}

/// The first line, and all others in the second: an address as it was typed has no parts.
fn address(text: &str) -> OptionalFieldsCustomerAddress {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut address = OptionalFieldsCustomerAddress::new();
    address.line1 = lines.next().map(str::to_owned);
    let rest = lines.collect::<Vec<_>>().join(", ");
    address.line2 = (!rest.is_empty()).then_some(rest);
    address
}

fn locales(language: Language) -> Vec<String> {
    vec![language.as_str().to_owned()]
}
