//! What the staff do: a request becomes a wish, and what was kept of it the answer.

use std::collections::BTreeMap;

use lambda_http::Request;
use lambda_http::http::StatusCode;
use saldo_adapters::http::{Problem, ProblemCode, header, integer, limited_body};
use saldo_domain::{
    Action, Actor, Credits, IdempotencyKey, NotReleased, OrgId, Reason, needs_a_second_person,
};
use saldo_top_ups::{Audits, OperateError, Operated, Wish};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::place::{Deed, organisation_not_found};
use crate::shapes::audit_json;
use crate::{Function, provider, table};

const KEY_HEADER: &str = "Idempotency-Key";
/// More than any balance: more is a mistake.
pub(crate) const MOST_CREDITS: i64 = 1_000_000_000;

/// What a body says.
pub(crate) type Members<'a> = BTreeMap<String, &'a RawValue>;

impl Function {
    /// Does it, and answers what is kept of it: 201, or 200 where it was done before.
    pub(crate) async fn act(
        &self,
        request: &Request,
        by: Actor,
        deed: &Deed,
    ) -> Result<(StatusCode, Value), Problem> {
        let key = key(request)?;
        let body: Members<'_> = serde_json::from_slice(limited_body(request)?)
            .map_err(|_| Problem::invalid("body", "The body is a JSON object."))?;
        let org = OrgId::parse(&text(&body, "org")?)
            .map_err(|_| Problem::invalid("org", "org is the organisation whose it is, like acme."))?;
        let reason = Reason::parse(&text(&body, "reason")?).map_err(|_| {
            Problem::invalid("reason", "reason says why, on one line of 1 to 500 characters.")
        })?;
        let now = self.clock.now();
        let wish = |action, about: &str| Wish {
            action,
            org: org.clone(),
            about: about.to_owned(),
            by: by.clone(),
            reason: reason.clone(),
            key: key.clone(),
        };
        let done = match deed {
            Deed::Settle(id) => self.top_ups.operate(&wish(Action::Settle, id.as_str()), now).await,
            Deed::Void(id) => self.top_ups.operate(&wish(Action::Void, id.as_str()), now).await,
            Deed::Release(id) => self.top_ups.operate(&wish(released_as(&body)?, id.as_str()), now).await,
            Deed::Refund(id) => self.refund(&body, &wish(Action::Refund, id.as_str()), now).await?,
            Deed::Adjust => {
                let credits = credits(&body)?;
                if !self.store.knows(&org).await.map_err(|error| table(&error))? {
                    return Err(organisation_not_found());
                }
                let two = needs_a_second_person(credits, self.adjustment_limit);
                let action = if two { Action::ProposeAdjustment } else { Action::Adjust };
                self.top_ups.adjust(&wish(action, &credits.to_string()), credits, now).await
            }
            Deed::Approve(id) => {
                self.top_ups.approve(&wish(Action::ApproveAdjustment, id.as_str()), now).await
            }
        };
        match done {
            Ok(Operated { audit, new }) => {
                let status = if new { StatusCode::CREATED } else { StatusCode::OK };
                Ok((status, audit_json(&audit)))
            }
            Err(error) => Err(self.problem(&org, error).await),
        }
    }

    async fn problem(&self, org: &OrgId, error: OperateError) -> Problem {
        let conflict = |code, detail: &str| Problem::new(code, detail);
        match error {
            OperateError::KeyReused => conflict(
                ProblemCode::IdempotencyKeyReused,
                "This Idempotency-Key was used for something else. Use a new key.",
            ),
            OperateError::NoTopUp => Problem::top_up_not_found(),
            OperateError::NotReleased(why) => conflict(ProblemCode::NotReleasable, not_released(why)),
            OperateError::PaymentInProgress => conflict(
                ProblemCode::PaymentInProgress,
                "Stripe does not end the invoice: a payment is under way. Try again when it is over.",
            ),
            OperateError::NoProposal => conflict(
                ProblemCode::AdjustmentNotFound,
                "The organisation has no adjustment with this id that was proposed.",
            ),
            OperateError::SamePerson => conflict(
                ProblemCode::SecondPersonRequired,
                "You proposed this adjustment. Somebody else has to agree to it.",
            ),
            OperateError::ProposalOver => conflict(
                ProblemCode::AdjustmentPosted,
                "This adjustment was agreed to before, and is posted.",
            ),
            OperateError::NotEnough(credits) => {
                let detail = "The balance does not cover this, and an adjustment makes no debt.";
                self.not_enough(org, credits, detail).await
            }
            OperateError::NotRefunded(why) => self.not_refunded(org, why).await,
            OperateError::RefundRefused(why) => {
                let detail = format!("Its money is not given back, and its credits were given again. {why}");
                Problem::new(ProblemCode::RefundRefused, detail)
            }
            OperateError::Port(error) => provider(&error),
        }
    }

    /// So many credits are wanted, and all balance shards together have fewer.
    pub(crate) async fn not_enough(&self, org: &OrgId, credits: Credits, detail: &str) -> Problem {
        match self.store.available(org).await {
            Ok(available) => Problem::new(ProblemCode::InsufficientCredits, detail)
                .with("credits", json!(credits))
                .with("available_credits", json!(available.0.max(0)))
                .with("owed", json!(available.0.min(0).unsigned_abs())),
            Err(error) => table(&error),
        }
    }
}

fn not_released(why: NotReleased) -> &'static str {
    match why {
        NotReleased::NotInReview => "Nobody has to look at this top-up.",
        NotReleased::Unfinished => "Its invoice can still be paid. Void the top-up, then release it.",
        NotReleased::Credited => {
            "Its credits were given. Take them back by a refund or an adjustment, then release it as paid."
        }
    }
}

fn key(request: &Request) -> Result<IdempotencyKey, Problem> {
    let key = header(request, KEY_HEADER)?.and_then(|key| IdempotencyKey::parse(key).ok());
    key.ok_or_else(|| {
        let detail =
            "Send one Idempotency-Key of 1 to 255 visible ASCII characters, without a comma, unique to this.";
        Problem::invalid(KEY_HEADER, detail)
    })
}

fn text(body: &Members<'_>, name: &str) -> Result<String, Problem> {
    let value = body.get(name).and_then(|value| serde_json::from_str(value.get()).ok());
    value.ok_or_else(|| Problem::invalid(name, format!("{name} is missing, or no text.")))
}

fn released_as(body: &Members<'_>) -> Result<Action, Problem> {
    match text(body, "as")?.as_str() {
        "paid" => Ok(Action::ReleaseAsPaid),
        "nothing" => Ok(Action::ReleaseAsNothing),
        _ => Err(Problem::invalid("as", "as is paid or nothing.")),
    }
}

fn credits(body: &Members<'_>) -> Result<Credits, Problem> {
    let credits = body.get("credits").and_then(|value| integer(value.get()));
    let fits = |credits: &i64| *credits != 0 && credits.unsigned_abs() <= MOST_CREDITS.unsigned_abs();
    credits.filter(fits).map(Credits).ok_or_else(|| {
        let detail = "credits is a whole number, not 0, from -1000000000 to 1000000000.";
        Problem::invalid("credits", detail)
    })
}
