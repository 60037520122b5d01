//! Where each item lives: every table key is made here.

use saldo_domain::{EntryId, IdempotencyKey, Month, OrgId, RunId, ShardId, Timestamp, TopUpId};

use super::attributes::{Item, text};

pub(super) const PK: &str = "pk";
pub(super) const SK: &str = "sk";
/// The sparse index of unfinished top-ups.
pub(super) const DUE_INDEX: &str = "due";
pub(super) const DUE_PK: &str = "due_pk";
pub(super) const DUE_AT: &str = "due_at";
/// The one partition of the index: unfinished top-ups are few.
pub(super) const DUE: &str = "DUE";
/// When DynamoDB may delete the item, in seconds since 1970.
pub(super) const TTL: &str = "ttl";

pub(super) const BALANCE: &str = "BALANCE";
pub(super) const OPEN_SLOT: &str = "OPEN_TOP_UP";
pub(super) const TOP_UP_PREFIX: &str = "TOPUP#";

fn key(pk: String, sk: String) -> Item {
    Item::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))])
}

fn org(org: &OrgId) -> String {
    format!("ORG#{org}")
}

pub(super) fn org_partition(of: &OrgId) -> String {
    org(of)
}

/// The main balance shard.
pub(super) fn balance(of: &OrgId) -> Item {
    shard(of, ShardId::MAIN)
}

/// Each balance shard is in a partition of its own.
pub(super) fn shard(of: &OrgId, id: ShardId) -> Item {
    key(sharded(org(of), id), BALANCE.to_owned())
}

fn sharded(partition: String, shard: ShardId) -> String {
    if shard == ShardId::MAIN { partition } else { format!("{partition}#{}", shard.number()) }
}

pub(super) fn open_slot(of: &OrgId) -> Item {
    key(org(of), OPEN_SLOT.to_owned())
}

pub(super) fn customer(of: &OrgId) -> Item {
    key(org(of), "CUSTOMER".to_owned())
}

pub(super) fn top_up(of: &OrgId, id: &TopUpId) -> Item {
    key(org(of), format!("{TOP_UP_PREFIX}{id}"))
}

pub(super) fn request(of: &OrgId, id: &IdempotencyKey) -> Item {
    key(org(of), format!("REQUEST#{id}"))
}

pub(super) fn ledger_partition(of: &OrgId, month: Month, ledger: ShardId) -> String {
    sharded(format!("LEDGER#{of}#{}", month.digits()), ledger)
}

/// An entry that is no debit.
pub(super) fn entry(of: &OrgId, id: EntryId) -> Item {
    key(ledger_partition(of, id.month(), ShardId::MAIN), id.to_string())
}

/// The entries of a run of debits.
pub(super) fn run(of: &OrgId, ledger: ShardId, run: RunId) -> Item {
    let first = run.first();
    key(ledger_partition(of, first.month(), ledger), first.to_string())
}

/// A moment as the index sorts it.
pub(super) fn due_at(moment: Timestamp) -> String {
    format!("{:015}", moment.ms())
}

/// Where a top-up stands in the index.
pub(super) fn due(of: &OrgId, id: &TopUpId, at: &str) -> Item {
    let mut item = top_up(of, id);
    item.insert(DUE_PK.to_owned(), text(DUE));
    item.insert(DUE_AT.to_owned(), text(at));
    item
}

/// The organisation and the top-up that a key of the index names.
pub(super) fn parse_top_up(pk: &str, sk: &str) -> Option<(OrgId, TopUpId)> {
    let org = OrgId::parse(pk.strip_prefix("ORG#")?).ok()?;
    let id = TopUpId::parse(sk.strip_prefix(TOP_UP_PREFIX)?).ok()?;
    Some((org, id))
}
