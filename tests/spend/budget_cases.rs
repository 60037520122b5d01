//! What histories meet too rarely: budgets that change while shards hold allowances, and days that begin in between.
use std::task::{Context, Poll, Waker};

use saldo_credits::test_support::{Bug, Op};
use saldo_credits::{SpendError, Spender};
use saldo_domain::{
    BudgetBy, BudgetId, BudgetName, BudgetTerms, Channel, Counted, Credits, Day, Debit, Limiting, OrgId,
    Period, ShardCounts, ShardId, Sharding, Timestamp, Turn,
};

use super::history::{self, machine, wait};
use super::unreliable::{Port, Shared, State, port};

/// An organisation whose debits are spread over three shards, with credits on all of them.
fn spread(bug: Option<Bug>) -> Port {
    let mut state = State::new(1, bug);
    state.credit(100);
    let main = state.table.main();
    (main.ready, main.sharding) = (true, Sharding::Since(Timestamp::from_ms(0)));
    port(state)
}

fn spender(port: &Port, first: usize) -> Spender<Port> {
    let counts = ShardCounts::from_json(r#"{"acme":3}"#).unwrap();
    // Which shard a process likes best is chance; with one call at a time it stays with that.
    fastrand::seed(u64::try_from(first).unwrap());
    Spender::new(port.another()).with_shards(counts)
}

fn email(at: u8, credits: i64, now: Timestamp) -> Debit {
    let one = history::debit(&mut fastrand::Rng::with_seed(1), at, now);
    let details = saldo_domain::Details::default();
    Debit { credits: Credits(credits), channel: Channel::EMAIL, details, ..one }
}

fn set(spender: &Spender<Port>, limit: i64, now: Timestamp) {
    let terms = BudgetTerms {
        name: BudgetName::parse("Mail").unwrap(),
        by: BudgetBy::Meter(Channel::EMAIL),
        period: Period::Month,
        limit: Credits(limit),
        limiting: Limiting::Hard,
    };
    wait(spender.set_budget(&acme(), &BudgetId::parse("mail").unwrap(), &terms, &machine(), now)).unwrap();
}

fn acme() -> OrgId {
    OrgId::parse("acme").unwrap()
}

/// What three processes could spend of a budget that was lowered to what was spent already.
fn spent_beyond(bug: Option<Bug>) -> usize {
    let port = spread(bug);
    let now = Timestamp::from_ms(history::START_MS);
    let spenders = [1, 2, 3].map(|first| spender(&port, first));
    set(&spenders[0], 30, now);
    for (at, spender) in (1..).zip(&spenders) {
        wait(spender.debit(&acme(), &machine(), &email(at, 1, now), now)).unwrap();
    }
    set(&spenders[0], 3, now);
    let more = (11..).zip(&spenders).filter(|(at, spender)| {
        let told = wait(spender.debit(&acme(), &machine(), &email(*at, 1, now), now));
        assert!(told.is_ok() || matches!(told, Err(SpendError::OverBudget(_))), "{told:?}");
        told.is_ok()
    });
    more.count()
}

#[test]
fn a_limit_that_is_lowered_holds_for_what_shards_were_given() {
    assert_eq!(spent_beyond(None), 0);
    assert!(spent_beyond(Some(Bug::UnsettledCounts)) > 0);
    assert!(spent_beyond(Some(Bug::BudgetsNotSettled)) > 0);
}

#[test]
fn what_shards_give_back_when_a_limit_changes_can_be_spent() {
    let left = |bug| {
        let port = spread(bug);
        let now = Timestamp::from_ms(history::START_MS);
        let spender = spender(&port, 1);
        set(&spender, 30, now);
        wait(spender.debit(&acme(), &machine(), &email(1, 1, now), now)).unwrap();
        set(&spender, 20, now);
        let all = wait(spender.debit(&acme(), &machine(), &email(2, 19, now), now)).is_ok();
        let more = wait(spender.debit(&acme(), &machine(), &email(3, 1, now), now)).is_ok();
        let wrong = port.state().table.wrong.is_some();
        (all, more, wrong)
    };
    assert_eq!(left(None), (true, false, false));
    assert_ne!(left(Some(Bug::SettledLost)), (true, false, false));
}

/// The day begins between the look at the counters and the reversal.
#[test]
fn what_was_counted_yesterday_is_not_taken_from_today() {
    let counted = |bug| {
        let mut state = State::new(1, bug);
        state.credit(100);
        state.table.main().ready = true;
        let port = port(state);
        let now = Timestamp::from_ms(history::START_MS);
        let spender = Spender::new(port.another());
        set(&spender, 30, now);
        let debit = email(1, 7, now);
        wait(spender.debit(&acme(), &machine(), &debit, now)).unwrap();
        let mut state = port.state();
        let day = Day::of(now);
        let turn = Turn {
            shard: ShardId::MAIN,
            version: 1,
            unsettled: false,
            day_before: day,
            day: Day(day.0 + 1),
            over: Vec::new(),
            moved: Vec::new(),
        };
        state.table.apply(&Op::Turn(turn)).unwrap();
        let entry = state.table.ledger.get(&(ShardId::MAIN, debit.id.entry()));
        let Some(saldo_credits::test_support::Row::Debit(entry)) = entry else { panic!("no entry") };
        assert_eq!(entry.counted, Counted { day, numbers: vec![1] }, "an entry knows who counted it");
        let reversal = saldo_domain::Reversal::of(entry, now);
        state.table.apply(&Op::Reverse(ShardId::MAIN, reversal, Counted { day, numbers: vec![1] })).is_ok()
    };
    assert!(!counted(None), "the counters are of another day");
    assert!(counted(Some(Bug::UncountedOnOtherDay)));
}

/// A day begins, with a debit of somebody else, at any moment while one is reversed.
#[test]
fn a_debit_is_reversed_also_while_a_day_begins() {
    for steps in 0..12 {
        let mut state = State::new(1, None);
        state.credit(100);
        state.table.main().ready = true;
        let port = port(state);
        let now = Timestamp::from_ms(history::START_MS);
        let [spender, other] = [(); 2].map(|()| Spender::new(port.another()));
        set(&spender, 30, now);
        let (debit, next) = (email(1, 7, now), now.plus_secs(86_400));
        wait(spender.debit(&acme(), &machine(), &debit, now)).unwrap();
        let (org, actor) = (acme(), machine());
        let mut reversing = std::pin::pin!(spender.reverse(&org, &actor, debit.id, now));
        let mut told = None;
        for _ in 0..steps {
            if told.is_none()
                && let Poll::Ready(done) = reversing.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            {
                told = Some(done);
            }
        }
        wait(other.debit(&acme(), &machine(), &email(2, 5, next), next)).unwrap();
        let told = told.unwrap_or_else(|| wait(reversing));
        assert_eq!(told.map(|reversal| reversal.credits), Ok(Credits(7)), "after {steps} steps");
        assert_eq!(port.state().table.main().credits, Credits(95));
        assert_eq!(port.state().table.main().budgets.counted.get(&1), Some(&5), "in the same month");
    }
}
