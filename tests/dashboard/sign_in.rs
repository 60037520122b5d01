//! The ways in: OpenID Connect with a code and PKCE, and the platform's own sign-in.
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use saldo_local::Options;

use super::browser::browser;
use super::page::{Page, Reader};
use super::stack::{Person, Stack};

type Fields = HashMap<String, String>;

/// An issuer and a platform on a host of their own, which hand out one token.
#[derive(Clone, Default)]
struct Issuer {
    token: Arc<Mutex<String>>,
    /// What came to the authorization endpoint last.
    asked: Arc<Mutex<Fields>>,
}

#[test]
fn signing_in_with_openid_connect_proves_possession_and_comes_back() {
    let Some((page, stack, issuer)) = start(|issuer| {
        [
            ("OidcAuthorizeUrl", format!("{issuer}/authorize")),
            ("OidcTokenUrl", format!("{issuer}/token")),
            ("OidcClientId", "saldo-pages".to_owned()),
        ]
        .into()
    }) else {
        return;
    };
    page.go(&format!("{}/billing/history", stack.dashboard));
    page.sees("Sign in to see your balance");
    page.click("main button.primary");
    page.wait_for("location.pathname === '/billing/history' && document.querySelector('.notice') !== null");
    page.sees("No top-ups yet");
    assert_eq!(page.eval("location.search + location.hash"), "");
    let asked = issuer.asked.lock().unwrap().clone();
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["client_id"], "saldo-pages");
    assert_eq!(asked["scope"], "openid");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn an_answer_that_nobody_asked_for_signs_nobody_in() {
    let Some((page, stack, _)) = start(|issuer| {
        [
            ("OidcAuthorizeUrl", format!("{issuer}/authorize")),
            ("OidcTokenUrl", format!("{issuer}/token")),
            ("OidcClientId", "saldo-pages".to_owned()),
        ]
        .into()
    }) else {
        return;
    };
    page.go(&format!("{}/billing?code=stolen&state=guessed", stack.dashboard));
    page.sees("Sign in to see your balance");
    assert_eq!(page.eval("sessionStorage.getItem('saldo.token')"), serde_json::Value::Null);
}

#[test]
fn the_platforms_own_sign_in_comes_back_to_the_same_place_with_a_token() {
    let Some((page, stack, _)) = start(|issuer| [("SignInUrl", format!("{issuer}/platform"))].into()) else {
        return;
    };
    page.go(&format!("{}/billing/history?status=paid", stack.dashboard));
    page.sees("Sign in to see your balance");
    page.click("main button.primary");
    page.wait_for("location.pathname + location.search === '/billing/history?status=paid'");
    page.sees("No top-ups with the status Paid");
    assert_eq!(page.eval("location.hash"), "");
}

/// A Saldo whose template parameters name the issuer, and a page that has seen nothing yet.
fn start(parameters: impl Fn(&str) -> BTreeMap<&'static str, String>) -> Option<(Page, Stack, Issuer)> {
    let browser = browser()?;
    let issuer = Issuer::default();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut settings: BTreeMap<String, String> =
        parameters(&url).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    settings.insert("LocalSignInUrl".to_owned(), String::new());
    let stack = Stack::start(Options { parameters: settings, ..Options::default() });
    *issuer.token.lock().unwrap() = stack.token(Person::of("signed-in"));
    let router = axum::Router::new()
        .route("/authorize", get(authorize))
        .route("/token", post(token))
        .route("/platform", get(platform))
        .with_state(issuer.clone());
    stack.runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener, router).await.unwrap();
    });
    Some((Page::open(browser, Reader::ENGLISH), stack, issuer))
}

async fn authorize(State(issuer): State<Issuer>, Query(asked): Query<Fields>) -> Redirect {
    let back = format!("{}?code=one-time&state={}", asked["redirect_uri"], asked["state"]);
    *issuer.asked.lock().unwrap() = asked;
    Redirect::to(&back)
}

/// Gives the token only for the code, to whoever holds the secret behind the challenge.
async fn token(State(issuer): State<Issuer>, Form(asked): Form<Fields>) -> Response {
    let began = issuer.asked.lock().unwrap().clone();
    let digest = ring::digest::digest(&ring::digest::SHA256, asked["code_verifier"].as_bytes());
    let proven = URL_SAFE_NO_PAD.encode(digest) == began["code_challenge"];
    let same = asked["redirect_uri"] == began["redirect_uri"] && asked["client_id"] == began["client_id"];
    if !(proven && same && asked["code"] == "one-time" && asked["grant_type"] == "authorization_code") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let token = issuer.token.lock().unwrap().clone();
    let body = serde_json::json!({ "access_token": token, "token_type": "Bearer" }).to_string();
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, body).into_response()
}

async fn platform(State(issuer): State<Issuer>, Query(asked): Query<Fields>) -> Redirect {
    Redirect::to(&format!("{}#token={}", asked["return_to"], issuer.token.lock().unwrap()))
}
