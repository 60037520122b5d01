//! Calls about budgets, as the two tables are asked them.
use saldo_credits::test_support::{Op, Row, Table};
use saldo_domain::{
    Allowance, BalanceShard, BalanceShards, BudgetBy, BudgetId, BudgetName, BudgetTerms, Budgets, Channel,
    Count, Counted, Counting, Credits, Day, Giver, Limiting, Period, Reached, Reversal, ShardId, Timestamp,
    Turn,
};

use super::unreliable::machine;

/// One of the calls.
pub(super) fn op(rng: &mut fastrand::Rng, at: ShardId, all: &BalanceShards, table: &Table) -> Op {
    let known = &table.spending.budgets;
    let shard = all.get(&at).cloned().unwrap_or_default();
    match rng.u32(..9) {
        0 => set(rng, known),
        1..=3 => turn(rng, at, &shard, all, known),
        4..=6 => allow(rng, at, all, known),
        7 => reverse(rng, all, table),
        _ => {
            let reached = if rng.bool() { Reached::Nearly } else { Reached::Limit };
            Op::RememberTold(number(rng), (Day(rng.i64(1..4)), reached))
        }
    }
}

/// What a reservation says of budgets.
pub(super) fn counting(rng: &mut fastrand::Rng, shard: &BalanceShard) -> Counting {
    let version = shard.budgets.version + i64::from(rng.u32(..20) == 0);
    let any = version > 0 && rng.u32(..3) > 0;
    let count = |number: i64| Count {
        number,
        credits: Credits(rng.i64(1..6)),
        most_before: [None, None, Some(rng.i64(-3..60))][rng.usize(..3)],
    };
    let counts = if any { (1..4).map(count).collect() } else { Vec::new() };
    Counting { version, day: day(rng, shard), counts }
}

/// By which budgets something is to be counted no more.
pub(super) fn counted(rng: &mut fastrand::Rng, shard: &BalanceShard) -> Counted {
    let there: Vec<_> = shard.budgets.counted.keys().copied().filter(|_| rng.bool()).collect();
    let numbers = if rng.u32(..6) == 0 { vec![number(rng)] } else { there };
    Counted { day: day(rng, shard), numbers }
}

fn number(rng: &mut fastrand::Rng) -> i64 {
    rng.i64(1..4)
}

/// Mostly that of the shard; there is no day 0.
fn day(rng: &mut fastrand::Rng, shard: &BalanceShard) -> Day {
    Day((shard.budgets.day.0 + [1_i64, -1].get(rng.usize(..16)).copied().unwrap_or_default()).max(1))
}

/// Of an entry that is there, of budgets that the main shard counts.
fn reverse(rng: &mut fastrand::Rng, all: &BalanceShards, table: &Table) -> Op {
    let main = all.get(&ShardId::MAIN).cloned().unwrap_or_default();
    let debits: Vec<_> = table.ledger.iter().filter(|(_, row)| matches!(row, Row::Debit(_))).collect();
    match debits.get(rng.usize(..debits.len().max(1))) {
        Some(((ledger, _), Row::Debit(entry))) => {
            // Never at the moment of another one, as its entry would be that one's.
            let at = Timestamp::from_ms(entry.id.at().ms() + rng.i64(1..100_000));
            let reversal = Reversal::of(entry, at);
            Op::Reverse(*ledger, reversal, counted(rng, &main))
        }
        Some(_) | None => Op::Budgets,
    }
}

fn set(rng: &mut fastrand::Rng, known: &Budgets) -> Op {
    let id = BudgetId::parse(["a", "b", "c"][rng.usize(..3)]).unwrap();
    let terms = BudgetTerms {
        name: BudgetName::parse("budget").unwrap(),
        by: BudgetBy::Meter(if rng.bool() { Channel::SMS } else { Channel::EMAIL }),
        period: Period::Day,
        limit: Credits(rng.i64(1..9)),
        limiting: Limiting::Hard,
    };
    let now = Timestamp::from_ms(rng.i64(1..9));
    let after = if rng.u32(..4) == 0 {
        known.without(&id)
    } else {
        known.with(&id, &terms, &machine(), now).unwrap()
    };
    // What changes nothing is not written.
    if after == *known {
        return Op::Budgets;
    }
    let mut before = known.clone();
    before.version += i64::from(rng.u32(..6) == 0);
    Op::SetBudgets(before, after)
}

fn turn(
    rng: &mut fastrand::Rng,
    at: ShardId,
    shard: &BalanceShard,
    all: &BalanceShards,
    known: &Budgets,
) -> Op {
    let over: Vec<_> = shard.budgets.counted.keys().copied().filter(|_| rng.bool()).collect();
    let seen = |number: &i64| (*number, shard.budgets.counted[number]);
    let mut moved: Vec<_> = over.iter().map(seen).filter(|_| at != ShardId::MAIN && rng.bool()).collect();
    if let Some(first) = moved.first_mut().filter(|_| rng.u32(..6) == 0) {
        first.1 += 1;
    }
    let main = all.get(&ShardId::MAIN).cloned().unwrap_or_default();
    let before = if rng.u32(..8) == 0 { Day(7) } else { shard.budgets.day };
    let day = if rng.bool() { day(rng, &main) } else { Day(shard.budgets.day.0 + rng.i64(1..3)) };
    let unsettled = shard.budgets.unsettled != (rng.u32(..8) == 0);
    let version = known.version.max(1);
    Op::Turn(Turn { shard: at, version, unsettled, day_before: before, day, over, moved })
}

fn allow(rng: &mut fastrand::Rng, at: ShardId, all: &BalanceShards, known: &Budgets) -> Op {
    let of = |id: ShardId| all.get(&id).cloned().unwrap_or_default();
    let others: Vec<_> = ShardId::balances().take(4).filter(|id| *id != at && rng.bool()).collect();
    let giver = |shard: ShardId| Giver {
        shard,
        credits: Credits(rng.i64(1..5)),
        day: Day(of(shard).budgets.day.0.max(1)),
        most_before: [None, Some(rng.i64(-3..9))][rng.usize(..2)],
    };
    let from: Vec<_> = others.into_iter().map(giver).collect();
    let (day, version) = (Day(of(at).budgets.day.0.max(1)), known.version.max(1));
    Op::Allow(Allowance { number: number(rng), version, to: at, day, from })
}
