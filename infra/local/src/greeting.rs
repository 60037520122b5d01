//! The first screen: where everything is, and calls that work.
use saldo_adapters::stripe::LIMITS;
use saldo_domain::PriceList;
use saldo_local::Saldo;

use crate::arguments::Shown;

pub(crate) fn greeting(saldo: &Saldo, shown: &Shown) -> String {
    let (api, stripe) = (saldo.api_url(), saldo.stripe_url());
    let about_stripe = if shown.test_mode {
        "Stripe's test mode"
    } else {
        "a local stand-in (set STRIPE_API_KEY=sk_test_… to use Stripe's test mode)"
    };
    let mut text = format!(
        "Saldo
  Dashboard  {api}/
  API        {api}/v1
  Stripe     {stripe}      {about_stripe}
  Data       {}
",
        shown.data
    );
    if shown.chaos {
        text.push_str(
            "  Chaos      webhooks and messages come twice, late, in another order, or fail first\n",
        );
    }
    if shown.test_mode {
        text.push_str(&format!(
            "\nForward Stripe's webhooks\n  stripe listen --forward-to {api}/stripe/webhook\n"
        ));
    }
    text.push_str(&try_it(saldo));
    text
}

/// Calls that work as they stand: the price is the one of the template.
fn try_it(saldo: &Saldo) -> String {
    let api = saldo.api_url();
    let mut text = format!(
        r#"
Try it
  TOKEN=$(curl -s '{api}/local/token?org=acme&permissions=billing:view,billing:subscribe' | cut -d'"' -f4)
  curl -s {api}/v1/quote -H "Authorization: Bearer $TOKEN"
"#
    );
    if let Some(body) = first_order(saldo) {
        text.push_str(&format!(
            r#"  curl -s {api}/v1/top-ups -H "Authorization: Bearer $TOKEN" -H 'Idempotency-Key: first' -H 'Content-Type: application/json' -d '{body}'
"#
        ));
    }
    text
}

fn first_order(saldo: &Saldo) -> Option<String> {
    let prices = PriceList::from_json(saldo.plan().parameters.get("Prices")?, LIMITS).ok()?;
    let purchase = prices.quote(prices.default_currency(), None).ok()?.purchase;
    Some(format!(
        r#"{{"credits":{},"expected_total":{{"currency":"{}","minor_units":{}}}}}"#,
        purchase.credits,
        purchase.total.currency.as_str(),
        purchase.total.minor_units
    ))
}
