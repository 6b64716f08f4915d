//! [`ContextVar`]: what users declare.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};

use crate::current::{self, Change};
use crate::default::LazyDefault;
use crate::id::{LazyVarKey, VarKey};
use crate::lookup::{LookupError, panic_missing};
use crate::scope::Scope;
use crate::token::{Binding, ResetError, ResetErrorKind, Token};
use crate::value::{ErasedValue, VarMeta, is_plain};

/// A variable whose value belongs to the current context: to the request, not to the thread.
///
/// Declare it as a `static`, bind it at the edge of the program, read it anywhere below. A context is entered by
/// [`Context::run`](crate::Context::run) for a call and by [`WithContext`](crate::WithContext) for a future; outside of
/// both, each thread has a context of its own.
///
/// Prefer a parameter where a function's result depends on the value. A context variable is for what accompanies a
/// request without being its subject: ids for logs, tenant, locale, deadline. For a *resource* that each thread should
/// have one of, use [`thread_local!`](std::thread_local).
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
/// # ContextId
///
/// Two variables are two variables, whatever their names. A variable in a `const` would be another one at each use:
/// it must be a `static`, or a local that outlives its uses.
///
/// # Why `T: Send + Sync`
///
/// A context is copied to another thread; this one reads the value while the other drops its copy, and whoever drops
/// the last copy drops the value.
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
    /// A variable without a default: reading it where it is not set is an error that carries `name`.
    ///
    /// See [`ContextVar`] for an example.
    pub const fn new(name: &'static str) -> Self {
        Self::build(name, None)
    }

    /// A variable that reads as `default()` where it is not set.
    ///
    /// The default is computed when it is first needed, once per process, and shared: every context reads the same
    /// value. It is never stored in a context, and never an [`old_value`](Token::old_value). `default` runs in an empty
    /// context, so that nothing of a request can be baked into the process. If it panics, the panic goes to the reader,
    /// and the next reader tries again.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static LOCALE: ContextVar<String> = ContextVar::with_default("locale", || "en".to_string());
    /// assert_eq!(LOCALE.get(), "en");
    /// ```
    ///
    /// # Panics
    ///
    /// Reading the variable panics if `default` reads it too. Two defaults that need each other, computed by two
    /// threads at the same time, wait for each other for ever, as [`LazyLock`](std::sync::LazyLock)s do.
    pub const fn with_default(name: &'static str, default: fn() -> T) -> Self {
        Self::build(name, Some(LazyDefault::new(default)))
    }

    const fn build(name: &'static str, default: Option<LazyDefault<T>>) -> Self {
        Self { key: LazyVarKey::new(), meta: VarMeta::opaque(name), local: false, default }
    }

    /// Has the values shown by the `Debug` of [`Context`](crate::Context), which otherwise gives their type's name
    /// only: what is in a context may be a secret.
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

    /// Has the values stay behind when the context is copied: [`Context::current`](crate::Context::current),
    /// [`copy_context`](crate::copy_context), `propagate` and `in_current_context` leave them out.
    ///
    /// For what belongs to this place in the program and not to the request, such as an open transaction.
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
        // The id tells where the values are kept: a variable that was used before is another one from here on.
        self.key = LazyVarKey::new();
        self
    }

    /// The name that the variable was given. It is for people; variables of one name are different variables.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<String> = ContextVar::new("user");
    /// assert_eq!(USER.name(), "user");
    /// ```
    pub fn name(&self) -> &'static str {
        self.meta.name()
    }

    /// Returns `true` if the variable is [`local`](Self::local): its values stay behind when the context is copied.
    ///
    /// For code that carries values elsewhere, such as a codec for a message: it should leave local variables out.
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

    /// `value` as a context holds it, filed under this variable.
    #[inline]
    pub(crate) fn erase(&self, value: T, set_at: &'static Location<'static>) -> ErasedValue {
        ErasedValue::new(self.key.get_or_assign(self.local), self.meta, set_at, value)
    }
}

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// This variable with another meta.
    pub(crate) const fn with_meta(mut self, meta: VarMeta<T>) -> Self {
        self.meta = meta;
        self
    }

    pub(crate) const fn meta(&self) -> VarMeta<T> {
        self.meta
    }

    /// This variable under a key that was not drawn.
    pub(crate) const fn with_key(mut self, key: LazyVarKey<T>) -> Self {
        self.key = key;
        self
    }
}

// === reading ===

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// A clone of the value: that of the current context, else the default.
    ///
    /// To look at a value without cloning it, use [`with`](Self::with); where it may be missing, use
    /// [`try_get`](Self::try_get) or [`get_or`](Self::get_or).
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static DEPTH: ContextVar<u32> = ContextVar::with_default("depth", || 0);
    ///
    /// assert_eq!(DEPTH.get(), 0);
    /// assert_eq!(DEPTH.sync_scope(1, || DEPTH.get()), 1);
    /// ```
    ///
    /// # Panics
    ///
    /// If the variable has neither, naming it.
    #[inline]
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        match self.current() {
            Some(value) => value,
            None => self.on_default(T::clone), // user code: T::clone
        }
    }

    /// A clone of the value: that of the current context, else the default.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// assert!(USER.try_get().is_err());
    /// USER.sync_scope("ann".to_string(), || assert_eq!(USER.try_get().unwrap(), "ann"));
    /// ```
    ///
    /// # Errors
    ///
    /// If the variable has neither.
    #[inline]
    pub fn try_get(&self) -> Result<T, LookupError>
    where
        T: Clone,
    {
        match self.current() {
            Some(value) => Ok(value),
            None => self.default_or_error().cloned(), // user code: T::clone
        }
    }

    /// A clone of the value of the current context, else `fallback`, which goes before the default.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static LOCALE: ContextVar<&str> = ContextVar::with_default("locale", || "en");
    ///
    /// assert_eq!(LOCALE.get_or("fr"), "fr");
    /// assert_eq!(LOCALE.sync_scope("de", || LOCALE.get_or("fr")), "de");
    /// ```
    #[inline]
    pub fn get_or(&self, fallback: T) -> T
    where
        T: Clone,
    {
        match self.current() {
            Some(value) => {
                drop(fallback); // user code: T::drop; should it panic, the value is dropped too
                value
            }
            None => fallback,
        }
    }

    /// Runs `f` on the value: that of the current context, else the default.
    ///
    /// `f` may do anything, also set this variable: the value it looks at stays as it is until it returns.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// USER.sync_scope("ann".to_string(), || assert_eq!(USER.with(|user| user.len()), 3));
    /// ```
    ///
    /// # Panics
    ///
    /// If the variable has neither, naming it.
    #[inline]
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        match self.lend(f) {
            Ok(result) => result,
            Err(f) => self.on_default(f), // user code
        }
    }

    /// Runs `f` on the value: that of the current context, else the default.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// assert!(USER.try_with(|user| user.len()).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// If the variable has neither; then `f` is not called.
    #[inline]
    pub fn try_with<R>(&self, f: impl FnOnce(&T) -> R) -> Result<R, LookupError> {
        match self.lend(f) {
            Ok(result) => Ok(result),
            Err(f) => self.default_or_error().map(f), // user code
        }
    }

    /// A clone of the value of the current context.
    #[inline]
    fn current(&self) -> Option<T>
    where
        T: Clone,
    {
        if is_plain::<T>() {
            current::get_plain(self.key()?)
        } else {
            self.lend(T::clone).ok() // user code: T::clone
        }
    }

    /// Runs `f` on the value of the current context, or gives it back.
    #[inline]
    fn lend<R, F: FnOnce(&T) -> R>(&self, f: F) -> Result<R, F> {
        match self.key() {
            Some(key) => current::with_borrowed(key, f),
            None => Err(f),
        }
    }

    /// Returns the default.
    #[inline]
    #[track_caller]
    pub(crate) fn default(&self) -> Option<&T> {
        Some(self.default.as_ref()?.get(self.name())) // user code: the function of `with_default`
    }

    #[inline]
    #[track_caller]
    fn default_or_error(&self) -> Result<&T, LookupError> {
        self.default().ok_or_else(|| LookupError::new(self.meta.packed_name()))
    }

    /// Runs `f` on the default. Not inlined: that costs a read of the current context more than it saves here.
    #[inline(never)]
    #[track_caller]
    fn on_default<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        match self.default() {
            Some(default) => f(default), // user code
            None => panic_missing(self.meta.packed_name(), &|| self.key().map(VarKey::id)),
        }
    }
}

// === writing ===

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// Binds the variable to `value` in the current context, and returns what undoes that.
    ///
    /// The binding lasts as long as the context, unless it is [`reset`](Self::reset). Outside of
    /// [`Context::run`](crate::Context::run) and of [`WithContext`](crate::WithContext) that is the thread's own
    /// context, which on a pool's thread is shared by unrelated tasks: see
    /// [`forbid_bare_set`](crate::forbid_bare_set). For the length of a block use [`bind`](Self::bind), of a
    /// call [`sync_scope`](Self::sync_scope), of a future [`scope`](Self::scope).
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let mut request = Context::new();
    /// request.run(|| { USER.set("ann".to_string()); });
    /// assert_eq!(request.get(&USER).unwrap(), "ann");
    /// assert!(USER.try_get().is_err());
    /// ```
    ///
    /// # Panics
    ///
    /// In the thread's own context, after [`forbid_bare_set`](crate::forbid_bare_set).
    ///
    /// # In thread-local destructors
    ///
    /// The thread's own values are dropped by a thread-local destructor. A value that is set by one that runs later
    /// can be read as usual, but nobody is left to drop it: it is leaked.
    #[inline]
    #[track_caller]
    pub fn set(&self, value: T) -> Token<T> {
        self.set_as(value, Change::Set(self.meta.packed_name()))
    }

    /// Restores what the variable was before the `set` that returned `token`; unset, if it was unset.
    ///
    /// Tokens may be used in any order, each restores its own old value.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static LEVEL: ContextVar<u8> = ContextVar::new("level");
    ///
    /// let token = LEVEL.set(1);
    /// LEVEL.reset(token).unwrap();
    /// assert!(LEVEL.try_get().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// If the token is of another variable, or was made in another context. Nothing is changed, and the error has the
    /// token.
    #[inline]
    pub fn reset(&self, token: Token<T>) -> Result<(), ResetError<T>> {
        if !token.is_of(self.key()) {
            return Err(ResetError::new(ResetErrorKind::WrongVariable, token));
        }
        token.restore().map_err(|token| ResetError::new(ResetErrorKind::WrongContext, token))
    }

    /// Removes the variable's value from the current context, so that the default applies, and returns a token that
    /// restores the value.
    ///
    /// To hide the value for the length of a call or of a future, call this inside of [`sync_scope`](Self::sync_scope) or
    /// [`scope`](Self::scope), which restore the variable at their end. To take a value out of a context that is not
    /// current, use [`Context::remove`](crate::Context::remove).
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static LOCALE: ContextVar<&str> = ContextVar::with_default("locale", || "en");
    ///
    /// LOCALE.sync_scope("de", || {
    ///     let token = LOCALE.unset();
    ///     assert_eq!(LOCALE.get(), "en");
    ///     assert_eq!(token.old_value(), Some(&"de"));
    ///     LOCALE.reset(token).unwrap();
    ///     assert_eq!(LOCALE.get(), "de");
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// Panics in the thread's root context after [`forbid_bare_set`](crate::forbid_bare_set), as [`set`](Self::set) does.
    #[doc(alias = "remove")]
    #[doc(alias = "delete")]
    #[track_caller]
    pub fn unset(&self) -> Token<T> {
        let context = current::id_for_change(Change::Set(self.meta.packed_name()));
        let key = self.key.get_or_assign(self.local);
        let old = current::replace(key.id(), None);
        Token::new(key, self.name(), context, old)
    }

    /// Binds the variable to `value` until the guard is dropped, which restores the previous value.
    ///
    /// The guard cannot leave its thread. For a future use [`scope`](Self::scope), for a call
    /// [`sync_scope`](Self::sync_scope), and for the rest of the context [`set`](Self::set).
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<&str> = ContextVar::with_default("user", || "guest");
    ///
    /// let binding = USER.bind("ann");
    /// assert_eq!(USER.get(), "ann");
    /// drop(binding);
    /// assert_eq!(USER.get(), "guest");
    /// ```
    #[inline]
    #[track_caller]
    pub fn bind(&self, value: T) -> Binding<'_, T> {
        Binding::new(self.set_as(value, Change::Temporary))
    }

    /// Wraps a future so that the variable is bound to `value` at each of its polls and while it is dropped.
    ///
    /// Only this variable is bound. All else that the future sets stays set in the surrounding context, where
    /// [`in_context`](crate::ContextExt::in_context) would discard it: prefer that for a task that is spawned, and `scope`
    /// for a part of one. Between two polls the variable has the surrounding value again, so the branches of a `join!` can
    /// each have a scope of their own. If the future itself sets the variable, it finds that value at its next poll; the
    /// value ends with the future. The future may be polled in different contexts and on different threads.
    ///
    /// For a closure use [`sync_scope`](Self::sync_scope): this method accepts a closure, but the result does nothing.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    /// static COUNT: ContextVar<u32> = ContextVar::with_default("count", || 0);
    ///
    /// # futures::executor::block_on(async {
    /// let name = USER.scope("ann", async {
    ///     COUNT.set(COUNT.get() + 1);
    ///     USER.get()
    /// });
    /// assert_eq!(name.await, "ann");
    /// assert_eq!(COUNT.get(), 1);
    /// assert!(USER.try_get().is_err());
    /// # });
    /// ```
    #[track_caller]
    pub fn scope<F>(&self, value: T, future: F) -> Scope<'_, T, F> {
        let value = self.erase(value, Location::caller());
        Scope::new(value.id(), value, future)
    }

    /// Runs `f` with the variable bound to `value`, and restores the previous value on return and on unwind.
    ///
    /// Other variables that `f` sets stay set, because the context is the same. To discard them, use
    /// [`Context::run`](crate::Context::run). For a future use [`scope`](Self::scope): an `f` that returns a future has not
    /// run it.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// static USER: ContextVar<&str> = ContextVar::with_default("user", || "guest");
    ///
    /// assert_eq!(USER.sync_scope("ann", || USER.get()), "ann");
    /// assert_eq!(USER.get(), "guest");
    /// ```
    #[inline]
    #[track_caller]
    pub fn sync_scope<R>(&self, value: T, f: impl FnOnce() -> R) -> R {
        let binding = self.bind(value);
        let result = f(); // user code
        drop(binding); // user code: T::drop; should it panic, the result is dropped too
        result
    }

    #[inline]
    #[track_caller]
    fn set_as(&self, value: T, change: Change) -> Token<T> {
        let context = current::id_for_change(change);
        let key = self.key.get_or_assign(self.local);
        let value = ErasedValue::new(key, self.meta, Location::caller(), value);
        let old = current::replace(key.id(), Some(value));
        Token::new(key, self.name(), context, old)
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextVar").field("name", &self.name()).finish_non_exhaustive()
    }
}

// The variable itself holds a default that nobody can change, and no value.
impl<T: Send + Sync + 'static> UnwindSafe for ContextVar<T> {}
impl<T: Send + Sync + 'static> RefUnwindSafe for ContextVar<T> {}
