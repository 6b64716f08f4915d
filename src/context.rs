//! [`Context`]: a snapshot of every variable, which can be entered.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};

use crate::context_state::ContextState;
use crate::current;
#[cfg(feature = "rayon")]
use crate::current::Turns;
use crate::entry::{Entry, Iter};
use crate::id::ContextId;
use crate::lookup::Missing;
use crate::var::ContextVar;

/// A snapshot of every context variable.
///
/// Copying the current context takes one reference count, whatever it holds. The copy can be sent to another thread and
/// entered there; changes on one side are not seen on the other.
///
/// ```
/// use contextvars::{Context, ContextVar};
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let request = Context::new().with_value(&USER, "ann");
/// let worker = std::thread::spawn({
///     let mut context = request.clone();
///     move || context.run(|| format!("working for {}", USER.get()))
/// });
/// assert_eq!(worker.join().unwrap(), "working for ann");
/// ```
///
/// # Identity
///
/// A context has an identity beside its values: a [`Token`](crate::Token) works in the context that it was made in, and in no
/// copy of that context. The identity moves with the `Context`; `clone`, [`current`](Self::current) and [`new`](Self::new)
/// create a new one.
///
/// # Limits
///
/// - More than 2³¹ live copies of one snapshot abort the process, as too many clones of an [`Arc`](std::sync::Arc) do.
/// - Contexts may be nested in values to any depth. If dropping a value drops further values, those beyond the sixteenth
///   level are dropped after the outermost one, so that the stack does not overflow.
#[doc(alias = "contextvars")]
#[doc(alias = "ExecutionContext")]
#[doc(alias = "AsyncContext")]
pub struct Context(ContextState);

impl Context {
    /// Creates an empty context.
    ///
    /// ```
    /// # use contextvars::Context;
    /// assert!(Context::new().is_empty());
    /// ```
    #[inline]
    pub const fn new() -> Self {
        Self(ContextState::new(ContextId::UNASSIGNED))
    }

    /// Copies the current context, without the values of [`local`](ContextVar::local) variables.
    ///
    /// Neither context sees changes of the other from now on.
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

    /// Runs `f` with this context as the current one.
    ///
    /// Values of the surrounding context that this one does not hold read as unset. Values that `f` sets stay in this context,
    /// also after a panic. On return and on unwind, the surrounding context is current again, unchanged.
    ///
    /// The exclusive borrow prevents a context from being entered twice at the same time; `clone` it for that. For a future
    /// that `f` creates, use [`in_context`](crate::ContextExt::in_context), because the future runs after `f` has returned.
    ///
    /// A coroutine with a stack of its own that is suspended inside of `f` must be resumed while the same context is current.
    /// The process is aborted if contexts are not left in the reverse order of entering them.
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

    /// Sets `var` in this context, and returns `true` if that replaced a value.
    ///
    /// For a context that is kept in a variable; the context keeps its identity, so tokens of it stay valid. To set a variable
    /// of the *current* context, use [`ContextVar::set`]; to build a context in one expression, use
    /// [`with_value`](Self::with_value).
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let mut context = Context::new();
    /// assert!(!context.insert(&USER, "ann"));
    /// assert!(context.insert(&USER, "bob"));
    /// assert_eq!(context.get(&USER), Some(&"bob"));
    /// ```
    ///
    /// # Complexity
    ///
    /// Logarithmic in the number of variables.
    #[track_caller]
    pub fn insert<T: Send + Sync + 'static>(&mut self, var: &ContextVar<T>, value: T) -> bool {
        self.insert_at(var, value, Location::caller())
    }

    /// Sets `var` in this context, with `place` as the line that set it, and returns `true` if that replaced a value.
    ///
    /// For a library that sets variables on behalf of its user: [`Entry::set_at`] then shows the user's line, which the
    /// library took by [`Location::caller`] earlier.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// use std::panic::Location;
    ///
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let place = Location::caller();
    /// let mut context = Context::new();
    /// context.insert_at(&USER, "ann", place);
    /// assert_eq!(context.iter().next().unwrap().set_at(), place);
    /// ```
    ///
    /// # Complexity
    ///
    /// Logarithmic in the number of variables.
    pub fn insert_at<T: Send + Sync + 'static>(
        &mut self,
        var: &ContextVar<T>,
        value: T,
        place: &'static Location<'static>,
    ) -> bool {
        let value = var.erase(value, place);
        let previous = self.0.map_mut(value.id()).insert(value);
        previous.is_some() // user code: T::drop, when `previous` goes out of scope
    }

    /// Returns this context with `var` set to `value`.
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
    #[must_use = "the context with the value is returned"]
    #[track_caller]
    pub fn with_value<T: Send + Sync + 'static>(mut self, var: &ContextVar<T>, value: T) -> Self {
        self.insert(var, value);
        self
    }

    /// Returns the value that this context holds for `var`, but never the default.
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

    /// Returns `true` if this context holds a value for `var`.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    /// assert!(!Context::new().contains(&USER));
    /// ```
    pub fn contains<T: Send + Sync + 'static>(&self, var: &ContextVar<T>) -> bool {
        self.get(var).is_some()
    }

    /// Removes the value of `var`, and returns `true` if there was one.
    ///
    /// The context keeps its identity. To remove a value from the *current* context, use [`ContextVar::unset`].
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
        let removed = self.0.map_mut(key.id()).remove(key.id());
        removed.is_some() // user code: T::drop, when `removed` goes out of scope
    }

    /// Keeps only the variables for which `keep` returns `true`.
    ///
    /// For a background job, which should hold on to the values that it needs and to no others of the request that started
    /// it. The [log fields](crate::fields) stay.
    ///
    /// If `keep` panics, all variables stay. If a value's `Drop` panics, the variables that were to be removed after it stay.
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
        let removed: Vec<_> = self
            .iter()
            .filter(|entry| !keep(entry)) // user code
            .map(|entry| entry.erased().id())
            .collect();
        for id in removed {
            let value = self.0.map_mut(id).remove(id);
            drop(value); // user code: T::drop
        }
    }

    /// Returns the number of variables that have a value in this context. [Log fields](crate::fields) do not count.
    ///
    /// ```
    /// # use contextvars::Context;
    /// assert_eq!(Context::new().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `true` if the context holds no value, not even that of the hidden variable.
    #[inline]
    pub(crate) fn is_vacant(&self) -> bool {
        self.0.is_vacant()
    }

    /// Returns `true` if no variable has a value in this context.
    ///
    /// ```
    /// # use contextvars::Context;
    /// assert!(Context::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns an iterator over the variables that have a value in this context, in no particular order.
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
        Iter::new(self.0.iter())
    }

    /// Returns `true` if both are the same snapshot: copies with no change between them.
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

    /// Copies the current context with the values of [`local`](ContextVar::local) variables. The copy must not leave the place
    /// where it is made.
    #[inline]
    pub(crate) fn current_with_locals() -> Self {
        Self(current::copy_with_locals())
    }

    /// Creates an empty context in which bare sets are rejected, as they are in a thread's root context.
    #[cfg(feature = "rayon")]
    pub(crate) const fn detached() -> Self {
        Self(ContextState::new(ContextId::UNASSIGNED_ROOT))
    }

    /// Returns `true` if this copy is as good as a new one: every change assigns an identity first.
    #[cfg(feature = "rayon")]
    pub(crate) fn is_unmodified(&self) -> bool {
        self.0.id == ContextId::UNASSIGNED
    }

    /// Calls `body`, which may run any number of turns, each in a copy of `self` whose changes are discarded. `working` is a copy of
    /// `self`, and is renewed only after a turn that changed it.
    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn in_turns<R>(
        &self,
        working: Self,
        body: impl FnOnce(&mut Turns<'_>) -> R,
    ) -> (R, Self) {
        let (result, working) = current::in_turns(&self.0, working.0, body);
        (result, Self(working))
    }

    pub(crate) fn state(&self) -> &ContextState {
        &self.0
    }

    pub(crate) fn state_mut(&mut self) -> &mut ContextState {
        &mut self.0
    }
}

impl Missing<'_> {
    /// Returns `true` if `context` has a value for the variable that was read.
    ///
    /// A tool that keeps the snapshots of spawning tasks can name the spawn that did not carry the value over.
    ///
    /// ```
    /// use contextvars::{Context, ContextVar, on_missing};
    ///
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    /// static KEPT: std::sync::Mutex<Context> = std::sync::Mutex::new(Context::new());
    ///
    /// *KEPT.lock().unwrap() = Context::new().with_value(&USER, "ann");
    /// on_missing(|missing| missing.is_set_in(&KEPT.lock().unwrap()).then(|| "it was kept".into()));
    /// let panic = std::panic::catch_unwind(|| USER.get()).unwrap_err();
    /// assert!(panic.downcast_ref::<String>().unwrap().ends_with("it was kept"));
    /// ```
    pub fn is_set_in(&self, context: &Context) -> bool {
        self.id().is_some_and(|id| context.0.value(id).is_some())
    }
}

/// Copies the current context, without the values of [`local`](ContextVar::local) variables: Python's name for
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

/// Creates a context with the same values, including those of [`local`](ContextVar::local) variables, and a new identity.
impl Clone for Context {
    #[inline]
    fn clone(&self) -> Self {
        Self(self.0.copy())
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows a map from names to values. A value is shown as the name of its type, unless its variable is
/// [`debug`](ContextVar::debug). The alternate form, `{:#?}`, adds the line that [set](Entry::set_at) each value.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Value<'a>(Entry<'a>);

        impl fmt::Debug for Value<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.erased().fmt(f)?; // user code: T::fmt
                if f.alternate() {
                    write!(f, " (set at {})", self.0.set_at())?;
                }
                Ok(())
            }
        }

        f.write_str("Context ")?;
        f.debug_map().entries(self.iter().map(|entry| (entry.name(), Value(entry)))).finish()
    }
}

impl<'a> IntoIterator for &'a Context {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

// A panic while a context is current leaves the context itself intact, because values are replaced as a whole. A `T` with
// interior mutability can be left half changed, as it can behind any shared reference; `get` and `with` hand out the same
// reference.
impl UnwindSafe for Context {}
impl RefUnwindSafe for Context {}
