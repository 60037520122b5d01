//! The watermark: from where on an organisation's holds have to be looked at, so that no open one is passed over.

use super::DebitId;
use crate::Timestamp;

/// Of how many open holds it is kept one by one that they are open, while those around them have ended.
pub const MOST_CARRIED: usize = 100;

/// Where the open holds of an organisation are: among those whose ids are of `from` or later, and of earlier ones among
/// `carried`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    pub from: Timestamp,
    /// At most [`MOST_CARRIED`].
    pub carried: Vec<DebitId>,
}

/// How far the holds of an organisation are looked at, some in each run: where more are open than can be carried, the watermark
/// stays, and the next run goes on behind what this one came to, so that all come round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    pub mark: Watermark,
    /// Where the next run goes on; `None` for the watermark.
    pub go_on: Option<Timestamp>,
}

impl Round {
    /// From where on this run looks, beside those that are carried.
    #[must_use]
    pub fn begins(&self) -> Timestamp {
        self.go_on.unwrap_or(self.mark.from)
    }

    /// Once all that are carried and all from [`Round::begins`] to `reached` were looked at, of which `open` are open. `is_over`
    /// says that there are none behind, and none earlier than `settled` are made any more.
    #[must_use]
    pub fn after(&self, open: Vec<DebitId>, reached: Timestamp, is_over: bool, settled: Timestamp) -> Round {
        let known = match self.go_on {
            // What lies between the watermark and where it began was not looked at now.
            Some(_) => self.mark.from,
            None if is_over => settled,
            None => reached.min(settled),
        };
        let mark = self.mark.moved(open, known);
        let go_on = Some(reached).filter(|reached| !is_over && *reached > mark.from);
        Round { mark, go_on }
    }
}

impl Watermark {
    /// What is known once all holds before `reached` were looked at, those that were carried too, and of all these, and
    /// perhaps of later ones, `open` are open. It stays where more are open than can be carried.
    #[must_use]
    pub fn moved(&self, mut open: Vec<DebitId>, reached: Timestamp) -> Watermark {
        // What is earlier than before is carried or has ended, also by a clock that is behind.
        let reached = reached.max(self.from);
        open.retain(|id| id.at() < reached);
        open.sort_unstable();
        open.dedup();
        let from = open.get(MOST_CARRIED).map_or(reached, |id| id.at());
        open.retain(|id| id.at() < from);
        Watermark { from, carried: open }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: i64, number: u8) -> DebitId {
        DebitId::made_at(Timestamp::from_ms(1_795_441_928_000 + ms), &[number; 10])
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(1_795_441_928_000 + ms)
    }

    /// However it moves, by whatever clock, and however many are open.
    #[test]
    fn no_open_hold_is_ever_passed_over() {
        for seed in 0..2_000 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut open: Vec<DebitId> = Vec::new();
            let mut mark = Watermark { from: at(-50), carried: Vec::new() };
            let mut latest = -50;
            for _ in 0..12 {
                // Holds are made at or behind what was reached.
                for number in 0..rng.u8(0..60) {
                    open.push(id(latest + 1 + rng.i64(0..4), number));
                }
                open.retain(|_| rng.u8(..4) > 0);
                let is_found = |one: &&DebitId| one.at() >= mark.from || mark.carried.contains(one);
                assert_eq!(open.iter().filter(is_found).count(), open.len(), "seed {seed}: {mark:?}");
                latest = latest.max(rng.i64(-60..60));
                let reached = at(latest - rng.i64(0..20));
                mark = mark.moved(open.clone(), reached);
                assert!(mark.carried.len() <= MOST_CARRIED, "seed {seed}");
            }
        }
    }

    /// More open ones than can be carried, of which each run looks at a few.
    #[test]
    fn all_come_round_however_many_stay_open() {
        for few in [7, 60, 1_000] {
            let mut open: Vec<DebitId> = (0..300).map(|ms| id(ms, 1)).collect();
            let mut round = Round { mark: Watermark { from: at(-5), carried: Vec::new() }, go_on: None };
            let last = *open.last().unwrap();
            let mut runs = 0;
            // The last one is over and is ended when it is looked at; all others stay open.
            while open.contains(&last) {
                let begins = round.begins();
                let behind: Vec<_> = open.iter().copied().filter(|one| one.at() >= begins).collect();
                let looked: Vec<_> = behind.iter().copied().take(few).collect();
                let is_over = looked.len() == behind.len();
                let reached = looked.last().map_or(begins, |one| one.at());
                open.retain(|one| *one != last || !looked.contains(&last));
                let found =
                    looked.iter().chain(&round.mark.carried).copied().filter(|one| open.contains(one));
                round = round.after(found.collect(), reached, is_over, at(10_000));
                let known = |one: &&DebitId| one.at() >= round.mark.from || round.mark.carried.contains(one);
                assert_eq!(open.iter().filter(known).count(), open.len(), "none is passed over: {round:?}");
                runs += 1;
                assert!(runs < 60, "{few} at a time");
            }
        }
    }

    #[test]
    fn it_moves_to_what_was_reached_and_stays_where_too_many_are_open() {
        let mark = Watermark { from: at(0), carried: Vec::new() };
        assert_eq!(mark.moved(Vec::new(), at(9)), Watermark { from: at(9), carried: Vec::new() });
        let one = mark.moved(vec![id(3, 1), id(12, 1), id(3, 1)], at(9));
        assert_eq!(one, Watermark { from: at(9), carried: vec![id(3, 1)] });
        let behind = one.moved(vec![id(3, 1)], at(2));
        assert_eq!(behind, one, "a clock that is behind forgets nothing");
        let many: Vec<_> = (0..150).map(|ms| id(ms, 1)).collect();
        let stays = mark.moved(many, at(200));
        assert_eq!((stays.from, stays.carried.len()), (at(100), MOST_CARRIED));
    }
}
