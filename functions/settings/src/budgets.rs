//! GET /v1/budgets, PUT and DELETE /v1/budgets/{id}: what an organisation lets be spent in a day or a month.

use lambda_http::Request;
use saldo_adapters::http::{Problem, ProblemCode, limited_body};
use saldo_credits::{BudgetError, BudgetsSpent};
use saldo_domain::{
    Actor, Budget, BudgetBy, BudgetId, BudgetName, BudgetTerms, Channel, Credits, Day, Limiting,
    MOST_BUDGETS, MOST_CREDITS, Meters, NotSet, Period, Reference, Subject, Timestamp,
};
use serde_json::{Map, Value, json};

/// The budget that a path names.
pub(crate) fn id(text: &str) -> Result<BudgetId, Problem> {
    let detail = "The id of a budget is 1 to 32 small letters, digits or dashes.";
    BudgetId::parse(text).map_err(|_| Problem::invalid("id", detail))
}

/// What is wished for, read from a request that is not trusted.
pub(crate) fn terms(request: &Request) -> Result<BudgetTerms, Problem> {
    read(limited_body(request)?)
}

fn read(body: &[u8]) -> Result<BudgetTerms, Problem> {
    let body: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Problem::invalid("body", "The body is a JSON object."))?;
    let known = ["name", "by", "period", "limit", "limiting"];
    if body.keys().any(|name| !known.contains(&name.as_str())) {
        return Err(Problem::invalid(
            "body",
            format!("A budget has {}, and nothing else.", known.join(", ")),
        ));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let of = |name: &str, detail: &str| Problem::invalid(name, format!("{name} is {detail}."));
    let named = text("name").and_then(|name| BudgetName::parse(name).ok());
    Ok(BudgetTerms {
        name: named.ok_or_else(|| of("name", "text of 1 to 64 bytes without control characters"))?,
        by: by(body.get("by"))?,
        period: text("period").and_then(Period::parse).ok_or_else(|| of("period", "day or month"))?,
        limit: limit(body.get("limit")).ok_or_else(|| {
            of("limit", &format!("how many credits may be spent, a whole number of 1 to {MOST_CREDITS}"))
        })?,
        limiting: text("limiting").and_then(Limiting::parse).ok_or_else(|| of("limiting", "hard or soft"))?,
    })
}

fn limit(value: Option<&Value>) -> Option<Credits> {
    value?.as_i64().filter(|limit| (1..=MOST_CREDITS).contains(limit)).map(Credits)
}

/// Exactly one of the three.
fn by(value: Option<&Value>) -> Result<BudgetBy, Problem> {
    let detail = "by is an object with one member: meter, key or reference_prefix.";
    let wrong = || Problem::invalid("by", detail);
    let members = value.and_then(Value::as_object).filter(|by| by.len() == 1).ok_or_else(wrong)?;
    let (name, value) = members.iter().next().ok_or_else(wrong)?;
    let text = value.as_str().unwrap_or_default();
    let read = match name.as_str() {
        "meter" => Channel::parse(text).map(BudgetBy::Meter),
        "key" => Subject::parse(text).ok().map(BudgetBy::Key),
        "reference_prefix" => Reference::parse(text).ok().map(BudgetBy::ReferencePrefix),
        _ => return Err(wrong()),
    };
    read.ok_or_else(|| {
        let detail = match name.as_str() {
            "meter" => "The name of a meter is 1 to 24 small letters, digits or underscores, a letter first.",
            "key" => "A key is the subject of a token: 1 to 255 bytes without control characters.",
            _ => "What references begin with is 1 to 128 bytes without control characters.",
        };
        Problem::invalid(&format!("by.{name}"), detail)
    })
}

/// All budgets, with what was spent of each in the period that is now.
pub(crate) fn all(known: &BudgetsSpent, now: Timestamp) -> Value {
    let budgets = known.budgets.all.iter().zip(&known.spent);
    let budgets: Vec<_> = budgets.map(|(budget, spent)| one(budget, *spent, now)).collect();
    json!({"budgets": budgets, "version": known.budgets.version, "most": MOST_BUDGETS})
}

/// One budget.
pub(crate) fn one(budget: &Budget, spent: Credits, now: Timestamp) -> Value {
    let Budget { id, terms, changed_at, changed_by, .. } = budget;
    let by = match &terms.by {
        BudgetBy::Meter(channel) => json!({"meter": channel.as_str()}),
        BudgetBy::Key(key) => json!({"key": key.as_str()}),
        BudgetBy::ReferencePrefix(prefix) => json!({"reference_prefix": prefix.as_str()}),
    };
    json!({
        "id": id.as_str(),
        "name": terms.name.as_str(),
        "by": by,
        "period": terms.period.as_str(),
        "limit": terms.limit,
        "limiting": terms.limiting.as_str(),
        "spent": spent.max(Credits::ZERO),
        "period_ends_at": terms.period.ends(Day::of(now)).rfc3339(),
        "changed_at": changed_at.rfc3339(),
        "changed_by": who(changed_by),
    })
}

/// A person or machine by the subject of its token.
fn who(actor: &Actor) -> Option<&str> {
    match actor {
        Actor::Person(subject) | Actor::Machine(subject) | Actor::Operator(subject) => Some(subject.as_str()),
        Actor::System => None,
    }
}

/// Why a budget by this meter is not made: nothing would ever be counted.
pub(crate) fn not_sold(meters: &Meters) -> Problem {
    let known: Vec<_> = meters.channels().collect();
    Problem::unknown_channel("by.meter", &known)
}

/// Why a budget was not changed.
pub(crate) fn problem(error: &BudgetError) -> Option<Problem> {
    match error {
        BudgetError::NotSet(NotSet::TooMany) => {
            let detail = format!("There are {MOST_BUDGETS} budgets at the most. Delete one first.");
            Some(Problem::new(ProblemCode::TooManyBudgets, detail).with("most", json!(MOST_BUDGETS)))
        }
        BudgetError::NotSet(NotSet::Limit) => {
            Some(Problem::invalid("limit", format!("limit is 1 to {MOST_CREDITS}.")))
        }
        BudgetError::Port(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_all_its_members_and_nothing_else() {
        let good = json!({"name": "SMS a day", "by": {"meter": "sms"}, "period": "day", "limit": 500, "limiting": "hard"});
        let of = |body: &Value| read(body.to_string().as_bytes());
        let read = of(&good).unwrap();
        assert_eq!((read.limit, read.limiting, read.period), (Credits(500), Limiting::Hard, Period::Day));
        assert_eq!(read.by, BudgetBy::Meter(Channel::SMS));
        for (member, value, field) in [
            ("name", json!(""), "name"),
            ("name", json!("a\u{7}b"), "name"),
            ("name", json!("x".repeat(65)), "name"),
            ("by", json!({}), "by"),
            ("by", json!({"meter": "sms", "key": "a"}), "by"),
            ("by", json!({"country": "ID"}), "by"),
            ("by", json!("sms"), "by"),
            ("by", json!({"meter": "S M S"}), "by.meter"),
            ("by", json!({"key": ""}), "by.key"),
            ("by", json!({"key": 7}), "by.key"),
            ("by", json!({"reference_prefix": "x".repeat(129)}), "by.reference_prefix"),
            ("period", json!("year"), "period"),
            ("limit", json!(0), "limit"),
            ("limit", json!(-1), "limit"),
            ("limit", json!(1.5), "limit"),
            ("limit", json!("500"), "limit"),
            ("limit", json!(1_000_000_000_001_i64), "limit"),
            ("limiting", json!("firm"), "limiting"),
            ("limiting", json!(true), "limiting"),
            ("colour", json!("red"), "body"),
        ] {
            let mut wrong = good.clone();
            wrong[member] = value.clone();
            let problem = of(&wrong).unwrap_err();
            assert_eq!(problem.code, ProblemCode::InvalidRequest, "{wrong}");
            let body: Value = serde_json::from_slice(problem.into_response().body()).unwrap();
            assert_eq!(body["field"], field, "{wrong}");
        }
        for member in ["name", "by", "period", "limit", "limiting"] {
            let mut without = good.clone();
            without.as_object_mut().unwrap().remove(member);
            assert!(of(&without).is_err(), "{member}");
        }
        assert!(super::read(b"[]").is_err() && super::read(b"").is_err());
    }

    #[test]
    fn an_id_is_short_and_plain() {
        assert!(id("sms-day-1").is_ok());
        for text in ["", "SMS", "a b", "a#b", &"x".repeat(33)] {
            assert!(id(text).is_err(), "{text}");
        }
    }
}
