//! Finding an organisation, a top-up or a debit by what one has at hand.

use lambda_http::Request;
use saldo_adapters::http::{Problem, query_parameter};
use saldo_credits::{Balances, Stored};
use saldo_domain::{DebitEntry, DebitId, Entry, OrgId, PortError, ShardId};
use saldo_top_ups::Found;
use serde_json::{Value, json};

use crate::references::ByReference;
use crate::{Function, place, provider, table};

/// The longest text that is looked for, in bytes.
const LONGEST: usize = 254;

const DEBIT_HINT: &str =
    "This may be the id of a debit. Debits are found with their organisation: add &org=, like &org=acme.";
const NOTHING_HINT: &str = "Nothing has this name. A top-up is found by its id while Stripe has its invoice, an invoice by its number if it was made since numbers are kept. A reference of a debit is found within its organisation: search for reference:order-7 and add &org=acme.";

/// What a search for a reference begins with.
const BY_REFERENCE: &str = "reference:";
const REFERENCE_HINT: &str = "A reference is looked for within one organisation: add &org=, like &org=acme.";

impl Function {
    /// All that `q` may be, each once.
    pub(crate) async fn search(&self, request: &Request) -> Result<Value, Problem> {
        let sought = query_parameter(request, "q")?.unwrap_or_default();
        let sought = sought.trim();
        if sought.is_empty() || sought.len() > LONGEST || sought.chars().any(char::is_control) {
            return Err(Problem::invalid("q", "q is what you look for, on one line of up to 254 bytes."));
        }
        let of = match query_parameter(request, "org")? {
            None => None,
            Some(_) => Some(place::org(request)?),
        };
        if let Some(reference) = sought.strip_prefix(BY_REFERENCE) {
            let org = of.ok_or_else(|| Problem::invalid("org", REFERENCE_HINT))?;
            let ByReference { results, entries, back_to } = self.by_reference(&org, reference).await?;
            let read = json!({ "entries": entries, "back_to": back_to.rfc3339() });
            return Ok(json!({ "q": sought, "results": results, "hint": null, "read": read }));
        }
        let debit = DebitId::parse(sought).ok();
        let mut results: Vec<Value> = Vec::new();
        if let (Some(debit), Some(org)) = (debit, &of) {
            results.extend(self.debits(org, debit).await.map_err(|error| table(&error))?);
        }
        if debit.is_none() {
            let found = self.top_ups.find(sought).await.map_err(|error| provider(&error))?;
            results.extend(found.iter().map(found_json));
        }
        if let Ok(org) = OrgId::parse(sought)
            && self.store.knows(&org).await.map_err(|error| table(&error))?
        {
            let itself = found_json(&Found { org, top_up: None });
            if !results.contains(&itself) {
                results.push(itself);
            }
        }
        let hint = match (results.is_empty(), debit) {
            (true, Some(_)) if of.is_none() => Some(DEBIT_HINT),
            (true, _) => Some(NOTHING_HINT),
            (false, _) => None,
        };
        Ok(json!({ "q": sought, "results": results, "hint": hint, "read": null }))
    }

    /// A debit of this organisation, if it was ever entered, and a hold: an id may be of both.
    async fn debits(&self, org: &OrgId, id: DebitId) -> Result<Vec<Value>, PortError> {
        let main = self.store.main_shard(org).await?;
        let holds = main.holds.then_some(ShardId::HOLDS);
        let places: Vec<_> =
            [Some(main.sharding.ledger(id)), holds].into_iter().flatten().map(|place| (place, id)).collect();
        self.debits_in(org, &places).await
    }

    /// What was ever entered there.
    pub(crate) async fn debits_in(
        &self,
        org: &OrgId,
        places: &[(ShardId, DebitId)],
    ) -> Result<Vec<Value>, PortError> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let stored = Balances::entries(&self.store, org, places).await?;
        let debit = |stored: &Stored| {
            let is_reversed = matches!(stored, Stored::Reversed(..));
            stored.entry().map(|entry| debit_json(org, entry, is_reversed))
        };
        Ok(stored.iter().filter_map(debit).collect())
    }
}

/// `credits` are what it costs; of a hold what it charges as it stands, and on what.
fn debit_json(org: &OrgId, debit: &DebitEntry, is_reversed: bool) -> Value {
    let entry = Entry::of_debit(debit);
    json!({
        "kind": "debit",
        "organisation": org,
        "top_up": null,
        "debit": {
            "id": debit.id.to_string(),
            "credits": entry.credits.negated(),
            "channel": entry.channel,
            "at": entry.at.rfc3339(),
            "reversed": is_reversed,
            "held": debit.hold.map(|hold| hold.held),
            "hold": debit.hold.map(|hold| hold.state()),
        },
    })
}

fn found_json(found: &Found) -> Value {
    json!({
        "kind": if found.top_up.is_some() { "top_up" } else { "organisation" },
        "organisation": found.org,
        "top_up": found.top_up,
        "debit": null,
    })
}
