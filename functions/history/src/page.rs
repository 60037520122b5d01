//! Pages: of which month, how many, and from where on.

use lambda_http::Request;
use saldo_adapters::http::{Problem, integer, query_parameter};
use saldo_domain::{EntryId, Month, Timestamp};

const DEFAULT_LIMIT: usize = 20;
const LARGEST_LIMIT: usize = 100;

/// The parameter `limit`: 1 to 100, 20 by default.
pub(crate) fn limit(request: &Request) -> Result<usize, Problem> {
    let Some(text) = query_parameter(request, "limit")? else { return Ok(DEFAULT_LIMIT) };
    let limit = integer(&text).and_then(|limit| usize::try_from(limit).ok());
    limit
        .filter(|limit| (1..=LARGEST_LIMIT).contains(limit))
        .ok_or_else(|| Problem::invalid("limit", "limit is a whole number from 1 to 100."))
}

/// The parameter `month`: the one of `now` by default.
pub(crate) fn month(request: &Request, now: Timestamp) -> Result<Month, Problem> {
    match query_parameter(request, "month")? {
        None => Ok(Month::of(now)),
        Some(text) => {
            text.parse().map_err(|_| Problem::invalid("month", "month is a year and a month, like 2026-11."))
        }
    }
}

/// Which months a list of entries shows, and from where on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) first: Month,
    pub(crate) last: Month,
    pub(crate) after: Option<EntryId>,
    /// Whether the month was asked for, and not only the one of today.
    pub(crate) named: bool,
}

impl View {
    /// The month where the list goes on.
    pub(crate) fn begin(self) -> Month {
        self.after.map_or(self.first, EntryId::month)
    }
}

/// The parameters `month` and `cursor`. Without a month it is this one, and what there is of the next one, as ids may be
/// some minutes ahead; a list that was begun before the month turned goes on with it.
pub(crate) fn view(request: &Request, now: Timestamp) -> Result<View, Problem> {
    if query_parameter(request, "month")?.is_some() {
        let month = month(request, now)?;
        let after = entry_cursor(request, month)?;
        return Ok(View { first: month, last: month, after, named: true });
    }
    let (this, last) = (Month::of(now), Month::latest(now));
    let shown = |id: &EntryId| id.month().next() >= this && id.month() <= last;
    let after = cursor(request, |text| EntryId::parse(text).ok().filter(shown))?;
    let first = after.map_or(this, |id| id.month().min(this));
    Ok(View { first, last, after, named: false })
}

/// The parameter `cursor` in a list of the entries of `month`.
pub(crate) fn entry_cursor(request: &Request, month: Month) -> Result<Option<EntryId>, Problem> {
    cursor(request, |text| EntryId::parse(text).ok().filter(|id| id.month() == month))
}

/// The parameter `cursor`, understood by `parse`. A cursor is the id after which the list goes on; the key is made from
/// the token's organisation, so that another's cursor shows nothing of theirs.
pub(crate) fn cursor<T>(request: &Request, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    match query_parameter(request, "cursor").map_err(|_| Problem::invalid_cursor())? {
        None => Ok(None),
        Some(text) => parse(&text).map(Some).ok_or_else(Problem::invalid_cursor),
    }
}
