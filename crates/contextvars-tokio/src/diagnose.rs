//! Says why a variable has no value: names the spawn that did not carry it over.
//!
//! A task that is spawned without its context finds no value, and the panic of the read shows the reading line only. With this
//! module the panic also shows the line of the spawn, and the fix, for the task itself and for up to 16 generations of its
//! ancestors. The module is a tool for development and tests. In production, wrap the tasks: see the
//! [crate's documentation](crate).
//!
//! The module needs tokio 1.46.1 or newer and `RUSTFLAGS="--cfg tokio_unstable"`, because tokio's task hooks are unstable. A new
//! release of tokio 1 may break it.
//!
//! ```
//! use contextvars::ContextVar;
//! use contextvars_tokio::diagnose;
//! use tokio::runtime::Builder;
//!
//! static USER: ContextVar<&str> = ContextVar::new("user");
//!
//! let runtime = diagnose::install(&mut Builder::new_multi_thread()).build()?;
//! let task = USER.sync_scope("ann", || runtime.spawn(async { USER.get() }));
//! let panic = runtime.block_on(task).unwrap_err().into_panic();
//! let text = panic.downcast_ref::<String>().unwrap();
//! assert!(text.contains("`user` was lost where this task was spawned, at "));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Traced code
//!
//! tokio runs the hooks for tasks that are spawned on a runtime, also on a `LocalRuntime`. It runs none for the closures of
//! `spawn_blocking`, for the tasks of a [`LocalSet`](tokio::task::LocalSet) and for futures of `block_on`. Reads in those, on other
//! threads, and in tasks of a runtime without the hooks are "not traced": the text says so and names no spawn. The ancestors of a
//! task end at the first spawner that is not traced.
//!
//! A task that is spawned by [`crate::spawn`] or [`crate::spawn_local`] is known to carry the context. Other spawns are judged by
//! the context in which the spawned task runs. If it runs outside of any entered context, it does not carry one. In an entered
//! context the text says that the task may also have unset the value or have entered another context.
//!
//! # Cost
//!
//! While a runtime without the hooks spawns tasks, nothing is recorded. [`crate::spawn`] then marks its task, which takes
//! two writes to a thread-local. With the hooks, a spawn and the end of its task take 0.2 µs more, 0.5 instead of 0.3 µs for a task
//! that does nothing. Both lock a table that all runtimes share. The bench `diagnose` measures it.
//!
//! The record of a task holds copies of the contexts of up to 16 spawns, until the task and the tasks that descend from it have
//! ended. **So values live longer**: those of a request live until the tasks that it spawned have ended, even if these tasks do not
//! carry the context. The last of them is then dropped outside of the request's context, where a task ends. Do not look for the
//! holder of a value while the hooks are installed.

mod lineage;
mod loss;
mod table;
mod text;

use std::sync::{LazyLock, Mutex, MutexGuard};

use contextvars::{Context, ContextVar};
use tokio::runtime::{Builder, TaskMeta};
use tokio::task::{self, Id};

pub(crate) use self::lineage::Carrying;
use self::lineage::{Found, Lineage};
pub use self::loss::Loss;
use self::table::Table;

/// The running tasks of all runtimes.
static TASKS: LazyLock<Table<Id, Lineage>> = LazyLock::new(Table::new);

/// Installs the hooks of this module in a runtime, and appends the explanation to the panics of reads without a value.
///
/// It replaces the hooks that `on_task_spawn` and `on_task_terminate` gave to the builder before. A program with hooks of its own
/// calls `install` first and then sets hooks that call [`on_task_spawn`] and [`on_task_terminate`].
///
/// A runtime of `#[tokio::main]` or `#[tokio::test]` has no builder, so build the runtime in `main` instead.
///
/// The panics are explained by [`contextvars::on_missing`], for the whole process. If the program has registered a function there
/// before, that function stays and the panics do not change; [`explain`] works in any case.
///
/// A program that is also built without the setting calls it like this:
///
/// ```
/// async fn serve() {}
///
/// fn main() -> std::io::Result<()> {
///     let mut builder = tokio::runtime::Builder::new_multi_thread();
///     builder.enable_all();
///     #[cfg(tokio_unstable)]
///     contextvars_tokio::diagnose::install(&mut builder);
///     builder.build()?.block_on(serve());
///     Ok(())
/// }
/// ```
pub fn install(builder: &mut Builder) -> &mut Builder {
    // Another function may be registered: see above.
    let _is_first = contextvars::on_missing(|missing| Some(text::explain_missing(missing)));
    builder.on_task_spawn(on_task_spawn).on_task_terminate(on_task_terminate)
}

/// Records the spawn of a task.
///
/// For programs that have task hooks of their own; otherwise use [`install`]. Call it in the hook that is given to
/// [`Builder::on_task_spawn`], and call [`on_task_terminate`] in the other hook. Without the other one, the records stay forever.
///
/// ```
/// use contextvars_tokio::diagnose;
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
///
/// static SPAWNS: AtomicUsize = AtomicUsize::new(0);
///
/// let mut builder = tokio::runtime::Builder::new_current_thread();
/// diagnose::install(&mut builder); // for the panics; its hooks are replaced here:
/// builder.on_task_spawn(|task| {
///     SPAWNS.fetch_add(1, Relaxed);
///     diagnose::on_task_spawn(task);
/// });
/// builder.on_task_terminate(diagnose::on_task_terminate);
/// builder.build()?.block_on(async { tokio::spawn(async {}).await }).unwrap();
/// assert_eq!(SPAWNS.load(Relaxed), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn on_task_spawn(meta: &TaskMeta<'_>) {
    let spawner = task::try_id().and_then(|id| TASKS.get(id));
    let lineage = Lineage::of_spawn(meta.spawned_at(), spawner.as_ref());
    let ended_already = TASKS.insert(meta.id(), lineage);
    drop((ended_already, spawner)); // user code: T::drop
}

/// Forgets a task that has ended.
///
/// For programs that have task hooks of their own; otherwise use [`install`]. Call it in the hook that is given to
/// [`Builder::on_task_terminate`]. It ignores tasks whose spawn was not recorded.
///
/// Values may be dropped here, outside of the contexts that held them.
///
/// See [`on_task_spawn`] for an example.
pub fn on_task_terminate(meta: &TaskMeta<'_>) {
    let ended = TASKS.remove(meta.id());
    drop(ended); // user code: T::drop
}

/// Returns the nearest spawn at which `var` had a value that the spawned task did not carry over.
///
/// For reads that do not panic: [`try_get`](ContextVar::try_get), and variables with a default. The first spawn is that of the
/// current task, then follows that of its spawner, up to 16 generations. Returns `None` if
///
/// - `var` has a value in the current context, or is a [`local`](ContextVar::local) variable, which is never carried over;
/// - none of these spawns had a value;
/// - the nearest one that had a value was made by [`crate::spawn`] or [`crate::spawn_local`], so the task has removed it since;
/// - the current code is not traced, for example because the hooks are not installed.
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_tokio::diagnose;
///
/// static USER: ContextVar<&str> = ContextVar::with_default("user", || "nobody");
///
/// let runtime = diagnose::install(&mut tokio::runtime::Builder::new_current_thread()).build()?;
/// let line = line!() + 1;
/// let task = USER.sync_scope("ann", || runtime.spawn(async { diagnose::explain(&USER) }));
/// let loss = runtime.block_on(task)?.unwrap();
/// assert_eq!((loss.spawned_at().line(), loss.generations()), (line, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Complexity
///
/// Linear in the number of spawns that are kept, and logarithmic in the number of variables.
pub fn explain<T: Send + Sync + 'static>(var: &ContextVar<T>) -> Option<Loss> {
    if Context::current().contains(var) {
        return None;
    }
    let lineage = TASKS.get(task::try_id()?)?;
    match lineage.find(|context| context.contains(var)) {
        Found::Lost(ancestor, certainty) => Some(Loss::new(var.name(), ancestor, certainty)),
        Found::Removed(_) | Found::Never => None,
    }
}
