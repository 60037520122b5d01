//! Refunds by the staff: the money fits the credits, and however much of it is heard in which order, it is posted once.

use super::examples::{POLICY, invoice, now, top_up, worker};
use crate::{
    Action, Actor, Change, Commit, CreditNote, Credits, Dispute, DisputeStatus, EntryKind, Evidence, Floor,
    InvoiceStatus, NotRefunded, Nothing, Operation, OperationId, Reason, Refund, RefundOrder, RefundState,
    Returned, Seen, Status, Subject, TopUp, apply, begin_refund, decide, undo_refund,
};

fn operation() -> Operation {
    let by = Actor::Operator(Subject::parse("ana").unwrap());
    let reason = Reason::parse("the payer asked for it").unwrap();
    let row = top_up(Status::Paid);
    let id = OperationId::new(now());
    Operation { id, action: Action::Refund, org: row.org, about: row.id.to_string(), by, at: now(), reason }
}

fn order(operation: &Operation, credits: Option<i64>, available: i64) -> RefundOrder<'_> {
    let (credits, available) = (credits.map(Credits), Credits(available));
    RefundOrder { operation, credits, available, unspent_only: true, out_of_band: false, payable_step: 100 }
}

fn paid(row: &TopUp) -> Evidence {
    Evidence { returned: Some(Returned::default()), ..invoice(row, InvoiceStatus::Paid) }
}

fn begun(row: &TopUp, evidence: &Evidence, order: RefundOrder<'_>) -> Result<Commit, NotRefunded> {
    begin_refund(row, evidence, POLICY, order, now()).map(|commit| commit.expect("the row is settled"))
}

fn moved(commit: &Commit) -> Vec<(EntryKind, i64)> {
    commit.postings.iter().map(|one| (one.entry.kind, one.entry.credits.0)).collect()
}

/// The provider makes the credit note, and a refund with it.
fn made(evidence: &mut Evidence, row: &TopUp) {
    let refund = row.refund.clone().unwrap();
    let returned = evidence.returned.as_mut().unwrap();
    let refunded = if refund.out_of_band { 0 } else { refund.money };
    if refunded > 0 {
        returned.refunds.push(Refund { amount: refunded, state: RefundState::Succeeded });
    }
    let made_for = Some(refund.operation);
    returned.credit_notes.push(CreditNote {
        amount: refund.money,
        refunded,
        made_for,
        ..CreditNote::default()
    });
}

fn settled(row: &TopUp, evidence: &Evidence) -> (TopUp, Vec<(EntryKind, i64)>) {
    let change = decide(row, Seen::Found(evidence), POLICY, now());
    match apply(row, &change, &worker(), now()) {
        Some(commit) => {
            let moved = moved(&commit);
            (commit.top_up, moved)
        }
        None => (row.clone(), Vec::new()),
    }
}

/// For every number of credits, in one piece and in many, at prices that do not divide.
#[test]
fn the_money_of_a_refund_takes_exactly_its_credits_along_and_the_last_one_is_all_that_is_left() {
    let operation = operation();
    for (total, step) in
        [(27_750_000, 100), (27_750_000, 1), (27_750_050, 100), (1_000, 1), (1_001, 1), (99_999_900, 100)]
    {
        let mut row = top_up(Status::Paid);
        row.purchase.total.minor_units = total;
        for some in 1..=1000 {
            let order = RefundOrder { payable_step: step, ..order(&operation, Some(some), 5_000) };
            let commit = begun(&row, &paid(&row), order).unwrap();
            assert_eq!(moved(&commit), [(EntryKind::Refund, -some)], "{some} of {total}");
            let money = commit.top_up.refund.as_ref().unwrap().money;
            assert!(money % step == 0 || total % step != 0, "{money} for {some}: whole steps");
            assert!(money == total || some < 1000, "{money} for all");
            let mut evidence = paid(&row);
            made(&mut evidence, &commit.top_up);
            let (row, again) = settled(&commit.top_up, &evidence);
            assert_eq!((again, row.posted.refunded, row.refund), (vec![], Credits(some), None));
        }
    }
}

#[test]
fn many_refunds_one_after_the_other_come_to_the_whole_payment() {
    let operation = operation();
    for seed in 0..500 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut row = top_up(Status::Paid);
        row.purchase.total.minor_units = [27_750_000, 1_000, 4_321, 100_100][rng.usize(..4)];
        let total = row.purchase.total.minor_units;
        let mut evidence = paid(&row);
        if rng.bool() {
            // The payer's bank holds a part of it, which no step fits.
            let amount = rng.i64(1..total / 2);
            let dispute = Dispute { amount, withdrawn: true, status: DisputeStatus::Lost };
            evidence.returned.as_mut().unwrap().disputes.push(dispute);
            row = settled(&row, &evidence).0;
        }
        let mut left = row.posted.credited().0;
        while left > 0 {
            let some = rng.i64(1..=left);
            let order = RefundOrder { payable_step: 1, ..order(&operation, Some(some), left) };
            let commit = begun(&row, &evidence, order).unwrap();
            left -= some;
            assert_eq!(commit.top_up.posted.credited(), Credits(left), "seed {seed}");
            made(&mut evidence, &commit.top_up);
            let (after, again) = settled(&commit.top_up, &evidence);
            assert_eq!(again, [], "seed {seed}");
            // Each is an operation of its own; here they have one id, which only the latest note may carry.
            evidence.returned.as_mut().unwrap().credit_notes.iter_mut().for_each(|note| note.made_for = None);
            row = after;
        }
        let returned = evidence.returned.unwrap();
        let refunds: i64 = returned.refunds.iter().map(|refund| refund.amount).sum();
        let disputes: i64 = returned.disputes.iter().map(|dispute| dispute.amount).sum();
        assert_eq!(refunds + disputes, total, "seed {seed}");
    }
}

/// The event of the refund may come before its credit note can be read, and both before we know that it was made.
#[test]
fn a_refund_that_is_under_way_and_the_one_that_the_provider_tells_of_are_the_same() {
    let operation = operation();
    let row = top_up(Status::Paid);
    let commit = begun(&row, &paid(&row), order(&operation, Some(300), 1000)).unwrap();
    let under_way = commit.top_up;
    assert_eq!(settled(&under_way, &paid(&row)), (under_way.clone(), vec![]), "nothing is heard of it yet");
    let mut evidence = paid(&row);
    made(&mut evidence, &under_way);
    let notes = std::mem::take(&mut evidence.returned.as_mut().unwrap().credit_notes);
    let (heard, moved) = settled(&under_way, &evidence);
    assert_eq!((moved, heard.refund.is_some()), (vec![], true), "the refund without its note");
    evidence.returned.as_mut().unwrap().credit_notes = notes;
    let (over, moved) = settled(&heard, &evidence);
    assert_eq!((moved, over.refund.clone()), (vec![], None));
    let again = decide(&over, Seen::Found(&evidence), POLICY, now());
    assert_eq!(again, Change::Nothing(Nothing::AlreadyApplied));
    evidence.returned.as_mut().unwrap().refunds[0].state = RefundState::Failed;
    assert_eq!(settled(&over, &evidence).1, [(EntryKind::RefundUndone, 300)], "it failed a month later");
}

#[test]
fn what_was_not_asked_leaves_a_refund_under_way_as_it_is() {
    let operation = operation();
    let row = top_up(Status::Paid);
    let under_way = begun(&row, &paid(&row), order(&operation, None, 1000)).unwrap().top_up;
    let unasked = invoice(&row, InvoiceStatus::Paid);
    let change = decide(&under_way, Seen::Found(&unasked), POLICY, now());
    assert_eq!(change, Change::Nothing(Nothing::AlreadyApplied));
}

#[test]
fn a_refused_refund_gives_its_credits_again_and_what_went_back_otherwise_stays_taken() {
    let operation = operation();
    let row = top_up(Status::Paid);
    let under_way = begun(&row, &paid(&row), order(&operation, Some(400), 1000)).unwrap().top_up;
    let undone = undo_refund(&under_way, &paid(&row), POLICY, &worker(), now()).unwrap();
    assert_eq!(moved(&undone), [(EntryKind::RefundUndone, 400)]);
    assert_eq!((undone.top_up.refund.clone(), undone.top_up.posted), (None, row.posted));
    assert_eq!(undo_refund(&undone.top_up, &paid(&row), POLICY, &worker(), now()), None, "there is none");
    // Refused because the payer's bank took all of it meanwhile.
    let mut disputed = paid(&row);
    let amount = disputed.total;
    let dispute = Dispute { amount, withdrawn: true, status: DisputeStatus::NeedsResponse };
    disputed.returned.as_mut().unwrap().disputes.push(dispute);
    let (both, moved_now) = settled(&under_way, &disputed);
    assert_eq!((moved_now, both.posted.credited()), (vec![(EntryKind::Dispute, -600)], Credits(0)));
    let undone = undo_refund(&both, &disputed, POLICY, &worker(), now()).unwrap();
    assert_eq!(moved(&undone), [(EntryKind::RefundUndone, 400), (EntryKind::Dispute, -400)]);
    assert_eq!(undone.top_up.posted.credited(), Credits(0));
}

#[test]
fn what_cannot_be_given_back_says_why() {
    let operation = operation();
    let row = top_up(Status::Paid);
    let why = |row: &TopUp, evidence: &Evidence, credits: Option<i64>, available: i64| {
        begun(row, evidence, order(&operation, credits, available)).map(|_| ()).unwrap_err()
    };
    let fine = paid(&row);
    assert_eq!(why(&row, &fine, Some(1001), 5000), NotRefunded::MoreThanLeft(Credits(1000)));
    assert_eq!(why(&row, &fine, Some(500), 499), NotRefunded::Spent(Credits(500)));
    assert_eq!(why(&row, &fine, None, 0), NotRefunded::Spent(Credits(1000)));
    assert_eq!(why(&row, &fine, None, -5), NotRefunded::Spent(Credits(1000)));
    assert_eq!(why(&row, &fine, Some(0), 10), NotRefunded::Spent(Credits(0)));
    let all_unspent = begun(&row, &fine, order(&operation, None, 250)).unwrap();
    assert_eq!(moved(&all_unspent), [(EntryKind::Refund, -250)], "all that is unspent");
    assert!(
        all_unspent.postings.iter().all(|posting| posting.floor == Floor::Zero),
        "and no debit's credits"
    );
    let anyway = RefundOrder { unspent_only: false, ..order(&operation, None, 250) };
    let anyway = begun(&row, &fine, anyway).unwrap();
    assert_eq!(moved(&anyway), [(EntryKind::Refund, -1000)]);
    assert!(anyway.postings.iter().all(|posting| posting.floor == Floor::None), "which may make debt");
    assert_eq!(why(&anyway.top_up, &fine, Some(1), 10), NotRefunded::UnderWay);
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Paid) {
        assert_eq!(why(&top_up(status), &fine, Some(1), 10), NotRefunded::NotPaid);
    }
    let doubtful = Evidence { amount_overpaid: 1, ..fine.clone() };
    assert_eq!(why(&row, &doubtful, Some(1), 10), NotRefunded::InDoubt);
    let mut cheap = row.clone();
    cheap.purchase.total.minor_units = 7;
    let evidence = Evidence { total: 7, amount_paid: 7, ..fine.clone() };
    assert_eq!(why(&cheap, &evidence, Some(1), 10), NotRefunded::NoSuchAmount, "a seventh is 143 credits");
    let unasked = invoice(&row, InvoiceStatus::Paid);
    let settle_first = begin_refund(&row, &unasked, POLICY, order(&operation, None, 10), now());
    assert_eq!(settle_first, Ok(None));
}

#[test]
fn the_id_of_what_undoes_an_operation_is_another_and_one() {
    let id = operation().id;
    assert_ne!(id.undone(), id);
    assert_eq!(OperationId::parse(id.undone().as_str()), Ok(id.undone()));
    assert_eq!(id.undone().undone(), id);
}
