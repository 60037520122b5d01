//! Sharding: how an organisation that outgrows one item spreads its debits.
//!
//! The main balance shard is number 0. It takes top-ups and reversals of every organisation, and the debits of all that
//! spend less than one item can take, about 1,000 a second. The debits of others go to the balance shards 1 to 8, as many
//! of them as the organisation or the configuration says, and these get their credits from the main one.
//!
//! The number may change at any time and be believed differently by different processes: which of two applications of a
//! debit counts is decided by its entry, and where that lies follows from the id and from one moment that the main shard
//! tells, never from the number.

use std::collections::BTreeMap;

use super::DebitId;
use crate::{Month, OrgId, Timestamp};

/// A part of an organisation's balance, 0 to 8, or of its ledger, 0 to 16: 0 is the main one, the others are of those whose
/// debits are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(u8);

/// How many balance shards beside the main one there can be.
pub const MOST_SHARDS: u8 = 8;
/// Over how many ledgers the entries of an organisation are spread, whatever the number of its balance shards. Entries fall
/// on them at random, so that eight would be busier than eight balance shards now and then.
const LEDGERS: u8 = 16;

impl ShardId {
    pub const MAIN: ShardId = ShardId(0);
    /// The ledger of holds, one for an organisation, so that their ends are found without a look at its debits.
    pub const HOLDS: ShardId = ShardId(LEDGERS + 1);

    /// The balance shards there can be, the main one first.
    pub fn balances() -> impl Iterator<Item = ShardId> {
        (0..=MOST_SHARDS).map(ShardId)
    }

    /// The balance shards that serve the debits of an organisation which spreads them over so many: the main one for 0.
    pub fn serving(shards: u8) -> impl Iterator<Item = ShardId> {
        let first = u8::from(shards > 0);
        (first..=shards.min(MOST_SHARDS)).map(ShardId)
    }

    /// The ledgers of debits there can be, the main one first.
    pub fn ledgers() -> impl Iterator<Item = ShardId> {
        (0..=LEDGERS).map(ShardId)
    }

    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// The shard that a sequence belongs to; the main one for what no sequence shows.
    pub(super) fn of_number(number: i64) -> ShardId {
        ShardId(u8::try_from(number).ok().filter(|number| *number <= MOST_SHARDS).unwrap_or_default())
    }

    /// One of the ledgers beside the main one, by where the run of the id lies among all runs: the same for the whole run,
    /// and evenly spread.
    fn ledger_of(id: DebitId) -> ShardId {
        let scaled = (u128::from(id.run().spread()) * u128::from(LEDGERS)) >> 64;
        ShardId(u8::try_from(scaled).unwrap_or_default().saturating_add(1))
    }
}

/// Whether an organisation's debits are spread over shards. Once they are, it stays so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharding {
    #[default]
    No,
    /// About to be: nothing is reserved until it is known from when on.
    Announced,
    /// Entries of debits whose id is of this moment or later lie in the shards' ledgers; earlier ones in the main one.
    Since(Timestamp),
}

impl Sharding {
    /// Where the entry of a debit or a hold with this id lies, for ever.
    #[must_use]
    pub fn ledger_of(self, id: DebitId, hold: bool) -> ShardId {
        if hold { ShardId::HOLDS } else { self.ledger(id) }
    }

    /// Where the entries of a month lie; those of holds where there may be any.
    pub fn ledgers(self, month: Month, holds: bool) -> impl Iterator<Item = ShardId> {
        let spread = matches!(self, Sharding::Since(since) if Month::of(since) <= month);
        let debits = ShardId::ledgers().filter(move |ledger| spread || *ledger == ShardId::MAIN);
        debits.chain(holds.then_some(ShardId::HOLDS))
    }

    /// Where the entry of this debit lies, for ever.
    #[must_use]
    pub fn ledger(self, id: DebitId) -> ShardId {
        match self {
            Sharding::Since(since) if id.at() >= since => ShardId::ledger_of(id),
            Sharding::Since(_) | Sharding::Announced | Sharding::No => ShardId::MAIN,
        }
    }
}

/// Over how many balance shards the debits of some organisations are spread, where these do not say it themselves: a matter
/// of configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardCounts(BTreeMap<OrgId, u8>);

/// Why a configured list of shards cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardCountsError(pub String);

impl ShardCounts {
    /// Reads `{"acme":4}`: 1 to 8 shards; who is not named has one item for everything.
    pub fn from_json(text: &str) -> Result<ShardCounts, ShardCountsError> {
        let table: BTreeMap<String, u8> =
            serde_json::from_str(text).map_err(|error| ShardCountsError(error.to_string()))?;
        let count = |(org, shards): (String, u8)| {
            let id =
                OrgId::parse(&org).map_err(|_| ShardCountsError(format!("{org}: not an organisation")))?;
            if (1..=MOST_SHARDS).contains(&shards) {
                Ok((id, shards))
            } else {
                let error = format!("{org}: an organisation has 1 to {MOST_SHARDS} shards, not {shards}");
                Err(ShardCountsError(error))
            }
        };
        table.into_iter().map(count).collect::<Result<_, _>>().map(ShardCounts)
    }

    /// How many shards the debits of `org` are spread over; 0 when the main one serves them.
    #[must_use]
    pub fn of(&self, org: &OrgId) -> u8 {
        self.0.get(org).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(random: u64) -> DebitId {
        let mut bytes = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667700").unwrap().bytes();
        bytes[9..16].copy_from_slice(&random.to_be_bytes()[1..]);
        DebitId::from_bytes(bytes).unwrap()
    }

    #[test]
    fn ids_are_spread_evenly_and_runs_stay_together() {
        let mut counts = BTreeMap::new();
        for run in 0..16_000_u64 {
            let ledger = ShardId::ledger_of(id(run << 5));
            assert_eq!(ledger, ShardId::ledger_of(id((run << 5) + 31)), "a run has one ledger");
            *counts.entry(ledger).or_insert(0) += 1;
        }
        assert_eq!(
            counts.keys().copied().collect::<Vec<_>>(),
            ShardId::ledgers().skip(1).collect::<Vec<_>>()
        );
        assert!(counts.values().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn debits_go_to_the_shards_that_are_configured() {
        let serving = |text: &str| {
            let org = OrgId::parse("acme").unwrap();
            ShardId::serving(ShardCounts::from_json(text).unwrap().of(&org))
                .map(ShardId::number)
                .collect::<Vec<_>>()
        };
        assert_eq!(serving("{}"), [0]);
        assert_eq!(serving(r#"{"acme":1}"#), [1]);
        assert_eq!(serving(r#"{"acme":3,"globex":2}"#), [1, 2, 3]);
    }

    #[test]
    fn an_entry_lies_where_its_id_says_whatever_the_number_of_shards() {
        let made = id(7).at();
        assert_eq!(Sharding::No.ledger(id(7)), ShardId::MAIN);
        assert_eq!(Sharding::Announced.ledger(id(7)), ShardId::MAIN);
        assert_eq!(Sharding::Since(made.plus_secs(1)).ledger(id(7)), ShardId::MAIN);
        assert_ne!(Sharding::Since(made).ledger(id(7)), ShardId::MAIN);
    }

    #[test]
    fn a_list_of_shards_is_checked() {
        assert_eq!(ShardCounts::from_json("{}"), Ok(ShardCounts::default()));
        for text in ["", "[]", r#"{"acme":0}"#, r#"{"acme":9}"#, r#"{"a#b":2}"#, r#"{"acme":"2"}"#] {
            assert!(ShardCounts::from_json(text).is_err(), "{text}");
        }
    }
}
