//! Evidence in any order, as often as it comes, by workers that overtake each other: the books end the same.

use std::collections::BTreeSet;

use super::examples::{POLICY, invoice, now, top_up, worker};
use crate::{
    CreditNote, Credits, Dispute, DisputeStatus, EntryKind, Evidence, InvoiceStatus, Posting, Refund,
    RefundState, Returned, Seen, Status, TopUp, apply, decide,
};

const SEEDS: u64 = 3_000;
const STEPS: usize = 120;
/// Top-ups of such sizes that shares of credits are no whole numbers.
const TOTALS: [i64; 4] = [27_750_000, 1_000, 999, 7];

/// The provider, whose every answer is of now.
struct Provider {
    now: Evidence,
}

impl Provider {
    fn changes(&mut self, rng: &mut fastrand::Rng) {
        let some = rng.i64(1..=self.now.total);
        if self.now.status != InvoiceStatus::Paid {
            if rng.u8(..4) == 0 {
                self.now.status = InvoiceStatus::Paid;
                self.now.amount_paid = self.now.total;
                self.now.payments[0].paid = true;
            }
            return;
        }
        let returned = self.now.returned.get_or_insert_default();
        match rng.u8(..8) {
            0 => returned.refunds.push(Refund { amount: some, state: RefundState::Pending }),
            1 => returned.disputes.push(dispute(some)),
            2 => {
                let refunded = rng.i64(0..=some);
                returned.refunds.push(Refund { amount: refunded, state: RefundState::WaitsForPayer });
                returned.credit_notes.push(CreditNote { amount: some, refunded, ..CreditNote::default() });
            }
            3 => {
                // It fails even after it succeeded, and does not come back.
                if let Some(refund) = rng.choice(&mut returned.refunds) {
                    refund.state = match refund.state {
                        RefundState::Pending | RefundState::WaitsForPayer => RefundState::Succeeded,
                        RefundState::Succeeded | RefundState::Failed => RefundState::Failed,
                        RefundState::Canceled => RefundState::Canceled,
                    };
                }
            }
            4 => {
                if let Some(refund) = rng.choice(&mut returned.refunds) {
                    refund.state = RefundState::Canceled;
                }
            }
            5 | 6 => {
                // Lost, won, lost again: a lost one is not final.
                if let Some(dispute) = rng.choice(&mut returned.disputes) {
                    dispute.withdrawn = !dispute.withdrawn;
                }
            }
            _ => {
                if let Some(note) = rng.choice(&mut returned.credit_notes) {
                    note.voided = true;
                }
            }
        }
    }

    /// What it says to who asks what went back too.
    fn says(&self, rng: &mut fastrand::Rng) -> Evidence {
        let mut said = self.now.clone();
        let returned = said.returned.get_or_insert_default();
        rng.shuffle(&mut returned.refunds);
        rng.shuffle(&mut returned.disputes);
        rng.shuffle(&mut returned.credit_notes);
        said
    }

    /// What it says to who asks, or does not ask, what went back too.
    fn says_some(&self, rng: &mut fastrand::Rng) -> Evidence {
        let said = self.says(rng);
        if rng.bool() { said } else { Evidence { returned: None, ..said } }
    }

    /// What is left, found without division: the fewest credits that are worth what went back do not come back.
    fn left_of(&self, credits: Credits) -> Credits {
        if self.now.status != InvoiceStatus::Paid {
            return Credits::ZERO;
        }
        let returned = self.now.returned.clone().unwrap_or_default();
        let counts = |state| !matches!(state, RefundState::Failed | RefundState::Canceled);
        let refunds =
            returned.refunds.iter().filter(|refund| counts(refund.state)).map(|refund| refund.amount);
        let disputes = returned.disputes.iter().filter(|one| one.withdrawn).map(|one| one.amount);
        let notes = returned.credit_notes.iter().filter(|note| !note.voided);
        let back: i64 = refunds.chain(disputes).chain(notes.map(|note| note.amount - note.refunded)).sum();
        let back = i128::from(back.min(self.now.total));
        let (total, all) = (i128::from(self.now.total), i128::from(credits.0));
        let kept_back = (0..=credits.0).find(|some| i128::from(*some) * total >= all * back);
        Credits(credits.0 - kept_back.unwrap())
    }
}

/// The row and the ledger.
struct Books {
    row: TopUp,
    ledger: Vec<Posting>,
}

impl Books {
    /// Refuses a change that was decided over another revision; tells whether it has to be looked at again.
    fn commit(&mut self, over: &TopUp, evidence: &Evidence) -> bool {
        if over.revision != self.row.revision {
            return true;
        }
        let change = decide(over, Seen::Found(evidence), POLICY, now());
        let Some(commit) = apply(over, &change, &worker(), now()) else { return false };
        self.row = commit.top_up;
        self.ledger.extend(commit.postings);
        self.prove();
        change.may_be_over(over)
    }

    /// Handles an event with nobody in between.
    fn hear(&mut self, provider: &Provider, rng: &mut fastrand::Rng) {
        while self.commit(&self.row.clone(), &provider.says(rng)) {}
    }

    fn sum(&self, kinds: &[EntryKind]) -> i64 {
        let of_kinds = self.ledger.iter().filter(|posting| kinds.contains(&posting.entry.kind));
        of_kinds.map(|posting| posting.entry.credits.0).sum()
    }

    fn prove(&self) {
        let posted = self.row.posted;
        assert_eq!(self.sum(&[EntryKind::TopUp]), posted.granted.0);
        assert_eq!(self.sum(&[EntryKind::Refund, EntryKind::RefundUndone]), -posted.refunded.0);
        assert_eq!(self.sum(&[EntryKind::Dispute, EntryKind::DisputeUndone]), -posted.disputed.0);
        assert!(posted.refunded.0 >= 0 && posted.disputed.0 >= 0 && posted.credited().0 >= 0, "{posted:?}");
        let grants = self.ledger.iter().filter(|posting| posting.entry.kind == EntryKind::TopUp).count();
        assert!(grants <= 1, "never granted twice");
        let ids: BTreeSet<_> = self.ledger.iter().map(|posting| posting.entry.id).collect();
        assert_eq!(ids.len(), self.ledger.len(), "every posting has its entry");
    }
}

/// One worker, somewhere in its work.
enum Worker {
    Idle,
    /// Compares a row: the row first, then what the provider says.
    Read(Box<TopUp>),
    Compared(Box<(TopUp, Evidence)>),
    /// Heard of an event: what the provider says first, which may be older than the row.
    Heard(Box<Evidence>),
}

impl Worker {
    fn steps(&mut self, books: &mut Books, provider: &Provider, rng: &mut fastrand::Rng) {
        *self = match std::mem::replace(self, Worker::Idle) {
            Worker::Idle if rng.bool() => Worker::Read(Box::new(books.row.clone())),
            Worker::Idle => Worker::Heard(Box::new(provider.says_some(rng))),
            Worker::Read(row) => Worker::Compared(Box::new((*row, provider.says_some(rng)))),
            Worker::Compared(compared) => {
                let again = books.commit(&compared.0, &compared.1);
                if again { Worker::Read(Box::new(books.row.clone())) } else { Worker::Idle }
            }
            Worker::Heard(evidence) => {
                let row = books.row.clone();
                let change = decide(&row, Seen::Found(&evidence), POLICY, now());
                let fresh = change.may_be_over(&row);
                Worker::Compared(Box::new((row, if fresh { provider.says_some(rng) } else { *evidence })))
            }
        };
    }
}

fn live_through(seed: u64) -> usize {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut row = top_up(Status::Open);
    row.purchase.total.minor_units = TOTALS[rng.usize(..TOTALS.len())];
    let credits = row.purchase.credits;
    let mut provider = Provider { now: invoice(&row, InvoiceStatus::Open) };
    let mut books = Books { row, ledger: Vec::new() };
    let mut workers = [Worker::Idle, Worker::Idle, Worker::Idle];
    for _ in 0..STEPS {
        if rng.u8(..3) == 0 {
            provider.changes(&mut rng);
        } else {
            let at = rng.usize(..workers.len());
            workers[at].steps(&mut books, &provider, &mut rng);
        }
    }
    // Of the last change too there is an event; whoever is still at work, perhaps with what is over, comes to the end.
    books.hear(&provider, &mut rng);
    for worker in &mut workers {
        while !matches!(worker, Worker::Idle) {
            worker.steps(&mut books, &provider, &mut rng);
        }
    }
    assert_eq!(books.row.posted.credited(), provider.left_of(credits));
    books.ledger.len()
}

#[test]
fn evidence_in_any_order_ends_in_the_same_books() {
    let mut postings = 0;
    for seed in 0..SEEDS {
        let lived = std::panic::catch_unwind(|| live_through(seed));
        postings += lived.unwrap_or_else(|_| panic!("seed {seed}"));
    }
    assert!(postings > 5 * usize::try_from(SEEDS).unwrap(), "much happens: {postings}");
}

/// One refund of a half that fails, a dispute that is lost and won, and a third that is given back for good.
#[test]
fn partial_refunds_failed_refunds_and_disputes_won_are_numbers() {
    let row = top_up(Status::Open);
    let total = row.purchase.total.minor_units;
    let mut provider = Provider { now: invoice(&row, InvoiceStatus::Paid) };
    let mut books = Books { row, ledger: Vec::new() };
    let mut rng = fastrand::Rng::with_seed(1);
    let mut posted = |change: &dyn Fn(&mut Evidence)| {
        change(&mut provider.now);
        for _ in 0..2 {
            books.hear(&provider, &mut rng);
        }
        let posted = books.row.posted;
        (posted.granted.0, posted.refunded.0, posted.disputed.0, books.ledger.len())
    };
    assert_eq!(posted(&|_| {}), (1000, 0, 0, 1));
    let half = Refund { amount: total / 2, state: RefundState::Pending };
    assert_eq!(posted(&|e| back(e).refunds.push(half.clone())), (1000, 500, 0, 2));
    assert_eq!(posted(&|e| back(e).refunds[0].state = RefundState::Succeeded), (1000, 500, 0, 2));
    assert_eq!(posted(&|e| back(e).refunds[0].state = RefundState::Failed), (1000, 0, 0, 3));
    assert_eq!(posted(&|e| back(e).disputes.push(dispute(total))), (1000, 0, 0, 3));
    assert_eq!(posted(&|e| back(e).disputes[0].withdrawn = true), (1000, 0, 1000, 4), "lost");
    assert_eq!(posted(&|e| back(e).disputes[0].withdrawn = false), (1000, 0, 0, 5), "and won");
    let third = CreditNote { amount: total / 3, ..CreditNote::default() };
    assert_eq!(posted(&|e| back(e).credit_notes.push(third.clone())), (1000, 334, 0, 6), "rounded up");
    let rest = Refund { amount: total, state: RefundState::WaitsForPayer };
    assert_eq!(
        posted(&|e| back(e).refunds.push(rest.clone())),
        (1000, 1000, 0, 7),
        "never more than was paid"
    );
    assert_eq!(posted(&|e| back(e).disputes[0].withdrawn = true), (1000, 1000, 0, 7), "nor twice");
}

fn back(evidence: &mut Evidence) -> &mut Returned {
    evidence.returned.get_or_insert_default()
}

fn dispute(amount: i64) -> Dispute {
    Dispute { amount, withdrawn: false, status: DisputeStatus::NeedsResponse }
}
