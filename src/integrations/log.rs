//! Puts the request's log fields on every line of `log`, as key-values of the record.
//!
//! [`ContextLogger`] wraps whatever logger writes the lines. Install it instead of that one, and set the level yourself:
//! without it `log` drops everything.
//!
//! ```
//! use contextvars::fields::{self, kv};
//! use contextvars::log::ContextLogger;
//!
//! let inner = env_logger::Builder::from_default_env().build();
//! log::set_max_level(inner.filter());
//! log::set_boxed_logger(Box::new(ContextLogger::new(inner)))?;
//! fields::bound(kv! { user = "ann" }).run(|| log::error!("refused"));
//! // [2026-11-21T09:40:00Z ERROR app] refused user=ann
//! # Ok::<(), log::SetLoggerError>(())
//! ```
//!
//! The logger has to write key-values. For most that is a feature: `env_logger = { version = "0.11", features = ["kv"] }`.
//! How it writes them is its own matter: `env_logger` writes text as it is, line ends and escape sequences included, so
//! that what strangers chose had better be checked where it is bound.

use std::cell::OnceCell;
use std::fmt;
use std::panic::Location;

use ::log::kv::{self, Key, VisitSource};
use ::log::{Level, Log, Metadata, Record};

use super::source::{Snapshot, Source};
use crate::fields::{Fields, Selection, Text, ToValue, Value};
use crate::thread_fields::Logger;

/// A logger that adds the fields of the current context to the key-values of every record.
///
/// Key-values of the record itself go before fields of the same key, and are passed on as they are. The fields come
/// after them: those of the context as it is when the record arrives. They are made when the inner logger first looks at
/// the record's key-values; a level that is off costs nothing.
///
/// A [`ToValue`](crate::fields::ToValue) that logs while it is asked for its value finds the bound fields on that record,
/// and of other values that would have to be made, that one is being made already.
///
/// ```
/// use std::sync::Mutex;
///
/// use contextvars::fields::{self, kv};
/// use contextvars::log::ContextLogger;
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
/// fields::bound(kv! { user = "ann" }).run(|| {
///     logger.log(&Record::builder().args(format_args!("paid")).build());
///     logger.log(&Record::builder().args(format_args!("paid")).key_values(&own).build());
/// });
/// logger.log(&Record::builder().args(format_args!("paid")).build());
/// assert_eq!(*logger.inner().0.lock().unwrap(), ["ann", "bob", "nobody"]);
/// ```
#[derive(Clone, Debug)]
pub struct ContextLogger<L> {
    inner: L,
    source: Source,
}

impl<L> ContextLogger<L> {
    /// Wraps a logger. Install the result, with `log::set_boxed_logger` or as a `static`.
    ///
    /// See [`ContextLogger`] for an example.
    pub const fn new(inner: L) -> Self {
        Self { inner, source: Source::all() }
    }

    /// Has the records show what is selected, and nothing else.
    ///
    /// ```
    /// use contextvars::fields::Selection;
    /// use contextvars::log::ContextLogger;
    ///
    /// let logger = ContextLogger::new(env_logger::Logger::from_default_env())
    ///     .with_selection(Selection::new().field("request_id").or_null().dynamic().redact("token"));
    /// # assert!(format!("{logger:?}").contains("request_id"));
    /// ```
    #[must_use = "this is the logger with the selection"]
    pub fn with_selection(self, selection: Selection) -> Self {
        Self { source: Source::selected(selection), ..self }
    }

    /// The logger that writes.
    ///
    /// ```
    /// # use contextvars::log::ContextLogger;
    /// assert_eq!(ContextLogger::new("a logger").inner(), &"a logger");
    /// ```
    pub const fn inner(&self) -> &L {
        &self.inner
    }

    /// The logger that writes, unwrapped.
    ///
    /// ```
    /// # use contextvars::log::ContextLogger;
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
        let Some(snapshot) = self.source.snapshot() else { return self.inner.log(record) };
        let both = Both { own: record.key_values(), snapshot, fields: OnceCell::new() };
        self.inner.log(&record.to_builder().key_values(&both).build());
    }

    fn flush(&self) {
        self.inner.flush();
    }
}

/// The key-values of a record and behind them the fields, of which it has none twice.
struct Both<'a> {
    own: &'a dyn kv::Source,
    snapshot: Snapshot<'a>,
    /// Collected when they are first asked for, because what is handed out lives as long as this.
    fields: OnceCell<Vec<(String, Value)>>,
}

impl Both<'_> {
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

impl kv::Source for Both<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        self.own.visit(visitor)?;
        for (key, value) in self.fields() {
            visitor.visit_pair(Key::from_str(key), lent(value))?; // user code
        }
        Ok(())
    }

    fn get(&self, key: Key<'_>) -> Option<kv::Value<'_>> {
        let own = self.own.get(Key::from_str(key.as_str()));
        own.or_else(|| {
            let field = self.fields().iter().find(|(held, _)| held == key.as_str());
            field.map(|(_, value)| lent(value))
        })
    }

    fn count(&self) -> usize {
        self.own.count() + self.fields().len()
    }
}

impl kv::Source for Fields {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        self.iter().try_for_each(|(key, value)| {
            visitor.visit_pair(Key::from_str(key), lent(value)) // user code
        })
    }

    fn get(&self, key: Key<'_>) -> Option<kv::Value<'_>> {
        self.get(key.as_str()).map(lent)
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl Logger {
    /// Writes a line by the logger that is installed for the crate `log`: the event, the fields of this logger, and `kv`,
    /// which goes before them. The line's target is the caller's file.
    ///
    /// For request data prefer [`fields`](crate::fields) and the macros of `log`: see the
    /// [module](crate::thread_fields) for why.
    ///
    /// ```
    /// # use contextvars::{fields::kv, thread_fields::Logger};
    /// use log::{Level, Log, Metadata, Record, kv::Key};
    ///
    /// struct Checks;
    ///
    /// impl Log for Checks {
    ///     fn enabled(&self, _: &Metadata<'_>) -> bool {
    ///         true
    ///     }
    ///     fn log(&self, record: &Record<'_>) {
    ///         assert_eq!(record.args().to_string(), "paid");
    ///         let value = |key| record.key_values().get(Key::from_str(key)).unwrap().to_string();
    ///         assert_eq!([value("user"), value("path")], ["bob", "/"]);
    ///     }
    ///     fn flush(&self) {}
    /// }
    ///
    /// log::set_logger(&Checks)?;
    /// log::set_max_level(log::LevelFilter::Info);
    /// let logger = Logger::new().bind(kv! { user = "ann", path = "/" });
    /// logger.log(Level::Info, "paid", kv! { user = "bob" });
    /// # Ok::<(), log::SetLoggerError>(())
    /// ```
    #[track_caller]
    pub fn log(
        &self,
        level: Level,
        event: impl fmt::Display,
        kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>,
    ) {
        let (caller, logger) = (Location::caller(), ::log::logger());
        let metadata = Metadata::builder().level(level).target(caller.file()).build();
        if level > ::log::max_level() || !logger.enabled(&metadata) {
            return;
        }
        let fields = self.fields().merged_with(&Fields::from_iter(kv)); // user code
        let mut record = Record::builder();
        record.metadata(metadata).file(Some(caller.file())).line(Some(caller.line()));
        logger.log(&record.key_values(&fields).args(format_args!("{event}")).build());
    }
}

fn lent(value: &Value) -> kv::Value<'_> {
    match value {
        Value::Null => kv::Value::null(),
        Value::Bool(value) => kv::Value::from(*value),
        Value::I64(number) => kv::Value::from(*number),
        Value::U64(number) => kv::Value::from(*number),
        Value::I128(number) => kv::Value::from(*number),
        Value::U128(number) => kv::Value::from(*number),
        Value::F64(number) => kv::Value::from(*number),
        Value::Text(text) => kv::Value::from(text.as_str()),
    }
}
