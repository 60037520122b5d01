//! What each way of spending costs in units and requests of DynamoDB.

use std::sync::Arc;

use saldo_credits::Order;
use saldo_domain::{Actor, Channel, Country, Details, OrgId, Reference, Subject};
use serde_json::json;
use tokio::task::JoinSet;

use super::report::{self, hundredths, units};
use crate::failure::Failure;
use crate::meter::capacity::Counts;
use crate::metered::Metered;

const SHARDS: &str = r#"{"acme":4}"#;
/// Longer than until the entries of new debits lie in the shards' ledgers.
const AFTER_SPLIT_SECS: i64 = 700;

/// More than the first share of a shard covers.
const MOST_DEBITS: usize = 200;

/// What a call was seen to cost.
pub(crate) struct Cost {
    pub(crate) what: &'static str,
    pub(crate) debits: u32,
    pub(crate) counts: Counts,
}

pub(crate) const LATER: &str = "debit, later ones";
pub(crate) const HOLD: &str = "hold, later ones";
pub(crate) const BATCH: &str = "ten debits, ids of one run";
const COUNTED: &str = "debit, counted by eight budgets, later ones";
const COUNTED_BATCH: &str = "ten debits, ids of one run, counted by one budget";
const OVER_BUDGET: &str = "debit, refused by a budget (402)";
pub(crate) const THREE: &str = "beside it: a transaction of three items";
pub(crate) const TWO: &str = "beside it: a transaction of two items";
const HOLD_BESIDE: &str = "beside it: a hold as a transaction of balance, hold and idempotency record";
const CAPTURE_BESIDE: &str = "beside it: its capture as a transaction of balance, hold and entry";

/// What one process has under way, and how often each of it is sent.
const AT_ONCE: usize = 64;
const EACH: usize = 10;

const VALID_SECS: i64 = 900;

const GROUPED: &str = "64 in flight from one process, ids chosen by Saldo";

/// The most write and read units of a debit that were set as a goal, in hundredths.
const GOALS: [(&str, [u32; 2]); 14] = [
    ("debit, the organisation's first", [200, 0]),
    (LATER, [200, 0]),
    ("debit, the same again (200)", [0, 100]),
    ("debit, refused: not enough left (402)", [100, 100]),
    (BATCH, [20, 0]),
    (HOLD, [200, 0]),
    ("hold, the same again (200)", [0, 100]),
    ("hold, captured in full", [100, 200]),
    ("hold, captured in part", [400, 200]),
    ("hold, released", [400, 200]),
    (GROUPED, [25, 1]),
    (COUNTED, [200, 0]),
    (COUNTED_BATCH, [20, 0]),
    (OVER_BUDGET, [100, 100]),
];

pub(crate) async fn measure() -> Result<Vec<Cost>, Failure> {
    let mut seen = Vec::new();
    of_one_shard(&mut seen).await?;
    of_groups(&mut seen).await?;
    of_refusals(&mut seen).await?;
    of_shards(&mut seen).await?;
    of_holds(&mut seen).await?;
    of_budgets(&mut seen).await?;
    Ok(seen)
}

async fn of_one_shard(seen: &mut Vec<Cost>) -> Result<(), Failure> {
    let saldo = Metered::start().await?;
    let mut note = |what, debits, counts| seen.push(Cost { what, debits, counts });
    saldo.top_up("first").await?;
    note("debit, the organisation's first", 1, saldo.debit(&saldo.debit_id(), "sms", 201).await?);
    let id = saldo.debit_id();
    note(LATER, 1, saldo.debit(&id, "sms", 201).await?);
    note("debit, the same again (200)", 1, saldo.debit(&id, "sms", 200).await?);
    note("debit, reversed", 1, saldo.reverse(&id).await?);
    note("debit under a key", 1, saldo.debit_by_key("order-17", 201).await?);
    note("debit under a key, the same again (200)", 1, saldo.debit_by_key("order-17", 200).await?);
    // The first one finds nothing pending, and later ones the one before.
    saldo.batch(&saldo.ids_of_one_run(10)?).await?;
    note(BATCH, 10, saldo.batch(&saldo.ids_of_one_run(10)?).await?);
    note("ten debits, ids at random", 10, saldo.batch(&saldo.ids_at_random(10)).await?);
    saldo.batch(&saldo.ids_of_one_run(25)?).await?;
    note("25 debits, ids of one run", 25, saldo.batch(&saldo.ids_of_one_run(25)?).await?);
    note(THREE, 1, saldo.plain_transaction(3).await?);
    note(TWO, 1, saldo.plain_transaction(2).await?);
    saldo.stop().await;
    Ok(())
}

/// One process of the library that always has 64 messages under way, and lets it choose their ids.
async fn of_groups(seen: &mut Vec<Cost>) -> Result<(), Failure> {
    let saldo = Arc::new(Metered::start().await?);
    saldo.top_up("first").await?;
    let spender = saldo.spender("groups")?;
    let (org, actor) = (OrgId::parse("acme")?, Actor::Machine(Subject::parse("sender-1")?));
    let reference = Reference::parse("7c9e6679-7425-40de-944b-e07fc1f90ae7").ok();
    let details = Details { country: Country::parse("ID"), reference, ..Details::default() };
    let meters = saldo.spending_env().meters()?;
    let mut sending = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (saldo, spender, org, actor) = (Arc::clone(&saldo), spender.clone(), org.clone(), actor.clone());
        let (meters, details) = (meters.clone(), details.clone());
        sending.spawn(async move {
            for _ in 0..EACH {
                let order = Order::new(&meters, Channel::EMAIL, details.clone(), None, saldo.now());
                let order = order.map_err(|_| "no price")?;
                let sent = spender.send(&org, &actor, &order, saldo.now()).await;
                sent.map_err(|failed| failed.error.to_string())?;
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(sent) = sending.join_next().await {
        sent??;
    }
    let debits = u32::try_from(AT_ONCE * EACH)?;
    seen.push(Cost { what: GROUPED, debits, counts: saldo.take("groups") });
    Ok(())
}

/// The first refusal since credits came keeps attempts of before from succeeding behind it.
async fn of_refusals(seen: &mut Vec<Cost>) -> Result<(), Failure> {
    let saldo = Metered::start().await?;
    let mut note = |what, counts| seen.push(Cost { what, debits: 1, counts });
    let first = saldo.debit(&saldo.debit_id(), "sms", 402).await?;
    note("debit, refused: not enough left (402)", saldo.debit(&saldo.debit_id(), "sms", 402).await?);
    note("debit, the first refused since credits came (402)", first);
    saldo.top_up("first").await?;
    let behind = saldo.debit(&saldo.debit_id(), "sms", 201).await?;
    note("debit, a process's first since credits came behind it", behind);
    saldo.stop().await;
    Ok(())
}

async fn of_shards(seen: &mut Vec<Cost>) -> Result<(), Failure> {
    let saldo = Metered::start_with(SHARDS).await?;
    let mut note = |what, counts| seen.push(Cost { what, debits: 1, counts });
    saldo.top_up("first").await?;
    let spread = saldo.debit(&saldo.debit_id(), "sms", 201).await?;
    saldo.advance(AFTER_SPLIT_SECS);
    note("debit over four shards, later ones", saldo.debit(&saldo.debit_id(), "sms", 201).await?);
    note("debit over four shards, brings a shard its share of what there is", filled(&saldo).await?);
    note("debit over four shards, the one that spreads the debits", spread);
    saldo.stop().await;
    Ok(())
}

/// And beside it what a hold and its capture cost where each is a transaction.
async fn of_holds(seen: &mut Vec<Cost>) -> Result<(), Failure> {
    let saldo = Metered::start().await?;
    let mut note = |what, counts| seen.push(Cost { what, debits: 1, counts });
    saldo.top_up("first").await?;
    let five = || json!({"channel": "sms", "units": 5});
    let first = saldo.hold(&saldo.debit_id(), five(), 201).await?;
    let [full, part, other, back] = [0; 4].map(|_| saldo.debit_id());
    note(HOLD, saldo.hold(&full, five(), 201).await?);
    note("hold, the same again (200)", saldo.hold(&full, five(), 200).await?);
    note("hold, captured in full", saldo.end_hold(&full, "capture", json!({"units": 5})).await?);
    note("hold, captured again (200)", saldo.end_hold(&full, "capture", json!({"units": 5})).await?);
    saldo.hold(&part, five(), 201).await?;
    note("hold, captured in part", saldo.end_hold(&part, "capture", json!({"units": 2})).await?);
    note("hold, what was captured reversed", saldo.end_hold(&part, "reverse", json!({})).await?);
    saldo.hold(&other, five(), 201).await?;
    let fallback = json!({"channel": "whatsapp", "units": 5});
    note("hold, captured as another channel", saldo.end_hold(&other, "capture", fallback).await?);
    saldo.hold(&back, five(), 201).await?;
    note("hold, released", saldo.end_hold(&back, "release", json!({})).await?);
    note("hold, the first one of an organisation", first);
    of_quotas(&saldo, &mut note).await?;
    note(HOLD_BESIDE, saldo.plain_transaction(3).await?);
    note(CAPTURE_BESIDE, saldo.plain_transaction(3).await?);
    saldo.stop().await;
    Ok(())
}

/// A sender that spends on its own and reports with the next quota.
async fn of_quotas(saldo: &Metered, note: &mut impl FnMut(&'static str, Counts)) -> Result<(), Failure> {
    let quota = || json!({"channel": "email", "units": 10, "valid_for_seconds": VALID_SECS});
    let [first, next] = [0; 2].map(|_| saldo.debit_id());
    saldo.hold(&first, quota(), 201).await?;
    let mut settling = quota();
    settling["settles"] = json!({"id": first, "units": 4});
    note("quota, with the report of the one before", saldo.hold(&next, settling.clone(), 201).await?);
    note("quota, the same again (200)", saldo.hold(&next, settling, 200).await?);
    Ok(())
}

/// One organisation whose debits eight budgets count, and whose batches one does.
async fn of_budgets(seen: &mut Vec<Cost>) -> Result<(), Failure> {
    let saldo = Metered::start().await?;
    let mut note = |what, debits, counts| seen.push(Cost { what, debits, counts });
    saldo.top_up("first").await?;
    saldo.debit(&saldo.debit_id(), "sms", 201).await?;
    saldo.set_budget("sms-0", 1_000, 201).await?;
    note(
        "debit, a process's first after a change of budgets, and a day's first",
        1,
        saldo.debit(&saldo.debit_id(), "sms", 201).await?,
    );
    saldo.batch(&saldo.ids_of_one_run(10)?).await?;
    note(COUNTED_BATCH, 10, saldo.batch(&saldo.ids_of_one_run(10)?).await?);
    for number in 1..8 {
        saldo.set_budget(&format!("sms-{number}"), 1_000, 201).await?;
    }
    saldo.debit(&saldo.debit_id(), "sms", 201).await?;
    let id = saldo.debit_id();
    note(COUNTED, 1, saldo.debit(&id, "sms", 201).await?);
    note("debit, counted by eight budgets, reversed", 1, saldo.reverse(&id).await?);
    saldo.set_budget("sms-0", 1, 200).await?;
    saldo.debit(&saldo.debit_id(), "sms", 402).await?;
    note(OVER_BUDGET, 1, saldo.debit(&saldo.debit_id(), "sms", 402).await?);
    saldo.stop().await;
    Ok(())
}

/// The first debit that its shard does not cover.
async fn filled(saldo: &Metered) -> Result<Counts, Failure> {
    for _ in 0..MOST_DEBITS {
        let counts = saldo.debit(&saldo.debit_id(), "sms", 201).await?;
        if counts.dynamodb > 2 {
            return Ok(counts);
        }
    }
    Err("no shard ran short".into())
}

pub(crate) fn print(costs: &[Cost]) {
    report::head(&[
        "call",
        "requests",
        "write units",
        "read units",
        "write units a debit",
        "read units a debit",
    ]);
    for Cost { what, debits, counts } in costs {
        report::row(&[
            (*what).to_owned(),
            counts.dynamodb.to_string(),
            units(counts.table_writes),
            units(counts.reads),
            hundredths(each(counts.table_writes, *debits)),
            hundredths(each(counts.reads, *debits)),
        ]);
    }
}

/// Half units of some debits as hundredths of a unit for each, rounded up.
fn each(halves: u32, debits: u32) -> u32 {
    (halves * 50).div_ceil(debits.max(1))
}

pub(crate) fn find<'a>(costs: &'a [Cost], what: &str) -> Result<&'a Cost, Failure> {
    costs.iter().find(|cost| cost.what == what).ok_or_else(|| format!("{what} was not measured").into())
}

/// Goals that were missed.
pub(crate) fn missed(costs: &[Cost]) -> Result<Vec<String>, Failure> {
    let mut missed = Vec::new();
    for (what, [writes, reads]) in GOALS {
        let Cost { debits, counts, .. } = find(costs, what)?;
        if each(counts.table_writes, *debits) > writes || each(counts.reads, *debits) > reads {
            missed.push(format!("{what}: {counts:?} for {debits} debits"));
        }
    }
    Ok(missed)
}
