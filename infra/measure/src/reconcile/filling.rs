//! Organisations with books that are right, as spending leaves them: half of all entries are of the first one.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use saldo_adapters::clock::Clock;
use saldo_domain::{Actor, BillingContact, DebitId, EntryId, Month, OrgId, Timestamp};
use saldo_local::Saldo;
use tokio::task::JoinSet;
use uuid::Builder;

use crate::debits::table_client;
use crate::failure::Failure;

/// What `BatchWriteItem` takes.
const BATCH: usize = 25;
const AT_ONCE: usize = 8;
const GRANTED: i64 = 1_000_000_000;

/// Writes them, with all entries in a month that can be final.
pub(super) async fn fill(saldo: &Saldo, organisations: usize, entries: usize) -> Result<(), Failure> {
    let client = table_client(saldo.dynamodb_url());
    let env = saldo.env_of("reconcile");
    let table = env.require("SALDO_TABLE")?.to_owned();
    let store = saldo.world().store(&env)?;
    let now = Clock::system().now();
    let month = Month::of(now.plus_secs(-62 * 86_400));
    let first = entries / 2;
    let rest = (entries - first) / organisations.saturating_sub(1).max(1);
    let mut writing = JoinSet::new();
    for number in 0..organisations {
        let org = OrgId::parse(&format!("org-{number}"))?;
        store.change_settings(&org, &BillingContact::default(), 0, &Actor::System, now).await?;
        let count = if number == 0 { first } else { rest };
        let mut puts = vec![balance(&org, count)?, granted(&org, month)?];
        for at in 0..count {
            puts.push(debit(&org, month, at, count)?);
            if puts.len() == BATCH {
                write(&mut writing, &client, &table, std::mem::take(&mut puts)).await?;
            }
        }
        if !puts.is_empty() {
            write(&mut writing, &client, &table, puts).await?;
        }
    }
    while let Some(done) = writing.join_next().await {
        done??;
    }
    Ok(())
}

async fn write(
    writing: &mut JoinSet<Result<(), Failure>>,
    client: &Client,
    table: &str,
    puts: Vec<WriteRequest>,
) -> Result<(), Failure> {
    while writing.len() >= AT_ONCE {
        writing.join_next().await.ok_or("nothing is written")???;
    }
    let (client, table) = (client.clone(), table.to_owned());
    writing.spawn(async move {
        let done = client.batch_write_item().request_items(table, puts).send().await?;
        let whole = done.unprocessed_items().is_none_or(HashMap::is_empty);
        if whole { Ok(()) } else { Err("not all was written".into()) }
    });
    Ok(())
}

fn balance(org: &OrgId, spent: usize) -> Result<WriteRequest, Failure> {
    let item = PutRequest::builder()
        .item("pk", text(&format!("ORG#{org}")))
        .item("sk", text("BALANCE"))
        .item("credits", number(GRANTED - i64::try_from(spent)?))
        .item("v", number(i64::MAX / 65_536 / 65_536 * 65_536))
        .item("g", number(1))
        .item("q", AttributeValue::M(HashMap::new()));
    Ok(WriteRequest::builder().put_request(item.build()?).build())
}

fn granted(org: &OrgId, month: Month) -> Result<WriteRequest, Failure> {
    let at = month.start();
    let item = PutRequest::builder()
        .item("pk", text(&format!("LEDGER#{org}#{}", month.digits())))
        .item("sk", text(&EntryId::first_at(at).to_string()))
        .item("at", number(at.ms()))
        .item("credits", number(GRANTED))
        .item("kind", text("adjustment"))
        .item("cause", text("measured"));
    Ok(WriteRequest::builder().put_request(item.build()?).build())
}

fn debit(org: &OrgId, month: Month, at: usize, of: usize) -> Result<WriteRequest, Failure> {
    let (begin, end) = (month.start().ms(), month.next().start().ms());
    let step = (end - begin) / i64::try_from(of.max(1) + 1)?;
    let moment = Timestamp::from_ms(begin + step * i64::try_from(at + 1)?);
    let random = fastrand::u128(..).to_be_bytes()[..10].try_into()?;
    let id = Builder::from_unix_timestamp_millis(u64::try_from(moment.ms())?, &random).into_uuid();
    let id = DebitId::from_bytes(id.into_bytes())?;
    let debit = HashMap::from([
        ("t".to_owned(), number(17)),
        ("n".to_owned(), number(1)),
        ("a".to_owned(), number(999_999)),
        ("ch".to_owned(), text("email")),
        ("co".to_owned(), text("ID")),
        ("r".to_owned(), text("7c9e6679-7425-40de-944b-e07fc1f90ae7")),
    ]);
    let item = PutRequest::builder()
        .item("pk", text(&format!("LEDGER#{org}#{}", month.digits())))
        .item("sk", text(&id.run().first().to_string()))
        .item("kind", text("debits"))
        .item("by", text("machine:sender-1"))
        .item(format!("{:02}", id.place()), AttributeValue::M(debit));
    Ok(WriteRequest::builder().put_request(item.build()?).build())
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
