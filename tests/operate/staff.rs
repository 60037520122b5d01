//! Someone of the staff, and what they ask.
use saldo_adapters::world::World;
use saldo_local::Saldo;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};

/// A member of the staff with a token that names no organisation that buys.
pub(crate) struct Staff(Client);

impl Staff {
    pub(crate) async fn of(saldo: &Saldo, subject: &str) -> Staff {
        let query = format!("/local/token?org=staff&permissions=billing:operate&sub={subject}");
        let answer = Client::new(saldo.api_url()).get(&query).await;
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        Staff(Client::new(saldo.api_url()).with_token(token))
    }

    /// What is answered below /v1/operate.
    pub(crate) async fn ask(&self, path: &str) -> Answer {
        self.0.get(&format!("/v1/operate/{path}")).await
    }

    /// The same, which succeeds.
    pub(crate) async fn see(&self, path: &str) -> Value {
        let answer = self.ask(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// Whom and what a search finds: kind, organisation and top-up.
    pub(crate) async fn finds(&self, query: &str) -> Vec<(String, String, Value)> {
        let found = self.see(&format!("search?q={query}")).await;
        let results = found["results"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let found = |one: &Value| (text(&one["kind"]), text(&one["organisation"]), one["top_up"].clone());
        results.map(found).collect()
    }
}

/// What a search finds of a top-up.
pub(crate) fn the_top_up(org: &str, id: &str) -> Vec<(String, String, Value)> {
    vec![("top_up".to_owned(), org.to_owned(), json!(id))]
}

/// What a search finds of an organisation.
pub(crate) fn the_organisation(org: &str) -> Vec<(String, String, Value)> {
    vec![("organisation".to_owned(), org.to_owned(), Value::Null)]
}

/// What the staff do in Stripe's dashboard.
pub(crate) async fn at_stripe(saldo: &Saldo, path: &str, form: &str) -> Value {
    let client = Client::new(saldo.stripe_url()).with_token("sk_test_staff");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = client.send("POST", path, &headers, form.to_owned()).await;
    assert!(answer.status.is_success(), "{path}: {}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// What Stripe answers to the staff.
pub(crate) async fn from_stripe(saldo: &Saldo, path: &str) -> Value {
    Client::new(saldo.stripe_url()).with_token("sk_test_staff").get(path).await.json()
}

/// Somebody does something, through the function by hand over any world: status and what is kept, or the problem.
pub(crate) fn does(
    saldo: &Saldo,
    world: &World,
    deed: &Deed<'_>,
) -> impl Future<Output = (u16, Value)> + use<> {
    let function = saldo_operate::connect(&saldo.env_of("operate"), world).unwrap();
    let path = format!("/v1/operate/{}", deed.path);
    let id = deed.path.split('/').nth(1).unwrap_or_default();
    let event = json!({
        "version": "2.0", "routeKey": format!("POST {path}"), "rawPath": path, "rawQueryString": "",
        "headers": {"idempotency-key": deed.key}, "pathParameters": {"id": id},
        "body": deed.body.to_string(), "isBase64Encoded": false,
        "requestContext": {
            "authorizer": {"jwt": {"claims": {"sub": deed.by, "permissions": "[billing:operate]"}, "scopes": null}},
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
            "timeEpoch": 0,
        },
    });
    async move {
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let answer = function.handle(request).await;
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
    }
}

/// By whom, what, under which key.
pub(crate) struct Deed<'a> {
    pub(crate) by: &'a str,
    pub(crate) path: &'a str,
    pub(crate) key: &'a str,
    pub(crate) body: Value,
}
