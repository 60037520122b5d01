//! The local Secrets Manager answers as AWS's own SDK reads it.
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use saldo_adapters::aws_http::https;
use saldo_local::secrets::Mood;
use saldo_local::{Options, Saldo};

#[tokio::test]
async fn secrets_manager_answers_in_the_sdks_own_types() {
    let saldo = Saldo::start(Options { poll: false, ..Options::default() }).await.unwrap();
    let client = client(&saldo);
    saldo.secrets().put("app/key", "first");
    let first = client.get_secret_value().secret_id("app/key").send().await.unwrap();
    assert_eq!((first.name(), first.secret_string()), (Some("app/key"), Some("first")));
    assert_eq!(first.version_stages(), ["AWSCURRENT"]);
    assert!(first.created_date().is_some() && first.version_id().is_some_and(|id| id.len() >= 32));
    let arn = first.arn().unwrap();
    assert!(arn.starts_with("arn:aws:secretsmanager:us-east-1:000000000000:secret:app/key-"), "{arn}");

    saldo.secrets().put("app/key", "second");
    let by_arn = client.get_secret_value().secret_id(arn).version_stage("AWSCURRENT").send().await.unwrap();
    assert_eq!(by_arn.secret_string(), Some("second"));
    assert_ne!(by_arn.version_id(), first.version_id());

    let older =
        client.get_secret_value().secret_id("app/key").version_id(first.version_id().unwrap()).send().await;
    for missing in [older, client.get_secret_value().secret_id("app/another").send().await] {
        let error = missing.unwrap_err().into_service_error();
        assert!(matches!(error, GetSecretValueError::ResourceNotFoundException(_)), "{error:?}");
    }
    for (mood, code) in [(Mood::Down, "InternalServiceError"), (Mood::Denying, "AccessDeniedException")] {
        saldo.secrets().set_mood(mood);
        let error = client.get_secret_value().secret_id("app/key").send().await.unwrap_err();
        assert_eq!(error.code(), Some(code));
        assert!(error.message().is_some_and(|message| !message.contains("second")));
    }
    saldo.secrets().set_mood(Mood::Well);
    let unknown = client.list_secrets().send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("UnknownOperationException"));
    saldo.stop().await;
}

fn client(saldo: &Saldo) -> Client {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(https())
        .endpoint_url(saldo.secrets_manager_url())
        .build();
    Client::from_conf(config)
}
