//! What a person decides about the time that an unpaid top-up has.

use crate::{Author, Commit, Occasion, Status, Timestamp, TopUp, What};

/// How long after its making an invoice may be paid at the most, in days. Stripe's page lives until 30 days after the day
/// that the invoice is due, and that day cannot be changed once the invoice is open.
pub const LONGEST_LIFE_DAYS: i64 = 30;
const DAY_SECS: i64 = 86_400;

/// Why a top-up has no other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotExtended {
    /// It cannot be paid, yet or any more.
    NotOpen,
    /// It can be paid as long already.
    Sooner,
    /// It would be payable for longer than [`LONGEST_LIFE_DAYS`] from its making.
    TooLong,
}

/// The row that ends `days` days from now, if nobody pays or cancels before.
pub fn extend(top_up: &TopUp, days: i64, author: &Author, now: Timestamp) -> Result<Commit, NotExtended> {
    if top_up.status != Status::Open {
        return Err(NotExtended::NotOpen);
    }
    let end = now.plus_secs(days.saturating_mul(DAY_SECS));
    if end <= top_up.expires_at {
        return Err(NotExtended::Sooner);
    }
    if end > top_up.created_at.plus_secs(LONGEST_LIFE_DAYS * DAY_SECS) {
        return Err(NotExtended::TooLong);
    }
    let mut after = top_up.changed_by(author);
    after.expires_at = end;
    after.due_at = Some(after.next_check(now));
    let detail = Some(end.to_string());
    let occasion = Occasion { detail, ..Occasion::of(What::Extended, &after, author, now) };
    Ok(Commit { top_up: after, postings: Vec::new(), release_slot: false, occasion })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top_up::examples::{now, top_up, worker};

    #[test]
    fn an_open_one_ends_later_and_nothing_else_changes() {
        let before = top_up(Status::Open);
        let commit = extend(&before, 10, &worker(), now()).unwrap();
        assert_eq!(commit.top_up.expires_at, now().plus_secs(10 * DAY_SECS));
        let same = TopUp { expires_at: before.expires_at, due_at: before.due_at, ..commit.top_up.clone() };
        let unchanged = before.changed_by(&worker());
        assert_eq!(same, TopUp { due_at: before.due_at, ..unchanged });
        assert!(commit.postings.is_empty() && !commit.release_slot);
        assert!(commit.top_up.due_at.unwrap() <= commit.top_up.expires_at);
    }

    #[test]
    fn only_an_open_one_only_for_longer_and_only_while_its_page_lives() {
        for status in Status::ALL.into_iter().filter(|status| *status != Status::Open) {
            assert_eq!(
                extend(&top_up(status), 10, &worker(), now()),
                Err(NotExtended::NotOpen),
                "{status:?}"
            );
        }
        let open = top_up(Status::Open);
        let left = open.expires_at.secs_since(now()) / DAY_SECS;
        assert_eq!(extend(&open, left, &worker(), now()), Err(NotExtended::Sooner));
        let age = now().secs_since(open.created_at) / DAY_SECS;
        assert!(extend(&open, LONGEST_LIFE_DAYS - age - 1, &worker(), now()).is_ok());
        for days in [LONGEST_LIFE_DAYS + 1, i64::MAX] {
            assert_eq!(extend(&open, days, &worker(), now()), Err(NotExtended::TooLong), "{days}");
        }
    }
}
