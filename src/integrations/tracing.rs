//! The crates `tracing` and `tracing-subscriber`: the fields on every line, without a span that carries them.
//!
//! - [`Json`] and [`Text`] wrap the formatter of a `fmt` layer, and add the fields to the line that it writes. That is
//!   the cheapest way, and all it needs is public.
//! - [`WithFields`] wraps any other layer, and hands it events that have the fields.
//!
//! Fields of the event itself go before fields of the same key; those of spans are a matter apart, and stay as they are.
//!
//! ```
//! use contextvars::fields::{self, kv};
//! use contextvars::tracing::Json;
//! use tracing_subscriber::fmt;
//!
//! # let lines = std::sync::Arc::new(std::sync::Mutex::new(vec![]));
//! # struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
//! # impl std::io::Write for Lines {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
//! #         self.0.lock().unwrap().write(bytes)
//! #     }
//! #     fn flush(&mut self) -> std::io::Result<()> {
//! #         Ok(())
//! #     }
//! # }
//! # let stdout = { let lines = lines.clone(); move || Lines(lines.clone()) };
//! let subscriber = fmt()
//!     .json()
//!     .without_time()
//!     .with_target(false)
//!     .map_event_format(Json::new)
//!     .with_writer(stdout)
//!     .finish();
//! tracing::subscriber::with_default(subscriber, || {
//!     fields::bound(kv! { user = "ann" }).run(|| tracing::info!("paid"));
//! });
//! # let line = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
//! assert_eq!(line, "{\"level\":\"INFO\",\"fields\":{\"message\":\"paid\"},\"user\":\"ann\"}\n");
//! ```

mod buffer;
mod copied;
mod escape;
mod extended;
mod json;
mod scan;
mod sites;
mod text;
mod with_fields;

use ::tracing_core::Event;
use ::tracing_core::field::{Field, Visit};

pub use json::Json;
pub use text::Text;
pub use with_fields::WithFields;

/// The name of a field, as formatters show it.
fn shown(field: &Field) -> &'static str {
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
            self.found |= shown(field) == self.key;
        }
    }

    let mut find = Find { key, found: false };
    if event.fields().any(|field| shown(&field) == key) {
        event.record(&mut find);
    }
    find.found
}
