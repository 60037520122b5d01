//! A month's ledger filled with entries as spending writes them, each by itself in its run.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use saldo_domain::{DebitId, Month, OrgId};
use tokio::task::JoinSet;
use uuid::{Builder, Uuid};

use crate::debits::table_client;
use crate::failure::Failure;

/// A month that is read.
#[derive(Clone)]
pub(super) struct Filling {
    pub(super) name: &'static str,
    pub(super) org: &'static str,
    pub(super) entries: usize,
    reference: String,
    /// Over how many ledgers the organisation's entries are spread beside the main one; 0 for none.
    ledgers: u64,
}

/// What `BatchWriteItem` takes.
const BATCH: usize = 25;
const AT_ONCE: usize = 8;

impl Filling {
    /// A usual month, and a tenth of it for others.
    pub(super) fn of(entries: usize) -> [Filling; 3] {
        let usual = "7c9e6679-7425-40de-944b-e07fc1f90ae7".to_owned();
        let tenth = entries / 10;
        [
            Filling { name: "usual", org: "usual", entries, reference: usual.clone(), ledgers: 0 },
            Filling {
                name: "in seventeen ledgers",
                org: "spread",
                entries: tenth,
                reference: usual,
                ledgers: 16,
            },
            Filling {
                name: "128 quotation marks each",
                org: "hostile",
                entries: tenth,
                reference: "\"".repeat(128),
                ledgers: 0,
            },
        ]
    }

    /// Writes all entries, evenly over the month.
    pub(super) async fn write(
        &self,
        url: &str,
        table: &str,
        org: &OrgId,
        month: Month,
    ) -> Result<(), Failure> {
        let client = table_client(url);
        if self.ledgers > 0 {
            self.spread(&client, table, org).await?;
        }
        let begin = month.start().ms();
        let step = (month.next().start().ms() - begin) / i64::try_from(self.entries)?;
        let mut writing = JoinSet::new();
        for from in (0..self.entries).step_by(BATCH) {
            let mut puts = Vec::new();
            for at in from..self.entries.min(from + BATCH) {
                let ms = u64::try_from(begin + step * i64::try_from(at)?)?;
                let id = Builder::from_unix_timestamp_millis(
                    ms,
                    &fastrand::u128(..).to_be_bytes()[..10].try_into()?,
                );
                puts.push(self.put(org, month, DebitId::from_bytes(id.into_uuid().into_bytes())?)?);
            }
            while writing.len() >= AT_ONCE {
                writing.join_next().await.ok_or("nothing is written")???;
            }
            writing.spawn(write(client.clone(), table.to_owned(), puts));
        }
        while let Some(done) = writing.join_next().await {
            done??;
        }
        Ok(())
    }

    fn put(&self, org: &OrgId, month: Month, id: DebitId) -> Result<WriteRequest, Failure> {
        let debit = HashMap::from([
            ("t".to_owned(), number(65_553)),
            ("n".to_owned(), number(1)),
            ("a".to_owned(), number(999_999)),
            ("b".to_owned(), number(2)),
            ("ch".to_owned(), text("whatsapp")),
            ("co".to_owned(), text("ID")),
            ("r".to_owned(), text(&self.reference)),
        ]);
        let ledger = match self.ledgers {
            0 => String::new(),
            some => format!("#{}", 1 + Uuid::from_bytes(id.bytes()).as_u64_pair().1 % some),
        };
        let put = PutRequest::builder()
            .item("pk", text(&format!("LEDGER#{org}#{}{ledger}", month.digits())))
            .item("sk", text(&id.run().first().to_string()))
            .item("kind", text("debits"))
            .item("by", text("machine:sender-1"))
            .item(format!("{:02}", id.place()), AttributeValue::M(debit))
            .build()?;
        Ok(WriteRequest::builder().put_request(put).build())
    }

    /// The main shard says that debits have been spread since 1970.
    async fn spread(&self, client: &Client, table: &str, org: &OrgId) -> Result<(), Failure> {
        let shard = client
            .put_item()
            .table_name(table)
            .item("pk", text(&format!("ORG#{org}")))
            .item("sk", text("BALANCE"))
            .item("credits", number(0))
            .item("v", number(0))
            .item("q", AttributeValue::M(HashMap::new()))
            .item("s", number(1));
        shard.send().await?;
        Ok(())
    }
}

async fn write(client: Client, table: String, puts: Vec<WriteRequest>) -> Result<(), Failure> {
    let done = client.batch_write_item().request_items(table, puts).send().await?;
    if done.unprocessed_items().is_none_or(HashMap::is_empty) {
        Ok(())
    } else {
        Err("not all was written".into())
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
