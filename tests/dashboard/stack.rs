//! The running system that the browser looks at, and what happens outside the page under test.
use std::sync::OnceLock;

use saldo_local::{Options, Saldo};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::browser::browser;
use super::page::{Page, Reader};

pub(crate) struct Stack {
    pub(crate) dashboard: String,
    pub(crate) saldo: Saldo,
    pub(crate) runtime: Runtime,
}

/// One system for all tests of the pages; each test has an organisation of its own.
pub(crate) fn stack() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| Stack::start(Options::default()))
}

/// Somebody of an organisation.
#[derive(Clone, Copy)]
pub(crate) struct Person {
    pub(crate) organisation: &'static str,
    pub(crate) permissions: &'static str,
    pub(crate) currency: &'static str,
}

impl Person {
    pub(crate) const fn of(organisation: &'static str) -> Self {
        Self { organisation, permissions: "billing:view,billing:subscribe", currency: "IDR" }
    }

    pub(crate) const fn paying_in_dollars(self) -> Self {
        Self { currency: "USD", ..self }
    }

    pub(crate) const fn who_may(self, permissions: &'static str) -> Self {
        Self { permissions, ..self }
    }
}

impl Stack {
    pub(crate) fn start(options: Options) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let saldo = runtime.block_on(Saldo::start(options)).expect("the local system starts");
        Self { dashboard: saldo.api_url().to_owned(), saldo, runtime }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.dashboard)
    }

    /// A page on `path`, signed in as `person`; `None` where there is no browser.
    pub(crate) fn page(&self, reader: Reader, person: Person, path: &str) -> Option<Page> {
        self.page_with(reader, person, path, "")
    }

    /// The same, with a script that runs before those of every page.
    pub(crate) fn page_with(&self, reader: Reader, person: Person, path: &str, script: &str) -> Option<Page> {
        let page = self.signed_in(reader, person)?;
        page.before_every_page(script);
        page.go(&self.url(path));
        page.wait_for("document.querySelector('main h2, main .notice') !== null");
        Some(page)
    }

    /// A page of nothing yet, in a tab in which `person` has signed in before.
    pub(crate) fn signed_in(&self, reader: Reader, person: Person) -> Option<Page> {
        let page = Page::open(browser()?, reader);
        page.go(&self.url("/healthz"));
        page.eval(&format!("sessionStorage.setItem('saldo.token', '{}')", self.token(person)));
        Some(page)
    }

    pub(crate) fn token(&self, person: Person) -> String {
        let permissions: Vec<_> = person.permissions.split(',').collect();
        self.saldo.token(person.organisation, &permissions, Some(person.currency)).expect("a token")
    }
}

/// A call of the API with the token of `page`, made beside its own code as another tab or device would.
pub(crate) fn elsewhere(page: &Page, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { "undefined".to_owned() } else { json!(body.to_string()).to_string() };
    page.eval(&format!(
        "(window.untouchedFetch ?? fetch)('{path}', {{ method: '{method}', body: {body}, headers: {{
            authorization: 'Bearer ' + sessionStorage.getItem('saldo.token'),
            'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() }} }}).then(a => a.json())"
    ))
}

/// A top-up of `credits` that somebody else of the organisation made.
pub(crate) fn top_up_elsewhere(page: &Page, credits: u64) -> Value {
    let quote = elsewhere(page, "GET", &format!("/v1/quote?credits={credits}"), &Value::Null);
    let total =
        json!({ "currency": quote["total"]["currency"], "minor_units": quote["total"]["minor_units"] });
    let body = json!({ "credits": credits, "expected_total": total });
    let top_up = elsewhere(page, "POST", "/v1/top-ups", &body);
    assert_eq!(top_up["status"], "open", "{top_up}");
    top_up
}
