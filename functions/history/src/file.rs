//! What is answered as a file for spreadsheets.

use lambda_http::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use lambda_http::{Body, Request};
use saldo_adapters::http::{Problem, answer, header as header_of};
use saldo_domain::Timestamp;

/// Begins every file: without the mark, Excel takes the text for its own code page and breaks accents. There are two of
/// them, since `lambda_http` takes the first one for its own and drops it.
pub(crate) const MARK: &str = "\u{feff}\u{feff}";
/// Whether what it tells is final, in the head of the answer: the file itself has rows only.
const FINAL: HeaderName = HeaderName::from_static("saldo-final");
const FINAL_FROM: HeaderName = HeaderName::from_static("saldo-final-from");

/// Whether the answer is to be CSV.
pub(crate) fn wants_csv(request: &Request) -> Result<bool, Problem> {
    let accept = header_of(request, header::ACCEPT.as_str())?.unwrap_or_default();
    Ok(accept.split(',').any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "text/csv")))
}

/// What is said of a file beside its text.
#[derive(Debug)]
pub(crate) struct File {
    /// How it is called, without what says that it is not final and of what form it is.
    pub(crate) name: String,
    pub(crate) is_final: bool,
    pub(crate) final_from: Timestamp,
    /// Where the rest is, relative to what was asked for, so that it holds under a path prefix and a stage.
    pub(crate) next: Option<String>,
}

impl File {
    pub(crate) fn response(self, text: String) -> Response<Body> {
        let mut response = answer(StatusCode::OK, "text/csv; charset=utf-8", text);
        let so_far = if self.is_final { "" } else { "-not-final" };
        for (header, value) in [
            (
                header::CONTENT_DISPOSITION,
                Some(format!("attachment; filename=\"{}{so_far}.csv\"", self.name)),
            ),
            (header::LINK, self.next.map(|next| format!("<{next}>; rel=\"next\""))),
            (FINAL, Some(self.is_final.to_string())),
            (FINAL_FROM, Some(self.final_from.rfc3339())),
        ] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(header, value);
            }
        }
        response
    }
}
