//! The shapes of the interface: exactly these members, with these types.
use serde_json::Value;

pub(super) fn quote(quote: &Value) {
    keys(
        quote,
        &[
            "credits",
            "maximum_credits",
            "minimum_credits",
            "presets",
            "subtotal",
            "tax",
            "total",
            "unit_price",
        ],
    );
    priced(quote);
    for name in ["minimum_credits", "maximum_credits"] {
        assert!(quote[name].is_u64(), "{name} in {quote}");
    }
    let presets = quote["presets"].as_array().unwrap();
    assert!(!presets.is_empty() && presets.iter().all(Value::is_u64));
}

pub(super) fn top_up(top_up: &Value) {
    let mut members = [
        "id",
        "status",
        "credits",
        "unit_price",
        "subtotal",
        "tax",
        "total",
        "created_at",
        "expires_at",
        "paid_at",
        "canceled_at",
        "pay_url",
        "invoice_number",
        "invoice_pdf",
        "payment",
        "payment_failure",
        "failure",
        "review",
        "granted",
        "refunded",
        "disputed",
        "credited",
        "credit_notes",
    ];
    members.sort_unstable();
    keys(top_up, &members);
    priced(top_up);
    for name in ["created_at", "expires_at"] {
        time(&top_up[name]);
    }
    for name in ["paid_at", "canceled_at"] {
        assert_eq!(top_up[name].is_null(), !happened(&top_up[name]), "{name} in {top_up}");
    }
    assert_eq!(top_up["pay_url"].is_string(), top_up["status"] == "open", "{top_up}");
    assert_eq!(top_up["credited"].is_u64(), top_up["status"] == "paid", "{top_up}");
    assert_eq!(top_up["granted"].is_u64(), top_up["status"] == "paid", "{top_up}");
    assert_eq!(top_up["review"].is_object(), top_up["status"] == "in_review", "{top_up}");
    if !top_up["refunded"].is_null() {
        keys(&top_up["refunded"], &["credits", "money"]);
        money(&top_up["refunded"]["money"]);
    }
    if !top_up["disputed"].is_null() {
        keys(&top_up["disputed"], &["credits", "money", "status"]);
        money(&top_up["disputed"]["money"]);
    }
    assert_eq!(top_up["failure"].is_object(), top_up["status"] == "failed", "{top_up}");
    if !top_up["payment_failure"].is_null() {
        keys(&top_up["payment_failure"], &["at", "code", "detail"]);
        time(&top_up["payment_failure"]["at"]);
    }
}

pub(super) fn balance(balance: &Value) {
    keys(
        balance,
        &["available_credits", "level", "low_below", "meters", "on_hold", "open_top_up", "owed", "rates"],
    );
    assert!(balance["available_credits"].is_u64() && balance["owed"].is_u64());
    assert!(balance["level"].is_string() && balance["low_below"].is_i64());
    assert!(balance["rates"].as_object().unwrap().values().all(Value::is_u64));
    if !balance["open_top_up"].is_null() {
        top_up(&balance["open_top_up"]);
    }
}

pub(super) fn entry(entry: &Value) {
    keys(
        entry,
        &[
            "at",
            "booked_at",
            "cause",
            "channel",
            "class",
            "country",
            "credits",
            "id",
            "kind",
            "rate",
            "rate_version",
            "reference",
            "units",
        ],
    );
    time(&entry["at"]);
    time(&entry["booked_at"]);
    assert!(entry["credits"].is_i64());
}

/// The standard members of a problem, and `more`.
pub(super) fn problem(problem: &Value, code: &str, more: &[&str]) {
    let mut members = vec!["code", "detail", "status", "title", "type"];
    members.extend(more);
    members.sort_unstable();
    keys(problem, &members);
    assert_eq!(problem["code"], code);
    assert!(problem["detail"].as_str().unwrap().ends_with('.'));
}

/// The members of `value` are `members`, in alphabetical order.
pub(super) fn keys(value: &Value, members: &[&str]) {
    let mut found: Vec<_> = value.as_object().unwrap_or_else(|| panic!("{value}")).keys().collect();
    found.sort_unstable();
    assert_eq!(found, members);
}

fn priced(value: &Value) {
    assert!(value["credits"].is_u64());
    let tax = &value["tax"];
    if tax.get("base").is_some() {
        keys(tax, &["amount", "base", "name", "other_base", "rate_percent"]);
        assert!(tax["base"].is_string());
        money(&tax["other_base"]);
    } else {
        keys(tax, &["amount", "name", "rate_percent"]);
    }
    [&value["unit_price"], &value["subtotal"], &tax["amount"], &value["total"]].into_iter().for_each(money);
}

fn money(amount: &Value) {
    keys(amount, &["currency", "decimal", "minor_units"]);
    assert!(amount["minor_units"].is_i64() && amount["decimal"].is_string(), "{amount}");
}

fn happened(value: &Value) -> bool {
    value.as_str().is_some_and(|_| {
        time(value);
        true
    })
}

/// RFC 3339 in UTC: `2026-11-23T10:00:00Z`, with or without a fraction.
fn time(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("{value}"));
    let digits_as = |like: &str| {
        text.chars().zip(like.chars()).all(|(is, like)| is == like || (like == '0' && is.is_ascii_digit()))
    };
    assert!(digits_as("0000-00-00T00:00:00") && text.len() >= 20 && text.ends_with('Z'), "{text}");
}
