//! Adds the log fields of the current context to every line of `tracing`, without a span that carries them.
//!
//! ```
//! use contextvars::fields::{self, kv};
//! use contextvars_tracing::Json;
//!
//! tracing_subscriber::fmt().json().map_event_format(Json::new).init();
//! fields::sync_scope(kv! { user = "ann" }, || tracing::info!("paid"));
//! // {"timestamp":"…","level":"INFO","fields":{"message":"paid"},"target":"…","user":"ann"}
//! ```
//!
//! - [`Json`] and [`Text`] wrap the formatter of a `fmt` layer and add the fields to the line that it writes. Prefer them:
//!   they are cheaper than `WithFields` and rely on public items only. `Json` needs a formatter that writes JSON, `Text`
//!   one that writes text. [`Json::flat`] and [`Json::keys`] give the line another shape.
//! - [`WithFields`] wraps any other layer and passes events to it that have the fields.
//! - [`SpanContextExt`], [`propagate_with_span`] and [`propagate_fn_with_span`] carry the current span together with the
//!   context to tasks, threads and thread pools.
//!
//! The event's own fields go before fields of the context with the same key. Fields of spans are independent of both and
//! stay unchanged.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

mod buffer;
mod copied;
mod escape;
mod extended;
mod json;
mod line;
mod object;
mod shape;
mod sites;
mod span;
mod text;
mod with_fields;

use tracing_core::Event;
use tracing_core::field::{Field, Visit};

pub use json::Json;
pub use span::{InSpan, SpanContextExt, propagate_fn_with_span, propagate_with_span};
pub use text::Text;
pub use with_fields::{RESERVED_KEYS, WithFields};

/// Returns the name of a field as formatters show it, without `r#`.
fn display_name(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}

/// Returns `true` if the event has a value for this key.
fn has(event: &Event<'_>, key: &str) -> bool {
    struct Find<'a> {
        key: &'a str,
        found: bool,
    }

    impl Visit for Find<'_> {
        fn record_debug(&mut self, field: &Field, _: &dyn std::fmt::Debug) {
            self.found |= display_name(field) == self.key;
        }
    }

    let mut find = Find { key, found: false };
    if event.fields().any(|field| display_name(&field) == key) {
        event.record(&mut find);
    }
    find.found
}
