//! How often an organisation, and each caller of it, may call: a budget of requests that fills again as time passes.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use serde::Deserialize;

use crate::Timestamp;

/// What a call asks of the system: each kind has budgets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// Shows something.
    View,
    /// Gives out many entries at once.
    Export,
    /// Buys, cancels or changes settings.
    Order,
    /// Spends credits on messages, or takes that back.
    Spend,
    /// Is one of the staff's.
    Operate,
}

/// So many requests at once, and so many a minute from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallBudget {
    /// 1 to a million.
    burst: u32,
    /// 1 to ten million.
    per_minute: u32,
}

/// The budgets of one kind of call, each for one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindBudgets {
    /// Of all callers of an organisation together.
    pub organisation: CallBudget,
    /// Of each person or machine of it.
    pub caller: CallBudget,
}

/// The budgets of all kinds of calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallBudgets {
    view: KindBudgets,
    export: KindBudgets,
    order: KindBudgets,
    spend: KindBudgets,
    operate: KindBudgets,
}

/// Call budgets cannot be used; says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallBudgetsError(pub String);

impl fmt::Display for CallBudgetsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CallBudgetsError {}

const LARGEST_BURST: u32 = 1_000_000;
const LARGEST_PER_MINUTE: u32 = 10_000_000;

impl Default for CallBudgets {
    /// More than people and well-behaved programs need, and of what costs much so little that a loop is slow: debits a thousand a
    /// second, an order five a second.
    fn default() -> CallBudgets {
        let of = |organisation: (u32, u32), caller: (u32, u32)| KindBudgets {
            organisation: CallBudget { burst: organisation.0, per_minute: organisation.1 },
            caller: CallBudget { burst: caller.0, per_minute: caller.1 },
        };
        CallBudgets {
            view: of((3_000, 6_000), (2_000, 3_000)),
            export: of((400, 600), (200, 300)),
            order: of((400, 600), (200, 300)),
            spend: of((5_000, 60_000), (5_000, 60_000)),
            operate: of((3_000, 6_000), (2_000, 3_000)),
        }
    }
}

impl CallBudgets {
    /// Reads `{"order":{"organisation":{"burst":60,"per_minute":120},"caller":{"burst":30,"per_minute":60}}}`, with the kinds `view`,
    /// `export`, `order`, `spend` and `operate`; a kind that is not named has its default.
    ///
    /// # Errors
    /// When a number is out of its bounds, or something is missing or unknown.
    pub fn from_json(text: &str) -> Result<CallBudgets, CallBudgetsError> {
        let budgets: CallBudgets =
            serde_json::from_str(text).map_err(|error| CallBudgetsError(error.to_string()))?;
        for kind in [CallKind::View, CallKind::Export, CallKind::Order, CallKind::Spend, CallKind::Operate] {
            let KindBudgets { organisation, caller } = budgets.of(kind);
            for CallBudget { burst, per_minute } in [organisation, caller] {
                if !(1..=LARGEST_BURST).contains(&burst) || !(1..=LARGEST_PER_MINUTE).contains(&per_minute) {
                    let bounds =
                        format!("burst is 1 to {LARGEST_BURST}, per_minute 1 to {LARGEST_PER_MINUTE}");
                    return Err(CallBudgetsError(bounds));
                }
            }
        }
        Ok(budgets)
    }

    #[must_use]
    pub fn of(&self, kind: CallKind) -> KindBudgets {
        match kind {
            CallKind::View => self.view,
            CallKind::Export => self.export,
            CallKind::Order => self.order,
            CallKind::Spend => self.spend,
            CallKind::Operate => self.operate,
        }
    }
}

const MICROS_OF_A_MINUTE: i64 = 60_000_000;

impl CallBudget {
    /// From one request to the next, when a budget is used up, in microseconds.
    fn step(self) -> i64 {
        (MICROS_OF_A_MINUTE / i64::from(self.per_minute.max(1))).max(1)
    }

    /// From an empty budget to a full one, in microseconds.
    fn all(self) -> i64 {
        self.step().saturating_mul(i64::from(self.burst))
    }

    /// When what was taken is filled up again: `spent`, unless that is over, or was said by a clock that has been set back since,
    /// which costs nobody more than an empty budget.
    fn spent(self, spent: Option<i64>, now: i64) -> i64 {
        spent.unwrap_or(now).clamp(now, now.saturating_add(self.all()))
    }

    /// How far one more request goes beyond the budget, in microseconds that must pass first; 0 or less when there is room.
    fn beyond(self, spent: i64, now: i64) -> i64 {
        spent.saturating_add(self.step()) - now.saturating_add(self.all())
    }
}

/// What was taken of the budgets of one process, by whom; the key is the caller's to choose.
///
/// It knows at most 131,072 keys: those that did not come for longest are forgotten, which gives them a full budget.
#[derive(Debug)]
pub struct Taken<K> {
    /// When everything that a key took is filled up again, in microseconds since 1970.
    newer: HashMap<K, i64>,
    older: HashMap<K, i64>,
}

const MOST_OF_AN_AGE: usize = 65_536;

impl<K> Default for Taken<K> {
    fn default() -> Taken<K> {
        Taken { newer: HashMap::new(), older: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash> Taken<K> {
    /// Takes one request `now` of each of these budgets, or none, and then tells after how many seconds all have room, at least one.
    ///
    /// # Errors
    /// When a budget is used up: whoever loops takes nothing of what others of the same organisation share.
    pub fn take<const N: usize>(&mut self, budgets: [(K, CallBudget); N], now: Timestamp) -> Result<(), u32> {
        let now = now.ms().saturating_mul(1000);
        let seen = budgets.map(|(key, budget)| {
            let spent = self.newer.get(&key).or_else(|| self.older.get(&key)).copied();
            (key, budget, budget.spent(spent, now))
        });
        let beyond =
            seen.iter().map(|(_, budget, spent)| budget.beyond(*spent, now)).max().unwrap_or_default();
        for (key, budget, spent) in seen {
            self.keep(key, if beyond > 0 { spent } else { spent.saturating_add(budget.step()) });
        }
        match u64::try_from(beyond).unwrap_or_default() {
            0 => Ok(()),
            beyond => Err(u32::try_from(beyond.div_ceil(1_000_000)).unwrap_or(u32::MAX)),
        }
    }

    fn keep(&mut self, key: K, spent: i64) {
        if self.newer.len() >= MOST_OF_AN_AGE && !self.newer.contains_key(&key) {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key, spent);
    }

    /// How many keys it knows.
    #[must_use]
    pub fn known(&self) -> usize {
        self.newer.len() + self.older.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: CallBudget = CallBudget { burst: 3, per_minute: 6 };
    const SHARED: CallBudget = CallBudget { burst: 5, per_minute: 60 };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + secs)
    }

    #[test]
    fn a_burst_passes_and_then_as_many_as_the_minute_allows() {
        let mut taken = Taken::default();
        let mut one = |secs| taken.take([("acme", SLOW)], at(secs));
        assert_eq!([one(0), one(0), one(0)], [Ok(()); 3]);
        assert_eq!([one(0), one(4), one(9)], [Err(10), Err(6), Err(1)]);
        assert_eq!([one(10), one(10), one(19)], [Ok(()), Err(10), Err(1)]);
        assert_eq!(one(20), Ok(()), "what is told is kept to");
        assert_eq!(
            [one(3_600), one(3_600), one(3_600), one(3_600)],
            [Ok(()), Ok(()), Ok(()), Err(10)],
            "and no more than a burst"
        );
    }

    #[test]
    fn over_a_long_time_exactly_the_budget_passes() {
        for budget in [
            SLOW,
            SHARED,
            CallBudget { burst: 1, per_minute: 7 },
            CallBudget { burst: 100, per_minute: 6_000 },
        ] {
            let mut taken = Taken::default();
            let passed = (0..600_000)
                .filter(|ms| taken.take([((), budget)], Timestamp::from_ms(1_800_000_000_000 + ms)).is_ok());
            let passed = u32::try_from(passed.count()).unwrap();
            let due = budget.burst + 10 * budget.per_minute;
            assert!((due - 1..=due + 1).contains(&passed), "{budget:?}: {passed}");
        }
    }

    #[test]
    fn one_who_loops_takes_nothing_of_what_others_share() {
        let mut taken = Taken::default();
        let mut call = |who: &'static str| taken.take([("acme", SHARED), (who, SLOW)], at(0));
        let looped = (0..1_000).filter(|_| call("ana").is_ok()).count();
        assert_eq!(looped, 3);
        assert_eq!(
            [call("budi"), call("budi"), call("budi")],
            [Ok(()), Ok(()), Err(1)],
            "two are left of the five of all"
        );
    }

    #[test]
    fn a_clock_that_is_set_back_costs_no_more_than_an_empty_budget() {
        let mut taken = Taken::default();
        let mut one = |secs| taken.take([("acme", SLOW)], at(secs));
        assert_eq!([one(86_400), one(0)], [Ok(()), Err(10)]);
        assert_eq!(one(10), Ok(()));
        assert_eq!(one(-86_400), Err(10));
        assert_eq!(one(-86_390), Ok(()));
    }

    #[test]
    fn a_hundred_thousand_organisations_fit_and_more_take_no_more_room() {
        let mut taken = Taken::default();
        for org in 0..100_000_u32 {
            assert_eq!(taken.take([(org, SLOW)], at(0)), Ok(()));
        }
        assert_eq!(taken.known(), 100_000);
        assert_eq!([taken.take([(99_999, SLOW)], at(0)), taken.take([(99_999, SLOW)], at(0))], [Ok(()); 2]);
        assert_eq!(taken.take([(99_999, SLOW)], at(0)), Err(10), "it is remembered");
        assert_eq!([taken.take([(7, SLOW)], at(0)), taken.take([(7, SLOW)], at(0))], [Ok(()); 2]);
        assert_eq!(taken.take([(7, SLOW)], at(0)), Err(10), "an older one too");
        for org in 0..300_000_u32 {
            let _ = taken.take([(org, SLOW)], at(0));
        }
        assert!(taken.known() <= 2 * MOST_OF_AN_AGE, "{}", taken.known());
    }

    #[test]
    fn budgets_are_read_with_their_defaults_and_their_bounds() {
        assert_eq!(CallBudgets::from_json("{}"), Ok(CallBudgets::default()));
        let order =
            r#"{"order":{"organisation":{"burst":2,"per_minute":3},"caller":{"burst":1,"per_minute":1}}}"#;
        let budgets = CallBudgets::from_json(order).unwrap();
        assert_eq!(budgets.of(CallKind::Order).organisation, CallBudget { burst: 2, per_minute: 3 });
        assert_eq!(budgets.of(CallKind::View), CallBudgets::default().of(CallKind::View));
        for (number, wrong) in [
            ("3", "0"),
            ("3", "10000001"),
            ("2", "0"),
            ("2", "1000001"),
            ("2", "-1"),
            ("2", "1.5"),
            ("order", "orders"),
        ] {
            let text = order.replacen(number, wrong, 1);
            assert!(CallBudgets::from_json(&text).is_err(), "{text}");
        }
        assert!(CallBudgets::from_json(r#"{"order":{"caller":{"burst":1,"per_minute":1}}}"#).is_err());
        let widest = CallBudget { burst: LARGEST_BURST, per_minute: 1 };
        assert_eq!(widest.beyond(widest.spent(Some(i64::MAX), 5), 5), MICROS_OF_A_MINUTE);
    }
}
