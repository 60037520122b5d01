//! What the staff do: a request becomes a wish, and what was kept of it the answer.

use lambda_http::Request;
use lambda_http::http::StatusCode;
use saldo_adapters::http::{Problem, ProblemCode, limited_body};
use saldo_domain::{Action, Actor, Credits, NotReleased, OrgId, needs_a_second_person};
use saldo_top_ups::{Audits, OperateError, Operated, Wish};
use serde_json::{Value, json};

use crate::body::{Members, key, key_reused, members, reason, text, whole_number};
use crate::customer::{balance_changed, expected_balance};
use crate::place::{Deed, organisation_not_found};
use crate::shapes::audit_json;
use crate::{Function, provider, table};

/// More than any balance: more is a mistake.
pub(crate) const MOST_CREDITS: i64 = 1_000_000_000;

impl Function {
    /// Does it, and answers what is kept of it: 201, or 200 where it was done before.
    pub(crate) async fn act(
        &self,
        request: &Request,
        by: Actor,
        deed: &Deed,
    ) -> Result<(StatusCode, Value), Problem> {
        let key = key(request)?;
        let body: Members<'_> = members(limited_body(request)?)?;
        let org = match deed {
            Deed::ZeroBalance(org) => org.clone(),
            _ => OrgId::parse(&text(&body, "org")?)
                .map_err(|_| Problem::invalid("org", "org is the organisation whose it is, like acme."))?,
        };
        let reason = reason(&body)?;
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
            Deed::ZeroBalance(org) => {
                let (payer, seen) = (self.payer(org).await?, expected_balance(&body)?);
                let about = format!("{payer} {} {}", seen.minor_units, seen.currency);
                self.top_ups.zero_balance(&wish(Action::ZeroBalance, &about), &payer, seen, now).await
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
            OperateError::KeyReused => key_reused(),
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
            OperateError::BalanceChanged(balance) => balance_changed(balance),
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

fn released_as(body: &Members<'_>) -> Result<Action, Problem> {
    match text(body, "as")?.as_str() {
        "paid" => Ok(Action::ReleaseAsPaid),
        "nothing" => Ok(Action::ReleaseAsNothing),
        _ => Err(Problem::invalid("as", "as is paid or nothing.")),
    }
}

fn credits(body: &Members<'_>) -> Result<Credits, Problem> {
    let credits = body.get("credits").and_then(|value| whole_number(value));
    let fits = |credits: &i64| *credits != 0 && credits.unsigned_abs() <= MOST_CREDITS.unsigned_abs();
    credits.filter(fits).map(Credits).ok_or_else(|| {
        let detail = "credits is a whole number, not 0, from -1000000000 to 1000000000.";
        Problem::invalid("credits", detail)
    })
}
