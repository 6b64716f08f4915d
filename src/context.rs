//! [`Context`]: a snapshot that can be entered, and what is in it.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::context_state::{self, ContextState};
use crate::current;
use crate::id::ContextId;
use crate::value::ErasedValue;
use crate::var::ContextVar;

/// The values of all context variables, as one thing: copied in constant time, carried anywhere, entered by a call.
///
/// ```
/// use contextvars::{Context, ContextVar};
///
/// static USER: ContextVar<String> = ContextVar::new("user");
///
/// let mut request = Context::new().with_value(&USER, "ann".to_string());
/// let worker = std::thread::spawn(move || {
///     request.run(|| USER.with(|user| format!("working for {user}")))
/// });
/// assert_eq!(worker.join().unwrap(), "working for ann");
/// ```
///
/// # ContextId
///
/// A context is more than its values: a [`Token`](crate::Token) works in the context it was made in and in no copy of
/// it. The identity moves with the value, and `clone`, [`current`](Self::current) and [`new`](Self::new) make new ones.
///
/// # Limits
///
/// - More than 2³¹ live copies of one snapshot abort the process, as they do for [`Arc`](std::sync::Arc) beyond its own
///   limit.
/// - Contexts may be nested in values to any depth. Where values are dropped inside of one another's `Drop`, those
///   beyond the sixteenth level are dropped after the outermost one, so that the stack does not overflow.
#[doc(alias = "contextvars")]
#[doc(alias = "ExecutionContext")]
#[doc(alias = "AsyncContext")]
pub struct Context(ContextState);

impl Context {
    /// An empty context.
    ///
    /// ```
    /// # use contextvars::Context;
    /// assert!(Context::new().is_empty());
    /// ```
    #[inline]
    pub const fn new() -> Self {
        Self(ContextState::new(ContextId::UNASSIGNED))
    }

    /// A copy of the current context, without the values of [`local`](ContextVar::local) variables.
    ///
    /// Neither sees what is set in the other from now on.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let _binding = USER.bind("ann");
    /// let mut copy = Context::current();
    /// copy.run(|| USER.set("bob"));
    /// assert_eq!(USER.get(), "ann");
    /// assert_eq!(copy.get(&USER), Some(&"bob"));
    /// ```
    #[doc(alias = "copy_context")]
    #[inline]
    pub fn current() -> Self {
        Self(current::copy())
    }

    /// Runs `f` with this as the current context.
    ///
    /// What was bound outside and is not in here reads as unset. What `f` sets stays in here, also after a panic. On
    /// return and on unwind the thread is exactly as it was.
    ///
    /// A context cannot be entered twice at the same time, which the exclusive borrow sees to; `clone` it for that. For a
    /// future that `f` makes, use [`in_context`](crate::ContextExt::in_context): it runs after `f` has returned.
    ///
    /// A coroutine with a stack of its own that is suspended inside `f` has to be resumed while the same context is
    /// current. Contexts that are not left in the reverse order of entering them abort the process.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let mut context = Context::new();
    /// context.run(|| USER.set("ann"));
    /// assert_eq!(context.run(|| USER.get()), "ann");
    /// assert!(USER.try_get().is_err());
    /// ```
    #[inline]
    pub fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        current::enter(&mut self.0, f)
    }

    /// This context, with `var` bound to `value`.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    /// static TENANT: ContextVar<u32> = ContextVar::new("tenant");
    ///
    /// let context = Context::new().with_value(&USER, "ann").with_value(&TENANT, 7);
    /// assert_eq!(context.len(), 2);
    /// ```
    ///
    /// # Complexity
    ///
    /// Logarithmic in the number of variables.
    #[must_use = "this is the context, with the value in it"]
    pub fn with_value<T: Send + Sync + 'static>(mut self, var: &ContextVar<T>, value: T) -> Self {
        let value = var.erase(value);
        let old = self.0.map_mut(value.number()).insert(value);
        drop(old); // user code: T::drop
        self
    }

    /// The value that this context holds for `var`; never the default.
    ///
    /// To read from the *current* context, use [`ContextVar::get`] or [`ContextVar::with`].
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static LOCALE: ContextVar<&str> = ContextVar::with_default("locale", || "en");
    ///
    /// assert_eq!(Context::new().get(&LOCALE), None);
    /// assert_eq!(Context::new().with_value(&LOCALE, "de").get(&LOCALE), Some(&"de"));
    /// ```
    pub fn get<T: Send + Sync + 'static>(&self, var: &ContextVar<T>) -> Option<&T> {
        self.0.get(var.key()?)
    }

    /// Whether this context holds a value for `var`.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    /// assert!(!Context::new().contains(&USER));
    /// ```
    pub fn contains<T: Send + Sync + 'static>(&self, var: &ContextVar<T>) -> bool {
        self.get(var).is_some()
    }

    /// Takes the value of `var` out and drops it; `false` if there was none.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let mut context = Context::new().with_value(&USER, "ann");
    /// assert!(context.remove(&USER));
    /// assert!(!context.remove(&USER));
    /// ```
    ///
    /// # Complexity
    ///
    /// Logarithmic in the number of variables.
    pub fn remove<T: Send + Sync + 'static>(&mut self, var: &ContextVar<T>) -> bool {
        let Some(key) = var.key() else { return false };
        let old = self.0.map_mut(key.number()).remove(key.number());
        old.is_some() // user code: T::drop, at the end
    }

    /// Keeps only what `keep` says: a background job should hold on to what it needs, and to nothing else of the
    /// request that started it. Bound [log fields](crate::fields) stay.
    ///
    /// If `keep` panics, everything stays. If a value's `Drop` panics, what was to be removed after it stays.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static TRACE: ContextVar<u64> = ContextVar::new("trace");
    /// static BODY: ContextVar<Vec<u8>> = ContextVar::new("body");
    ///
    /// let mut context = Context::new().with_value(&TRACE, 7).with_value(&BODY, vec![0; 1000]);
    /// context.retain(|entry| entry.is(&TRACE));
    /// assert!(context.contains(&TRACE) && !context.contains(&BODY));
    /// ```
    ///
    /// # Complexity
    ///
    /// Linear in the number of variables.
    pub fn retain(&mut self, mut keep: impl FnMut(&Entry<'_>) -> bool) {
        let gone: Vec<_> = self
            .iter()
            .filter(|entry| !keep(entry)) // user code
            .map(|entry| entry.0.number())
            .collect();
        for number in gone {
            let old = self.0.map_mut(number).remove(number);
            drop(old); // user code: T::drop
        }
    }

    /// How many variables have a value in this context. Bound [log fields](crate::fields) do not count.
    ///
    /// ```
    /// # use contextvars::Context;
    /// assert_eq!(Context::new().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no variable has a value in this context.
    ///
    /// ```
    /// # use contextvars::Context;
    /// assert!(Context::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The variables that have a value in this context, in no particular order.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let context = Context::new().with_value(&USER, "ann");
    /// let names: Vec<_> = context.iter().map(|entry| entry.name()).collect();
    /// assert_eq!(names, ["user"]);
    /// ```
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }

    /// Whether both are the same snapshot: copies with no change between them.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let one = Context::new().with_value(&USER, "ann");
    /// assert!(one.ptr_eq(&one.clone()));
    /// assert!(!one.ptr_eq(&Context::new().with_value(&USER, "ann")));
    /// ```
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }

    /// A copy of the current context that is not to leave this place: `local` variables are in it too.
    #[inline]
    pub(crate) fn current_with_locals() -> Self {
        Self(current::copy_with_locals())
    }

    /// An empty context that is nobody's, like a thread's own: where a plain set is forbidden, it is forbidden in here.
    #[cfg(feature = "rayon")]
    pub(crate) const fn detached() -> Self {
        Self(ContextState::new(ContextId::UNASSIGNED_ROOT))
    }

    /// Whether this copy is as good as a new one. Setting anything draws an identity first.
    #[cfg(feature = "rayon")]
    pub(crate) fn is_unmodified(&self) -> bool {
        self.0.identity == ContextId::UNASSIGNED
    }
}

/// A copy of the current context, without the values of [`local`](ContextVar::local) variables: Python's name for
/// [`Context::current`].
///
/// ```
/// # use contextvars::{Context, copy_context};
/// assert!(copy_context().ptr_eq(&Context::current()));
/// ```
#[inline]
pub fn copy_context() -> Context {
    Context::current()
}

/// Makes a plain [`set`](ContextVar::set) in this thread's own context panic from now on.
///
/// For a pool's on-thread-start hook. There, a set outside of any [`Context::run`] or
/// [`WithContext`](crate::WithContext) would be seen by every unrelated task that the thread runs next. The panic names
/// the variable, the thread and the fix. [`scope`](ContextVar::scope), [`bind`](ContextVar::bind) and
/// [`reset`](ContextVar::reset) stay allowed, as they leave nothing behind. A `scope` is no context: a plain set inside
/// one panics too.
///
/// The rule is not enforced while the thread unwinds, nor once the destructor that releases the thread's own values
/// has run. Destructors of thread-locals run in reverse order of their first use, so one that was first used *after*
/// this call is still bound by the rule; a panic in it aborts the process, as any panic there does.
///
/// ```
/// use contextvars::{Context, ContextVar, forbid_bare_set};
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let worker = std::thread::spawn(|| {
///     forbid_bare_set();
///     Context::new().run(|| USER.set("ann"));
///     USER.set("ann"); // in nobody's context
/// });
/// let panic = worker.join().unwrap_err();
/// assert!(panic.downcast_ref::<String>().unwrap().contains("`user`"));
/// ```
pub fn forbid_bare_set() {
    current::forbid_bare_set();
}

/// Another context with the same values, those of [`local`](ContextVar::local) variables included.
impl Clone for Context {
    fn clone(&self) -> Self {
        Self(self.0.copy())
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

/// A map from names to values, which show only as their type unless the variable says [`debug`](ContextVar::debug).
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // user code: T::fmt
        f.write_str("Context ")?;
        f.debug_map().entries(self.iter().map(|entry| (entry.name(), entry.0))).finish()
    }
}

impl<'a> IntoIterator for &'a Context {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

// Whatever panics while a context is current, its values are replaced as a whole and never written to.
impl UnwindSafe for Context {}
impl RefUnwindSafe for Context {}

/// The variables of a [`Context`], made by [`Context::iter`].
#[derive(Clone)]
pub struct Iter<'a>(context_state::Iter<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        self.0.next().map(Entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl std::iter::FusedIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl UnwindSafe for Iter<'_> {}
impl RefUnwindSafe for Iter<'_> {}

/// One variable of a [`Context`] and its value.
///
/// ```
/// # use contextvars::{Context, ContextVar};
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let context = Context::new().with_value(&USER, "ann");
/// let entry = context.iter().next().unwrap();
/// assert!(entry.is(&USER));
/// assert_eq!(entry.name(), "user");
/// assert_eq!(entry.downcast_ref::<&str>(), Some(&"ann"));
/// assert_eq!(entry.downcast_ref::<String>(), None);
/// ```
#[derive(Clone, Copy)]
pub struct Entry<'a>(&'a ErasedValue);

impl<'a> Entry<'a> {
    /// The variable's name.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// Whether the variable is `var`.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    /// static ROLE: ContextVar<&str> = ContextVar::new("role");
    ///
    /// let context = Context::new().with_value(&USER, "ann");
    /// let entry = context.iter().next().unwrap();
    /// assert!(entry.is(&USER) && !entry.is(&ROLE));
    /// assert_eq!((entry.name(), entry.downcast_ref::<&str>()), ("user", Some(&"ann")));
    /// ```
    pub fn is<T: Send + Sync + 'static>(&self, var: &ContextVar<T>) -> bool {
        var.key().is_some_and(|key| key.number() == self.0.number())
    }

    /// The value, if it is a `T`.
    ///
    /// For generic code such as a logger; where the variable is known, use [`Context::get`].
    pub fn downcast_ref<T: 'static>(&self) -> Option<&'a T> {
        self.0.downcast_ref()
    }

    /// The erased value, for what looks at more than its type.
    #[inline]
    pub(crate) fn erased(&self) -> &'a ErasedValue {
        self.0
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("var", &self.name()).field("value", self.0).finish()
    }
}

impl UnwindSafe for Entry<'_> {}
impl RefUnwindSafe for Entry<'_> {}
