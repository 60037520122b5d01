//! A sweep through what the provider lists, newest first, over as many runs as it takes.

use crate::Timestamp;

/// How far a sweep has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// What was made from here on is looked at.
    pub since: Timestamp,
    /// When it began; nothing later is looked at.
    pub began: Timestamp,
    /// The last that was looked at; `None` before the first.
    pub after: Option<String>,
    /// Whether it is over.
    pub over: bool,
}

impl Sweep {
    /// The sweep to go on with at `now`: the one that is not over, or a new one. A new one begins where the last one did,
    /// less the overlap, and `longest_secs` ago at the most.
    #[must_use]
    pub fn next(self, now: Timestamp, overlap_secs: i64, longest_secs: i64) -> Sweep {
        let earliest = now.plus_secs(-longest_secs);
        if !self.over && self.began > earliest {
            return self;
        }
        let since = if self.over { self.began.plus_secs(-overlap_secs) } else { earliest };
        Sweep { since: since.max(earliest), began: now, after: None, over: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_goes_on_where_it_stopped_and_the_next_one_leaves_no_gap() {
        let at = Timestamp::from_secs;
        let first = Sweep::default().next(at(1_000_000), 60, 10_000);
        assert_eq!((first.since, first.began), (at(990_000), at(1_000_000)));
        let stopped = Sweep { after: Some("evt_7".to_owned()), ..first };
        assert_eq!(stopped.clone().next(at(1_000_100), 60, 10_000), stopped);
        let over = Sweep { over: true, ..stopped.clone() };
        let next = over.next(at(1_000_200), 60, 10_000);
        assert_eq!((next.since, next.began, next.after), (at(999_940), at(1_000_200), None));
        let forgotten = stopped.next(at(1_020_000), 60, 10_000);
        assert_eq!(
            (forgotten.since, forgotten.began),
            (at(1_010_000), at(1_020_000)),
            "too old to go on with"
        );
    }
}
