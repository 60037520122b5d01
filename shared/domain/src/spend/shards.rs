//! Shards: how an organisation that outgrows one item spreads its debits, and how credits reach where they are spent.
//!
//! The main head is shard 0. It takes top-ups and reversals of every organisation, and the debits of all that spend less
//! than one item can take, about 1,000 a second. The debits of others go to the heads of shards 1 to 8, as many of them as
//! the configuration says, and get their credits from the main head in portions.
//!
//! How many heads there are may change at any time and be believed differently by different processes: which of two
//! applications of a debit counts is decided by its entry, and where that lies follows from the id and from one moment
//! that the main head tells, never from the number.

use std::collections::BTreeMap;

use super::{DebitId, Head};
use crate::{Credits, OrgId, Timestamp};

/// A part of an organisation's balance, 0 to 8, or of its ledger, 0 to 16: 0 is the main one, the others are of those that
/// are split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

/// How many heads beside the main one there can be.
const HEADS: u8 = 8;
/// Over how many ledgers the entries of an organisation are spread, whatever the number of its heads. Entries fall on them
/// at random, so that eight would be busier than eight heads now and then.
const LEDGERS: u8 = 16;

impl Shard {
    pub const MAIN: Shard = Shard(0);

    /// Whose heads there can be, the main one first.
    pub fn heads() -> impl Iterator<Item = Shard> {
        (0..=HEADS).map(Shard)
    }

    /// Whose ledgers there can be, the main one first.
    pub fn ledgers() -> impl Iterator<Item = Shard> {
        (0..=LEDGERS).map(Shard)
    }

    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// The shard that a counter belongs to; the main one for what no counter shows.
    pub(super) fn of_number(number: i64) -> Shard {
        Shard(u8::try_from(number).ok().filter(|number| *number <= HEADS).unwrap_or_default())
    }

    /// One of the ledgers beside the main one, by where the run of the id lies among all runs: the same for the whole run,
    /// and evenly spread.
    fn ledger_of(id: DebitId) -> Shard {
        let scaled = (u128::from(id.run().spread()) * u128::from(LEDGERS)) >> 64;
        Shard(u8::try_from(scaled).unwrap_or_default().saturating_add(1))
    }
}

/// Whether an organisation's debits are spread over shards. Once they are, it stays so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    #[default]
    No,
    /// About to be: nothing is taken until it is known from when on.
    Coming,
    /// Entries of debits whose id is of this moment or later lie in the shards' ledgers; earlier ones in the main one.
    Since(Timestamp),
}

impl Split {
    /// Where the entry of this debit lies, for ever.
    #[must_use]
    pub fn ledger(self, id: DebitId) -> Shard {
        match self {
            Split::Since(since) if id.at() >= since => Shard::ledger_of(id),
            Split::Since(_) | Split::Coming | Split::No => Shard::MAIN,
        }
    }
}

/// The organisations whose debits are spread, and over how many shards each: a matter of configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shards(BTreeMap<OrgId, u8>);

/// Why a configured list of shards cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardsError(pub String);

impl Shards {
    /// Reads `{"acme":4}`: 1 to 8 shards; who is not named has one head for everything.
    pub fn from_json(text: &str) -> Result<Shards, ShardsError> {
        let table: BTreeMap<String, u8> =
            serde_json::from_str(text).map_err(|error| ShardsError(error.to_string()))?;
        let shard = |(org, shards): (String, u8)| {
            let id = OrgId::parse(&org).map_err(|_| ShardsError(format!("{org}: not an organisation")))?;
            if (1..=HEADS).contains(&shards) {
                Ok((id, shards))
            } else {
                Err(ShardsError(format!("{org}: an organisation has 1 to {HEADS} shards, not {shards}")))
            }
        };
        table.into_iter().map(shard).collect::<Result<_, _>>().map(Shards)
    }

    /// How many shards the debits of `org` are spread over; `None` when the main head takes them.
    #[must_use]
    pub fn of(&self, org: &OrgId) -> Option<u8> {
        self.0.get(org).copied()
    }

    /// Whose heads take the debits of `org`.
    pub fn homes(&self, org: &OrgId) -> impl Iterator<Item = Shard> + use<> {
        let (first, last) = self.of(org).map_or((0, 0), |shards| (1, shards));
        (first..=last).map(Shard)
    }
}

/// The heads of an organisation, by shard, as far as there are any.
pub type Funds = BTreeMap<Shard, Head>;

/// Credits that move to one shard from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gain {
    pub to: Shard,
    /// Each gives more than nothing, and never more than it has.
    pub from: Vec<(Shard, Credits)>,
}

/// Brings `home` what `needed` asks for, and its fair share of everything if others can spare it: the main head and
/// shards beyond `shards` give all they have, the others what is above their own share, and only for `needed` more.
/// `None` when all of them together have less.
#[must_use]
pub fn gather(funds: &Funds, home: Shard, shards: u8, needed: Credits) -> Option<Gain> {
    let has = |shard: Shard| funds.get(&shard).map_or(0, |head| head.credits.0);
    let total = total(funds).0;
    if total < needed.0 {
        return None;
    }
    let fair = total / i64::from(shards.max(1));
    let mut others: Vec<_> =
        funds.keys().copied().filter(|shard| *shard != home && has(*shard) > 0).collect();
    others.sort_by_key(|shard| (*shard != Shard::MAIN, -has(*shard)));
    let mut gain: BTreeMap<Shard, i64> = BTreeMap::new();
    let mut want = fair.max(needed.0) - has(home);
    for shard in &others {
        let keeps = if (1..=shards).contains(&shard.0) { fair } else { 0 };
        let gives = (has(*shard) - keeps).clamp(0, want.max(0));
        gain.insert(*shard, gives);
        want -= gives;
    }
    let gained: i64 = gain.values().sum();
    want = needed.0 - has(home) - gained;
    for shard in &others {
        let given = gain.entry(*shard).or_default();
        let gives = (has(*shard) - *given).clamp(0, want.max(0));
        *given += gives;
        want -= gives;
    }
    let from = gain.into_iter().filter(|(_, credits)| *credits > 0).map(|(shard, n)| (shard, Credits(n)));
    Some(Gain { to: home, from: from.collect() })
}

/// What all heads have together.
#[must_use]
pub fn total(funds: &Funds) -> Credits {
    funds.values().fold(Credits::ZERO, |sum, head| Credits(sum.0.saturating_add(head.credits.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(random: u64) -> DebitId {
        let mut bytes = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667700").unwrap().bytes();
        bytes[9..16].copy_from_slice(&random.to_be_bytes()[1..]);
        DebitId::from_bytes(bytes).unwrap()
    }

    fn funds(credits: &[i64]) -> Funds {
        let head = |credits: &i64| Head { credits: Credits(*credits), ..Head::default() };
        Shard::heads().zip(credits.iter().map(head)).collect()
    }

    fn moved(credits: &[i64], home: u8, shards: u8, needed: i64) -> Option<Vec<(u8, i64)>> {
        let gain = gather(&funds(credits), Shard(home), shards, Credits(needed))?;
        assert_eq!(gain.to, Shard(home));
        Some(gain.from.into_iter().map(|(shard, credits)| (shard.0, credits.0)).collect())
    }

    #[test]
    fn ids_are_spread_evenly_and_runs_stay_together() {
        let mut counts = BTreeMap::new();
        for run in 0..16_000_u64 {
            let ledger = Shard::ledger_of(id(run << 5));
            assert_eq!(ledger, Shard::ledger_of(id((run << 5) + 31)), "a run has one ledger");
            *counts.entry(ledger).or_insert(0) += 1;
        }
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), Shard::ledgers().skip(1).collect::<Vec<_>>());
        assert!(counts.values().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn debits_go_to_the_heads_that_are_configured() {
        let homes = |text: &str| {
            let org = OrgId::parse("acme").unwrap();
            Shards::from_json(text).unwrap().homes(&org).map(Shard::number).collect::<Vec<_>>()
        };
        assert_eq!(homes("{}"), [0]);
        assert_eq!(homes(r#"{"acme":1}"#), [1]);
        assert_eq!(homes(r#"{"acme":3,"globex":2}"#), [1, 2, 3]);
    }

    #[test]
    fn an_entry_lies_where_its_id_says_whatever_the_number_of_heads() {
        let made = id(7).at();
        assert_eq!(Split::No.ledger(id(7)), Shard::MAIN);
        assert_eq!(Split::Coming.ledger(id(7)), Shard::MAIN);
        assert_eq!(Split::Since(made.plus_secs(1)).ledger(id(7)), Shard::MAIN);
        assert_ne!(Split::Since(made).ledger(id(7)), Shard::MAIN);
    }

    #[test]
    fn credits_move_to_where_they_are_spent() {
        assert_eq!(moved(&[1000], 1, 4, 3), Some(vec![(0, 250)]), "a fair share of a top-up");
        assert_eq!(moved(&[0, 2, 900], 1, 2, 3), Some(vec![(2, 449)]), "half of what there is");
        assert_eq!(moved(&[0, 0, 0, 90], 1, 2, 3), Some(vec![(3, 45)]), "of a shard that is used no more");
        assert_eq!(moved(&[1, 1, 1, 1], 1, 3, 4), Some(vec![(0, 1), (2, 1), (3, 1)]), "all of it");
        assert_eq!(moved(&[1, 1, 1, 1], 1, 3, 5), None, "there is no more");
        assert_eq!(moved(&[0, 5, 5], 1, 2, 3), Some(vec![]), "it has it already");
        assert_eq!(moved(&[-4, 0, 6], 1, 2, 3), None, "a debt counts");
        assert_eq!(moved(&[3, 2, 2], 0, 1, 7), Some(vec![(1, 2), (2, 2)]), "back to one head");
    }

    #[test]
    fn moving_never_takes_more_than_there_is_and_brings_what_is_needed() {
        let mut rng = fastrand::Rng::with_seed(4);
        for _ in 0..20_000 {
            let credits: Vec<i64> = (0..rng.usize(1..=9)).map(|_| rng.i64(-2..20)).collect();
            let (home, shards, needed) = (rng.u8(0..9), rng.u8(1..=8), rng.i64(1..30));
            let all: i64 = credits.iter().sum();
            match moved(&credits, home, shards, needed) {
                None => assert!(all < needed, "{credits:?} {needed}"),
                Some(from) => {
                    let had = credits.get(usize::from(home)).copied().unwrap_or_default();
                    let gained: i64 = from.iter().map(|(_, credits)| credits).sum();
                    assert!(had + gained >= needed, "{credits:?} {home} {needed}: {from:?}");
                    for (shard, gives) in from {
                        assert!(gives > 0 && gives <= credits[usize::from(shard)] && shard != home);
                    }
                }
            }
        }
    }

    #[test]
    fn a_list_of_shards_is_checked() {
        assert_eq!(Shards::from_json("{}"), Ok(Shards::default()));
        for text in ["", "[]", r#"{"acme":0}"#, r#"{"acme":9}"#, r#"{"a#b":2}"#, r#"{"acme":"2"}"#] {
            assert!(Shards::from_json(text).is_err(), "{text}");
        }
    }
}
