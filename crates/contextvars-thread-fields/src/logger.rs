//! [`Logger`]: the fields of the lines that it writes.

use std::marker::PhantomData;
use std::ops::Deref;

use contextvars::fields::{Fields, Text, ToValue};

use crate::ThreadMap;

/// The fields of log lines: those of a [`ThreadMap`], or the logger's own.
///
/// A logger on a map changes the map, for every logger on that map on this thread. A logger with fields of its own never changes:
/// [`with`](Self::with) and its neighbours return another one.
///
/// ```
/// use contextvars::fields::{Fields, kv};
/// use contextvars_thread_fields::{Logger, ThreadMap};
///
/// static REQUEST: ThreadMap = ThreadMap::new();
/// static LOG: Logger = Logger::on(REQUEST);
///
/// LOG.renew(kv! { user = "ann" });
/// let own = LOG.detached();
/// LOG.with(kv! { path = "/" });
/// assert_eq!(LOG.fields(), Fields::from_iter(kv! { user = "ann", path = "/" }));
/// assert_eq!(own.fields(), Fields::from_iter(kv! { user = "ann" }));
/// ```
#[derive(Clone, Debug)]
pub struct Logger(Held);

#[derive(Clone, Debug)]
enum Held {
    Thread(ThreadMap),
    Own(Fields),
}

impl Default for Logger {
    fn default() -> Self {
        Self::new()
    }
}

impl Logger {
    /// Creates a logger with fields of its own, which are empty.
    ///
    /// ```
    /// # use contextvars::fields::kv;
    /// # use contextvars_thread_fields::Logger;
    /// let log = Logger::new().with(kv! { user = "ann" });
    /// assert_eq!(log.fields().len(), 1);
    /// ```
    pub const fn new() -> Self {
        Self(Held::Own(Fields::new()))
    }

    /// Creates a logger with the fields of a map.
    ///
    /// See [`Logger`] for an example.
    pub const fn on(map: ThreadMap) -> Self {
        Self(Held::Thread(map))
    }

    /// Returns the current fields.
    ///
    /// See [`Logger`] for an example.
    pub fn fields(&self) -> Fields {
        match &self.0 {
            Held::Thread(map) => map.snapshot(),
            Held::Own(fields) => fields.clone(),
        }
    }

    /// Returns a logger with these fields: on the same map, or of its own.
    fn replace(&self, fields: Fields) -> Self {
        match &self.0 {
            Held::Thread(map) => {
                map.replace(fields);
                self.clone()
            }
            Held::Own(_) => Self(Held::Own(fields)),
        }
    }

    /// Adds fields, and returns the logger that has them. If a key is given twice, the later value wins.
    ///
    /// ```
    /// # use contextvars::fields::kv;
    /// # use contextvars_thread_fields::Logger;
    /// let log = Logger::new();
    /// assert_eq!(log.with(kv! { user = "ann" }).fields().len(), 1);
    /// assert_eq!(log.fields().len(), 0);
    /// ```
    #[expect(
        clippy::return_self_not_must_use,
        reason = "a logger on a map has changed the map already"
    )]
    #[doc(alias = "bind")]
    pub fn with(&self, kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Self {
        let more: Fields = kv.into_iter().collect(); // user code
        self.replace(self.fields().merged_with(&more))
    }

    /// Removes fields, and returns the logger without them. Keys that are not set are ignored.
    ///
    /// ```
    /// # use contextvars::fields::kv;
    /// # use contextvars_thread_fields::Logger;
    /// let log = Logger::new().with(kv! { user = "ann", path = "/" });
    /// assert_eq!(log.without(["user", "unknown"]).fields().len(), 1);
    /// ```
    #[expect(
        clippy::return_self_not_must_use,
        reason = "a logger on a map has changed the map already"
    )]
    #[doc(alias = "unbind")]
    pub fn without(&self, keys: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        // user code: the iterator and the conversions, which may change the map themselves
        let keys: Vec<String> = keys.into_iter().map(|key| key.as_ref().to_owned()).collect();
        let mut fields = self.fields();
        for key in &keys {
            fields.remove(key);
        }
        self.replace(fields)
    }

    /// Replaces all fields by these, for the start of a request, and returns the logger that has them.
    ///
    /// ```
    /// # use contextvars::fields::{Fields, kv};
    /// # use contextvars_thread_fields::Logger;
    /// let log = Logger::new().with(kv! { user = "ann" }).renew(kv! { path = "/" });
    /// assert_eq!(log.fields(), Fields::from_iter(kv! { path = "/" }));
    /// ```
    #[doc(alias = "new")]
    #[expect(
        clippy::return_self_not_must_use,
        reason = "a logger on a map has changed the map already"
    )]
    pub fn renew(&self, kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Self {
        self.replace(kv.into_iter().collect()) // user code
    }

    /// Adds fields until the guard is dropped. The guard dereferences to the logger that has them.
    ///
    /// The guard restores the whole map, also on unwind: other fields that were added meanwhile are lost. To restore single keys,
    /// use [`bind`](crate::bind).
    ///
    /// ```
    /// # use contextvars::fields::kv;
    /// # use contextvars_thread_fields::{Logger, ThreadMap};
    /// let log = Logger::on(ThreadMap::unique());
    /// let bound = log.tmp_bind(kv! { user = "ann" });
    /// bound.with(kv! { path = "/" });
    /// assert_eq!(log.fields().len(), 2);
    /// drop(bound);
    /// assert_eq!(log.fields().len(), 0);
    /// ```
    pub fn tmp_bind(
        &self,
        kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>,
    ) -> TmpBind {
        let more: Fields = kv.into_iter().collect(); // user code
        let saved = self.fields();
        let logger = self.replace(saved.merged_with(&more));
        TmpBind { logger, saved, of: PhantomData }
    }

    /// Returns a logger with fields of its own, which are a copy of the current fields of this one.
    ///
    /// See [`Logger`] for an example.
    #[doc(alias = "as_immutable")]
    #[must_use = "this is the detached logger"]
    pub fn detached(&self) -> Self {
        Self(Held::Own(self.fields()))
    }
}

/// A [`Logger`] that has fields until it is dropped; returned by [`Logger::tmp_bind`].
#[derive(Debug)]
#[must_use = "the fields are set until this guard is dropped, and `let _ = …` drops it at once"]
pub struct TmpBind {
    logger: Logger,
    saved: Fields,
    /// Makes the guard `!Send`.
    of: PhantomData<*const ()>,
}

impl Deref for TmpBind {
    type Target = Logger;

    fn deref(&self) -> &Logger {
        &self.logger
    }
}

impl Drop for TmpBind {
    fn drop(&mut self) {
        self.logger.replace(std::mem::take(&mut self.saved));
    }
}
