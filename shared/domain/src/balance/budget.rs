//! Budgets: how many credits some debits of an organisation may cost in a day or in a month.

use super::period::Period;
use super::{Debit, Reference};
use crate::{Actor, Channel, Credits, InvalidId, MOST_CREDITS, Subject, Timestamp};

/// How many budgets an organisation has at the most: each is a counter on every balance shard, whose size is what a debit
/// costs.
pub const MOST_BUDGETS: usize = 8;

/// A budget as its organisation calls it in addresses: 1 to 32 small letters, digits or `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BudgetId(String);

impl BudgetId {
    pub fn parse(text: &str) -> Result<BudgetId, InvalidId> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=32).contains(&text.len()) && text.bytes().all(fits) {
            Ok(BudgetId(text.to_owned()))
        } else {
            Err(InvalidId)
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the organisation calls a budget on its page: 1 to 64 bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetName(String);

impl BudgetName {
    pub fn parse(text: &str) -> Result<BudgetName, InvalidId> {
        let fits = (1..=64).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(BudgetName(text.to_owned())) } else { Err(InvalidId) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which debits a budget counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetBy {
    /// Those of this meter, of whatever class.
    Meter(Channel),
    /// Those of the caller with this subject.
    Key(Subject),
    /// Those whose reference begins so.
    ReferencePrefix(Reference),
}

impl BudgetBy {
    /// Whether it counts this debit of this caller.
    #[must_use]
    pub fn counts(&self, debit: &Debit, actor: &Actor) -> bool {
        match self {
            BudgetBy::Meter(channel) => debit.channel == *channel,
            BudgetBy::Key(key) => match actor {
                Actor::Person(subject) | Actor::Machine(subject) | Actor::Operator(subject) => subject == key,
                Actor::System => false,
            },
            BudgetBy::ReferencePrefix(prefix) => {
                let begins = |reference: &Reference| reference.as_str().starts_with(prefix.as_str());
                debit.details.reference.as_ref().is_some_and(begins)
            }
        }
    }
}

/// What is done about a debit that is beyond the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limiting {
    /// It is refused.
    Hard,
    /// It is done, and someone is told.
    Soft,
}

impl Limiting {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Limiting::Hard => "hard",
            Limiting::Soft => "soft",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Limiting> {
        [Limiting::Hard, Limiting::Soft].into_iter().find(|limiting| limiting.as_str() == text)
    }
}

/// A budget as it is wished for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetTerms {
    pub name: BudgetName,
    pub by: BudgetBy,
    pub period: Period,
    /// 1 to [`MOST_CREDITS`].
    pub limit: Credits,
    pub limiting: Limiting,
}

/// A budget as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    pub id: BudgetId,
    /// Names its counters; never given to another one, nor to the same one when it counts something else.
    pub number: i64,
    pub terms: BudgetTerms,
    pub changed_at: Timestamp,
    pub changed_by: Actor,
}

/// All budgets of an organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    /// How often they were changed; every balance shard knows it too.
    pub version: i64,
    /// The highest number that was given.
    pub last_number: i64,
    /// At most [`MOST_BUDGETS`], by id.
    pub all: Vec<Budget>,
}

/// Why a budget cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSet {
    /// There are [`MOST_BUDGETS`] already.
    TooMany,
    /// The limit is not 1 to [`MOST_CREDITS`].
    Limit,
}

impl Budgets {
    #[must_use]
    pub fn get(&self, id: &BudgetId) -> Option<&Budget> {
        self.all.iter().find(|budget| budget.id == *id)
    }

    #[must_use]
    pub fn numbered(&self, number: i64) -> Option<&Budget> {
        self.all.iter().find(|budget| budget.number == number)
    }

    /// The budgets with this one made or changed. What it has counted stays while it counts the same debits by the same
    /// period; else it begins at nothing. The same again changes nothing.
    ///
    /// # Errors
    /// When there are too many, or the limit is out of its bounds.
    pub fn with(
        &self,
        id: &BudgetId,
        terms: &BudgetTerms,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Budgets, NotSet> {
        if !(1..=MOST_CREDITS).contains(&terms.limit.0) {
            return Err(NotSet::Limit);
        }
        let before = self.get(id);
        if before.is_some_and(|budget| budget.terms == *terms) {
            return Ok(self.clone());
        }
        let counts_on = before
            .filter(|budget| (&budget.terms.by, budget.terms.period) == (&terms.by, terms.period))
            .map(|budget| budget.number);
        let mut changed = self.without(id);
        if changed.all.len() >= MOST_BUDGETS {
            return Err(NotSet::TooMany);
        }
        let number = counts_on.unwrap_or(self.last_number.saturating_add(1));
        changed.last_number = changed.last_number.max(number);
        changed.version = self.version.saturating_add(1);
        let (terms, changed_by) = (terms.clone(), by.clone());
        changed.all.push(Budget { id: id.clone(), number, terms, changed_at: now, changed_by });
        changed.all.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(changed)
    }

    /// The budgets without this one; the same when there is none.
    #[must_use]
    pub fn without(&self, id: &BudgetId) -> Budgets {
        let mut changed = self.clone();
        changed.all.retain(|budget| budget.id != *id);
        if changed.all.len() < self.all.len() {
            changed.version = self.version.saturating_add(1);
        }
        changed
    }

    /// The numbers that these have and `after` has not: their counters are over.
    #[must_use]
    pub fn over_in(&self, after: &Budgets) -> Vec<i64> {
        let gone = |budget: &&Budget| after.numbered(budget.number).is_none();
        self.all.iter().filter(gone).map(|budget| budget.number).collect()
    }

    /// The numbers of the budgets that count this debit of this caller: none for one that costs nothing.
    #[must_use]
    pub fn counting(&self, debit: &Debit, actor: &Actor) -> Vec<i64> {
        if debit.credits == Credits::ZERO {
            return Vec::new();
        }
        let counts = |budget: &&Budget| budget.terms.by.counts(debit, actor);
        self.all.iter().filter(counts).map(|budget| budget.number).collect()
    }
}
