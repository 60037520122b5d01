//! How debits are pending in the item of a balance shard: by themselves, or in a group that says the same in few bytes.
//!
//! The debits of one reservation that are of one run share a sequence, so that they are a **group**: their run, that
//! sequence, which the database gives, and their codes. A run has one group on a shard at a time; what comes while it is
//! there is pending by itself. Under its sequence a group only ever loses debits: who has seen it knows that it holds no others.
//!
//! What is to be so before a change and what it does is told here; nobody need know how an item writes it. Who has not seen the
//! shard supposes that no group of a new run is there, and that what is acknowledged of a group is all of it. Who has seen it
//! has done so after what is acknowledged was reserved.

use std::collections::{BTreeMap, BTreeSet};

use super::codes::Codes;
use super::group::{Group, seats_of};
use super::{BalanceShard, DebitId, MOST_ACKNOWLEDGED, RunId, Stamp};
use crate::Credits;

/// One debit of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedDebit {
    pub id: DebitId,
    pub credits: Credits,
    /// [`Stamp::code`] of it.
    pub code: i128,
}

/// What has to be so for a change of what is pending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// This debit is not pending by itself.
    NotAlone(DebitId),
    /// It is pending by itself under this stamp or not by itself.
    AloneUnder(DebitId, Stamp),
    /// It is pending by itself under this stamp.
    Alone(DebitId, Stamp),
    /// No group of this run is pending, or none but one of this sequence.
    NoGroup(RunId, Option<i64>),
    /// No group of its run is pending, or this very one.
    GroupOrNone(Group),
    /// This very group is pending.
    Group(Group),
}

/// A change of what is pending on a balance shard, all of it or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingChange {
    pub guards: Vec<Guard>,
    /// What comes to be pending by itself.
    pub alone: Vec<ReservedDebit>,
    /// What comes to be pending in a group.
    pub groups: Vec<(RunId, Codes)>,
    /// What is pending by itself no more.
    pub gone: Vec<DebitId>,
    /// Groups of before, and what is left of each, perhaps nothing.
    pub left: Vec<(Group, Codes)>,
}

impl PendingChange {
    /// That these debits are pending, and the acknowledged ones no more, on a shard that was `seen` like this.
    #[must_use]
    pub fn reserving(
        debits: &[ReservedDebit],
        acknowledged: &[(DebitId, Stamp)],
        seen: Option<&BalanceShard>,
    ) -> PendingChange {
        let mut change = PendingChange::acknowledging(acknowledged, seen);
        let there = seen.map(BalanceShard::groups).unwrap_or_default();
        let acknowledged: BTreeSet<_> =
            Group::all_of(acknowledged.iter().copied()).into_keys().map(|(run, _)| run).collect();
        let mut runs: BTreeMap<RunId, Vec<ReservedDebit>> = BTreeMap::new();
        for debit in debits {
            change.guards.push(Guard::NotAlone(debit.id));
            runs.entry(debit.id.run()).or_default().push(*debit);
        }
        for (run, debits) in runs {
            let group = there.get(&run);
            let has_one =
                |group: &Group| debits.iter().any(|debit| group.codes.get(debit.id.place()).is_some());
            let goes_on = change.left.iter().any(|(before, _)| before.run == run && !has_one(before));
            if !goes_on {
                let beside = group.filter(|group| !has_one(group)).map(|group| group.sequence);
                change.guards.push(Guard::NoGroup(run, beside));
            }
            let together = debits.len() > 1 && debits.iter().all(|debit| Codes::fits(debit.code));
            if together && group.is_none() && !acknowledged.contains(&run) {
                let codes = debits.iter().map(|debit| (debit.id.place(), debit.code)).collect();
                change.groups.push((run, codes));
            } else {
                change.alone.extend(debits);
            }
        }
        change
    }

    /// That these debits are pending no more. What is not pending under its stamp stays as it is.
    #[must_use]
    pub fn acknowledging(written: &[(DebitId, Stamp)], seen: Option<&BalanceShard>) -> PendingChange {
        let mut change = PendingChange::default();
        for (id, stamp) in written.iter().filter(|(_, stamp)| !stamp.is_in_group()) {
            change.guards.push(Guard::AloneUnder(*id, *stamp));
            change.gone.push(*id);
        }
        let there = seen.map(BalanceShard::groups);
        let groups = Group::all_of(written.iter().copied());
        let latest = |run| groups.keys().filter(|(of, _)| *of == run).map(|(_, sequence)| *sequence).max();
        for ((run, sequence), codes) in groups.clone() {
            let Some(there) = &there else {
                // Behind a later one of its run an earlier one is over.
                if latest(run) != Some(sequence) {
                    continue;
                }
                let all = Group { run, sequence, codes };
                change.guards.push(Guard::GroupOrNone(all.clone()));
                change.left.push((all, Codes::default()));
                continue;
            };
            // One that is not there under its sequence is over, and never comes back under that.
            let Some(group) = there.get(&run).filter(|group| group.sequence == sequence) else { continue };
            let left = group.codes.without(&codes);
            change.guards.push(Guard::Group(group.clone()));
            change.left.push((group.clone(), left));
        }
        change
    }

    /// That a debit which is given back is pending no more; `None` where it is not pending under this stamp. One that is pending by
    /// itself need not have been `seen`.
    #[must_use]
    pub fn giving_back(id: DebitId, stamp: Stamp, seen: Option<&BalanceShard>) -> Option<PendingChange> {
        if !stamp.is_in_group() {
            let (guards, gone) = (vec![Guard::Alone(id, stamp)], vec![id]);
            return Some(PendingChange { guards, gone, ..PendingChange::default() });
        }
        let mut groups = seen?.groups();
        let group = groups.remove(&id.run()).filter(|group| group.holds(id, stamp))?;
        let left = group.codes.without(&[(id.place(), stamp.code_given())].into_iter().collect());
        Some(PendingChange {
            guards: vec![Guard::Group(group.clone())],
            left: vec![(group, left)],
            ..PendingChange::default()
        })
    }

    /// How much room comes to be taken, in seats.
    #[must_use]
    pub fn seats(&self) -> usize {
        self.alone.len() + self.groups.iter().map(|(_, codes)| seats_of(codes)).sum::<usize>()
    }

    /// How much room is free behind it, in seats, if what is acknowledged is there.
    #[must_use]
    pub fn seats_gone(&self) -> usize {
        let freed = |(before, left): &(Group, Codes)| seats_of(&before.codes).saturating_sub(seats_of(left));
        self.gone.len() + self.left.iter().map(freed).sum::<usize>()
    }

    /// Whether this debit comes to be pending in a group.
    #[must_use]
    pub fn groups_hold(&self, id: DebitId) -> bool {
        self.groups.iter().any(|(run, codes)| *run == id.run() && codes.get(id.place()).is_some())
    }
}

/// Of these written debits the first ones that one reservation may acknowledge: up to [`MOST_ACKNOWLEDGED`] seats, and all that is
/// here of a group, or nothing.
#[must_use]
pub fn to_acknowledge_at_once(written: &[(DebitId, Stamp)]) -> Vec<(DebitId, Stamp)> {
    let groups = Group::all_of(written.iter().copied());
    let (mut taken, mut seats, mut decided) = (Vec::new(), 0, BTreeMap::new());
    for (id, stamp) in written {
        let key = (id.run(), stamp.sequence());
        let group = groups.get(&key).filter(|_| stamp.is_in_group());
        let more = group.map_or(1, seats_of);
        let fits = match decided.get(&key).filter(|_| group.is_some()) {
            Some(fits) => *fits,
            None if seats + more <= MOST_ACKNOWLEDGED => {
                seats += more;
                true
            }
            None => false,
        };
        if group.is_some() {
            decided.insert(key, fits);
        }
        if fits {
            taken.push((*id, *stamp));
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SEQUENCE_STEP;

    /// What an item keeps of what is pending: groups under their runs, and beside them debits.
    #[derive(Clone, Debug, Default)]
    struct Item {
        sequence: i64,
        alone: BTreeMap<DebitId, Stamp>,
        groups: BTreeMap<RunId, Group>,
    }

    impl Item {
        fn shard(&self) -> BalanceShard {
            let groups = self.groups.values().flat_map(Group::debits);
            let pending = self.alone.iter().map(|(id, stamp)| (*id, *stamp)).chain(groups).collect();
            BalanceShard { sequence: self.sequence, pending, ..BalanceShard::default() }
        }

        fn has(&self, guard: &Guard) -> bool {
            let is = |group: &Group| self.groups.get(&group.run).is_some_and(|there| there == group);
            match guard {
                Guard::NotAlone(id) => !self.alone.contains_key(id),
                Guard::Alone(id, stamp) => self.alone.get(id) == Some(stamp),
                Guard::AloneUnder(id, stamp) => self.alone.get(id).is_none_or(|there| there == stamp),
                Guard::NoGroup(run, but) => {
                    self.groups.get(run).is_none_or(|there| Some(there.sequence) == *but)
                }
                Guard::GroupOrNone(group) => !self.groups.contains_key(&group.run) || is(group),
                Guard::Group(group) => is(group),
            }
        }

        /// Writes what a change says, and nothing else.
        fn write(&mut self, change: &PendingChange) {
            for id in &change.gone {
                self.alone.remove(id);
            }
            for (before, left) in &change.left {
                if left.is_empty() {
                    self.groups.remove(&before.run);
                } else if let Some(there) = self.groups.get_mut(&before.run) {
                    there.codes = left.clone();
                }
            }
            for debit in &change.alone {
                self.alone.insert(debit.id, Stamp::given(self.sequence, debit.code));
            }
            for (run, codes) in &change.groups {
                let group = Group { run: *run, sequence: self.sequence, codes: codes.clone() };
                self.groups.insert(*run, group);
            }
            if !(change.alone.is_empty() && change.groups.is_empty()) {
                self.sequence += SEQUENCE_STEP;
            }
        }
    }

    /// What somebody wants of a shard.
    #[derive(Clone, Debug)]
    enum Wish {
        Reserve(Vec<ReservedDebit>, Vec<(DebitId, Stamp)>),
        Acknowledge(Vec<(DebitId, Stamp)>),
        GiveBack(DebitId, Stamp),
    }

    impl Wish {
        fn change(&self, seen: Option<&BalanceShard>) -> Option<PendingChange> {
            match self {
                Wish::Reserve(debits, written) => Some(PendingChange::reserving(debits, written, seen)),
                Wish::Acknowledge(written) => Some(PendingChange::acknowledging(written, seen)),
                Wish::GiveBack(id, stamp) => PendingChange::giving_back(*id, *stamp, seen),
            }
        }

        /// What is pending behind it, as if all were pending by themselves; `None` where it is to be refused.
        fn means(&self, shard: &BalanceShard) -> Option<BTreeMap<DebitId, Stamp>> {
            let mut pending = shard.pending.clone();
            let nothing = Vec::new();
            let (debits, written) = match self {
                Wish::Reserve(debits, written) => (debits.as_slice(), written.clone()),
                Wish::Acknowledge(written) => (nothing.as_slice(), written.clone()),
                Wish::GiveBack(id, stamp) => (nothing.as_slice(), vec![(*id, *stamp)]),
            };
            let there = |(id, stamp): &(DebitId, Stamp)| pending.get(id) == Some(stamp);
            let is_over = matches!(self, Wish::GiveBack(..)) && !written.iter().all(there);
            let twice = debits.iter().any(|debit| pending.contains_key(&debit.id));
            if twice || is_over || !shard.has_or_has_not(&written) {
                return None;
            }
            pending.retain(|id, stamp| !written.contains(&(*id, *stamp)));
            pending.extend(debits.iter().map(|debit| (debit.id, Stamp::given(shard.sequence, debit.code))));
            Some(pending)
        }
    }

    fn id(run: u8, place: u8) -> DebitId {
        let mut bytes = DebitId::parse("019ab0f2-6c40-7a11-8b22-334455667700").unwrap().bytes();
        (bytes[14], bytes[15]) = (run, place);
        DebitId::from_bytes(bytes).unwrap()
    }

    /// A wish of somebody who has `seen` the shard some time.
    fn wish(rng: &mut fastrand::Rng, old: &BalanceShard) -> Wish {
        let places = |rng: &mut fastrand::Rng| {
            let run = rng.u8(..2);
            let some: BTreeSet<_> = (0..rng.usize(1..4)).map(|_| id(run, rng.u8(..4))).collect();
            some
        };
        let mut written: Vec<_> = old.pending.iter().map(|(id, stamp)| (*id, *stamp)).collect();
        rng.shuffle(&mut written);
        written.truncate(rng.usize(0..5));
        if rng.u32(..4) == 0 {
            // All of what was reserved together.
            let sequence = written.first().map_or(0, |(_, stamp)| stamp.sequence());
            written = old.pending.iter().map(|(id, stamp)| (*id, *stamp)).collect();
            written.retain(|(_, stamp)| stamp.sequence() == sequence);
        }
        match rng.u32(..4) {
            0 | 1 => {
                let some = places(rng);
                let debit = |id: DebitId| ReservedDebit {
                    id,
                    credits: Credits(1),
                    code: 17 + i128::from(rng.u8(..2)) * 16,
                };
                let debits: Vec<_> = some.into_iter().map(debit).collect();
                written.retain(|(id, _)| debits.iter().all(|debit| debit.id != *id));
                Wish::Reserve(debits, written)
            }
            2 => Wish::Acknowledge(written),
            _ => match written.first() {
                Some((id, stamp)) => Wish::GiveBack(*id, *stamp),
                None => Wish::Acknowledge(written),
            },
        }
    }

    /// The first of many histories in which a change that was meant for one moment of the shard comes at another and does
    /// something else than what is meant; of each change, `spoilt` makes another one.
    fn first_wrong(histories: u64, spoilt: impl Fn(&mut PendingChange)) -> Option<String> {
        let mut done = [0_usize; 2];
        for seed in 0..histories {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut item = Item { sequence: SEQUENCE_STEP, ..Item::default() };
            let mut seen = vec![item.shard()];
            for step in 0..12 {
                // Who knows a stamp has seen it, and looks again later.
                let knows = rng.usize(..seen.len());
                let wish = wish(&mut rng, &seen[knows]);
                let at = match rng.u32(..3) {
                    0 => None,
                    1 => seen.last(),
                    _ => seen.get(rng.usize(knows..seen.len())),
                };
                let shard = item.shard();
                let Some(mut change) = wish.change(at) else { continue };
                spoilt(&mut change);
                let meant = wish.means(&shard);
                let says = |what: &str| Some(format!("seed {seed}, step {step}, {wish:?}: {what}"));
                let holds = change.guards.iter().all(|guard| item.has(guard));
                if holds {
                    item.write(&change);
                    let now = item.shard();
                    if meant.as_ref() != Some(&now.pending) {
                        return says(&format!("{meant:?} was meant, and it is {:?}", now.pending));
                    }
                    if now.seats() > shard.seats() + change.seats() {
                        return says("it takes more room than it says");
                    }
                } else if meant.is_some() && at == Some(&shard) {
                    return says("who saw it as it is was refused");
                }
                done[usize::from(holds)] += 1;
                seen.push(item.shard());
            }
        }
        assert!(done.iter().all(|count| *count > 1_000), "{done:?}");
        None
    }

    /// Every order of two who change what is pending is some moment at which a change comes that was meant for an earlier one.
    #[test]
    fn a_change_that_comes_late_does_what_is_meant_or_nothing() {
        assert_eq!(first_wrong(20_000, |_| {}), None);
    }

    #[test]
    fn groups_are_acknowledged_whole() {
        let code = |at: u8| 17 + i128::from(at) * 16;
        let group = |run: u8, debits: u8, apart: u8| {
            let codes = (0..debits).map(|place| (place, code(place * apart))).collect();
            Group { run: id(run, 0).run(), sequence: i64::from(run) * SEQUENCE_STEP, codes }
        };
        let alone = |count: u8| (0..count).map(|at| (id(100 + at, 0), Stamp(17)));
        let all = |groups: &[Group], singles: u8| -> Vec<(DebitId, Stamp)> {
            alone(singles).chain(groups.iter().flat_map(Group::debits)).collect()
        };
        let alike: Vec<_> = (1..=20).map(|run| group(run, 25, 0)).collect();
        assert_eq!(to_acknowledge_at_once(&all(&alike, 0)).len(), 12 * 25, "of two seats each");
        assert_eq!(to_acknowledge_at_once(&all(&alike, 24)).len(), 24, "a half would not help");
        assert_eq!(to_acknowledge_at_once(&all(&alike, 30)).len(), 25);
        let other = group(30, 25, 1);
        let seats = seats_of(&other.codes);
        assert!(seats > 2);
        let mixed = [other.clone(), alike[0].clone(), other];
        let taken = to_acknowledge_at_once(&all(&mixed[..2], u8::try_from(24 - seats).unwrap()));
        assert_eq!(taken.len(), 24 - seats + 25, "of two that do not fit together, the first");
    }

    type IsOfKind = fn(&Guard) -> bool;

    #[test]
    fn each_guard_is_needed() {
        let kinds: [(&str, IsOfKind); 6] = [
            ("not alone", |guard| matches!(guard, Guard::NotAlone(_))),
            ("alone", |guard| matches!(guard, Guard::Alone(..))),
            ("alone under", |guard| matches!(guard, Guard::AloneUnder(..))),
            ("no group", |guard| matches!(guard, Guard::NoGroup(..))),
            ("group or none", |guard| matches!(guard, Guard::GroupOrNone(_))),
            ("group", |guard| matches!(guard, Guard::Group(_))),
        ];
        for (name, kind) in kinds {
            let wrong = first_wrong(20_000, |change| change.guards.retain(|guard| !kind(guard)));
            assert!(wrong.is_some(), "nothing goes wrong without {name}");
        }
        let any_group = first_wrong(20_000, |change| {
            for guard in &mut change.guards {
                if let Guard::Group(group) = guard {
                    *guard = Guard::NoGroup(group.run, Some(group.sequence));
                }
            }
        });
        assert!(any_group.is_some(), "its sequence alone does not tell what it holds");
    }
}
