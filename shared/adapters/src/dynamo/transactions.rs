//! Transactions, and what is done about two that collide: the SDK does not repeat them.

use std::future::Future;
use std::time::Duration;

use aws_sdk_dynamodb::error::{BuildError, DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::Store;
use super::attributes::Item;
use super::errors::port_error;
use crate::PortError;

/// How often a write is tried that collides with another one.
const TRIES: u32 = 4;
const FIRST_PAUSE_MS: u64 = 30;

const ABSENT: &str = "attribute_not_exists(pk)";

/// The conditions of a transaction that did not hold, and so nothing was written: one answer per part, in their order.
pub(super) struct Refused(Vec<CancellationReason>);

impl Refused {
    /// Whether the part at this place was refused.
    pub(super) fn at(&self, place: usize) -> bool {
        self.0.get(place).is_some_and(|reason| reason.code() == Some(CONDITION))
    }

    /// What stood where the part at this place was refused, if it asked to be told.
    pub(super) fn item_at(&self, place: usize) -> Option<&Item> {
        self.0.get(place).filter(|_| self.at(place))?.item()
    }
}

const CONDITION: &str = "ConditionalCheckFailed";

impl Store {
    /// Runs a transaction; one that collides is tried again after a short random pause.
    pub(super) async fn transact(
        &self,
        items: Vec<TransactWriteItem>,
    ) -> Result<Result<(), Refused>, PortError> {
        let send = || self.client.transact_write_items().set_transact_items(Some(items.clone())).send();
        match until_no_collision(FIRST_PAUSE_MS, send, |error| reasons(error).is_some_and(collided)).await {
            Ok(_) => Ok(Ok(())),
            Err(error) => match reasons(&error) {
                Some(reasons) if any(reasons, CONDITION) => Ok(Err(Refused(reasons.to_vec()))),
                Some(reasons) if collided(reasons) => {
                    Err(PortError::Unavailable("transaction conflict".to_owned()))
                }
                Some(_) => Err(PortError::Broken(DisplayErrorContext(&error).to_string())),
                None => Err(port_error(&error)),
            },
        }
    }

    /// A put of a new item, which tells what was there before when it is refused.
    pub(super) fn put_if_absent(&self, item: Item) -> Result<TransactWriteItem, PortError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(ABSENT)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(TransactWriteItem::builder().put(put.build().map_err(not_built)?).build())
    }
}

/// Sends a write again while it collides with a transaction, each time after a random pause that may be twice as long.
pub(super) async fn until_no_collision<T, E, F>(
    first_pause_ms: u64,
    send: impl Fn() -> F,
    collided: impl Fn(&SdkError<E>) -> bool,
) -> Result<T, SdkError<E>>
where
    F: Future<Output = Result<T, SdkError<E>>>,
{
    let mut tried = 1;
    loop {
        match send().await {
            Err(error) if collided(&error) && tried < TRIES => {
                let longest = first_pause_ms << tried;
                tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=longest))).await;
                tried += 1;
            }
            sent => return sent,
        }
    }
}

pub(super) fn not_built(error: BuildError) -> PortError {
    PortError::Broken(error.to_string())
}

/// Why a transaction was canceled; none for one that is still under way.
fn reasons(error: &SdkError<TransactWriteItemsError>) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(canceled) => {
            Some(canceled.cancellation_reasons())
        }
        TransactWriteItemsError::TransactionInProgressException(_) => Some(&[]),
        _ => None,
    }
}

/// Whether another transaction or write touched the same items at that moment: the same again may do.
fn collided(reasons: &[CancellationReason]) -> bool {
    let again = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    !any(reasons, CONDITION) && (reasons.is_empty() || again.iter().any(|code| any(reasons, code)))
}

fn any(reasons: &[CancellationReason], code: &str) -> bool {
    reasons.iter().any(|reason| reason.code() == Some(code))
}
