//! What is noted while one call is worked on, for the trail: what the provider told, and what it was asked.
//!
//! It travels beside the call and not through it: as an argument it would pass through every method of the port and each
//! of their callers, none of which has use for it.

use std::cell::RefCell;

use saldo_domain::{Asked, Author, Cause, Occasion, Timestamp, TopUp, What};
use tracing::warn;

use crate::Rows;

#[derive(Default)]
struct Noted {
    /// The provider's word for what it told, where an event is worked on.
    event: Option<String>,
    /// Requests that no occasion of the trail has yet.
    asked: Vec<Asked>,
    /// Whether this call has changed a row.
    changed: bool,
}

tokio::task_local! {
    static NOTED: RefCell<Noted>;
}

/// Notes a request to the provider, whatever came of it; for those who implement [`Invoices`](crate::Invoices). Outside of a
/// use case it is nothing.
pub fn note_asked(asked: Asked) {
    // An error means that no use case is under way.
    let _ = NOTED.try_with(|noted| noted.borrow_mut().asked.push(asked));
}

/// Does the work of one call, and notes what it asks the provider. Within another call's work it notes into that one's.
pub(crate) async fn noting<T>(event: Option<&str>, work: impl Future<Output = T>) -> T {
    if NOTED.try_with(|_| ()).is_ok() {
        return work.await;
    }
    let noted = Noted { event: event.map(str::to_owned), asked: Vec::new(), changed: false };
    NOTED.scope(RefCell::new(noted), work).await
}

/// The occasion with what was noted since the one before.
pub(crate) fn noted(occasion: Occasion) -> Occasion {
    let noted = |noted: &RefCell<Noted>| {
        let noted = noted.borrow();
        Occasion { event: noted.event.clone(), ..occasion.clone().with_asked(noted.asked.clone()) }
    };
    NOTED.try_with(noted).unwrap_or(occasion)
}

/// What was asked is written down, or was asked about another top-up: the next occasion begins anew.
pub(crate) fn forget_asked() {
    let _ = NOTED.try_with(|noted| noted.borrow_mut().asked.clear());
}

/// The row was changed, with what was asked until then.
pub(crate) fn row_is_changed() {
    forget_asked();
    let _ = NOTED.try_with(|noted| noted.borrow_mut().changed = true);
}

/// The provider's name of the request that was the last of those not written down yet.
pub(crate) fn last_request() -> Option<String> {
    let last = |noted: &RefCell<Noted>| noted.borrow().asked.last().and_then(|asked| asked.id.clone());
    NOTED.try_with(last).ok().flatten()
}

/// Whether an occasion that left the row as it is has a place in the trail: somebody told or wanted something. What looks
/// by itself, again and again, has none, nor has another look at what the same call has written.
pub(crate) fn has_a_place(author: &Author) -> bool {
    match author.cause {
        Cause::Event(_) | Cause::Cancellation | Cause::Operation(_) => {
            NOTED.try_with(|noted| !noted.borrow().changed) != Ok(false)
        }
        Cause::Order | Cause::Check => false,
    }
}

/// Writes an occasion that left the row as it is. What was done stays done when that fails.
pub(crate) async fn keep<R: Rows>(rows: &R, top_up: &TopUp, occasion: Occasion) {
    match rows.note(top_up, &noted(occasion)).await {
        Ok(()) => forget_asked(),
        Err(error) => {
            warn!(org = top_up.org.as_str(), top_up = top_up.id.as_str(), %error, "an occasion is not in the trail");
        }
    }
}

/// Writes down that something was cut off, if the provider was asked anything.
pub(crate) async fn keep_cut_off<R: Rows>(rows: &R, top_up: &TopUp, author: &Author, now: Timestamp) {
    let asked = NOTED.try_with(|noted| !noted.borrow().asked.is_empty());
    if asked == Ok(true) {
        keep(rows, top_up, Occasion::of(What::NotDone, top_up, author, now)).await;
    }
}
