//! Every call that is measured, in the order of a customer's life.

use serde_json::Value;

use crate::capacity::Counts;
use crate::meter::Item;
use crate::stage::Stage;
use crate::{Failure, Measured};

/// A page of history, and how many top-ups are paid so that it is full and not the last.
const PAGE: usize = 20;

/// All calls, and the largest item that they wrote.
pub(crate) async fn measure() -> Result<(Vec<Measured>, Item), Failure> {
    let mut seen = Vec::new();
    let largest = one_organisation(&mut seen).await?;
    unpaid(&mut seen).await?;
    spent(&mut seen).await?;
    spent_over_shards(&mut seen).await?;
    Ok((seen, largest))
}

async fn one_organisation(seen: &mut Vec<Measured>) -> Result<Item, Failure> {
    let stage = Stage::start().await?;
    let mut note = |call, counts| seen.push(Measured { call, counts });

    note("quote", stage.ask("quote", "/v1/quote", 200).await?.1);
    note("balance, nothing open", balance(&stage, 0, false).await?);
    let (top_up, counts) = stage.create("first", 201).await?;
    note("create, the organisation's first", counts);
    note("create, refused: one is open (409)", stage.create("second", 409).await?.1);
    note("create, the same request again (200)", stage.create("first", 200).await?.1);
    note("balance, a top-up open", balance(&stage, 0, true).await?);
    let path = format!("/v1/top-ups/{}", top_up["id"].as_str().unwrap_or_default());
    note("one top-up", stage.ask("history", &path, 200).await?.1);
    note("cancel", stage.cancel(&top_up).await?);
    let (message, _) = stage.message().await?;
    note("worker, nothing to do (canceled before)", stage.work(&message).await?);
    note("create, later ones", stage.create("third", 201).await?.1);
    stage.pay()?;
    let (message, counts) = stage.message().await?;
    note("webhook", counts);
    note("worker, credits", stage.work(&message).await?);
    note("worker, the same event again", stage.work(&message).await?);
    for number in 1..=PAGE {
        stage.top_up(&format!("more-{number}")).await?;
    }
    balance(&stage, 1000 * (1 + PAGE), false).await?;
    note("top-ups, a page of 20", page(&stage, "/v1/top-ups", "top_ups").await?);
    note("entries, a page of 20", page(&stage, "/v1/entries", "entries").await?);
    Ok(stage.stop().await)
}

async fn unpaid(seen: &mut Vec<Measured>) -> Result<(), Failure> {
    let stage = Stage::start().await?;
    let mut note = |call, counts| seen.push(Measured { call, counts });
    stage.create("first", 201).await?;
    note("cleanup, nothing due", stage.clean_up_after(0, 0, 0).await?);
    note("cleanup, one checked", stage.clean_up_after(10 * 60, 1, 0).await?);
    note("cleanup, one expired", stage.clean_up_after(80 * 3600, 1, 1).await?);
    stage.stop().await;
    Ok(())
}

async fn spent(seen: &mut Vec<Measured>) -> Result<(), Failure> {
    let stage = Stage::start().await?;
    let mut note = |call, counts| seen.push(Measured { call, counts });
    note("debit, refused: not enough left (402)", stage.debit(&stage.debit_id(), "sms", 402).await?);
    stage.top_up("first").await?;
    note("debit, the organisation's first", stage.debit(&stage.debit_id(), "sms", 201).await?);
    let id = stage.debit_id();
    note("debit, later ones", stage.debit(&id, "email", 201).await?);
    note("debit, the same again (200)", stage.debit(&id, "email", 200).await?);
    note("debit, reversed", stage.reverse(&id).await?);
    note("debit, reversed again", stage.reverse(&id).await?);
    note("debits, a batch of ten in one run", stage.batch(&stage.ids_of_one_run(10)?).await?);
    note("debits, a batch of ten at random", stage.batch(&stage.ids_at_random(10)).await?);
    note("beside it: a transaction of three items", stage.plain_transaction(3).await?);
    note("beside it: a transaction of two items", stage.plain_transaction(2).await?);
    stage.stop().await;
    Ok(())
}

async fn spent_over_shards(seen: &mut Vec<Measured>) -> Result<(), Failure> {
    let stage = Stage::start_with(r#"{"acme":1}"#).await?;
    stage.top_up("first").await?;
    stage.debit(&stage.debit_id(), "sms", 201).await?;
    let counts = stage.debit(&stage.debit_id(), "sms", 201).await?;
    seen.push(Measured { call: "debit, later ones of an organisation that is split", counts });
    stage.stop().await;
    Ok(())
}

async fn balance(stage: &Stage, credits: usize, open: bool) -> Result<Counts, Failure> {
    let (answer, counts) = stage.ask("balance", "/v1/balance", 200).await?;
    let as_expected = answer["available_credits"] == credits && answer["open_top_up"].is_object() == open;
    if as_expected { Ok(counts) } else { Err(format!("not the balance expected: {answer}").into()) }
}

async fn page(stage: &Stage, path: &str, list: &str) -> Result<Counts, Failure> {
    let (answer, counts) = stage.ask("history", path, 200).await?;
    let rows = answer[list].as_array().map_or(0, Vec::len);
    if rows == PAGE && answer["next_cursor"] != Value::Null {
        Ok(counts)
    } else {
        Err(format!("{path} gave {rows} rows").into())
    }
}
