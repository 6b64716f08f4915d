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
mod keys;
mod line;
mod object;
mod shape;
mod sites;
mod span;
mod text;
mod with_fields;

pub use json::Json;
pub use span::{InSpan, SpanContextExt, propagate_fn_with_span, propagate_with_span};
pub use text::Text;
pub use with_fields::{RESERVED_KEYS, WithFields};
