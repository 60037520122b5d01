//! The webhook endpoint: whether Stripe tells us of payments, in the form that we read.

use saldo_adapters::stripe::EventType;
use saldo_stripe_stand_in::API_VERSION;
use serde_json::Value;

use super::report::{Finding, Report};
use super::settings::Settings;
use crate::stripe_http::Http;

pub(super) async fn look(staff: &Http, settings: &Settings, report: &mut Report) {
    let what = "webhook endpoint";
    let Some(url) = &settings.webhook_url else {
        let advice = "set SALDO_WEBHOOK_URL to the output StripeWebhookUrl";
        return report.add(Finding::not_looked_at(what, "its address is not named", advice));
    };
    let listed = match staff.get("/webhook_endpoints?limit=100").await {
        Ok(answer) if answer.status == 200 => answer.json["data"].as_array().cloned().unwrap_or_default(),
        Ok(answer) => {
            let advice = "give the key in STRIPE_API_KEY Webhook endpoints: read";
            return report.add(Finding::not_looked_at(what, answer.refusal(), advice));
        }
        Err(obstacle) => return report.add(Finding::not_looked_at(what, obstacle, "try again")),
    };
    let Some(endpoint) = listed.iter().find(|endpoint| endpoint["url"] == url.as_str()) else {
        let others: Vec<&str> = listed.iter().filter_map(|endpoint| endpoint["url"].as_str()).collect();
        let seen = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
        return report.add(Finding::to_mend(what, seen, format!("make one at {url}")));
    };
    report.add(Finding::right(what, url));
    for finding in [status(endpoint), version(endpoint), types(endpoint), mode(endpoint, settings.livemode)] {
        report.add(finding);
    }
}

fn status(endpoint: &Value) -> Finding {
    let (what, seen) = ("webhook endpoint: status", endpoint["status"].as_str().unwrap_or("unknown"));
    if seen == "enabled" {
        return Finding::right(what, seen);
    }
    Finding::to_mend(what, seen, "enable it; cleanup finds what was paid meanwhile")
}

fn version(endpoint: &Value) -> Finding {
    let what = "webhook endpoint: API version";
    let seen = endpoint["api_version"].as_str().unwrap_or("the account's default");
    if seen == API_VERSION {
        return Finding::right(what, seen);
    }
    Finding::to_mend(what, seen, format!("make the endpoint anew with {API_VERSION}: it cannot be changed"))
}

fn types(endpoint: &Value) -> Finding {
    let what = "webhook endpoint: event types";
    let told: Vec<&str> =
        endpoint["enabled_events"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let needed = EventType::ALL.map(EventType::as_str);
    let missing: Vec<&str> =
        needed.into_iter().filter(|kind| !told.contains(kind) && !told.contains(&"*")).collect();
    if missing.is_empty() {
        return Finding::right(what, format!("all {}", needed.len()));
    }
    Finding::to_mend(what, format!("without {}", missing.join(", ")), "add them to the endpoint")
}

fn mode(endpoint: &Value, livemode: bool) -> Finding {
    let what = "webhook endpoint: mode";
    let seen = if endpoint["livemode"] == true { "live" } else { "test" };
    if (seen == "live") == livemode {
        return Finding::right(what, seen);
    }
    Finding::to_mend(what, seen, "make one in the mode of StripeLivemode: events of the other are ignored")
}
