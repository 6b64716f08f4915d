//! Adds the log fields of the current context to every record of `log`, as its key-values.
//!
//! [`ContextLogger`] wraps the logger that writes the lines. Install it in place of that logger, and set the maximum level:
//! until it is set, `log` drops every record.
//!
//! ```
//! use contextvars::fields::{self, kv};
//! use contextvars_log::ContextLogger;
//!
//! let inner = env_logger::Builder::from_default_env().build();
//! log::set_max_level(inner.filter());
//! log::set_boxed_logger(Box::new(ContextLogger::new(inner)))?;
//! fields::sync_scope(kv! { user = "ann" }, || log::error!("refused"));
//! // [2026-11-21T09:40:00Z ERROR app] refused user=ann
//! # Ok::<(), log::SetLoggerError>(())
//! ```
//!
//! The inner logger has to write key-values. Most loggers need a feature for that, for example
//! `env_logger = { version = "0.11", features = ["kv"] }`. The inner logger also decides about escapes: `env_logger` writes
//! text unchanged, line ends and escape sequences included. So check values from outside before you bind them.

// For links from crates that are documented without this one.
#![doc(html_root_url = "https://docs.rs/contextvars-log/latest")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

mod collected;

use std::cell::OnceCell;
use std::sync::Arc;

use contextvars::fields::{Fields, Selection, Snapshot, Value};
use log::kv::{self, Key, VisitSource};
use log::{Log, Metadata, Record};

use crate::collected::Collected;

/// A logger that adds the fields of the current context to the key-values of every record.
///
/// The record's own key-values go before fields of the same key and are passed on unchanged. The fields come after them.
/// They are those of the context at the time when the record arrives. The values are made when the inner logger first
/// reads the record's key-values, so a record that the inner logger filters out costs one snapshot.
///
/// If a [`ToValue`](contextvars::fields::ToValue) logs while it is asked for its value, that record has the bound fields and,
/// in place of values that would have to be made, a text that says that another one is being made.
///
/// ```
/// use std::sync::Mutex;
///
/// use contextvars::fields::{self, kv};
/// use contextvars_log::ContextLogger;
/// use log::{Log, Metadata, Record, kv::Key};
///
/// #[derive(Default)]
/// struct Users(Mutex<Vec<String>>);
///
/// impl Log for Users {
///     fn enabled(&self, _: &Metadata<'_>) -> bool {
///         true
///     }
///     fn log(&self, record: &Record<'_>) {
///         let user = record.key_values().get(Key::from("user"));
///         self.0.lock().unwrap().push(user.map_or("nobody".to_owned(), |user| user.to_string()));
///     }
///     fn flush(&self) {}
/// }
///
/// let logger = ContextLogger::new(Users::default());
/// let own = [("user", "bob")];
/// fields::sync_scope(kv! { user = "ann" }, || {
///     logger.log(&Record::builder().args(format_args!("paid")).build());
///     logger.log(&Record::builder().args(format_args!("paid")).key_values(&own).build());
/// });
/// logger.log(&Record::builder().args(format_args!("paid")).build());
/// assert_eq!(*logger.inner().0.lock().unwrap(), ["ann", "bob", "nobody"]);
/// ```
#[derive(Clone, Debug)]
pub struct ContextLogger<L> {
    inner: L,
    selection: Option<Arc<Selection>>,
}

impl<L> ContextLogger<L> {
    /// Wraps a logger. Install the result with `log::set_boxed_logger`, or keep it in a `static`.
    ///
    /// See [`ContextLogger`] for an example.
    pub const fn new(inner: L) -> Self {
        Self { inner, selection: None }
    }

    /// Returns a logger that adds the fields of a selection instead of all fields.
    ///
    /// ```
    /// use contextvars::fields::Selection;
    /// use contextvars_log::ContextLogger;
    ///
    /// let logger = ContextLogger::new(env_logger::Logger::from_default_env())
    ///     .with_selection(Selection::new().field("request_id").or_null().rest().redact("token"));
    /// # assert!(format!("{logger:?}").contains("request_id"));
    /// ```
    #[must_use = "this is the logger with the selection"]
    pub fn with_selection(self, selection: Selection) -> Self {
        Self { selection: Some(Arc::new(selection)), ..self }
    }

    /// Returns the inner logger.
    ///
    /// ```
    /// # use contextvars_log::ContextLogger;
    /// assert_eq!(ContextLogger::new("a logger").inner(), &"a logger");
    /// ```
    pub const fn inner(&self) -> &L {
        &self.inner
    }

    /// Unwraps the inner logger.
    ///
    /// ```
    /// # use contextvars_log::ContextLogger;
    /// assert_eq!(ContextLogger::new("a logger").into_inner(), "a logger");
    /// ```
    pub fn into_inner(self) -> L {
        self.inner
    }
}

impl<L: Log> Log for ContextLogger<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let snapshot = self.selection.as_ref().map_or_else(Snapshot::now, Selection::snapshot);
        if snapshot.is_empty() {
            return self.inner.log(record); // user code
        }
        let both = RecordWithFields { own: record.key_values(), snapshot, fields: OnceCell::new() };
        self.inner.log(&record.to_builder().key_values(&both).build());
    }

    fn flush(&self) {
        self.inner.flush();
    }
}

/// The key-values of a record and, behind them, the fields whose keys the record does not have.
struct RecordWithFields<'a> {
    own: &'a dyn kv::Source,
    snapshot: Snapshot,
    /// Collected when they are first read. Kept, because the visitor borrows the values for as long as the record lives.
    fields: OnceCell<Collected>,
}

impl RecordWithFields<'_> {
    fn fields(&self) -> &Collected {
        self.fields.get_or_init(|| {
            let mut fields = Collected::new();
            self.snapshot.visit(|key, value| {
                if self.own.get(Key::from_str(key)).is_none() {
                    fields.push(key, value);
                }
            });
            fields
        })
    }
}

impl kv::Source for RecordWithFields<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        self.own.visit(visitor)?;
        for (key, value) in self.fields().iter() {
            visitor.visit_pair(Key::from_str(key), to_kv_value(value))?; // user code
        }
        Ok(())
    }

    fn get(&self, key: Key<'_>) -> Option<kv::Value<'_>> {
        let own = self.own.get(Key::from_str(key.as_str()));
        own.or_else(|| {
            let field = self.fields().iter().find(|(held, _)| *held == key.as_str());
            field.map(|(_, value)| to_kv_value(value))
        })
    }

    fn count(&self) -> usize {
        self.own.count() + self.fields().len()
    }
}

/// Fields as the key-values of a record.
///
/// Use this in a logger that has fields of its own beside those of the context. `Fields` itself cannot implement
/// [`kv::Source`](https://docs.rs/log/latest/log/kv/trait.Source.html), because neither the type nor the trait belongs to this crate.
///
/// ```
/// use contextvars::fields::{Fields, kv};
/// use contextvars_log::KeyValues;
/// use log::kv::{Key, Source as _};
///
/// let fields = Fields::from_iter(kv! { user = "ann", attempts = 3 });
/// let source = KeyValues(&fields);
/// assert_eq!(source.count(), 2);
/// assert_eq!(source.get(Key::from("attempts")).unwrap().to_i64(), Some(3));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KeyValues<'a>(
    /// The fields.
    pub &'a Fields,
);

impl kv::Source for KeyValues<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        self.0.iter().try_for_each(|(key, value)| {
            visitor.visit_pair(Key::from_str(key), to_kv_value(value)) // user code
        })
    }

    fn get(&self, key: Key<'_>) -> Option<kv::Value<'_>> {
        self.0.get(key.as_str()).map(to_kv_value)
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

/// Borrows a field's value as a value of `log`.
fn to_kv_value(value: &Value) -> kv::Value<'_> {
    match value {
        Value::Null => kv::Value::null(),
        Value::Bool(value) => kv::Value::from(*value),
        Value::I64(number) => kv::Value::from(*number),
        Value::U64(number) => kv::Value::from(*number),
        Value::I128(number) => kv::Value::from(*number),
        Value::U128(number) => kv::Value::from(*number),
        Value::F64(number) => kv::Value::from(*number),
        Value::Text(text) => kv::Value::from(text.as_str()),
        // Kinds of values that a later version of `Value` has.
        other => kv::Value::from_display(other),
    }
}
