//! Every call that is measured, in the order of a customer's life.

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::meter::Item;
use crate::meter::capacity::Counts;
use crate::metered::Metered;

/// A page of history, and how many top-ups are paid so that it is full and not the last.
const PAGE: usize = 20;

/// What one call, named as in the bounds, was seen to cost.
pub(crate) struct Measured {
    pub(crate) call: &'static str,
    pub(crate) counts: Counts,
}

/// What the call of this name was seen to cost.
pub(crate) fn find(seen: &[Measured], call: &str) -> Result<Counts, Failure> {
    let found = seen.iter().find(|measured| measured.call == call);
    Ok(found.ok_or_else(|| format!("{call} was not measured"))?.counts)
}

/// All calls, and the largest item that they wrote.
pub(crate) async fn measure() -> Result<(Vec<Measured>, Item), Failure> {
    let mut seen = Vec::new();
    let largest = one_organisation(&mut seen).await?;
    unpaid(&mut seen).await?;
    spent(&mut seen).await?;
    spent_over_shards(&mut seen).await?;
    operated(&mut seen).await?;
    reconciled(&mut seen).await?;
    Ok((seen, largest))
}

async fn one_organisation(seen: &mut Vec<Measured>) -> Result<Item, Failure> {
    let saldo = Metered::start().await?;
    let mut note = |call, counts| seen.push(Measured { call, counts });

    note("quote", saldo.ask("quote", "/v1/quote", 200).await?.1);
    note("balance, nothing open", balance(&saldo, 0, false).await?);
    let (top_up, counts) = saldo.create("first", 201).await?;
    note("create, the organisation's first", counts);
    note("create, refused: one is open (409)", saldo.create("second", 409).await?.1);
    note("create, the same request again (200)", saldo.create("first", 200).await?.1);
    note("balance, a top-up open", balance(&saldo, 0, true).await?);
    let path = format!("/v1/top-ups/{}", top_up["id"].as_str().unwrap_or_default());
    note("one top-up", saldo.ask("history", &path, 200).await?.1);
    note("cancel", saldo.cancel(&top_up).await?);
    let (message, counts) = saldo.message("invoice.voided").await?;
    note("webhook", counts);
    note("worker, nothing to do (canceled before)", saldo.work(&message).await?);
    note("create, later ones", saldo.create("third", 201).await?.1);
    saldo.pay()?;
    let (message, _) = saldo.message("invoice.paid").await?;
    note("worker, credits", saldo.work(&message).await?);
    note("worker, the same event again", saldo.work(&message).await?);
    saldo.refund(100)?;
    let (message, _) = saldo.message("refund.created").await?;
    note("worker, a refund", saldo.work(&message).await?);
    note("worker, the same refund again", saldo.work(&message).await?);
    saldo.take("credit-worker");
    saldo.change_contact("PT Acme").await?;
    note("create, after the contact changed", saldo.create("fourth", 201).await?.1);
    saldo.pay()?;
    let (message, _) = saldo.message("invoice.paid").await?;
    saldo.work(&message).await?;
    for number in 1..=PAGE {
        saldo.top_up(&format!("more-{number}")).await?;
    }
    balance(&saldo, 1000 * (2 + PAGE) - 1, false).await?;
    note("top-ups, a page of 20", page(&saldo, "/v1/top-ups", "top_ups").await?);
    note("entries, a page of 20", page(&saldo, "/v1/entries", "entries").await?);
    Ok(saldo.stop().await)
}

async fn unpaid(seen: &mut Vec<Measured>) -> Result<(), Failure> {
    let saldo = Metered::start().await?;
    let mut note = |call, counts| seen.push(Measured { call, counts });
    saldo.create("first", 201).await?;
    note("cleanup, nothing due", saldo.clean_up_after(0, 0, 0).await?);
    note("cleanup, one checked", saldo.clean_up_after(10 * 60, 1, 0).await?);
    note("cleanup, one expired", saldo.clean_up_after(80 * 3600, 1, 1).await?);
    saldo.stop().await;
    Ok(())
}

async fn spent(seen: &mut Vec<Measured>) -> Result<(), Failure> {
    let saldo = Metered::start().await?;
    let mut note = |call, counts| seen.push(Measured { call, counts });
    let empty = Metered::start().await?;
    let first = empty.debit(&empty.debit_id(), "sms", 402).await?;
    note("debit, refused: not enough left (402)", empty.debit(&empty.debit_id(), "sms", 402).await?);
    note("debit, the first refused since credits came (402)", first);
    empty.top_up("first").await?;
    note(
        "debit, a process's first since credits came behind it",
        empty.debit(&empty.debit_id(), "sms", 201).await?,
    );
    empty.stop().await;
    saldo.top_up("first").await?;
    note("debit, the organisation's first", saldo.debit(&saldo.debit_id(), "sms", 201).await?);
    let id = saldo.debit_id();
    note("debit, later ones", saldo.debit(&id, "email", 201).await?);
    note("debit, the same again (200)", saldo.debit(&id, "email", 200).await?);
    note("debit under a key", saldo.debit_by_key("order-17", 201).await?);
    note("debit under a key, the same again (200)", saldo.debit_by_key("order-17", 200).await?);
    note("debit, reversed", saldo.reverse(&id).await?);
    note("debit, reversed again", saldo.reverse(&id).await?);
    note("debits, a batch of ten in one run", saldo.batch(&saldo.ids_of_one_run(10)?).await?);
    note("debits, a batch of ten at random", saldo.batch(&saldo.ids_at_random(10)).await?);
    note("beside it: a transaction of three items", saldo.plain_transaction(3).await?);
    note("beside it: a transaction of two items", saldo.plain_transaction(2).await?);
    saldo.stop().await;
    Ok(())
}

async fn spent_over_shards(seen: &mut Vec<Measured>) -> Result<(), Failure> {
    let saldo = Metered::start_with(r#"{"acme":1}"#).await?;
    saldo.top_up("first").await?;
    saldo.debit(&saldo.debit_id(), "sms", 201).await?;
    let counts = saldo.debit(&saldo.debit_id(), "sms", 201).await?;
    seen.push(Measured { call: "debit, later ones of an organisation with shards", counts });
    saldo.stop().await;
    Ok(())
}

async fn operated(seen: &mut Vec<Measured>) -> Result<(), Failure> {
    let saldo = Metered::start().await?;
    let mut note = |call, counts| seen.push(Measured { call, counts });
    let (top_up, _) = saldo.create("first", 201).await?;
    let path = |act: &str| format!("top-ups/{}/{act}", top_up["id"].as_str().unwrap_or_default());
    let days = json!({"days": 20});
    note("staff, extend", saldo.operate(&path("extend"), "extend", days, 201).await?);
    saldo.pay()?;
    let (message, _) = saldo.message("invoice.paid").await?;
    saldo.work(&message).await?;
    note("staff, settle what is settled", saldo.operate(&path("settle"), "settle", json!({}), 201).await?);
    let part = json!({"credits": 100});
    note("staff, refund", saldo.operate(&path("refund"), "refund", part.clone(), 201).await?);
    note("staff, the same refund again (200)", saldo.operate(&path("refund"), "refund", part, 200).await?);
    let (message, _) = saldo.message("credit_note.created").await?;
    note("worker, a refund of the staff's", saldo.work(&message).await?);
    let one = json!({"credits": 1});
    note("staff, adjust", saldo.operate("adjustments", "adjust", one, 201).await?);
    saldo.stop().await;
    Ok(())
}

async fn reconciled(seen: &mut Vec<Measured>) -> Result<(), Failure> {
    let saldo = Metered::start().await?;
    let mut note = |call, counts| seen.push(Measured { call, counts });
    note("reconcile, nothing there", saldo.reconcile_after(0).await?);
    saldo.top_up("first").await?;
    saldo.debit(&saldo.debit_id(), "sms", 201).await?;
    note("reconcile, the first time of an organisation", saldo.reconcile_after(2 * 86_400).await?);
    note("reconcile, half an hour later", saldo.reconcile_after(1_800).await?);
    note("reconcile, the same organisation a day later", saldo.reconcile_after(86_400).await?);
    saldo.stop().await;
    Ok(())
}

async fn balance(saldo: &Metered, credits: usize, open: bool) -> Result<Counts, Failure> {
    let (answer, counts) = saldo.ask("balance", "/v1/balance", 200).await?;
    let as_expected = answer["available_credits"] == credits && answer["open_top_up"].is_object() == open;
    if as_expected { Ok(counts) } else { Err(format!("not the balance expected: {answer}").into()) }
}

async fn page(saldo: &Metered, path: &str, list: &str) -> Result<Counts, Failure> {
    let (answer, counts) = saldo.ask("history", path, 200).await?;
    let rows = answer[list].as_array().map_or(0, Vec::len);
    if rows == PAGE && answer["next_cursor"] != Value::Null {
        Ok(counts)
    } else {
        Err(format!("{path} gave {rows} rows").into())
    }
}
