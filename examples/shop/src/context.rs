//! The context variables of a request, and the headers that carry them from one process to the next.
//!
//! The layer around each service sets them once. They are read where a line is logged or a call is made; the code in between
//! does not know about the ids.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use contextvars::ContextVar;
use contextvars_tower::ContextLayer;
use contextvars_wire::{Codec, Propagator, TraceContext, text};
use tracing_subscriber::filter::LevelFilter;

pub(crate) static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id").logged();
pub(crate) static USER_ID: ContextVar<String> = ContextVar::new("user_id").logged();
pub(crate) static TRACE: ContextVar<TraceContext> = ContextVar::new("trace_id").logged();

/// The most verbose level that this request logs.
pub(crate) static LEVEL: ContextVar<LevelFilter> =
    ContextVar::with_default("level", || LevelFilter::INFO);

/// The values that clients of the shop may set with headers. (A shop on the internet would not let its clients choose the log
/// level, and would take the user from a session.)
pub(crate) static PUBLIC: LazyLock<Propagator> = LazyLock::new(|| {
    let list = Propagator::builder()
        .trace_context(&TRACE)
        .pass_baggage()
        .header("x-request-id", text(&REQUEST_ID).max_len(64).accept(is_id))
        .header("x-user-id", text(&USER_ID).max_len(128).accept(|user| !user.is_empty()))
        .header("x-debug", level());
    list.build().expect("the names are valid and distinct")
});

/// The values that the two services send each other. The user is sent as baggage, which proxies forward.
pub(crate) static INTERNAL: LazyLock<Propagator> = LazyLock::new(|| {
    let list = Propagator::builder()
        .trace_context(&TRACE)
        .baggage("user_id", text(&USER_ID))
        .header("x-request-id", text(&REQUEST_ID))
        .header("x-debug", level().trusted_only());
    list.build().expect("the names are valid and distinct")
});

/// Returns the layer that runs each request in its own context, with the values of its headers. If the headers have no id,
/// trace or user, the layer generates them.
pub(crate) fn layer(wire: &Propagator) -> ContextLayer {
    ContextLayer::new(wire.clone())
        .generate(&REQUEST_ID, new_request_id)
        .generate(&USER_ID, || "guest".to_owned())
        .on_problem(|problem| tracing::warn!(%problem, "header not taken"))
        .echo("x-request-id")
        .server_timing(true)
}

/// Returns `true` if the id is safe to echo and to paste into a search.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Returns the codec of [`LEVEL`]. It only accepts levels above the default, so a client cannot silence the log.
fn level() -> Codec {
    let read = |text: &str| text.parse().ok().filter(|level| *level > LevelFilter::INFO);
    Codec::new(&LEVEL, read, |level| Some(level.to_string()))
}

/// Returns a random id. Every `RandomState` has its own random keys, so no further crate is needed.
fn new_request_id() -> String {
    format!("{:016x}", RandomState::new().hash_one(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken<T: Clone + Send + Sync>(
        header: &str,
        text: &str,
        variable: &ContextVar<T>,
    ) -> Option<T> {
        PUBLIC.extract(&vec![(header, text)]).context.get(variable).cloned()
    }

    #[test]
    fn a_well_formed_request_id_is_taken() {
        for id in ["a", "Az0._-", &"x".repeat(64)] {
            assert_eq!(taken("x-request-id", id, &REQUEST_ID).as_deref(), Some(id));
        }
    }

    #[test]
    fn an_ill_formed_request_id_is_not() {
        for id in ["", "a b", "a\"b", "a/b", "%41", &"x".repeat(65)] {
            assert_eq!(taken("x-request-id", id, &REQUEST_ID), None, "{id}");
        }
    }

    #[test]
    fn new_request_ids_are_well_formed_and_differ() {
        assert!(is_id(&new_request_id()));
        assert_ne!(new_request_id(), new_request_id());
    }

    #[test]
    fn a_request_may_log_more_and_never_less() {
        assert_eq!(taken("x-debug", "debug", &LEVEL), Some(LevelFilter::DEBUG));
        for level in ["off", "error", "info", "loud", ""] {
            assert_eq!(taken("x-debug", level, &LEVEL), None, "{level}");
        }
    }
}
