//! Rebalancing: how credits reach the balance shard where they are spent.

use std::collections::BTreeMap;

use super::{BalanceShard, ShardId};
use crate::Credits;

/// The balance shards of an organisation, as far as there are any.
pub type BalanceShards = BTreeMap<ShardId, BalanceShard>;

/// Credits that move to one balance shard from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebalance {
    pub to: ShardId,
    /// Each gives more than nothing, and never more than it has.
    pub from: Vec<(ShardId, Credits)>,
}

/// Brings `to` what `needed` asks for, and its fair share of everything if others can spare it: the main shard and shards
/// beyond `serving` give all they have, the others what is above their own share, and only for `needed` more. `None` when
/// all of them together have less.
#[must_use]
pub fn rebalance(all: &BalanceShards, to: ShardId, serving: u8, needed: Credits) -> Option<Rebalance> {
    let has = |shard: ShardId| all.get(&shard).map_or(0, |one| one.credits.0);
    let total = total(all).0;
    if total < needed.0 {
        return None;
    }
    let fair = total / i64::from(serving.max(1));
    let mut others: Vec<_> = all.keys().copied().filter(|shard| *shard != to && has(*shard) > 0).collect();
    others.sort_by_key(|shard| (*shard != ShardId::MAIN, -has(*shard)));
    let mut given: BTreeMap<ShardId, i64> = BTreeMap::new();
    let mut want = fair.max(needed.0) - has(to);
    for shard in &others {
        let keeps = if (1..=serving).contains(&shard.number()) { fair } else { 0 };
        let gives = (has(*shard) - keeps).clamp(0, want.max(0));
        given.insert(*shard, gives);
        want -= gives;
    }
    let gained: i64 = given.values().sum();
    want = needed.0 - has(to) - gained;
    for shard in &others {
        let before = given.entry(*shard).or_default();
        let gives = (has(*shard) - *before).clamp(0, want.max(0));
        *before += gives;
        want -= gives;
    }
    let from = given.into_iter().filter(|(_, credits)| *credits > 0).map(|(shard, n)| (shard, Credits(n)));
    Some(Rebalance { to, from: from.collect() })
}

/// Halted balance shards that serve again, each with what it gives to the main one, which owes nothing then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// None gives more than it has.
    pub gives: Vec<(ShardId, Credits)>,
}

impl Resume {
    /// What the main shard gets.
    #[must_use]
    pub fn credits(&self) -> Credits {
        self.gives.iter().fold(Credits::ZERO, |sum, (_, credits)| Credits(sum.0.saturating_add(credits.0)))
    }
}

/// How the halted shards come to serve again: they pay what the main one owes. `None` when none is halted, or when they
/// cannot.
#[must_use]
pub fn resume(all: &BalanceShards) -> Option<Resume> {
    let mut owed = all.get(&ShardId::MAIN).map_or(0, |main| -main.credits.0.min(0));
    let halted = all.iter().filter(|(_, shard)| shard.halted);
    let gives: Vec<_> = halted
        .map(|(id, shard)| {
            let gives = shard.credits.0.clamp(0, owed);
            owed -= gives;
            (*id, Credits(gives))
        })
        .collect();
    (owed == 0 && !gives.is_empty()).then_some(Resume { gives })
}

/// What each balance shard gives so that `credits` leave together, the main one first; none gives more than it has. `None`
/// when all of them together, less what the main one owes, have fewer.
#[must_use]
pub fn gather(all: &BalanceShards, credits: Credits) -> Option<Vec<(ShardId, Credits)>> {
    if total(all) < credits {
        return None;
    }
    let mut wanted = credits.0;
    let gives = all.iter().map(|(id, shard)| {
        let gives = shard.credits.0.clamp(0, wanted.max(0));
        wanted -= gives;
        (*id, Credits(gives))
    });
    Some(gives.filter(|(_, credits)| *credits > Credits::ZERO).collect())
}

/// What all balance shards have together.
#[must_use]
pub fn total(all: &BalanceShards) -> Credits {
    all.values().fold(Credits::ZERO, |sum, shard| Credits(sum.0.saturating_add(shard.credits.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards_with(credits: &[i64]) -> BalanceShards {
        let shard = |credits: &i64| BalanceShard { credits: Credits(*credits), ..BalanceShard::default() };
        ShardId::balances().zip(credits.iter().map(shard)).collect()
    }

    #[test]
    fn what_is_gathered_is_what_is_asked_for_and_no_shard_gives_more_than_it_has() {
        let gathered = |credits: &[i64], wanted: i64| {
            let gives = gather(&shards_with(credits), Credits(wanted))?;
            Some(gives.into_iter().map(|(shard, n)| (shard.number(), n.0)).collect::<Vec<_>>())
        };
        assert_eq!(gathered(&[5, 10, 20], 5), Some(vec![(0, 5)]));
        assert_eq!(gathered(&[5, 10, 20], 35), Some(vec![(0, 5), (1, 10), (2, 20)]));
        assert_eq!(gathered(&[5, 0, 20], 6), Some(vec![(0, 5), (2, 1)]));
        assert_eq!(gathered(&[5, 10, 20], 36), None);
        assert_eq!(gathered(&[-5, 10, 20], 25), Some(vec![(1, 10), (2, 15)]), "the debt stays covered");
        assert_eq!(gathered(&[-5, 10, 20], 26), None);
        assert_eq!(gathered(&[], 1), None);
    }

    fn moved(credits: &[i64], to: u8, serving: u8, needed: i64) -> Option<Vec<(u8, i64)>> {
        let to = ShardId::balances().nth(to.into()).unwrap();
        let moved = rebalance(&shards_with(credits), to, serving, Credits(needed))?;
        assert_eq!(moved.to, to);
        Some(moved.from.into_iter().map(|(shard, credits)| (shard.number(), credits.0)).collect())
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
        assert_eq!(moved(&[3, 2, 2], 0, 1, 7), Some(vec![(1, 2), (2, 2)]), "back to one shard");
    }

    #[test]
    fn halted_shards_serve_again_when_they_can_pay_what_is_owed() {
        let resumed = |credits: &[i64], halted: &[usize]| {
            let mut all = shards_with(credits);
            for (at, shard) in all.values_mut().enumerate() {
                shard.halted = halted.contains(&at);
            }
            let gives = resume(&all)?.gives.into_iter();
            Some(gives.map(|(shard, credits)| (shard.number(), credits.0)).collect::<Vec<_>>())
        };
        assert_eq!(resumed(&[-5, 3, 4], &[1, 2]), Some(vec![(1, 3), (2, 2)]));
        assert_eq!(resumed(&[-5, 3, 1], &[1, 2]), None, "they have too few");
        assert_eq!(resumed(&[7, 3, 1], &[1, 2]), Some(vec![(1, 0), (2, 0)]), "a top-up has paid");
        assert_eq!(resumed(&[7, 3, 1], &[]), None);
        assert_eq!(resumed(&[-1, 3], &[]), None, "nothing is halted");
    }

    #[test]
    fn moving_never_takes_more_than_there_is_and_brings_what_is_needed() {
        let mut rng = fastrand::Rng::with_seed(4);
        for _ in 0..20_000 {
            let credits: Vec<i64> = (0..rng.usize(1..=9)).map(|_| rng.i64(-2..20)).collect();
            let (to, serving, needed) = (rng.u8(0..9), rng.u8(1..=8), rng.i64(1..30));
            let all: i64 = credits.iter().sum();
            match moved(&credits, to, serving, needed) {
                None => assert!(all < needed, "{credits:?} {needed}"),
                Some(from) => {
                    let had = credits.get(usize::from(to)).copied().unwrap_or_default();
                    let gained: i64 = from.iter().map(|(_, credits)| credits).sum();
                    assert!(had + gained >= needed, "{credits:?} {to} {needed}: {from:?}");
                    for (shard, gives) in from {
                        assert!(gives > 0 && gives <= credits[usize::from(shard)] && shard != to);
                    }
                }
            }
        }
    }
}
