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
use super::stack::{Person, Stack, stack};

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

#[test]
fn a_link_with_a_token_takes_over_no_session_and_signs_nobody_in() {
    let Some((page, stack, issuer)) = start(|issuer| [("SignInUrl", format!("{issuer}/platform"))].into())
    else {
        return;
    };
    let other = issuer.token.lock().unwrap().clone();
    // Without a session.
    page.go(&format!("{}/billing/history#token={other}", stack.dashboard));
    page.sees("This address tried to sign you in");
    page.sees("Sign in to see your balance");
    assert_eq!(page.eval("location.pathname + location.hash"), "/billing/history");
    assert_eq!(page.eval("sessionStorage.getItem('saldo.token')"), serde_json::Value::Null);
    // Over a session: another page load, and a change of the fragment alone.
    let mine = stack.token(Person::of("mine"));
    page.eval(&format!("sessionStorage.setItem('saldo.token', '{mine}')"));
    page.go(&format!("{}/billing/balance?x=1#token={other}", stack.dashboard));
    page.sees("This address tried to sign you in");
    page.wait_for("document.querySelector('.org-name')?.innerText === 'mine'");
    page.go(&format!("{}/billing/balance", stack.dashboard));
    page.sees("Available credits");
    page.eval(&format!("location.hash = 'token={other}'"));
    page.sees("This address tried to sign you in");
    assert_eq!(page.eval("sessionStorage.getItem('saldo.token')"), mine);
    assert_eq!(page.text_of(".org-name"), "mine");
    assert_eq!(page.eval("location.hash"), "");
}

#[test]
fn an_answer_to_a_sign_in_of_another_tab_is_refused() {
    let Some((page, stack, issuer)) = start(|issuer| [("SignInUrl", format!("{issuer}/elsewhere"))].into())
    else {
        return;
    };
    page.go(&format!("{}/billing/balance", stack.dashboard));
    page.sees("Sign in to see your balance");
    page.click("main button.primary");
    page.wait_for("!location.pathname.startsWith('/billing')");
    let token = issuer.token.lock().unwrap().clone();
    page.go(&format!("{}/billing/balance?sign_in=guessed#token={token}", stack.dashboard));
    page.sees("This address tried to sign you in");
    assert_eq!(page.eval("sessionStorage.getItem('saldo.token')"), serde_json::Value::Null);
    assert_eq!(page.eval("location.search + location.hash"), "");
}

#[test]
fn an_issuers_answer_over_a_session_changes_nothing() {
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
    let mine = stack.token(Person::of("mine"));
    page.go(&stack.url("/healthz"));
    page.eval(&format!("sessionStorage.setItem('saldo.token', '{mine}')"));
    page.go(&format!("{}/billing?code=stolen&state=guessed", stack.dashboard));
    page.sees("This address tried to sign you in");
    assert_eq!(page.eval("sessionStorage.getItem('saldo.token')"), mine);
    assert_eq!(page.eval("location.search"), "");
}

#[test]
fn the_local_form_takes_only_what_can_be_an_organisation() {
    let Some(browser) = browser() else { return };
    for (reader, words) in [
        (Reader::ENGLISH, "An organization has 1 to 128 letters"),
        (Reader::INDONESIAN.on_a_phone(), "Nama organisasi terdiri dari 1 sampai 128 huruf"),
    ] {
        let page = Page::open(browser, reader);
        page.go(&stack().url("/billing/sign-in"));
        let long = "a".repeat(129);
        for organisation in ["", "two words", "a#b", "kopi/teh", "null", "undefined", "café", &long] {
            page.click("#org");
            page.eval(
                "document.activeElement.value = ''; document.querySelector('#org-error').textContent = ''",
            );
            page.pastes(organisation);
            page.click("button[type=submit]");
            page.sees(words);
            assert_eq!(page.eval("location.pathname"), "/billing/sign-in", "{organisation}");
        }
        page.click("#org");
        page.eval("document.activeElement.value = ''");
        page.pastes("Auth0|kopi-1.id:x@y_z");
        page.click("button[type=submit]");
        page.wait_for("location.pathname === '/billing/balance'");
    }
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
        .route("/elsewhere", get(|| async { "Somewhere to sign in." }))
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
