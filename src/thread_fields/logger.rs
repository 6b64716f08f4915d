//! [`Logger`]: fields to write lines with.

use std::marker::PhantomData;
use std::ops::Deref;

use super::ThreadMap;
use crate::field_map::changes;
use crate::fields::{Fields, Text, ToValue};

/// Fields to write lines with: those of a [`ThreadMap`], or its own.
///
/// On a map, what is bound is bound for every logger on that map, on this thread. With fields of its own a logger never
/// changes: `bind` and its like return another one.
///
/// ```
/// use contextvars::fields::{Fields, kv};
/// use contextvars::thread_fields::{Logger, ThreadMap};
///
/// static REQUEST: ThreadMap = ThreadMap::new();
/// static LOG: Logger = Logger::on(REQUEST);
///
/// LOG.renew(kv! { user = "ann" });
/// let own = LOG.detached();
/// LOG.bind(kv! { path = "/" });
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
    /// A logger with fields of its own, and none of them yet.
    ///
    /// ```
    /// # use contextvars::{fields::kv, thread_fields::Logger};
    /// let log = Logger::new().bind(kv! { user = "ann" });
    /// assert_eq!(log.fields().len(), 1);
    /// ```
    pub const fn new() -> Self {
        Self(Held::Own(Fields::new()))
    }

    /// A logger with the fields of a map.
    ///
    /// See [`Logger`] for an example.
    pub const fn on(map: ThreadMap) -> Self {
        Self(Held::Thread(map))
    }

    /// The fields as they are now.
    ///
    /// See [`Logger`] for an example.
    pub fn fields(&self) -> Fields {
        match &self.0 {
            Held::Thread(map) => map.snapshot(),
            Held::Own(fields) => fields.clone(),
        }
    }

    /// A logger with these fields: on the same map, or of its own.
    fn with(&self, fields: Fields) -> Self {
        match &self.0 {
            Held::Thread(map) => {
                map.replace(fields);
                self.clone()
            }
            Held::Own(_) => Self(Held::Own(fields)),
        }
    }

    /// Adds fields; of two equal keys the later one wins.
    ///
    /// ```
    /// # use contextvars::{fields::kv, thread_fields::Logger};
    /// let log = Logger::new();
    /// assert_eq!(log.bind(kv! { user = "ann" }).fields().len(), 1);
    /// assert_eq!(log.fields().len(), 0);
    /// ```
    #[expect(clippy::return_self_not_must_use, reason = "on a map, what counts is done")]
    pub fn bind(&self, kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Self {
        let mut changes = changes(kv); // user code
        self.with(self.fields().exchange(&mut changes))
    }

    /// Removes fields. Keys that are not bound are ignored.
    ///
    /// ```
    /// # use contextvars::{fields::kv, thread_fields::Logger};
    /// let log = Logger::new().bind(kv! { user = "ann", path = "/" });
    /// assert_eq!(log.unbind(["user", "unknown"]).fields().len(), 1);
    /// ```
    #[expect(clippy::return_self_not_must_use, reason = "on a map, what counts is done")]
    pub fn unbind(&self, keys: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut changes = crate::field_map::removals(keys); // user code
        self.with(self.fields().exchange(&mut changes))
    }

    /// Removes all fields and binds these: how a request starts.
    ///
    /// ```
    /// # use contextvars::{fields::{Fields, kv}, thread_fields::Logger};
    /// let log = Logger::new().bind(kv! { user = "ann" }).renew(kv! { path = "/" });
    /// assert_eq!(log.fields(), Fields::from_iter(kv! { path = "/" }));
    /// ```
    #[doc(alias = "new")]
    #[expect(clippy::return_self_not_must_use, reason = "on a map, what counts is done")]
    pub fn renew(&self, kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>) -> Self {
        self.with(kv.into_iter().collect()) // user code
    }

    /// Adds fields until the guard is dropped, which is a logger that has them.
    ///
    /// Then the map is again as it was as a whole: what else was bound on it meanwhile is lost. That holds on unwind
    /// too. To restore single keys, use [`bound`](crate::thread_fields::bound).
    ///
    /// ```
    /// # use contextvars::{fields::kv, thread_fields::{Logger, ThreadMap}};
    /// let log = Logger::on(ThreadMap::unique());
    /// let bound = log.tmp_bind(kv! { user = "ann" });
    /// bound.bind(kv! { path = "/" });
    /// assert_eq!(log.fields().len(), 2);
    /// drop(bound);
    /// assert_eq!(log.fields().len(), 0);
    /// ```
    pub fn tmp_bind(
        &self,
        kv: impl IntoIterator<Item = (impl Into<Text>, impl ToValue)>,
    ) -> TmpBind {
        let mut changes = changes(kv); // user code
        let saved = self.fields();
        let logger = self.with(saved.exchange(&mut changes));
        TmpBind { logger, saved, of: PhantomData }
    }

    /// A logger with fields of its own, which are those of this one now. The same, if they are its own already.
    ///
    /// See [`Logger`] for an example.
    #[doc(alias = "as_immutable")]
    #[must_use = "this is the detached logger"]
    pub fn detached(&self) -> Self {
        Self(Held::Own(self.fields()))
    }
}

/// A [`Logger`] with fields for the length of a block; made by [`Logger::tmp_bind`].
#[derive(Debug)]
#[must_use = "the fields are bound until this guard is dropped, and `let _ = …` drops it at once"]
pub struct TmpBind {
    logger: Logger,
    saved: Fields,
    /// Of this thread.
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
        self.logger.with(std::mem::take(&mut self.saved));
    }
}
