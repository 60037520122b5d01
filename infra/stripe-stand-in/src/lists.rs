//! Lists in Stripe's form: newest first, cursors by object id, ranges of time.

use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult};
use crate::call::{ApiAnswer, Call};
use crate::store::{Condition, Range};

/// Answers a page of the objects that meet the conditions, each passed through `present`.
pub(crate) fn answer(
    call: &mut Call<'_>,
    kind: &str,
    conditions: Vec<Condition>,
    mut present: impl FnMut(Value) -> ApiResult<Value>,
) -> ApiResult<ApiAnswer> {
    let page = Page::read(call)?;
    let range = page.range(call, kind)?;
    let mut data = call.store.select(kind, conditions, range)?;
    let has_more = data.len() > page.limit;
    data.truncate(page.limit);
    if page.ending_before.is_some() {
        data.reverse();
    }
    let data = data.into_iter().map(&mut present).collect::<ApiResult<Vec<Value>>>()?;
    let url = call.path.clone();
    call.answer(json!({ "object": "list", "data": data, "has_more": has_more, "url": url }))
}

/// Answers a page of objects that are at hand, in the order given.
pub(crate) fn answer_from(call: &mut Call<'_>, all: &[Value]) -> ApiResult<ApiAnswer> {
    let page = Page::read(call)?;
    let place = |id: &String| all.iter().position(|object| object["id"] == id.as_str());
    let missing = |id: &String| ApiError::missing_reference("line item", id, "starting_after");
    let after = page.starting_after.as_ref().map(|id| place(id).ok_or_else(|| missing(id))).transpose()?;
    let before = page.ending_before.as_ref().map(|id| place(id).ok_or_else(|| missing(id))).transpose()?;
    let end = before.unwrap_or(all.len());
    let start = after.map_or(0, |place| place + 1).min(end);
    let window = &all[start..end];
    let cut = window.len().saturating_sub(page.limit);
    let data = if before.is_some() { &window[cut..] } else { &window[..window.len() - cut] };
    let url = call.path.clone();
    let list =
        json!({ "object": "list", "data": data, "has_more": cut > 0, "total_count": all.len(), "url": url });
    call.answer(list)
}

/// Conditions from `created` and `created[gte]` and their like.
pub(crate) fn created(call: &mut Call<'_>) -> ApiResult<Vec<Condition>> {
    range_of(call, "created")
}

/// Conditions from a time parameter: an instant, or an object with `gt`, `gte`, `lt`, `lte`.
pub(crate) fn range_of(call: &mut Call<'_>, field: &str) -> ApiResult<Vec<Condition>> {
    if let Ok(Some(exact)) = call.params.clone().integer(field) {
        call.params.integer(field)?;
        return Ok(vec![Condition::equal(field, exact)]);
    }
    let Some(mut range) = call.params.object(field)? else { return Ok(Vec::new()) };
    let mut conditions = Vec::new();
    for (name, operator) in [("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")] {
        if let Some(value) = range.integer(name)? {
            conditions.push(Condition::compare(field, operator, value));
        }
    }
    range.finish()?;
    Ok(conditions)
}

struct Page {
    limit: usize,
    starting_after: Option<String>,
    ending_before: Option<String>,
}

impl Page {
    fn read(call: &mut Call<'_>) -> ApiResult<Page> {
        let limit = call.params.integer("limit")?.unwrap_or(10);
        let limit = usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit));
        let limit = limit.ok_or_else(|| call.params.invalid("limit", "must be between 1 and 100"))?;
        let starting_after = call.params.text("starting_after")?;
        let ending_before = call.params.text("ending_before")?;
        if starting_after.is_some() && ending_before.is_some() {
            return Err(call.params.invalid("ending_before", "cannot be used together with starting_after"));
        }
        Ok(Page { limit, starting_after, ending_before })
    }

    fn range(&self, call: &Call<'_>, kind: &str) -> ApiResult<Range> {
        let place = |id: &Option<String>, param: &str| match id {
            None => Ok(None),
            Some(id) => {
                let place = call.store.place(kind, id)?;
                place.map(Some).ok_or_else(|| ApiError::missing_reference(&kind.replace('_', " "), id, param))
            }
        };
        Ok(Range {
            before: place(&self.starting_after, "starting_after")?,
            after: place(&self.ending_before, "ending_before")?,
            oldest_first: self.ending_before.is_some(),
            // One more than asked tells whether there is more.
            limit: i64::try_from(self.limit).unwrap_or(100) + 1,
        })
    }
}
