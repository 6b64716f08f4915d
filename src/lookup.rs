//! A read that finds no value: the error of `try_get` and `try_with`, and the panic of `get` and `with`.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use crate::current;
use crate::id::VarId;
use crate::sync::thread_local;
use crate::value::Name;

/// A variable has neither a value in the current context nor a default.
///
/// Its text says which of two causes applies, because they have different remedies: see [`LookupErrorKind`].
///
/// ```
/// # use contextvars::{Context, ContextVar, LookupErrorKind};
/// static USER: ContextVar<String> = ContextVar::new("user");
///
/// let error = USER.try_get().unwrap_err();
/// assert_eq!((error.name(), error.kind()), ("user", LookupErrorKind::OutsideContext));
/// assert_eq!(
///     error.to_string(),
///     "context variable `user` was read outside of any entered context; \
///      in a task, wrap the task with `in_current_context()`",
/// );
///
/// let error = Context::new().run(|| USER.try_get()).unwrap_err();
/// assert_eq!(error.kind(), LookupErrorKind::InContext);
/// assert_eq!(
///     error.to_string(),
///     "context variable `user` has no value in the current context, which has no other variables",
/// );
/// ```
#[derive(Clone, Debug)]
pub struct LookupError {
    name: Name,
    /// The number of variables in the current context, or [`OUTSIDE`](Self::OUTSIDE).
    others: u32,
}

/// The cause of a [`LookupError`].
///
/// See [`LookupError`] for an example.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LookupErrorKind {
    /// No context was entered on the thread: the read ran in the thread's root context, for example because a task was
    /// spawned without its context. Wrap the task or closure with
    /// [`in_current_context`](crate::ContextExt::in_current_context) or [`propagate`](crate::propagate).
    OutsideContext,
    /// A context was entered, and the variable was never set in it, or was unset. Set the variable where the context is made,
    /// or give it a default.
    InContext,
}

impl LookupError {
    const OUTSIDE: u32 = u32::MAX;

    #[cold]
    pub(crate) fn new(name: &'static str) -> Self {
        let others = match current::len_if_entered() {
            Some(others) => u32::try_from(others).unwrap_or(u32::MAX).min(Self::OUTSIDE - 1),
            None => Self::OUTSIDE,
        };
        Self { name: Name::new(name), others }
    }

    /// Returns the name of the variable.
    ///
    /// See [`LookupError`] for an example.
    pub fn name(&self) -> &'static str {
        self.name.as_str()
    }

    /// Returns the cause of the error.
    ///
    /// See [`LookupError`] for an example.
    pub fn kind(&self) -> LookupErrorKind {
        if self.others == Self::OUTSIDE {
            LookupErrorKind::OutsideContext
        } else {
            LookupErrorKind::InContext
        }
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "context variable `{}` ", self.name())?;
        match self.others {
            Self::OUTSIDE => f.write_str(
                "was read outside of any entered context; in a task, wrap the task with `in_current_context()`",
            ),
            0 => f.write_str("has no value in the current context, which has no other variables"),
            1 => f.write_str("has no value in the current context, which has 1 other variable"),
            others => {
                write!(f, "has no value in the current context, which has {others} other variables")
            }
        }
    }
}

impl std::error::Error for LookupError {}

/// A read by [`get`](crate::ContextVar::get) or [`with`](crate::ContextVar::with) that found no value; the argument of the
/// function that is given to [`on_missing`].
pub struct Missing<'a> {
    name: &'a str,
    /// Returns the variable's id, which it may be assigned while the function of `on_missing` runs.
    id: &'a dyn Fn() -> Option<VarId>,
}

impl Missing<'_> {
    /// Returns the name of the variable.
    ///
    /// See [`on_missing`] for an example.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Returns `true` if the variable is [`local`](crate::ContextVar::local), so that no copy of a context has its value.
    ///
    /// A variable that has had no value in this process yet is not recognised.
    ///
    /// ```
    /// use contextvars::{ContextVar, on_missing};
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::new("depth").local();
    ///
    /// on_missing(|missing| missing.is_local().then(|| "it is not inherited".to_owned()));
    /// drop(DEPTH.bind(1));
    /// let panic = std::panic::catch_unwind(|| DEPTH.get()).unwrap_err();
    /// assert!(panic.downcast_ref::<String>().unwrap().ends_with("it is not inherited"));
    /// ```
    pub fn is_local(&self) -> bool {
        self.id().is_some_and(VarId::is_local)
    }

    pub(crate) fn id(&self) -> Option<VarId> {
        (self.id)()
    }
}

impl fmt::Debug for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Missing").field("name", &self.name).finish_non_exhaustive()
    }
}

static HOOK: OnceLock<fn(&Missing<'_>) -> Option<String>> = OnceLock::new();

/// Registers a function that explains reads without a value, and returns `true` if it is the first one.
///
/// The function is called when [`get`](crate::ContextVar::get) or [`with`](crate::ContextVar::with) is about to panic because
/// the variable has neither a value nor a default. The text that it returns is appended to the message of the panic. It is
/// for tools that know more about the program, for example which task was spawned without its context. `try_get` and the
/// like do not call it.
///
/// There is one function for the whole process, and the first one stays. It is never called while it runs on the same
/// thread, so it may read variables itself. If it panics, the message says so.
///
/// ```
/// use contextvars::{ContextVar, on_missing};
///
/// static USER: ContextVar<String> = ContextVar::new("user");
///
/// assert!(on_missing(|missing| Some(format!("`{}` is set by the login", missing.name()))));
/// assert!(!on_missing(|_| None), "the first one stays");
///
/// let panic = std::panic::catch_unwind(|| USER.get()).unwrap_err();
/// assert!(panic.downcast_ref::<String>().unwrap().ends_with("`user` is set by the login"));
/// ```
pub fn on_missing(hook: fn(&Missing<'_>) -> Option<String>) -> bool {
    HOOK.set(hook).is_ok()
}

/// Panics with the text of the error, the thread's name and the text of the hook.
#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn panic_missing(name: &'static str, id: &dyn Fn() -> Option<VarId>) -> ! {
    let error = LookupError::new(name);
    // After the thread has released its values, std may be unable to tell the thread's name.
    let thread = (!current::is_teardown()).then(std::thread::current);
    let on_thread = thread.as_ref().map(|thread| thread.name().unwrap_or("<unnamed>"));
    let on_thread = on_thread.map_or_else(String::new, |name| format!(" (on thread `{name}`)"));
    let hint = ask_hook(&Missing { name, id }); // user code
    let hint = hint.map_or_else(String::new, |hint| format!("\n{hint}"));
    panic!("{error}{on_thread}{hint}")
}

/// Returns the text of the hook, unless there is none or it is being asked on this thread already.
fn ask_hook(missing: &Missing<'_>) -> Option<String> {
    thread_local! {
        static ASKING: Cell<bool> = const { Cell::new(false) };
    }

    struct Done;

    impl Drop for Done {
        fn drop(&mut self) {
            ASKING.with(|asking| asking.set(false));
        }
    }

    let hook = HOOK.get()?;
    if ASKING.with(|asking| asking.replace(true)) {
        return None;
    }
    let _done = Done;
    let hint = catch_unwind(AssertUnwindSafe(|| hook(missing))); // user code
    hint.unwrap_or_else(|payload| {
        // user code: the payload's drop. If it panics too, nothing is left that could report it.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(payload);
        }
        Some("the function that was given to `on_missing` panicked".to_owned())
    })
}
