//! One top-up: the row, what Stripe says now, and its entries, side by side.

use lambda_http::Request;
use saldo_adapters::http::{Problem, whole_trail_json};
use saldo_domain::{Change, Nothing, OrgId, Seen, TopUp, TopUpId, decide, disagreements};
use serde_json::{Value, json};

use crate::place::org;
use crate::shapes::{difference_json, entry_json, evidence_json, row_json};
use crate::{Function, provider, table};

impl Function {
    /// The three sides and what they disagree on, each as it is now.
    pub(crate) async fn side_by_side(&self, request: &Request, id: &TopUpId) -> Result<Value, Problem> {
        let row = self.row(&org(request)?, id).await?;
        let evidence = self.top_ups.evidence_of(&row).await.map_err(|error| provider(&error))?;
        let entries = self.store.entries_of(&row).await.map_err(|error| table(&error))?;
        let seen = evidence.as_ref().map_or(Seen::Missing, Seen::Found);
        let trail = self.store.trail(&row.org, &row.id).await.map_err(|error| table(&error))?;
        let change = decide(&row, seen, self.top_ups.policy, self.clock.now());
        let differences = disagreements(&row, evidence.as_ref(), &entries);
        Ok(json!({
            "row": row_json(&row),
            "stripe": evidence.as_ref().map(evidence_json),
            "ledger": entries.iter().map(entry_json).collect::<Vec<_>>(),
            "differences": differences.iter().map(difference_json).collect::<Vec<_>>(),
            "settling": word(&change),
            "trail": whole_trail_json(&row, &trail),
        }))
    }

    pub(crate) async fn row(&self, org: &OrgId, id: &TopUpId) -> Result<TopUp, Problem> {
        let row = self.store.top_up(org, id).await.map_err(|error| table(&error))?;
        row.ok_or_else(Problem::top_up_not_found)
    }
}

/// What settling would do now.
fn word(change: &Change) -> &'static str {
    match change {
        Change::Earn { .. } => "post",
        Change::Open(_) => "open",
        Change::Close(_) => "close",
        Change::Review(_) => "review",
        Change::Flag(_) => "flag",
        Change::NoteFailure(_) => "note_failure",
        Change::Nothing(Nothing::AlreadyApplied) => "nothing",
        Change::Nothing(Nothing::Undecided) => "undecided",
        Change::Nothing(Nothing::Contradiction) => "contradiction",
    }
}
