//! [`ContextVar`]: a variable that users declare. The methods that read it are in `read`, those that change it in `write`.

mod read;
mod write;

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};

use crate::default::LazyDefault;
use crate::id::{LazyVarKey, VarKey};
use crate::value::{ErasedValue, VarMeta};

/// A variable whose value belongs to the current context: to the request, not to the thread.
///
/// Declare it as a `static`, set it where a request enters the program, and read it anywhere below. A context is entered by
/// [`Context::run`](crate::Context::run) for a call and by [`WithContext`](crate::WithContext) for a future. Outside of both,
/// the current context is the thread's root context.
///
/// Use it for values that many layers need and that the functions in between should not have to know: a request id, a tenant, a
/// locale, a deadline. Pass the subject of a function, such as the order that it prices, as a parameter. For a resource of which
/// each thread needs one, use [`thread_local!`](std::thread_local).
///
/// ```
/// use contextvars::{Context, ContextVar};
///
/// static USER: ContextVar<String> = ContextVar::new("user");
/// static ATTEMPTS: ContextVar<u32> = ContextVar::with_default("attempts", || 3);
///
/// fn greeting() -> String {
///     USER.with(|user| format!("hello {user}, {} attempts", ATTEMPTS.get()))
/// }
///
/// let hello = Context::new().run(|| {
///     USER.set("ann".to_string());
///     greeting()
/// });
/// assert_eq!(hello, "hello ann, 3 attempts");
/// assert!(USER.try_get().is_err());
/// ```
///
/// # Identity
///
/// Each declaration is a variable of its own, even if two have the same name. A `const` would create a new variable at each
/// use, so declare a `static`, or a local that lives longer than its uses.
///
/// # Complexity
///
/// Reading, setting and resetting are logarithmic in the number of variables. [`with`](Self::with) describes how borrowed
/// values make setting slower.
///
/// # Why `T: Send + Sync`
///
/// Suppose that a context is copied to another thread. That thread may read the value while this thread reads it too, so
/// `T: Sync`. The thread that drops the last copy drops the value, so `T: Send`.
#[doc(alias = "task_local")]
#[doc(alias = "AsyncLocal")]
#[doc(alias = "ScopedValue")]
#[doc(alias = "ThreadLocal")]
#[doc(alias = "fluid-let")]
pub struct ContextVar<T: Send + Sync + 'static> {
    key: LazyVarKey<T>,
    meta: VarMeta<T>,
    local: bool,
    default: Option<LazyDefault<T>>,
}

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// Creates a variable without a default.
    ///
    /// Reading it in a context in which it is not set is an error that carries `name`. If there is a sensible value for that
    /// case, use [`with_default`](Self::with_default).
    ///
    /// See [`ContextVar`] for an example.
    pub const fn new(name: &'static str) -> Self {
        Self::build(name, None)
    }

    /// Creates a variable that reads as the result of `default` in contexts in which it is not set.
    ///
    /// The default is computed when it is first needed, once per process, and shared: every context reads the same value. It is
    /// never stored in a context, and a token's [`old_value`](crate::Token::old_value) is never the default. `default` runs in
    /// an empty context, so the result cannot depend on the request that needs it first. If `default` panics, the panic reaches
    /// the reader, and the next reader computes the default again.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static LOCALE: ContextVar<String> = ContextVar::with_default("locale", || "en".to_string());
    /// assert_eq!(LOCALE.get(), "en");
    /// ```
    ///
    /// # Panics
    ///
    /// Reading the variable panics if `default` reads it too. Two defaults that need each other wait for each other for ever if
    /// two threads compute them at the same time, as two [`LazyLock`](std::sync::LazyLock)s do.
    pub const fn with_default(name: &'static str, default: fn() -> T) -> Self {
        Self::build(name, Some(LazyDefault::new(default)))
    }

    const fn build(name: &'static str, default: Option<LazyDefault<T>>) -> Self {
        Self { key: LazyVarKey::new(), meta: VarMeta::opaque(name), local: false, default }
    }

    /// Makes the `Debug` output of [`Context`](crate::Context) show the variable's values.
    ///
    /// Without this, the output has the name of the value's type only, because a value may be a secret. For log lines use
    /// [`logged`](Self::logged).
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user").debug();
    /// static PASSWORD: ContextVar<&str> = ContextVar::new("password");
    ///
    /// let context = Context::new().with_value(&USER, "ann").with_value(&PASSWORD, "secret");
    /// let shown = format!("{context:?}");
    /// assert!(shown.contains(r#""user": "ann""#));
    /// assert!(!shown.contains("secret"));
    /// ```
    #[must_use = "this is the variable, with its values shown"]
    pub const fn debug(mut self) -> Self
    where
        T: fmt::Debug,
    {
        self.meta = self.meta.shown();
        self
    }

    /// Keeps the variable's values out of copies of a context: [`Context::current`](crate::Context::current),
    /// [`copy_context`](crate::copy_context), [`propagate`](crate::propagate) and
    /// [`in_current_context`](crate::ContextExt::in_current_context) leave them out.
    ///
    /// Use it for a value that belongs to one call or task and not to the whole request, such as an open transaction. Cloning a
    /// [`Context`](crate::Context) keeps the values.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static TRANSACTION: ContextVar<u64> = ContextVar::new("transaction").local();
    ///
    /// TRANSACTION.sync_scope(7, || {
    ///     assert_eq!(TRANSACTION.get(), 7);
    ///     assert!(!Context::current().contains(&TRANSACTION));
    /// });
    /// ```
    #[must_use = "this is the variable, with its values staying behind"]
    pub const fn local(mut self) -> Self {
        self.local = true;
        // The id says in which map a context keeps the value, so the variable needs a new id if it has one already.
        self.key = LazyVarKey::new();
        self
    }

    /// Returns the name that the variable was declared with.
    ///
    /// The name is for people: two variables with the same name are different variables.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<String> = ContextVar::new("user");
    /// assert_eq!(USER.name(), "user");
    /// ```
    pub fn name(&self) -> &'static str {
        self.meta.name()
    }

    /// Returns `true` if the variable is [`local`](Self::local), so that copies of a context do not have its values.
    ///
    /// Code that carries values elsewhere, such as a codec for a message, should leave local variables out.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static TRANSACTION: ContextVar<u64> = ContextVar::new("transaction").local();
    /// assert!(TRANSACTION.is_local());
    /// ```
    pub fn is_local(&self) -> bool {
        self.local
    }

    #[inline]
    pub(crate) fn key(&self) -> Option<VarKey<T>> {
        self.key.get()
    }

    /// Creates the erased value that a context stores for this variable.
    #[inline]
    pub(crate) fn erase(&self, value: T, set_at: &'static Location<'static>) -> ErasedValue {
        ErasedValue::new(self.key.get_or_assign(self.local), self.meta, set_at, value)
    }

    /// Returns this variable with another `meta`.
    pub(crate) const fn with_meta(mut self, meta: VarMeta<T>) -> Self {
        self.meta = meta;
        self
    }

    pub(crate) const fn meta(&self) -> VarMeta<T> {
        self.meta
    }

    /// Returns this variable with a chosen key, instead of one that is assigned when it is first needed.
    pub(crate) const fn with_key(mut self, key: LazyVarKey<T>) -> Self {
        self.key = key;
        self
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextVar").field("name", &self.name()).finish_non_exhaustive()
    }
}

// A variable holds no value, and it only hands out `&T` to its default. As for `Token`, only interior mutability can leave a
// `T` half changed.
impl<T: Send + Sync + 'static> UnwindSafe for ContextVar<T> {}
impl<T: Send + Sync + 'static> RefUnwindSafe for ContextVar<T> {}
