//! [`Logger::log`]: lines by the logger that is installed for the crate `log`.

use std::fmt;
use std::panic::Location;

use contextvars::fields::{Fields, Text, ToValue};
use contextvars_log::KeyValues;
use log::{Level, Metadata, Record};

use crate::Logger;

impl Logger {
    /// Writes a line with the logger that is installed for the crate `log`: the event, the fields of this logger, and `kv`, whose
    /// values take precedence. The target of the line is the caller's file.
    ///
    /// For the data of a request, prefer [`contextvars::fields`] and the macros of `log`.
    ///
    /// ```
    /// # use contextvars::fields::kv;
    /// # use contextvars_thread_fields::Logger;
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
    /// let logger = Logger::new().with(kv! { user = "ann", path = "/" });
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
        let (caller, logger) = (Location::caller(), log::logger());
        let metadata = Metadata::builder().level(level).target(caller.file()).build();
        if level > log::max_level() || !logger.enabled(&metadata) {
            return;
        }
        let fields = self.fields().merged_with(&Fields::from_iter(kv)); // user code
        let mut record = Record::builder();
        record.metadata(metadata).file(Some(caller.file())).line(Some(caller.line()));
        logger.log(&record.key_values(&KeyValues(&fields)).args(format_args!("{event}")).build());
    }
}
