//! DynamoDB's errors, sorted by what to do next.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use saldo_domain::{Metric, measure};

use crate::PortError;

pub(super) fn port_error<E>(error: &SdkError<E>) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let sorted = sorted(error);
    if sorted != PortError::Conflict {
        measure!(Metric::TableErrors, 1);
    }
    sorted
}

fn sorted<E>(error: &SdkError<E>) -> PortError
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
