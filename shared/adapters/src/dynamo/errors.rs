//! DynamoDB's errors, sorted by what to do next.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;

use crate::PortError;

pub(super) fn port_error<E>(error: &SdkError<E>) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let what = DisplayErrorContext(error).to_string();
    match error {
        SdkError::ConstructionFailure(_) => PortError::Broken(what),
        SdkError::ServiceError(service) => match service.err().code() {
            Some("ConditionalCheckFailedException") => PortError::Conflict,
            Some(
                "ValidationException"
                | "ResourceNotFoundException"
                | "AccessDeniedException"
                | "UnrecognizedClientException"
                | "SerializationException",
            ) => PortError::Broken(what),
            Some(_) | None => PortError::Unavailable(what),
        },
        _ => PortError::Unavailable(what),
    }
}

/// Why a transaction was not done.
pub(super) enum Canceled {
    /// One reason per item, in order; some failed their condition.
    Conditions(Vec<CancellationReason>),
    /// Another transaction or write touched the same items at that moment: the same again may do.
    Contention,
    Other(PortError),
}

pub(super) fn canceled(error: &SdkError<TransactWriteItemsError>) -> Canceled {
    if let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() {
        let reasons = canceled.cancellation_reasons().to_vec();
        let any = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
        if any("ConditionalCheckFailed") {
            return Canceled::Conditions(reasons);
        }
        if any("TransactionConflict") || any("ThrottlingError") || any("ProvisionedThroughputExceeded") {
            return Canceled::Contention;
        }
        return Canceled::Other(PortError::Broken(DisplayErrorContext(error).to_string()));
    }
    if matches!(error.as_service_error(), Some(TransactWriteItemsError::TransactionInProgressException(_))) {
        return Canceled::Contention;
    }
    Canceled::Other(port_error(error))
}

pub(super) fn condition_failed(reason: Option<&CancellationReason>) -> bool {
    reason.is_some_and(|reason| reason.code() == Some("ConditionalCheckFailed"))
}

/// The item that made the transaction's part `at` fail its condition.
pub(super) fn canceled_reason_item(
    reasons: &[CancellationReason],
    at: usize,
) -> Option<&super::attributes::Item> {
    reasons.get(at).filter(|reason| condition_failed(Some(reason)))?.item()
}
