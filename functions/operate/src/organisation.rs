//! One organisation: balance over its shards, open slot, settings, latest top-ups.

use saldo_adapters::http::Problem;
use saldo_credits::Balances;
use saldo_domain::{ContactField, OrgId, PortError, Sharding, total};
use serde_json::{Map, Value, json};

use crate::place::organisation_not_found;
use crate::shapes::{audit_json, row_json};
use crate::{Function, table};

/// How many of its top-ups are shown.
const TOP_UPS: usize = 20;
/// How much of what the staff did is shown.
const AUDITS: usize = 50;

impl Function {
    /// All of it as it is now. Debits that were left half done are counted, and not finished here.
    pub(crate) async fn organisation(&self, org: &OrgId) -> Result<Value, Problem> {
        let answer = self.whole(org).await.map_err(|error| table(&error))?;
        answer.ok_or_else(organisation_not_found)
    }

    async fn whole(&self, org: &OrgId) -> Result<Option<Value>, PortError> {
        if !self.store.knows(org).await? {
            return Ok(None);
        }
        let balance = self.store.balance(org).await?;
        let shards = match balance.main.sharding {
            Sharding::No | Sharding::Announced => [(saldo_domain::ShardId::MAIN, balance.main)].into(),
            Sharding::Since(_) => self.store.all_shards(org).await?,
        };
        let settings = self.store.settings(org).await?;
        let top_ups = self.store.top_ups(org, None, TOP_UPS, None).await?;
        let audits = self.store.audits(org, AUDITS).await?;
        let each: Vec<_> = shards
            .iter()
            .map(|(id, shard)| {
                json!({
                    "shard": id.number(),
                    "credits": shard.credits,
                    "pending_debits": shard.pending.len(),
                })
            })
            .collect();
        let billing: Map<String, Value> = ContactField::ALL
            .into_iter()
            .map(|field| (field.as_str().to_owned(), json!(settings.billing.get(field))))
            .collect();
        Ok(Some(json!({
            "organisation": org,
            "credits": total(&shards),
            "shards": each,
            "open_top_up": balance.open_top_up,
            "billing": billing,
            "settings_version": settings.version,
            "customer": settings.payer.map(|payer| payer.id),
            "operations": audits.items.iter().map(audit_json).collect::<Vec<_>>(),
            "top_ups": top_ups.items.iter().map(row_json).collect::<Vec<_>>(),
        })))
    }
}
