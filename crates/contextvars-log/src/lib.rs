//! Puts the request's log fields on every line of `log`, as key-values of the record.
//!
//! [`ContextLogger`] wraps whatever logger writes the lines. Install it instead of that one, and set the level yourself:
//! without it `log` drops everything.
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
//! The logger has to write key-values. For most that is a feature: `env_logger = { version = "0.11", features = ["kv"] }`.
//! How it writes them is its own matter: `env_logger` writes text as it is, line ends and escape sequences included, so
//! that what strangers chose had better be checked where it is bound.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

use std::cell::OnceCell;
use std::sync::Arc;

use contextvars::fields::{Fields, Selection, Snapshot, Value};
use log::kv::{self, Key, VisitSource};
use log::{Log, Metadata, Record};

/// A logger that adds the fields of the current context to the key-values of every record.
///
/// Key-values of the record itself go before fields of the same key, and are passed on as they are. The fields come
/// after them: those of the context as it is when the record arrives. They are made when the inner logger first looks at
/// the record's key-values; a level that is off costs nothing.
///
/// A [`ToValue`](contextvars::fields::ToValue) that logs while it is asked for its value finds the bound fields on that record,
/// and of other values that would have to be made, that one is being made already.
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
    /// Wraps a logger. Install the result, with `log::set_boxed_logger` or as a `static`.
    ///
    /// See [`ContextLogger`] for an example.
    pub const fn new(inner: L) -> Self {
        Self { inner, selection: None }
    }

    /// Has the records show what is selected, and nothing else.
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

    /// The logger that writes.
    ///
    /// ```
    /// # use contextvars_log::ContextLogger;
    /// assert_eq!(ContextLogger::new("a logger").inner(), &"a logger");
    /// ```
    pub const fn inner(&self) -> &L {
        &self.inner
    }

    /// The logger that writes, unwrapped.
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

/// The key-values of a record and behind them the fields, of which it has none twice.
struct RecordWithFields<'a> {
    own: &'a dyn kv::Source,
    snapshot: Snapshot,
    /// Collected when they are first asked for, because what is handed out lives as long as this.
    fields: OnceCell<Vec<(String, Value)>>,
}

impl RecordWithFields<'_> {
    fn fields(&self) -> &[(String, Value)] {
        self.fields.get_or_init(|| {
            let mut fields = Vec::new();
            self.snapshot.visit(|key, value| {
                if self.own.get(Key::from_str(key)).is_none() {
                    fields.push((key.to_owned(), value.clone()));
                }
            });
            fields
        })
    }
}

impl kv::Source for RecordWithFields<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        self.own.visit(visitor)?;
        for (key, value) in self.fields() {
            visitor.visit_pair(Key::from_str(key), to_kv_value(value))?; // user code
        }
        Ok(())
    }

    fn get(&self, key: Key<'_>) -> Option<kv::Value<'_>> {
        let own = self.own.get(Key::from_str(key.as_str()));
        own.or_else(|| {
            let field = self.fields().iter().find(|(held, _)| held == key.as_str());
            field.map(|(_, value)| to_kv_value(value))
        })
    }

    fn count(&self) -> usize {
        self.own.count() + self.fields().len()
    }
}

/// Fields as key-values of a record.
///
/// For a logger of your own that has fields beside those of the context. Two crates cannot agree on a trait of a third, so
/// `Fields` itself is no [`kv::Source`].
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
        other => kv::Value::from_display(other),
    }
}
