//! Puts the request's log fields on every line of `tracing`, without a span that carries them.
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
//! - [`Json`] and [`Text`] wrap the formatter of a `fmt` layer, and add the fields to the line that it writes. That is
//!   the cheapest way, and all it needs is public.
//! - [`WithFields`] wraps any other layer, and hands it events that have the fields.
//!
//! [`Json`] needs a formatter that writes JSON, and [`Text`] one that writes text. Fields of the event itself go before
//! fields of the same key; those of spans are a matter apart, and stay as they are.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

mod buffer;
mod copied;
mod escape;
mod extended;
mod json;
mod line;
mod scan;
mod sites;
mod text;
mod with_fields;

use tracing_core::Event;
use tracing_core::field::{Field, Visit};

pub use json::Json;
pub use text::Text;
pub use with_fields::WithFields;

/// The name of a field, as formatters show it.
fn display_name(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}

/// Whether the event has a value of this key.
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
