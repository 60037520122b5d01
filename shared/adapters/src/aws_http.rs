//! HTTPS as all of Saldo speaks it to AWS, each request told to the trace of the work that makes it.

use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;

use crate::telemetry::{Subsegment, To};

/// Rustls with ring, whose first handshake costs least.
#[must_use]
pub fn https() -> SharedHttpClient {
    let tls = Provider::Rustls(CryptoMode::Ring);
    SharedHttpClient::new(Traced(aws_smithy_http_client::Builder::new().tls_provider(tls).build_https()))
}

#[derive(Debug)]
struct Traced(SharedHttpClient);

impl HttpClient for Traced {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(TracedConnector(self.0.http_connector(settings, components)))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

#[derive(Debug)]
struct TracedConnector(SharedHttpConnector);

impl HttpConnector for TracedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let subsegment = Subsegment::begin(|| asked_of(request.headers().get("x-amz-target")));
        let answer = self.0.call(request);
        let Some(subsegment) = subsegment else { return answer };
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            subsegment.answered(answer.status().as_u16());
            Ok(answer)
        })
    }
}

/// `DynamoDB_20120810.GetItem` as the service and the operation, as X-Ray names them.
fn asked_of(target: Option<&str>) -> To {
    let (service, operation) = target.and_then(|target| target.split_once('.')).unwrap_or_default();
    let service = match service {
        "DynamoDB_20120810" => "DynamoDB",
        "AmazonSQS" => "SQS",
        "secretsmanager" => "SecretsManager",
        _ => "AWS",
    };
    To::Aws { service, operation: operation.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_names_its_service_and_operation() {
        for (target, expected) in [
            (Some("DynamoDB_20120810.GetItem"), ("DynamoDB", "GetItem")),
            (Some("AmazonSQS.SendMessage"), ("SQS", "SendMessage")),
            (Some("secretsmanager.GetSecretValue"), ("SecretsManager", "GetSecretValue")),
            (Some("AnotherService.Act"), ("AWS", "Act")),
            (None, ("AWS", "")),
        ] {
            let To::Aws { service, operation } = asked_of(target) else { panic!("{target:?}") };
            assert_eq!((service, operation.as_str()), expected);
        }
    }
}
