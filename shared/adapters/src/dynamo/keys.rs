//! Where each item lives: every table key is made here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use saldo_domain::{
    Actor, DebitId, EntryId, IdempotencyKey, Month, OperationId, OrgId, RunId, ShardId, Timestamp, TopUpId,
};

use super::attributes::{Item, text};

pub(super) const PK: &str = "pk";
pub(super) const SK: &str = "sk";
/// The sparse index of unfinished work.
pub(super) const DUE_INDEX: &str = "due";
pub(super) const DUE_PK: &str = "due_pk";
pub(super) const DUE_AT: &str = "due_at";
/// Over how many partitions of the index each kind of work is spread; fewer is a migration, more is not.
pub(super) const DUE_PARTITIONS: u8 = 8;
/// When DynamoDB may delete the item, in seconds since 1970.
pub(super) const TTL: &str = "ttl";

/// What a sort key begins with, by what lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// All that a look at the balance reads begins with it, and nothing else does: see [`OPEN_SLOT`].
    Balance,
    OpenSlot,
    Settings,
    Budgets,
    TopUp,
    Request,
    Invoice,
    Audit,
    Adjustment,
    Closing,
    Sweep,
    Run,
    /// Where an organisation's open holds are.
    Holds,
    /// What a sender's key stands for.
    SenderKey,
    /// Entries and runs of debits have a partition to themselves and no prefix; so have the occasions of a trail.
    Entry,
}

pub(super) const BALANCE: &str = Kind::Balance.prefix();
pub(super) const OPEN_SLOT: &str = Kind::OpenSlot.prefix();
pub(super) const TOP_UP_PREFIX: &str = Kind::TopUp.prefix();
pub(super) const AUDIT_PREFIX: &str = Kind::Audit.prefix();
pub(super) const CLOSING_PREFIX: &str = Kind::Closing.prefix();
pub(super) const RUN_PREFIX: &str = Kind::Run.prefix();
/// The partition of what is kept of reconciling.
pub(super) const RECONCILE: &str = "RECONCILE";
/// The partition of what was done about dead letters.
pub(super) const DEAD_LETTERS: &str = "DEADLETTERS";
pub(super) const ADJUSTMENT_PREFIX: &str = Kind::Adjustment.prefix();

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Kind::Balance => "BALANCE",
            Kind::OpenSlot => "BALANCE#SLOT",
            Kind::Settings => "SETTINGS",
            Kind::Budgets => "BUDGETS",
            Kind::TopUp => "TOPUP#",
            Kind::Request => "REQUEST#",
            Kind::Invoice => "INVOICE",
            Kind::Audit => "AUDIT#",
            Kind::Adjustment => "ADJUSTMENT#",
            Kind::Closing => "CLOSING#",
            Kind::Sweep => "SWEEP#",
            Kind::Run => "RUN#",
            Kind::Holds => "HOLDS",
            Kind::SenderKey => "KEY#",
            Kind::Entry => "",
        }
    }
}

fn key(pk: String, kind: Kind, id: &str) -> Item {
    Item::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(format!("{}{id}", kind.prefix())))])
}

fn org(org: &OrgId) -> String {
    format!("ORG#{org}")
}

pub(super) fn org_partition(of: &OrgId) -> String {
    org(of)
}

/// Each balance shard is in a partition of its own.
pub(super) fn shard(of: &OrgId, id: ShardId) -> Item {
    key(sharded(org(of), id), Kind::Balance, "")
}

fn sharded(partition: String, shard: ShardId) -> String {
    match shard {
        ShardId::MAIN => partition,
        ShardId::HOLDS => format!("{partition}#H"),
        _ => format!("{partition}#{}", shard.number()),
    }
}

pub(super) fn open_slot(of: &OrgId) -> Item {
    key(org(of), Kind::OpenSlot, "")
}

pub(super) fn settings(of: &OrgId) -> Item {
    key(org(of), Kind::Settings, "")
}

pub(super) fn holds(of: &OrgId) -> Item {
    key(org(of), Kind::Holds, "")
}

/// What the organisation lets be spent, and of what it was told.
pub(super) fn budgets(of: &OrgId) -> Item {
    key(org(of), Kind::Budgets, "")
}

pub(super) fn top_up(of: &OrgId, id: &TopUpId) -> Item {
    key(org(of), Kind::TopUp, id.as_str())
}

pub(super) fn request(of: &OrgId, id: &IdempotencyKey) -> Item {
    key(org(of), Kind::Request, id.as_str())
}

/// What a sender's key stands for. Keys have partitions of their own, as many as their first digit has values, and are told by
/// their hash: so none is longer than another, and they are spread evenly, whatever senders choose.
pub(super) fn sender_key(of: &OrgId, key: &IdempotencyKey) -> Item {
    let hash = ring::digest::digest(&ring::digest::SHA256, key.as_str().as_bytes());
    let first = hash.as_ref().first().copied().unwrap_or_default() >> 4;
    self::key(format!("KEYS#{of}#{first:x}"), Kind::SenderKey, &URL_SAFE_NO_PAD.encode(hash))
}

pub(super) fn ledger_partition(of: &OrgId, month: Month, ledger: ShardId) -> String {
    sharded(format!("LEDGER#{of}#{}", month.digits()), ledger)
}

/// An entry that is no debit.
pub(super) fn entry(of: &OrgId, id: EntryId) -> Item {
    key(ledger_partition(of, id.month(), ShardId::MAIN), Kind::Entry, &id.to_string())
}

/// The entries of a run of debits, or of holds.
pub(super) fn run(of: &OrgId, ledger: ShardId, run: RunId) -> Item {
    let first = if ledger == ShardId::HOLDS { run.first().of_hold() } else { run.first() };
    key(ledger_partition(of, first.month(), ledger), Kind::Entry, &first.to_string())
}

/// What an invoice is remembered for, found without knowing the organisation.
pub(super) fn invoice(id: &str) -> Item {
    key(format!("INVOICE#{id}"), Kind::Invoice, "")
}

/// What somebody of the staff asked for under a key of theirs.
pub(super) fn operator_request(by: &Actor, id: &IdempotencyKey) -> Item {
    key(format!("OPERATOR#{by}"), Kind::Request, id.as_str())
}

pub(super) fn audit(of: &OrgId, id: &OperationId) -> Item {
    key(org(of), Kind::Audit, id.as_str())
}

/// An adjustment that waits for a second person, or did.
pub(super) fn proposal(of: &OrgId, id: &OperationId) -> Item {
    key(org(of), Kind::Adjustment, id.as_str())
}

/// What is kept of one time that dead letters were moved back.
pub(super) fn redrive(id: &OperationId) -> Item {
    key(DEAD_LETTERS.to_owned(), Kind::Audit, id.as_str())
}

/// The closing of a month.
pub(super) fn closing(of: &OrgId, month: Month) -> Item {
    key(org(of), Kind::Closing, &month.digits())
}

/// The month whose closing a sort key names.
pub(super) fn parse_closing(sk: &str) -> Option<Month> {
    let (year, month) = sk.strip_prefix(CLOSING_PREFIX)?.split_at_checked(4)?;
    format!("{year}-{month}").parse().ok()
}

/// How far a sweep has come.
pub(super) fn sweep(of: &str) -> Item {
    key(RECONCILE.to_owned(), Kind::Sweep, of)
}

/// The report of the run that began then.
pub(super) fn run_report(began: Timestamp) -> Item {
    key(RECONCILE.to_owned(), Kind::Run, &due_at(began))
}

/// An item of one ledger of a month, whatever it holds.
pub(super) fn entry_in(of: &OrgId, month: Month, ledger: ShardId, id: EntryId) -> Item {
    key(ledger_partition(of, month, ledger), Kind::Entry, &id.to_string())
}

/// The organisation whose partition this is.
pub(super) fn parse_org(pk: &str) -> Option<OrgId> {
    OrgId::parse(pk.strip_prefix("ORG#")?).ok()
}

/// The trail of a top-up: a partition of its own, so that it is no part of what is read of its organisation.
pub(super) fn trail_partition(of: &OrgId, top_up: &TopUpId) -> String {
    format!("TRAIL#{of}#{top_up}")
}

/// An occasion of a trail. Those of one revision sort behind the one that wrote it; `left_by` names one that left the row as
/// it is, and the same name is the same item.
pub(super) fn occasion(of: &OrgId, top_up: &TopUpId, revision: i64, left_by: Option<&str>) -> Item {
    let left_by = left_by.map(|name| format!("~{name}")).unwrap_or_default();
    key(trail_partition(of, top_up), Kind::Entry, &format!("{revision:010}{left_by}"))
}

/// A moment as the index sorts it.
pub(super) fn due_at(moment: Timestamp) -> String {
    format!("{:015}", moment.ms())
}

/// A kind of work that is looked after when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    TopUp,
    /// A paid top-up whose money is being given back.
    Refund,
    /// A finished top-up that a person has to look at.
    Review,
    /// An organisation whose books are to be compared.
    Books,
    /// An adjustment that waits for a second person.
    Adjustment,
    /// An organisation whose holds are to be ended.
    Holds,
}

impl Work {
    /// What is seldom has one partition, so that it is read in one order.
    fn partitions(self) -> u8 {
        match self {
            Work::TopUp | Work::Books => DUE_PARTITIONS,
            Work::Refund | Work::Review | Work::Adjustment | Work::Holds => 1,
        }
    }
}

/// The partition of the index where the work with this id waits.
pub(super) fn due_partition(kind: Work, id: &str) -> String {
    // Any hash that spreads will do: the ids are random enough, and nobody outside chooses them.
    let hash = id.bytes().fold(0_u8, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte));
    numbered(kind, hash % kind.partitions())
}

/// Whether this partition of the index is of unfinished top-ups.
pub(super) fn is_of_top_ups(partition: &str) -> bool {
    due_partitions(Work::TopUp).any(|one| one == partition)
}

/// Every partition where work of this kind may wait.
pub(super) fn due_partitions(kind: Work) -> impl Iterator<Item = String> {
    (0..kind.partitions()).map(move |number| numbered(kind, number))
}

fn numbered(kind: Work, number: u8) -> String {
    let kind = match kind {
        Work::TopUp => "TOPUP",
        Work::Refund => "REFUND",
        Work::Review => "REVIEW",
        Work::Books => "BOOKS",
        Work::Adjustment => "ADJUSTMENT",
        Work::Holds => "HOLDS",
    };
    format!("DUE#{kind}#{number}")
}

/// The organisation and the top-up that a key of the index names.
pub(super) fn parse_top_up(pk: &str, sk: &str) -> Option<(OrgId, TopUpId)> {
    let org = parse_org(pk)?;
    let id = TopUpId::parse(sk.strip_prefix(TOP_UP_PREFIX)?).ok()?;
    Some((org, id))
}

/// The organisation and the adjustment that a key of the index names.
pub(super) fn parse_proposal(pk: &str, sk: &str) -> Option<(OrgId, OperationId)> {
    Some((parse_org(pk)?, OperationId::parse(sk.strip_prefix(ADJUSTMENT_PREFIX)?).ok()?))
}

/// The attribute of a debit in the item of its run.
pub(super) fn place_name(id: DebitId) -> String {
    format!("{:02}", id.place())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_look_at_the_balance_reads_balance_and_slot_and_nothing_else() {
        let all = [
            Kind::Balance,
            Kind::OpenSlot,
            Kind::Settings,
            Kind::Budgets,
            Kind::TopUp,
            Kind::Request,
            Kind::Invoice,
            Kind::Audit,
            Kind::Adjustment,
            Kind::Closing,
            Kind::Sweep,
            Kind::Run,
            Kind::Holds,
            Kind::SenderKey,
            Kind::Entry,
        ];
        for kind in all {
            let is_read = match kind {
                Kind::Balance | Kind::OpenSlot => true,
                Kind::Settings
                | Kind::Budgets
                | Kind::TopUp
                | Kind::Request
                | Kind::Invoice
                | Kind::Entry => false,
                Kind::Audit | Kind::Adjustment => false,
                Kind::Closing | Kind::Sweep | Kind::Run | Kind::Holds | Kind::SenderKey => false,
            };
            assert_eq!(kind.prefix().starts_with(BALANCE), is_read, "{kind:?}");
        }
        let org = OrgId::parse("acme").unwrap();
        for (item, sk) in [(shard(&org, ShardId::MAIN), "BALANCE"), (open_slot(&org), "BALANCE#SLOT")] {
            assert_eq!(item[SK].as_s().unwrap(), sk, "one item each, whatever the organisation");
            assert_eq!(item[PK].as_s().unwrap(), "ORG#acme");
        }
        let shard = shard(&org, ShardId::balances().nth(3).unwrap());
        assert_eq!(shard[PK].as_s().unwrap(), "ORG#acme#3", "each shard is in a partition of its own");
        let entry = entry(&org, EntryId::parse("019ab0f2-6c40-7a11-8b22-334455667780").unwrap());
        assert_eq!(
            entry[PK].as_s().unwrap(),
            "LEDGER#acme#202511",
            "what has no prefix is never beside them"
        );
    }

    #[test]
    fn keys_of_senders_are_spread_and_none_is_longer_than_another() {
        let org = OrgId::parse("acme").unwrap();
        let mut spread: BTreeMap<String, u32> = BTreeMap::new();
        for number in 0..1_600 {
            let long = format!("{}{number}", "x".repeat(number % 250));
            let item = sender_key(&org, &IdempotencyKey::parse(&long).unwrap());
            assert_eq!(item[SK].as_s().unwrap().len(), 4 + 43);
            *spread.entry(item[PK].as_s().unwrap().clone()).or_default() += 1;
        }
        assert_eq!(spread.len(), 16, "{spread:?}");
        assert!(spread.values().all(|count| (50..200).contains(count)), "{spread:?}");
    }

    #[test]
    fn due_work_is_spread_and_found_in_its_partition() {
        let mut spread: BTreeMap<String, u32> = due_partitions(Work::TopUp).map(|pk| (pk, 0)).collect();
        assert_eq!(spread.len(), usize::from(DUE_PARTITIONS));
        for ms in 0..800 {
            let id = TopUpId::new(Timestamp::from_ms(1_795_428_000_000 + ms));
            *spread.get_mut(&due_partition(Work::TopUp, id.as_str())).unwrap() += 1;
        }
        assert!(spread.values().all(|count| (50..200).contains(count)), "{spread:?}");
    }
}
