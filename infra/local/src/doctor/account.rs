//! The seller's account: whether it can charge, in which currencies, and the product that lines are of.

use serde_json::Value;

use super::report::{Finding, Report};
use super::settings::Settings;
use crate::obstacle::Obstacle;
use crate::stripe_http::Http;

pub(super) async fn look(staff: &Http, settings: &Settings, report: &mut Report) {
    let advice = "give the key in STRIPE_API_KEY what the refusal names";
    let account = match object(staff, "/account").await {
        Ok(account) => account,
        Err(obstacle) => return report.add(Finding::not_looked_at("account", obstacle, advice)),
    };
    let what = "account: charges";
    report.add(if account["charges_enabled"] == true {
        Finding::right(what, "enabled")
    } else {
        Finding::to_mend(what, "not enabled", "complete the account's details in Stripe's dashboard")
    });
    let country = account["country"].as_str().unwrap_or_default();
    let path = format!("/country_specs/{country}");
    let spec = object(staff, &path).await;
    for currency in &settings.currencies {
        let what = format!("account: {currency}");
        report.add(match &spec {
            Err(obstacle) => Finding::not_looked_at(what, obstacle, advice),
            Ok(spec) if takes(spec, currency.as_str()) => {
                Finding::right(what, format!("taken by accounts in {country}"))
            }
            Ok(_) => Finding::to_mend(
                what,
                format!("not taken by accounts in {country}"),
                "take it out of Prices, or sell through an account that takes it",
            ),
        });
    }
}

fn takes(spec: &Value, currency: &str) -> bool {
    let known = spec["supported_payment_currencies"].as_array();
    known.into_iter().flatten().filter_map(Value::as_str).any(|known| known.eq_ignore_ascii_case(currency))
}

/// Whether the product of the configuration is there.
pub(super) async fn product(write: &Http, settings: &Settings, report: &mut Report) {
    let Some(id) = &settings.product else { return };
    let what = "product";
    report.add(match write.get(&format!("/products/{id}")).await {
        Err(obstacle) => Finding::not_looked_at(what, obstacle, "try again"),
        Ok(answer) => match (answer.status, answer.json["active"].as_bool()) {
            (200, Some(true)) => Finding::right(what, id),
            (200, _) => Finding::to_mend(what, format!("{id} is archived"), "take it out of the archive"),
            (404, _) => Finding::to_mend(
                what,
                format!("{id} does not exist"),
                "make it in this mode, or set StripeProduct anew",
            ),
            _ => Finding::not_looked_at(what, answer.refusal(), "see the rows of the write_key"),
        },
    });
}

async fn object(http: &Http, path: &str) -> Result<Value, Obstacle> {
    http.get(path).await?.made()
}
