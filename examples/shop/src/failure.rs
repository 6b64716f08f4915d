//! Error responses: a status and a JSON body.

use std::error::Error;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

pub(crate) struct Failure {
    status: StatusCode,
    message: &'static str,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, message: &'static str) -> Self {
        Self { status, message }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.message }))).into_response()
    }
}

/// A failed step is a server error. Its details go to the log and not to the client.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        tracing::error!(%error, "a step failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "a step of the checkout failed")
    }
}
