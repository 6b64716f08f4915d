//! [`forbid_bare_set`]: the rule that keeps values out of the root contexts of pool threads.

use crate::current;

/// Makes bare sets on this thread panic from now on.
///
/// A *bare* set is a call of [`ContextVar::set`](crate::ContextVar::set), [`unset`](crate::ContextVar::unset),
/// [`fields::set`](crate::fields::set) or [`Changes::apply`](crate::Changes::apply) outside of any entered context, that is, in
/// the thread's root context. On a pool thread the value would stay there and be read by every unrelated task that the thread
/// runs next. Call this function from the pool's on-thread-start hook, and such a bug panics with the variable's name and the
/// fix instead of leaking data.
///
/// [`bind`](crate::ContextVar::bind), [`scope`](crate::ContextVar::scope), [`sync_scope`](crate::ContextVar::sync_scope) and
/// [`reset`](crate::ContextVar::reset) stay allowed because they restore the previous value. They do not enter a context, so a
/// bare set inside of them still panics.
///
/// The rule is not enforced while the thread unwinds, or after the thread has dropped its root context's values. Destructors
/// of thread-locals run in reverse order of their first use, so the rule still applies in one that was first used *after* this
/// call; a panic in it aborts the process, as any panic there does.
///
/// ```
/// use contextvars::{Context, ContextVar, forbid_bare_set};
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let worker = std::thread::spawn(|| {
///     forbid_bare_set();
///     Context::new().run(|| USER.set("ann"));
///     USER.set("ann"); // in the thread's root context
/// });
/// let panic = worker.join().unwrap_err();
/// assert!(panic.downcast_ref::<String>().unwrap().contains("`user`"));
/// ```
pub fn forbid_bare_set() {
    current::forbid_bare_set();
}
