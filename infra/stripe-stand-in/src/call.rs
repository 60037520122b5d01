//! One call of the API: what a handler sees and what it answers.

use serde_json::Value;

use crate::api_error::{ApiError, ApiResult};
use crate::expand;
use crate::form::Params;
use crate::store::Store;

/// What a handler sees.
pub(crate) struct Call<'a> {
    pub(crate) store: Store<'a>,
    pub(crate) params: Params,
    /// The identifiers in the path, in their order.
    pub(crate) ids: Vec<String>,
    /// The path as the client wrote it.
    pub(crate) path: String,
}

/// What a handler answers; a declined payment is an answer too, since its effects stay.
pub(crate) struct ApiAnswer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

pub(crate) type Handler = fn(&mut Call<'_>) -> ApiResult<ApiAnswer>;

impl Call<'_> {
    pub(crate) fn id(&self, place: usize) -> &str {
        self.ids.get(place).map_or("", String::as_str)
    }

    /// Checks that every parameter was read, then answers with the object, expanded as asked.
    pub(crate) fn answer(&mut self, object: Value) -> ApiResult<ApiAnswer> {
        let paths = self.params.texts("expand")?.unwrap_or_default();
        std::mem::take(&mut self.params).finish()?;
        let body = expand::expanded(&self.store, object, &paths)?;
        Ok(ApiAnswer { status: 200, body })
    }

    /// Answers with a refusal whose effects stay.
    pub(crate) fn answer_refusal(&self, refusal: &ApiError) -> ApiResult<ApiAnswer> {
        Ok(ApiAnswer { status: refusal.status, body: refusal.body() })
    }
}
