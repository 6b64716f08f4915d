//! The text that is appended to the panic of a read without a value.

use std::fmt;

use contextvars::Missing;
use tokio::runtime::Handle;
use tokio::task;

use super::lineage::{Ancestor, Found, Lineage, is_entered};
use super::{Loss, TASKS};

/// Explains a read without a value.
pub(super) fn explain_missing(missing: &Missing<'_>) -> String {
    let name = missing.name();
    if missing.is_local() {
        return local(name);
    }
    let Some(task) = task::try_id() else { return outside_of_tasks(name) };
    TASKS.get(task).map_or_else(|| untraced_task(name), |lineage| in_task(missing, &lineage))
}

fn local(name: &str) -> String {
    format!(
        "`{name}` is a `local` variable: copies of a context leave its value behind, so no task, thread or closure inherits it. \
         Set it in the task that reads it, or declare it without `local()`."
    )
}

fn in_task(missing: &Missing<'_>, lineage: &Lineage) -> String {
    let name = missing.name();
    match lineage.find(|context| missing.is_set_in(context)) {
        Found::Lost(ancestor, certainty) => Loss::new(name, ancestor, certainty).to_string(),
        Found::Removed(ancestor) => removed(name, ancestor),
        Found::Never => never(name, lineage),
    }
}

fn removed(name: &str, ancestor: Ancestor) -> String {
    let (this, at) = (WhichTask(ancestor.generations), ancestor.spawned_at);
    format!(
        "`{name}` had a value where {this} was spawned, at {at}, and `contextvars_tokio` carried it over. Since then that task \
         unset `{name}`, or entered a context without it."
    )
}

fn never(name: &str, lineage: &Lineage) -> String {
    let Ancestor { spawned_at, generations } = lineage.oldest();
    let had_none = match generations {
        1 => format!("where this task was spawned, at {spawned_at}"),
        spawns => format!(
            "at any of the {spawns} spawns that led to this task, the first of which is at {spawned_at}"
        ),
    };
    format!(
        "`{name}` had no value {had_none}, and earlier spawns are not recorded. Set `{name}` before that line, in the code that \
         spawns the task, or declare it with a default. If `{name}` is set further up, it was lost on the way: wrap each thread \
         and blocking closure in between with `contextvars::propagate`, and each task with `in_current_context()`."
    )
}

fn untraced_task(name: &str) -> String {
    let untraced = "The spawn of this code is not traced, because it is a closure of `spawn_blocking`, a task of a `LocalSet`, or a \
                    task of a runtime without the hooks of `contextvars_tokio::diagnose`.";
    if is_entered() {
        return format!("{untraced} {}", SetIn(name));
    }
    format!(
        "{untraced} None of them inherits values unless it is wrapped. Spawn a closure with `contextvars_tokio::spawn_blocking`, a \
         task of a `LocalSet` with `contextvars_tokio::spawn_local`, and another task with `contextvars_tokio::spawn`. If a \
         library spawns it, pass the library a wrapped closure, `contextvars::propagate(f)`, or a wrapped future, \
         `future.in_current_context()`."
    )
}

fn outside_of_tasks(name: &str) -> String {
    if is_entered() {
        return format!("This code runs outside of any task, so it is not traced. {}", SetIn(name));
    }
    if Handle::try_current().is_ok() {
        return format!(
            "This code runs outside of any task, so it is not traced: in a future of `block_on`, or on a thread that entered a \
             runtime. Set `{name}` in that future, or wrap the future with `in_context(..)`. If another thread set `{name}`, pass \
             this thread's closure through `contextvars::propagate` where the thread is started."
        );
    }
    format!(
        "This code runs on a thread outside of any runtime, so it is not traced. A new thread starts with an empty context. If \
         `{name}` is set where the thread is started, pass the thread's closure through `contextvars::propagate` there; otherwise \
         set `{name}` in the thread, for each request that it serves. If a library starts the thread, pass the library a wrapped \
         closure, `contextvars::propagate(f)`."
    )
}

/// The remedy in an entered context.
struct SetIn<'a>(&'a str);

impl fmt::Display for SetIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0;
        write!(
            f,
            "It runs in an entered context that has no value of `{name}`: set `{name}` where that context is made, or before it is \
             copied, or declare it with a default."
        )
    }
}

/// Names a task by its distance to the current one.
pub(super) struct WhichTask(pub(super) usize);

impl fmt::Display for WhichTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("this task"),
            2 => f.write_str("the task that spawned this one"),
            generations => write!(f, "an ancestor of this task, {} tasks up,", generations - 1),
        }
    }
}
