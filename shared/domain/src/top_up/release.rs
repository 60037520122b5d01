//! What a person decides about a top-up that is in doubt.

use super::decide::name_entries;
use super::entitlement::difference;
use crate::{Author, Commit, Entitlement, Occasion, Status, Timestamp, TopUp, What};

/// How a doubt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleasedAs {
    /// The organisation has, or keeps, its credits.
    Paid,
    /// There is nothing to credit.
    Nothing,
}

/// Why there is nothing to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReleased {
    /// Nobody has to look at it.
    NotInReview,
    /// Its invoice may still be paid: it is ended first.
    Unfinished,
    /// Its credits were given, and are taken back by a refund or an adjustment.
    Credited,
}

/// The row after a person ended its doubt, with what is posted. The provider saying the same again does not bring it back.
pub fn release(
    top_up: &TopUp,
    released_as: ReleasedAs,
    author: &Author,
    now: Timestamp,
) -> Result<Commit, NotReleased> {
    let reason = top_up.review.ok_or(NotReleased::NotInReview)?;
    let mut after = top_up.changed_by(author);
    (after.review, after.review_since, after.released) = (None, None, Some(reason));
    after.review_by = None;
    let mut postings = Vec::new();
    let mut what = (What::Released, Some(reason.as_str().to_owned()));
    match (released_as, top_up.status) {
        (ReleasedAs::Paid, Status::InReview) => {
            after.status = Status::Paid;
            after.paid_at = top_up.paid_at.or(Some(now));
            after.posted = Entitlement { granted: top_up.purchase.credits, ..top_up.posted };
            postings = difference(top_up, after.posted, &author.actor, now);
            what = (What::Credited, Some(top_up.purchase.credits.to_string()));
        }
        (ReleasedAs::Nothing, Status::InReview) => {
            after.status = Status::Canceled;
            after.canceled_at = Some(now);
            what = (What::Canceled, None);
        }
        (ReleasedAs::Paid, Status::Paid)
        | (
            ReleasedAs::Nothing,
            Status::Requested | Status::Open | Status::Canceled | Status::Expired | Status::Failed,
        ) => {}
        (ReleasedAs::Paid, Status::Requested | Status::Open) => return Err(NotReleased::Unfinished),
        (ReleasedAs::Paid, Status::Canceled | Status::Expired | Status::Failed) => {
            return Err(NotReleased::NotInReview);
        }
        (ReleasedAs::Nothing, Status::Paid) => return Err(NotReleased::Credited),
    }
    name_entries(&mut after, &postings);
    let occasion = Occasion { detail: what.1, ..Occasion::of(what.0, &after, author, now) };
    Ok(Commit { top_up: after, postings, release_slot: false, occasion })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top_up::examples::{POLICY, invoice, now, top_up, worker};
    use crate::{Change, Credits, EntryKind, InvoiceStatus, Nothing, ReviewReason, Seen, decide};

    fn in_doubt(status: Status) -> TopUp {
        TopUp { review: Some(ReviewReason::NoPayment), review_since: Some(now()), ..top_up(status) }
    }

    #[test]
    fn a_doubt_ends_once_and_the_same_again_does_not_bring_it_back() {
        for (released_as, status, credits) in
            [(ReleasedAs::Paid, Status::Paid, 1000), (ReleasedAs::Nothing, Status::Canceled, 0)]
        {
            let row = in_doubt(Status::InReview);
            let commit = release(&row, released_as, &worker(), now()).unwrap();
            assert_eq!((commit.top_up.status, commit.top_up.review), (status, None));
            assert_eq!(commit.top_up.posted.credited(), Credits(credits));
            let kinds: Vec<_> =
                commit.postings.iter().map(|one| (one.entry.kind, one.entry.credits)).collect();
            let expected = (credits > 0).then_some((EntryKind::TopUp, Credits(credits)));
            assert_eq!(kinds, expected.into_iter().collect::<Vec<_>>());
            assert_eq!(commit.top_up.entries.len(), kinds.len());
            assert_eq!(release(&commit.top_up, released_as, &worker(), now()), Err(NotReleased::NotInReview));
            let mut same = invoice(&row, InvoiceStatus::Paid);
            same.payments.clear();
            let again = decide(&commit.top_up, Seen::Found(&same), POLICY, now());
            assert_eq!(again, Change::Nothing(Nothing::AlreadyApplied));
            // Another doubt is told, and money that is proven after all decides.
            same.amount_overpaid = 1;
            let other = decide(&commit.top_up, Seen::Found(&same), POLICY, now());
            assert!(matches!(other, Change::Flag(_) | Change::Review(_)), "{other:?}");
            let proven = invoice(&row, InvoiceStatus::Paid);
            let earned = decide(&commit.top_up, Seen::Found(&proven), POLICY, now());
            assert_eq!(matches!(earned, Change::Earn { .. }), credits == 0, "{earned:?}");
        }
    }

    #[test]
    fn what_is_credited_or_can_be_paid_is_not_released_the_wrong_way() {
        let refused = |status, released_as| {
            release(&in_doubt(status), released_as, &worker(), now()).map(|commit| commit.top_up.status)
        };
        assert_eq!(refused(Status::Paid, ReleasedAs::Nothing), Err(NotReleased::Credited));
        assert_eq!(refused(Status::Open, ReleasedAs::Paid), Err(NotReleased::Unfinished));
        assert_eq!(refused(Status::Open, ReleasedAs::Nothing), Ok(Status::Open), "its flag is gone");
        assert_eq!(refused(Status::Paid, ReleasedAs::Paid), Ok(Status::Paid), "it keeps its credits");
        assert_eq!(
            release(&top_up(Status::InReview), ReleasedAs::Paid, &worker(), now()),
            Err(NotReleased::NotInReview)
        );
    }
}
