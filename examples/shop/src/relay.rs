//! `POST /test`: the service side of the W3C trace-context test suite.
//!
//! The suite sends a list of calls to make and checks the headers of those calls: they continue the received trace or start a
//! new one. The layer around this route has already extracted the received headers.

use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::Client;
use serde_json::Value;

use crate::context::INTERNAL;
use crate::failure::Failure;

/// Makes the calls one after another, each with the trace of this request and its own parent id.
pub(crate) async fn relay(body: Bytes) -> Result<StatusCode, Failure> {
    static CLIENT: LazyLock<Client> = LazyLock::new(Client::new);
    for (url, arguments) in calls(&body)? {
        let mut headers = HeaderMap::new();
        INTERNAL.inject(&mut headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let call = CLIENT.post(url).headers(headers).timeout(Duration::from_secs(10));
        let answer = call.body(arguments.to_string()).send().await;
        answer.map_err(|_| Failure::new(StatusCode::BAD_GATEWAY, "a call was not answered"))?;
    }
    Ok(StatusCode::OK)
}

/// Reads `[{"url": "http://…", "arguments": …}]`.
fn calls(body: &Bytes) -> Result<Vec<(String, Value)>, Failure> {
    let malformed = Failure::new(
        StatusCode::BAD_REQUEST,
        "the body must be like [{\"url\": \"http://…\", \"arguments\": []}]",
    );
    let Ok(Value::Array(calls)) = serde_json::from_slice(body) else { return Err(malformed) };
    let call = |mut call: Value| Some((call["url"].as_str()?.to_owned(), call["arguments"].take()));
    calls.into_iter().map(call).collect::<Option<_>>().ok_or(malformed)
}
