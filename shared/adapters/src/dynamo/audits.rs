//! What is kept of what the staff do: their requests and audit entries, and what is written with them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use saldo_credits::Balances;
use saldo_domain::{
    Action, Audit, Commit, Credits, Facts, Operation, OperationId, OrgId, PortError, Posting, Proposal,
    Reason, Sharding, Timestamp, total,
};
use saldo_top_ups::{Asked, Audits, Booked};

use super::Store;
use super::attributes::{Item, Reader, Writer, text};
use super::errors::port_error;
use super::keys::{self, AUDIT_PREFIX, PK, SK, TTL};
use super::posting::RowChange;
use super::proposals::{proposal_item, proposal_of};
use super::reads::{Page, page_size};
use super::rows::entry_item;

/// How long a key of the staff's is remembered, in seconds.
pub(super) const REQUEST_LIFE_SECS: i64 = 30 * 24 * 3600;

pub(super) const WHAT: &str = "what";
pub(super) const OPERATION: &str = "operation";

impl Audits for Store {
    async fn ask(&self, asked: &Asked) -> Result<Asked, PortError> {
        let operation = &asked.operation;
        let item = Writer(keys::operator_request(&operation.by, &asked.key))
            .text(WHAT, &asked.what)
            .text(OPERATION, operation.id.as_str())
            .number("at", operation.at.ms())
            .optional_number(TTL, forgotten_at(operation).map(|at| at.secs()));
        let Err(refused) = self.transact(vec![self.put_if_absent(item.0)?]).await? else {
            return Ok(asked.clone());
        };
        let before = refused.item_at(0).ok_or(PortError::Conflict)?;
        let row = Reader(before);
        let (what, at) = (row.text(WHAT)?.to_owned(), row.moment("at")?);
        let id = row.parsed(OPERATION, |id| OperationId::parse(id).ok())?;
        Ok(Asked { what, operation: Operation { id, at, ..operation.clone() }, ..asked.clone() })
    }

    async fn audit(&self, org: &OrgId, id: &OperationId) -> Result<Option<Audit>, PortError> {
        self.item(keys::audit(org, id)).await?.as_ref().map(audit_of).transpose()
    }

    async fn keep_audit(&self, audit: &Audit) -> Result<(), PortError> {
        self.transact(vec![self.put_if_absent(audit_item(audit))?]).await.map(drop)
    }

    async fn commit_audited(&self, commit: &Commit, audit: &Audit) -> Result<(), PortError> {
        let Commit { top_up, postings, release_slot, occasion } = commit;
        let beside = vec![self.put_if_absent(audit_item(audit))?];
        self.post_over_row(RowChange { top_up, release_slot: *release_slot, beside, occasion }, postings)
            .await
    }

    async fn post_audited(
        &self,
        posting: &Posting,
        audit: &Audit,
        proposal: Option<&OperationId>,
    ) -> Result<Booked, PortError> {
        const AUDIT: usize = 0;
        const PROPOSAL: usize = 2;
        let org = &audit.operation.org;
        let mut parts = vec![
            self.put_if_absent(audit_item(audit))?,
            self.put_if_absent(entry_item(org, &posting.entry))?,
        ];
        if let Some(id) = proposal {
            parts.push(self.proposal_over(org, id)?);
        }
        let posted = self.with_balance(org, parts, std::slice::from_ref(posting)).await?;
        Ok(match posted {
            Ok(()) => Booked::New,
            Err(refused) if refused.at(AUDIT) => Booked::Before,
            Err(refused) if proposal.is_some() && refused.at(PROPOSAL) => Booked::ProposalOver,
            Err(_) => Booked::NotEnough,
        })
    }

    async fn propose(&self, proposal: &Proposal, audit: &Audit) -> Result<(), PortError> {
        let parts =
            vec![self.put_if_absent(audit_item(audit))?, self.put_if_absent(proposal_item(proposal))?];
        self.transact(parts).await.map(drop)
    }

    async fn proposal(&self, org: &OrgId, id: &OperationId) -> Result<Option<Proposal>, PortError> {
        self.item(keys::proposal(org, id)).await?.as_ref().map(proposal_of).transpose()
    }

    async fn available(&self, org: &OrgId) -> Result<Credits, PortError> {
        let main = self.main_shard(org).await?;
        match main.sharding {
            Sharding::No | Sharding::Announced => Ok(main.credits),
            Sharding::Since(_) => self.all_shards(org).await.map(|all| total(&all)),
        }
    }
}

impl Store {
    /// The latest audit entries of an organisation, the newest first.
    pub async fn audits(&self, org: &OrgId, limit: usize) -> Result<Page<Audit, OperationId>, PortError> {
        let query = self.all_of(org, AUDIT_PREFIX).scan_index_forward(false).limit(page_size(limit));
        let answer = query.send().await.map_err(|error| port_error(&error))?;
        let items: Vec<_> = answer.items().iter().map(audit_of).collect::<Result<_, _>>()?;
        Ok(Page { items, next: None })
    }
}

/// When the key of an operation is forgotten: that of a refund never is, as the same again would give money back twice.
fn forgotten_at(operation: &Operation) -> Option<Timestamp> {
    (operation.action != Action::Refund).then(|| operation.at.plus_secs(REQUEST_LIFE_SECS))
}

fn audit_item(audit: &Audit) -> Item {
    let of = &audit.operation;
    let mut item = Writer(keys::audit(&of.org, &of.id))
        .text("action", of.action.as_str())
        .text("about", &of.about)
        .text("by", of.by.to_string())
        .number("at", of.at.ms())
        .text("reason", of.reason.as_str())
        .0;
    for (name, facts) in [("before", &audit.before), ("after", &audit.after)] {
        let facts: HashMap<_, _> = facts.iter().map(|(name, fact)| (name.clone(), text(fact))).collect();
        item.insert(name.to_owned(), AttributeValue::M(facts));
    }
    item
}

fn audit_of(item: &Item) -> Result<Audit, PortError> {
    let row = Reader(item);
    let facts = |name: &str| -> Result<Facts, PortError> {
        let Some(AttributeValue::M(facts)) = item.get(name) else { return Err(row.fault(name)) };
        let fact = |value: &AttributeValue| value.as_s().cloned().map_err(|_| row.fault(name));
        facts.iter().map(|(name, value)| Ok((name.clone(), fact(value)?))).collect()
    };
    let operation = Operation {
        id: row.parsed(SK, |sk| OperationId::parse(sk.strip_prefix(AUDIT_PREFIX)?).ok())?,
        action: row.parsed("action", Action::parse)?,
        org: row.parsed(PK, keys::parse_org)?,
        about: row.text("about")?.to_owned(),
        by: row.parsed("by", |by| by.parse().ok())?,
        at: row.moment("at")?,
        reason: row.parsed("reason", |reason| Reason::parse(reason).ok())?,
    };
    Ok(Audit { operation, before: facts("before")?, after: facts("after")? })
}
