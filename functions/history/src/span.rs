//! Of which days usage is asked, and how finely.

use lambda_http::Request;
use saldo_adapters::http::{Problem, query_parameter};
use saldo_domain::{EntryId, Month, Timestamp};

use crate::page;

const DAY_SECS: i64 = 86_400;
/// Days that are counted together at the most: a quarter of a year.
const MOST_DAYS: i64 = 92;

/// Some days on end, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first moment of the first day.
    pub(crate) start: Timestamp,
    /// The first moment behind the last day; `None` where the months end with it.
    pub(crate) end: Option<Timestamp>,
    pub(crate) first: Month,
    pub(crate) last: Month,
    /// Whether days were asked for, and not a month.
    pub(crate) by_days: bool,
}

impl Span {
    /// The parameters `from` and `to`, or `month`: the month of `now` by default.
    pub(crate) fn of(request: &Request, now: Timestamp) -> Result<Span, Problem> {
        let (from, to) = (query_parameter(request, "from")?, query_parameter(request, "to")?);
        let (from, to) = match (from, to) {
            (None, None) => {
                let month = page::month(request, now)?;
                return Ok(Span {
                    start: month.start(),
                    end: None,
                    first: month,
                    last: month,
                    by_days: false,
                });
            }
            (Some(from), Some(to)) => (day("from", &from)?, day("to", &to)?),
            (None, Some(_)) => {
                return Err(Problem::invalid(
                    "from",
                    "from is the first day of those up to to, and comes with it.",
                ));
            }
            (Some(_), None) => {
                return Err(Problem::invalid(
                    "to",
                    "to is the last day of those from from on, and comes with it.",
                ));
            }
        };
        if query_parameter(request, "month")?.is_some() {
            return Err(Problem::invalid("month", "Ask for a month, or for days from from to to."));
        }
        if to < from || to.secs_since(from) >= MOST_DAYS * DAY_SECS {
            return Err(Problem::invalid("to", "to is from or a day after it, of 92 days at the most."));
        }
        let end = to.plus_secs(DAY_SECS);
        Ok(Span { start: from, end: Some(end), first: Month::of(from), last: Month::of(to), by_days: true })
    }

    /// The last day, as it is written.
    pub(crate) fn last_day(&self) -> String {
        let next = self.last.next();
        let of_month = if next > self.last { next.start() } else { Timestamp::from_secs(i64::MAX) };
        self.end.unwrap_or(of_month).plus_secs(-1).date()
    }

    /// The parameter `cursor`: an entry of these days.
    pub(crate) fn cursor(&self, request: &Request) -> Result<Option<EntryId>, Problem> {
        let within = |id: &EntryId| {
            (self.first..=self.last).contains(&id.month())
                && id.at() >= self.start
                && self.end.is_none_or(|end| id.at() < end)
        };
        page::cursor(request, |text| EntryId::parse(text).ok().filter(within))
    }

    /// As the parameters say it.
    pub(crate) fn query(&self) -> String {
        if self.by_days {
            format!("from={}&to={}", self.start.date(), self.last_day())
        } else {
            format!("month={}", self.last)
        }
    }

    /// As names of files say it.
    pub(crate) fn name(&self) -> String {
        if self.by_days {
            format!("{}-to-{}", self.start.date(), self.last_day())
        } else {
            self.last.to_string()
        }
    }
}

/// A day like `2026-11-03`.
fn day(parameter: &str, text: &str) -> Result<Timestamp, Problem> {
    let moment = Timestamp::parse(&format!("{text}T00:00:00Z"));
    // Years before 1970 and what else is not written as days are would be another day.
    moment.filter(|moment| moment.date() == text).ok_or_else(|| {
        Problem::invalid(parameter, format!("{parameter} is a day of a year and a month, like 2026-11-03."))
    })
}

/// What is told apart within a day and channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct By {
    pub(crate) class: bool,
    pub(crate) country: bool,
}

impl By {
    /// The parameter `by`: `class`, `country` or both with a comma between; neither by default.
    pub(crate) fn of(request: &Request) -> Result<By, Problem> {
        match query_parameter(request, "by")?.as_deref() {
            None => Ok(By::default()),
            Some("class") => Ok(By { class: true, country: false }),
            Some("country") => Ok(By { class: false, country: true }),
            Some("class,country") => Ok(By { class: true, country: true }),
            Some(_) => Err(Problem::invalid("by", "by is class, country, or class,country.")),
        }
    }

    /// Whether anything is.
    pub(crate) fn any(self) -> bool {
        self.class || self.country
    }

    /// As the parameter says it.
    pub(crate) fn word(self) -> &'static str {
        match (self.class, self.country) {
            (true, true) => "class,country",
            (true, false) => "class",
            (false, true) => "country",
            (false, false) => "",
        }
    }
}
