//! The headers of the crate `http` as a carrier, for requests and responses of hyper, axum, reqwest, tonic and others.
//!
//! [`HeaderMap`] implements [`Extract`] and [`Inject`], so there is nothing to import.
//!
//! ```
//! use contextvars::ContextVar;
//! use contextvars_wire::{Propagator, text};
//!
//! static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
//!
//! let wire = Propagator::builder().header("x-request-id", text(&REQUEST_ID)).build()?;
//!
//! let request = http::Request::builder().header("X-Request-Id", "r-7").body(())?;
//! let mut got = wire.extract(request.headers());
//!
//! let mut outgoing = http::Request::new(());
//! got.context.run(|| wire.inject(outgoing.headers_mut()));
//! assert_eq!(outgoing.headers()["x-request-id"], "r-7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use ::http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Extract, Inject};

impl Extract for HeaderMap {
    fn visit(&self, key: &str, each: &mut dyn FnMut(&[u8])) {
        let values = match fixed(key) {
            Some(name) => self.get_all(name),
            None => self.get_all(key),
        };
        values.iter().for_each(|value| each(value.as_bytes()));
    }
}

/// Returns one of the names that every propagator uses, so that it is neither parsed nor copied.
fn fixed(key: &str) -> Option<&'static HeaderName> {
    static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
    static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
    static BAGGAGE: HeaderName = HeaderName::from_static("baggage");
    static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

    match key {
        "traceparent" => Some(&TRACEPARENT),
        "tracestate" => Some(&TRACESTATE),
        "baggage" => Some(&BAGGAGE),
        "server-timing" => Some(&SERVER_TIMING),
        _ => None,
    }
}

/// Writes headers. A map holds 32,768 headers at most; those that do not fit are left out.
impl Inject for HeaderMap {
    fn set(&mut self, key: &str, value: &str) {
        let Some((name, value)) = field(key, value) else { return };
        if self.try_insert(name, value).is_err() {
            Inject::remove(self, key); // the old value may belong to another request
        }
    }

    fn append(&mut self, key: &str, value: &str) {
        let Some((name, value)) = field(key, value) else { return };
        let _ = self.try_append(name, value);
    }

    fn remove(&mut self, key: &str) {
        HeaderMap::remove(self, key);
    }
}

/// Converts key and value to the types of `http`. A propagator has checked them by the same rules.
fn field(key: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = match fixed(key) {
        Some(name) => name.clone(),
        None => HeaderName::from_bytes(key.as_bytes()).ok()?,
    };
    Some((name, HeaderValue::from_str(value).ok()?))
}
