//! What histories have of budgets: some that are made, changed and ended while debits go on, and what must be true of them at
//! rest.
use std::sync::MutexGuard;

use saldo_credits::test_support::Op;
use saldo_credits::{BudgetError, SpendError, Spender};
use saldo_domain::{
    Budget, BudgetBy, BudgetId, BudgetName, BudgetTerms, Budgets, Channel, Credits, Day, Debit, Details,
    Limiting, OrgId, Period, PortError, ShardId, Subject, Timestamp,
};

use super::unreliable::{Port, Shared, State, machine, wait};

/// One history of so many has budgets.
const WITH: u32 = 3;

/// What is wished for of which budget.
pub(super) type Wish = (BudgetId, Option<BudgetTerms>);

/// Whether a history has budgets; then it begins with some, now and then.
pub(super) fn begin(rng: &mut fastrand::Rng, state: &mut State, now: Timestamp) -> bool {
    if rng.u32(..WITH) > 0 {
        return false;
    }
    if state.table.shards.get(&ShardId::MAIN).is_some_and(|main| main.ready) {
        state.credit(rng.i64(0..=12));
    }
    for _ in 0..rng.u32(..3) {
        let before = state.table.spending.budgets.clone();
        if let (id, Some(terms)) = wish(rng) {
            let after = before.with(&id, &terms, &machine(), now).unwrap();
            let ready = state.table.main().ready;
            state.table.apply(&Op::SetBudgets(before, after)).unwrap();
            state.table.main().ready = ready;
        }
    }
    true
}

/// A budget that is made or changed, or ended.
pub(super) fn wish(rng: &mut fastrand::Rng) -> Wish {
    // Half of them change one limit only.
    if rng.bool() {
        let terms = BudgetTerms {
            name: BudgetName::parse("budget").unwrap(),
            by: BudgetBy::Key(Subject::parse("sender-1").unwrap()),
            period: Period::Month,
            limit: Credits([1, 2, 3, 8][rng.usize(..4)]),
            limiting: Limiting::Hard,
        };
        return (BudgetId::parse("one").unwrap(), Some(terms));
    }
    let id = BudgetId::parse(["a", "b", "c"][rng.usize(..3)]).unwrap();
    if rng.u32(..6) == 0 {
        return (id, None);
    }
    let by = match rng.u32(..5) {
        0 => BudgetBy::Key(Subject::parse("sender-2").unwrap()),
        1..=2 => BudgetBy::Key(Subject::parse("sender-1").unwrap()),
        _ => BudgetBy::Meter([Channel::EMAIL, Channel::WHATSAPP, Channel::SMS][rng.usize(..3)]),
    };
    let terms = BudgetTerms {
        name: BudgetName::parse("budget").unwrap(),
        by,
        period: if rng.bool() { Period::Day } else { Period::Month },
        limit: Credits(rng.i64(1..=7)),
        limiting: if rng.u32(..4) == 0 { Limiting::Soft } else { Limiting::Hard },
    };
    (id, Some(terms))
}

/// Does what is wished for.
pub(super) async fn change(spender: Spender<Port>, org: OrgId, (id, terms): Wish, now: Timestamp) {
    let done = match terms {
        Some(terms) => spender.set_budget(&org, &id, &terms, &machine(), now).await.map(drop),
        None => spender.end_budget(&org, &id).await.map(drop),
    };
    match done {
        Ok(()) | Err(BudgetError::Port(PortError::Unavailable(_) | PortError::Conflict)) => {}
        Err(error) => panic!("{error:?}"),
    }
}

/// With credits enough, exactly what is within all hard budgets passes, and then nothing is refused when there are none.
pub(super) fn at_rest(
    port: &Port,
    spender: &Spender<Port>,
    org: &OrgId,
    debits: Vec<Debit>,
    now: Timestamp,
) -> Result<(), String> {
    let all = port.state().table.spending.budgets.clone();
    for (debit, credits) in debits.into_iter().zip([4, 1, 2, 1]) {
        let details = Details::default();
        let debit = Debit { credits: Credits(credits), details, max_credits: None, ..debit };
        let spent = |budget: &Budget| spent(&port.state(), budget, now);
        let fits = |budget: &&Budget| {
            let counts = budget.terms.by.counts(&debit, &machine());
            budget.terms.limiting == Limiting::Hard
                && counts
                && spent(budget) + credits > budget.terms.limit.0
        };
        let over = all.all.iter().find(fits);
        let told = wait(spender.debit(org, &machine(), &debit, now));
        match (&told, over) {
            (Ok(_), None) => {}
            (Err(SpendError::OverBudget(told)), Some(_)) if told.debit == debit.id => {}
            other => return Err(format!("{credits} credits with {:?}: {other:?}", all.all)),
        }
    }
    for budget in &all.all {
        wait(spender.end_budget(org, &budget.id)).map_err(|error| format!("{error:?}"))?;
    }
    Ok(())
}

/// What all shards have counted, which the table holds against what was spent.
fn spent(state: &MutexGuard<'_, State>, budget: &Budget, now: Timestamp) -> i64 {
    let shards = &state.table.shards;
    let latest = shards.values().map(|shard| shard.budgets.day).max().unwrap_or_default();
    Budgets::spent(budget, shards, latest.max(Day::of(now))).0
}
