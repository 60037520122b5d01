//! The local gateway lets through what API Gateway lets through, in the form that API Gateway gives it.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, RequestExt, Response};
use saldo_adapters::config::Env;
use saldo_adapters::http::ClaimNames;
use saldo_local::functions::HttpFunction;
use saldo_local::gateway::{Identity, Route, router};
use saldo_local::issuer::{AUDIENCE, ISSUER, Issuer, TokenRequest};
use saldo_local::template::Authorizer;
use saldo_local::watch::Watch;
use serde_json::{Value, json};

use crate::support::client::Client;

const NOW: i64 = 1_800_000_000;

#[tokio::test]
async fn a_good_token_passes_with_its_claims_as_text() {
    let gateway = Gateway::start().await;
    let token = gateway.token(&[]);
    let answer = gateway.client(&token).get("/v1/echo/a%20b?x=1&x=2&y=%C3%A9").await;
    assert_eq!(answer.status, StatusCode::OK);
    let seen = answer.json();
    assert_eq!(seen["claims"]["org_id"], "acme");
    assert_eq!(seen["claims"]["permissions"], "[billing:view billing:subscribe]");
    assert_eq!(seen["claims"]["exp"], (NOW + 60).to_string());
    assert_eq!(seen["id"], "a b");
    assert_eq!(seen["query"], json!({ "x": ["1", "2"], "y": ["é"] }));
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
}

#[tokio::test]
async fn no_token_is_refused() {
    let gateway = Gateway::start().await;
    let answer = Client::new(&gateway.url).get("/v1/echo/1").await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::UNAUTHORIZED, json!({"message": "Unauthorized"}))
    );
    assert_eq!(answer.headers["content-type"], "application/json", "as API Gateway says it");
}

#[tokio::test]
async fn a_token_that_is_not_valid_now_and_for_us_is_refused() {
    let gateway = Gateway::start().await;
    let wrong: [(&str, Value); 10] = [
        ("exp", json!(NOW)),
        ("exp", json!("soon")),
        ("exp", Value::Null),
        ("nbf", json!(NOW + 1)),
        ("iat", json!(NOW + 1)),
        ("iss", json!("https://elsewhere.example")),
        ("iss", Value::Null),
        ("aud", json!("someone-else")),
        ("aud", json!(["a", "b"])),
        ("aud", Value::Null),
    ];
    for (claim, value) in wrong {
        let token = gateway.token(&[(claim, value.clone())]);
        let answer = gateway.client(&token).get("/v1/echo/1").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{claim} = {value}");
    }
    let one_of_many = gateway.token(&[("aud", json!(["other", AUDIENCE]))]);
    assert_eq!(gateway.client(&one_of_many).get("/v1/echo/1").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_that_the_issuer_did_not_sign_is_refused() {
    let gateway = Gateway::start().await;
    let stranger = Issuer::open(None).unwrap();
    let claims = claims(&[]);
    let good = gateway.token(&[]);
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let kid = gateway.issuer.jwks()["keys"][0]["kid"].clone();
    let other_organisation = {
        let mut claims = claims.clone();
        claims["org_id"] = json!("globex");
        encoded(&claims)
    };
    // The public key used as an HMAC secret: the classic confusion of algorithms.
    let confused = {
        let public = gateway.issuer.jwks().to_string();
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        header.kid = kid.as_str().map(str::to_owned);
        jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(public.as_bytes()))
            .unwrap()
    };
    let forged = [
        stranger.sign(&claims).unwrap(),
        format!("{}.{}.", encoded(&json!({ "alg": "none", "typ": "JWT", "kid": kid })), encoded(&claims)),
        format!("{}.{payload}.{signature}", encoded(&json!({ "alg": "none", "kid": kid }))),
        format!("{header}.{other_organisation}.{signature}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        confused,
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
        "é".to_owned(),
        "x".repeat(9_000),
    ];
    for token in forged {
        let answer = gateway.client(&token).get("/v1/echo/1").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token}");
    }
    let basic = Client::new(&gateway.url);
    let answer = basic.send("GET", "/v1/echo/1", &[("authorization", "Basic YTpi")], "").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_not_in_the_template_does_not_exist() {
    let gateway = Gateway::start().await;
    let client = gateway.client(&gateway.token(&[]));
    for (method, path) in
        [("GET", "/v1/other"), ("POST", "/v1/echo/1"), ("GET", "/v1/echo"), ("GET", "/local/other")]
    {
        let answer = client.send(method, path, &[], "").await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::NOT_FOUND, "not_found"),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn bytes_arrive_as_they_were_sent() {
    let gateway = Gateway::start().await;
    let client = Client::new(&gateway.url);
    let every_byte: Vec<u8> = (0..=255).collect();
    let cases: [(&str, &[u8]); 4] = [
        ("application/json", br#"{"a":1}"#),
        ("application/json", &every_byte),
        ("application/octet-stream", &every_byte),
        ("text/plain", "é".as_bytes()),
    ];
    for (kind, body) in cases {
        let answer = client.send("POST", "/mirror", &[("content-type", kind)], body.to_vec()).await;
        assert_eq!(answer.body, body, "{kind}");
    }
}

#[tokio::test]
async fn a_body_over_ten_megabytes_is_refused() {
    let gateway = Gateway::start().await;
    let answer =
        Client::new(&gateway.url).send("POST", "/mirror", &[], vec![b'x'; 10 * 1024 * 1024 + 1]).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"));
}

#[tokio::test]
async fn headers_over_ten_kilobytes_are_refused() {
    let gateway = Gateway::start().await;
    let big = "x".repeat(10 * 1024);
    let answer = Client::new(&gateway.url).send("POST", "/mirror", &[("x-big", &big)], "").await;
    assert_eq!(answer.code(), "headers_too_large");
}

#[tokio::test]
async fn a_crash_and_a_timeout_stay_inside_the_function() {
    let gateway = Gateway::start().await;
    let client = Client::new(&gateway.url);
    let crash = client.get("/crash").await;
    assert_eq!((crash.status, crash.code().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"));
    let slow = client.get("/slow").await;
    assert_eq!((slow.status, slow.code().as_str()), (StatusCode::GATEWAY_TIMEOUT, "timed_out"));
    assert_eq!(client.send("POST", "/mirror", &[], "still there").await.body, b"still there");
}

#[tokio::test]
async fn the_local_issuer_gives_tokens_that_its_keys_check() {
    let gateway = Gateway::start().await;
    let client = Client::new(&gateway.url);
    let answer =
        client.get("/local/token?org=acme&permissions=billing:view,credits:spend&currency=USD").await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let seen = gateway.client(&token).get("/v1/echo/1").await.json();
    assert_eq!(seen["claims"]["permissions"], "[billing:view credits:spend]");
    assert_eq!(seen["claims"]["billing_currency"], "USD");
    let expired = client.get("/local/token?org=acme&expires_in=-1").await.json();
    let refused = gateway.client(expired["token"].as_str().unwrap()).get("/v1/echo/1").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(client.get("/local/token").await.code(), "invalid_request");
    assert_eq!(client.get("/local/jwks.json").await.json(), *gateway.issuer.jwks());
}

struct Gateway {
    url: String,
    issuer: Arc<Issuer>,
}

impl Gateway {
    async fn start() -> Self {
        let issuer = Arc::new(Issuer::open(None).unwrap());
        let identity = Identity { issuer: Arc::clone(&issuer), claim_names: claim_names() };
        let app = router(routes(), identity, Arc::new(|| NOW * 1000), Watch::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, issuer }
    }

    fn client(&self, token: &str) -> Client {
        Client::new(&self.url).with_token(token)
    }

    /// A good token but for `changes`; null leaves a claim out.
    fn token(&self, changes: &[(&str, Value)]) -> String {
        self.issuer.sign(&claims(changes)).unwrap()
    }
}

fn claims(changes: &[(&str, Value)]) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "nbf": NOW, "exp": NOW + 60,
        "org_id": "acme", "permissions": ["billing:view", "billing:subscribe"],
    });
    for (claim, value) in changes {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(*claim)),
            value => claims[claim] = value.clone(),
        }
    }
    claims
}

fn claim_names() -> ClaimNames {
    Env::default().claim_names()
}

fn routes() -> Vec<Route> {
    let authorizer = Authorizer { issuer: ISSUER.to_owned(), audiences: vec![AUDIENCE.to_owned()] };
    let second = Duration::from_secs(1);
    let route = |method: &str, path: &str, function| Route {
        method: method.to_owned(),
        path: path.to_owned(),
        authorizer: None,
        function,
    };
    vec![
        Route {
            authorizer: Some(authorizer),
            ..route("GET", "/v1/echo/{id}", HttpFunction::new("echo", second, echo))
        },
        route("POST", "/mirror", HttpFunction::new("mirror", second, mirror)),
        route("GET", "/crash", HttpFunction::new("crash", second, crash)),
        route("GET", "/slow", HttpFunction::new("slow", Duration::from_millis(50), slow)),
    ]
}

async fn echo(request: Request) -> Response<Body> {
    let context = request.request_context_ref().unwrap();
    let claims = &context.authorizer().unwrap().jwt.as_ref().unwrap().claims;
    let parameters = request.query_string_parameters();
    let query: BTreeMap<_, _> =
        parameters.iter().map(|(key, _)| (key.to_owned(), parameters.all(key).unwrap())).collect();
    let seen = json!({ "claims": claims, "id": request.path_parameters().first("id"), "query": query });
    Response::builder()
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
        .body(seen.to_string().into())
        .unwrap()
}

async fn mirror(request: Request) -> Response<Body> {
    let body = Body::Binary(request.body().to_vec());
    Response::builder().header("content-type", "application/octet-stream").body(body).unwrap()
}

async fn crash(_: Request) -> Response<Body> {
    panic!("on purpose")
}

async fn slow(_: Request) -> Response<Body> {
    std::future::pending().await
}

#[test]
fn a_token_request_names_the_claims_of_the_template() {
    let issuer = Issuer::open(None).unwrap();
    let names = ClaimNames { org: "tenant".to_owned(), ..claim_names() };
    let request = TokenRequest { organisation: "acme".to_owned(), ..TokenRequest::default() };
    let token = issuer.token(&names, &request, NOW, 60).unwrap();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims["tenant"], "acme");
}
