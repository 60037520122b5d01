//! Money given back: a request becomes a wish, and why it is not given back a problem.

use saldo_adapters::http::{Problem, ProblemCode, integer};
use saldo_adapters::stripe::LIMITS;
use saldo_domain::{Credits, NotRefunded, OrgId, Timestamp};
use saldo_top_ups::{OperateError, Operated, Refunding, Wish};

use crate::Function;
use crate::act::MOST_CREDITS;
use crate::body::Members;

impl Function {
    /// Gives back what the body says, once.
    pub(crate) async fn refund(
        &self,
        body: &Members<'_>,
        wish: &Wish,
        now: Timestamp,
    ) -> Result<Result<Operated, OperateError>, Problem> {
        let refunding = Refunding {
            credits: credits(body)?,
            also_spent: flag(body, "override")?,
            out_of_band: flag(body, "out_of_band")?,
            payable_step: LIMITS.payable_step,
        };
        Ok(self.top_ups.refund(wish, &refunding, now).await)
    }

    pub(crate) async fn not_refunded(&self, org: &OrgId, why: NotRefunded) -> Problem {
        let refused = |detail: &str| Problem::new(ProblemCode::NotRefundable, detail);
        match why {
            NotRefunded::NotPaid => refused("It was never paid, so that there is nothing to give back."),
            NotRefunded::InDoubt => refused(
                "Stripe does not prove its payment now. Settle it, and look at what is doubtful first; credits of what was released as paid are set right by an adjustment.",
            ),
            NotRefunded::UnderWay => {
                refused("Another refund of it is under way. Settle the top-up, which brings that to its end.")
            }
            NotRefunded::MoreThanLeft(left) => refused(&format!(
                "Of its credits {left} are left whose money did not go back: give back no more than these."
            )),
            NotRefunded::NoSuchAmount => refused("No amount of money stands for exactly so many credits."),
            NotRefunded::Spent(credits) => self.not_enough(org, credits, SPENT).await,
        }
    }
}

const SPENT: &str =
    "The organisation has spent some of these credits. Give back fewer, or say override, which makes debt.";

/// `None` is all.
fn credits(body: &Members<'_>) -> Result<Option<Credits>, Problem> {
    let value = body.get("credits").map_or("", |value| value.get());
    if value == "\"all\"" {
        return Ok(None);
    }
    let credits = integer(value).filter(|credits| (1..=MOST_CREDITS).contains(credits));
    credits.map(|credits| Some(Credits(credits))).ok_or_else(|| {
        Problem::invalid("credits", "credits is a whole number from 1 to 1000000000, or \"all\".")
    })
}

fn flag(body: &Members<'_>, name: &str) -> Result<bool, Problem> {
    match body.get(name).map(|value| value.get()) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::invalid(name, format!("{name} is true or false."))),
    }
}
