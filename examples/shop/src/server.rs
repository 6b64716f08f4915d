//! Routes, and the edge: the one place where a request's ids are set.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::Ipv4Addr;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use contextvars::Context;
use contextvars::tower::ContextLayer;
use tokio::net::TcpListener;
use tokio::runtime;

use crate::audit::{self, Audit};
use crate::checkout::checkout;
use crate::failure::Failure;
use crate::ids::{self, REQUEST_ID, USER_ID};
use crate::relay;

/// Runs `work` on a runtime of its own; returns once all its tasks and the audit thread ended.
pub(crate) fn run<T>(work: impl AsyncFnOnce(Audit) -> T) -> io::Result<T> {
    let (audit, audit_thread) = audit::start()?;
    let runtime = runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let output = runtime.block_on(work(audit));
    drop(runtime); // with it go the tasks, and with them the last senders to the audit thread
    audit_thread.join().map_err(|_| io::Error::other("the audit thread panicked"))?;
    Ok(output)
}

/// Binds a loopback port; the error says what to do about it.
pub(crate) async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        let what = match error.kind() {
            io::ErrorKind::AddrInUse => format!("port {port} is already in use"),
            _ => format!("cannot listen on port {port}: {error}"),
        };
        io::Error::new(
            error.kind(),
            format!("{what}; choose another with --port N (0 picks a free one)"),
        )
    })
}

/// Serves until `stop` is ready and the requests in flight are answered.
pub(crate) async fn serve(
    listener: TcpListener,
    audit: Audit,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let routes = Router::new()
        .route("/checkout", post(checkout))
        .route_layer(middleware::from_fn(edge))
        .route("/test", post(relay::relay).layer(ContextLayer::new(relay::wire())))
        .fallback(async || Failure::new(StatusCode::NOT_FOUND, "try POST /checkout"))
        .with_state(audit);
    axum::serve(listener, routes).with_graceful_shutdown(stop).await
}

/// Gives each request a fresh context with its ids; whatever it calls or spawns inherits them.
async fn edge(request: Request, next: Next) -> Response {
    let request_id = request_id(request.headers());
    let header = HeaderValue::from_str(&request_id);
    let mut response = match user_id(request.headers()) {
        Ok(user_id) => {
            let context =
                Context::new().with_value(&REQUEST_ID, request_id).with_value(&USER_ID, user_id);
            ids::enter(context, next.run(request)).await
        }
        Err(failure) => failure.into_response(),
    };
    if let Ok(header) = header {
        response.headers_mut().insert("x-request-id", header);
    }
    response
}

/// The caller's `x-request-id` if it is well-formed, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    match given.filter(|text| is_well_formed(text)) {
        Some(text) => text.to_owned(),
        // Every `RandomState` has keys of its own, so this is a random number without a crate.
        None => format!("{:016x}", RandomState::new().hash_one(())),
    }
}

/// 1 to 64 characters of `[A-Za-z0-9._-]`: safe to echo and to paste into a search.
fn is_well_formed(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// The name in `x-user-id`: any short UTF-8, since the log escapes what it must.
fn user_id(headers: &HeaderMap) -> Result<String, Failure> {
    let bad = |message| Failure::new(StatusCode::BAD_REQUEST, message);
    let value = headers.get("x-user-id").ok_or(bad("the header x-user-id is missing"))?;
    match std::str::from_utf8(value.as_bytes()) {
        Ok("") => Err(bad("the header x-user-id is empty")),
        Ok(name) if name.len() > 128 => Err(bad("the header x-user-id is over 128 bytes")),
        Ok(name) => Ok(name.to_owned()),
        Err(_) => Err(bad("the header x-user-id is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_str(given).unwrap());
        request_id(&headers)
    }

    #[test]
    fn a_well_formed_request_id_is_kept() {
        for given in ["a", "Az0._-", &"x".repeat(64)] {
            assert_eq!(answer(given), given);
        }
    }

    #[test]
    fn an_ill_formed_request_id_is_replaced() {
        for given in ["", "a b", "a\"b", "a/b", "%41", &"x".repeat(65)] {
            let new = answer(given);
            assert_ne!(new, given);
            assert!(is_well_formed(&new), "{new}");
        }
    }

    #[test]
    fn new_request_ids_differ() {
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
