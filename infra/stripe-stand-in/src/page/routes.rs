//! The addresses of the hosted pages, and what their forms do.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::api_error::ApiResult;
use crate::form::Params;
use crate::page::html::{self, STYLE_PATH};
use crate::page::panel::Choice;
use crate::page::words::Words;
use crate::page::{buttons, cards, index, invoice, pdf};
use crate::payment_methods::PaymentMethod;
use crate::stand_in::StandIn;
use crate::store::Store;
use crate::{invoice_life, simulation};

const STYLE: &str = include_str!("page.css");
const MAXIMUM_FORM: usize = 16_384;
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

pub(crate) fn routes() -> Router<StandIn> {
    Router::new()
        .route("/", get(front).post(staff_acts))
        .route("/cn/{token}/pdf", get(show_credit_note))
        .route(STYLE_PATH, get(style))
        .route("/i/{token}", get(show))
        .route("/i/{token}/pdf", get(show_pdf))
        .route("/i/{token}/pay", post(pay))
}

async fn style() -> Response<Body> {
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "text/css; charset=utf-8")
        .header(header::CACHE_CONTROL, "public, max-age=60")
        .header("x-content-type-options", "nosniff");
    response.body(Body::from(STYLE)).unwrap_or_default()
}

async fn front(State(stand_in): State<StandIn>, headers: HeaderMap) -> Response<Body> {
    let words = language(&headers);
    let html = stand_in.transact(Value::Null, |store| index::page(&store, words));
    match html {
        Ok(html) => document(StatusCode::OK, html),
        Err(_) => document(StatusCode::INTERNAL_SERVER_ERROR, html::unknown(words)),
    }
}

/// A button of the staff: what no longer applies is left alone, and the page says how things stand.
async fn staff_acts(State(stand_in): State<StandIn>, request: Request) -> Response<Body> {
    let Ok(body) = to_bytes(request.into_body(), MAXIMUM_FORM).await else {
        return see_other("/");
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    let done = stand_in.control(|store| buttons::press(store, &mut Params::parse(&text)?));
    if let Err(refused) = done {
        tracing::info!(%refused, "a button of the staff did nothing");
    }
    see_other("/")
}

async fn show_credit_note(
    State(stand_in): State<StandIn>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let words = language(&headers);
    stand_in.page("credit_note", &token, words, |_, note| Ok(portable(note, pdf::credit_note(note, words))))
}

async fn show(
    State(stand_in): State<StandIn>,
    Path(token): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let words = language(&headers);
    let choice = choice(uri.query().unwrap_or_default());
    stand_in.page("invoice", &token, words, |store, invoice| {
        invoice::page(store, invoice, words, &choice, None).map(|html| document(StatusCode::OK, html))
    })
}

async fn show_pdf(
    State(stand_in): State<StandIn>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let words = language(&headers);
    stand_in.page("invoice", &token, words, |store, invoice| {
        Ok(portable(invoice, pdf::invoice(store, invoice, words)?))
    })
}

fn portable(object: &Value, document: Vec<u8>) -> Response<Body> {
    let number = object["number"].as_str().unwrap_or("document");
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "application/pdf")
        .header(header::CONTENT_DISPOSITION, format!("inline; filename=\"{number}.pdf\""))
        .header(header::CACHE_CONTROL, "no-store")
        .header("x-content-type-options", "nosniff");
    response.body(Body::from(document)).unwrap_or_default()
}

async fn pay(
    State(stand_in): State<StandIn>,
    Path(token): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response<Body> {
    let words = language(&headers);
    let Ok(body) = to_bytes(request.into_body(), MAXIMUM_FORM).await else {
        return document(StatusCode::PAYLOAD_TOO_LARGE, html::unknown(words));
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    let response = stand_in.page("invoice", &token, words, |store, invoice| {
        let mut params = Params::parse(&text)?;
        // Who paid by card stays with the card, should it be declined.
        let again =
            if params.clone().text("action")?.as_deref() == Some("card") { "?method=card" } else { "" };
        match act(store, invoice, &mut params, words)? {
            None => Ok(see_other(&format!("/i/{token}{again}"))),
            Some(complaint) => {
                let choice = Choice { method: Some("card".to_owned()), bank: None };
                let html = invoice::page(store, invoice, words, &choice, Some(complaint))?;
                Ok(document(StatusCode::UNPROCESSABLE_ENTITY, html))
            }
        }
    });
    stand_in.shared.bell.notify_one();
    response
}

impl StandIn {
    /// Finds the object of a token and answers with what `work` makes of it.
    fn page(
        &self,
        kind: &str,
        token: &str,
        words: &Words,
        work: impl FnOnce(&Store<'_>, &Value) -> ApiResult<Response<Body>>,
    ) -> Response<Body> {
        let request = json!({ "id": null, "idempotency_key": null });
        let result = self.transact(request, |store| match store.by_token(kind, token)? {
            Some(object) => work(&store, &object),
            None => Ok(document(StatusCode::NOT_FOUND, html::unknown(words))),
        });
        let failed = |status| document(status, html::unknown(words));
        result.unwrap_or_else(|refusal| {
            failed(StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        })
    }
}

/// Does what the form asks; a complaint is for the person at the form. What no longer applies is left alone:
/// the page they are sent to says how things stand.
fn act(
    store: &Store<'_>,
    invoice: &Value,
    params: &mut Params,
    words: &Words,
) -> ApiResult<Option<&'static str>> {
    let action = params.text("action")?.unwrap_or_default();
    params.text("bank")?;
    let transfer = PaymentMethod::VirtualAccount;
    let invoice = invoice.clone();
    let payable = invoice_life::payable(&invoice).is_ok();
    match action.as_str() {
        "pass" | "refuse" if invoice["_challenged"] == true => {
            simulation::finish_challenge(store, invoice, action == "pass")?;
        }
        "arrive" | "fail" if invoice["_clearing"] == true => {
            simulation::finish_transfer(store, invoice, action == "arrive")?;
        }
        "transfer" if payable => {
            invoice_life::collect(store, invoice, &transfer)?;
        }
        "clearing" if payable => {
            invoice_life::begin_clearing(store, invoice, &transfer)?;
        }
        "card" if payable => match cards::read(params, store.now, words)? {
            Err(complaint) => return Ok(Some(complaint)),
            Ok(PaymentMethod::ChallengedCard { .. }) => {
                invoice_life::challenge(store, invoice)?;
            }
            Ok(card @ PaymentMethod::DeclinedCard { .. }) => {
                invoice_life::decline(store, invoice, &card)?;
            }
            Ok(card) => {
                invoice_life::collect(store, invoice, &card)?;
            }
        },
        _ => {}
    }
    Ok(None)
}

fn choice(query: &str) -> Choice {
    let Ok(mut params) = Params::parse(query) else { return Choice::default() };
    Choice {
        method: params.text("method").unwrap_or_default(),
        bank: params.text("bank").unwrap_or_default(),
    }
}

fn language(headers: &HeaderMap) -> &'static Words {
    let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Words::for_header(header.unwrap_or_default())
}

fn document(status: StatusCode, html: String) -> Response<Body> {
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::VARY, "accept-language")
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::REFERRER_POLICY, "no-referrer")
        .header("x-content-type-options", "nosniff");
    response.body(Body::from(html)).unwrap_or_default()
}

fn see_other(location: &str) -> Response<Body> {
    let response = Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, location);
    response.header(header::CACHE_CONTROL, "no-store").body(Body::empty()).unwrap_or_default()
}
