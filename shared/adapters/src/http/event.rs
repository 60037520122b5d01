//! Requests as API Gateway hands them over, whatever a token says.

use std::convert::Infallible;

use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Body, Error, Request, Response, Service, service_fn};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::telemetry;

/// Answers requests until Lambda ends the process.
pub async fn serve<H, F>(handle: H) -> Result<(), Error>
where
    H: Fn(Request) -> F,
    F: Future<Output = Response<Body>> + Send,
{
    let mut requests = Adapter::from(service_fn(|request| {
        let answer = handle(request);
        async move { Ok::<_, Infallible>(answer.await) }
    }));
    lambda_runtime::run(lambda_runtime::service_fn(move |event: LambdaEvent<Event>| {
        let (Event(request), context) = event.into_parts();
        let of = context.clone();
        let answer = requests.call(LambdaEvent::new(request, context));
        telemetry::invocation(&of, async move {
            answer.await.map_err(|never: Infallible| -> Error { match never {} })
        })
    }))
    .await
}

/// An event of an HTTP API, in payload format 2.0.
#[derive(Debug)]
pub struct Event(pub LambdaRequest);

/// Where the claims are.
const CLAIMS: &str = "/requestContext/authorizer/jwt/claims";

impl<'de> Deserialize<'de> for Event {
    /// `lambda_http` knows claims that are text, and takes an event with any other for none at all. API Gateway makes text
    /// of what it can; whatever it cannot is made text here, so that a claim which nobody reads breaks nothing.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Event, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if let Ok(request) = serde_json::from_str(raw.get()) {
            return Ok(Event(request));
        }
        let mut event: Value = serde_json::from_str(raw.get()).map_err(de::Error::custom)?;
        if let Some(Value::Object(claims)) = event.pointer_mut(CLAIMS) {
            claims.retain(|_, claim| !claim.is_null());
            for claim in claims.values_mut().filter(|claim| !claim.is_string()) {
                *claim = Value::String(claim.to_string());
            }
        }
        serde_json::from_value(event).map(Event).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::request::RequestContext;
    use serde_json::json;

    use super::*;

    fn claims(claims: Value) -> Value {
        let event = json!({
            "version": "2.0", "routeKey": "GET /", "rawPath": "/", "rawQueryString": "", "isBase64Encoded": false,
            "headers": {},
            "requestContext": {
                "authorizer": {"jwt": {"claims": claims, "scopes": null}},
                "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
                "timeEpoch": 0,
            },
        });
        let Event(LambdaRequest::ApiGatewayV2(request)) = serde_json::from_value(event).unwrap() else {
            panic!("an event of an HTTP API")
        };
        json!(
            RequestContext::ApiGatewayV2(request.request_context)
                .authorizer()
                .unwrap()
                .jwt
                .as_ref()
                .unwrap()
                .claims
        )
    }

    #[test]
    fn a_claim_may_be_of_any_type() {
        let told = json!({
            "org_id": "acme", "exp": 1_800_000_000, "email_verified": true, "rate": 1.5, "nothing": null,
            "groups": ["a", "b"], "address": {"city": "Jakarta"},
        });
        let text = json!({
            "org_id": "acme", "exp": "1800000000", "email_verified": "true", "rate": "1.5",
            "groups": r#"["a","b"]"#, "address": r#"{"city":"Jakarta"}"#,
        });
        assert_eq!(claims(told), text);
        assert_eq!(claims(text.clone()), text);
    }

    #[test]
    fn what_is_no_event_is_none() {
        assert!(serde_json::from_str::<Event>(r#"{"Records": []}"#).is_err());
        assert!(serde_json::from_str::<Event>("[]").is_err());
    }
}
