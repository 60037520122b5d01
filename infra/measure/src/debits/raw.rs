//! The same two calls of the AWS SDK, written by hand: what remains when Saldo's own code is taken away.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::task::Task;
use crate::failure::Failure;

/// What the event that the handler gets is about: a WhatsApp message of two credits.
const CREDITS: &str = "2";
const CODE: &str = "34";
const SEQUENCE_STEP: &str = "65536";

/// A debit whose entry is written, to be acknowledged by the next one.
struct Done {
    pending_name: String,
    stamp: AttributeValue,
}

pub(crate) async fn spend(task: &Task) -> Result<(), Failure> {
    let (client, table) = (client(&task.url), task.env.require("SALDO_TABLE")?);
    let mut done = None;
    for _ in 0..task.count {
        let id = Uuid::now_v7();
        let pending_name = URL_SAFE_NO_PAD.encode(id.as_bytes());
        let (stamp, available) = reserve(&client, table, &pending_name, done.as_ref()).await?;
        enter(&client, table, id, stamp.clone(), available).await?;
        done = Some(Done { pending_name, stamp });
    }
    Ok(())
}

/// As `World::store` in saldo-adapters makes it.
pub(crate) fn client(url: &str) -> Client {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let retries = RetryConfig::standard().with_max_attempts(3);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ap-southeast-3"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .http_client(aws_smithy_http_client::Builder::new().tls_provider(tls).build_https())
        .retry_config(retries.with_initial_backoff(Duration::from_millis(50)))
        .timeout_config(timeouts)
        .endpoint_url(url);
    Client::from_conf(config.build())
}

/// Reserves credits on the shard, and acknowledges what is done. Gives the stamp and what is left.
async fn reserve(
    client: &Client,
    table: &str,
    pending_name: &str,
    done: Option<&Done>,
) -> Result<(AttributeValue, AttributeValue), Failure> {
    let mut set = "SET #credits = #credits - :credits, #v = #v + :turn, #q.#id0 = #v + :code0".to_owned();
    let mut condition = "#credits >= :credits AND attribute_exists(#q) AND size(#q) < :room \
                         AND attribute_not_exists(#s) AND attribute_not_exists(#q.#id0)"
        .to_owned();
    if done.is_some() {
        set.push_str(" REMOVE #q.#done0");
        condition.push_str(" AND (attribute_not_exists(#q.#done0) OR #q.#done0 = :done0)");
    }
    let mut update = client
        .update_item()
        .table_name(table)
        .key("pk", text("ORG#acme"))
        .key("sk", text("BALANCE"))
        .update_expression(set)
        .condition_expression(condition)
        .expression_attribute_names("#credits", "credits")
        .expression_attribute_names("#v", "v")
        .expression_attribute_names("#q", "q")
        .expression_attribute_names("#s", "s")
        .expression_attribute_names("#id0", pending_name)
        .expression_attribute_values(":credits", number(CREDITS))
        .expression_attribute_values(":turn", number(SEQUENCE_STEP))
        .expression_attribute_values(":code0", number(CODE))
        .expression_attribute_values(":room", number(if done.is_some() { "21" } else { "20" }))
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    if let Some(Done { pending_name, stamp }) = done {
        update = update
            .expression_attribute_names("#done0", pending_name)
            .expression_attribute_values(":done0", stamp.clone());
    }
    let mut shard = update.send().await?.attributes.ok_or("no head")?;
    let left = shard.remove("credits").ok_or("no credits")?;
    match shard.remove("q") {
        Some(AttributeValue::M(mut pending)) => Ok((pending.remove(pending_name).ok_or("no stamp")?, left)),
        _ => Err("nothing pending".into()),
    }
}

/// Writes the entry into the item of its run.
async fn enter(
    client: &Client,
    table: &str,
    id: Uuid,
    stamp: AttributeValue,
    left: AttributeValue,
) -> Result<(), Failure> {
    let mut run = *id.as_bytes();
    let place = run[15] & 0x1f;
    run[15] &= 0xe0;
    let debit = HashMap::from([
        ("t".to_owned(), stamp),
        ("n".to_owned(), number(CREDITS)),
        ("a".to_owned(), left),
        ("ch".to_owned(), text("whatsapp")),
        ("co".to_owned(), text("ID")),
        ("r".to_owned(), text("order 17")),
    ]);
    client
        .update_item()
        .table_name(table)
        .key("pk", text("LEDGER#acme#202611"))
        .key("sk", text(Uuid::from_bytes(run).to_string()))
        .update_expression("SET #kind = :debits, #d0 = :d0")
        .condition_expression(
            "(attribute_not_exists(#kind) OR #kind = :debits) AND attribute_not_exists(#d0)",
        )
        .expression_attribute_names("#kind", "kind")
        .expression_attribute_names("#d0", format!("{place:02}"))
        .expression_attribute_values(":debits", text("debits"))
        .expression_attribute_values(":d0", AttributeValue::M(debit))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await?;
    Ok(())
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn number(digits: &str) -> AttributeValue {
    AttributeValue::N(digits.to_owned())
}
