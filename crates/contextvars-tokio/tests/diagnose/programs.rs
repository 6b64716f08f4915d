//! Five programs that lose a value, as a reader meets them. The text of the panic must name the cause and the fix, so each test
//! compares the whole text. Two more variants follow.

use std::thread;

use contextvars::{Context, ContextVar};

use crate::support::{panic_text, text_of as text_of_payload};
use crate::{USER, library, text_of, traced, traced_on_this_thread};

const OUTSIDE: &str = "context variable `user` was read outside of any entered context; in a task, wrap the task with \
                       `in_current_context()`";
const FIX: &str = "Spawn the task with `contextvars_tokio::spawn`, or wrap its future with `in_current_context()`. If that line is \
                   in a library, pass the library a wrapped future, `future.in_current_context()`, or a wrapped closure, \
                   `contextvars::propagate(f)`.";
const UNWRAPPED: &str =
    "it had a value there, but tokio's tasks inherit no values unless their futures are wrapped.";

#[test]
fn a_bare_spawn() {
    let line = line!() + 1;
    let request = async { tokio::spawn(async { USER.get() }).await };
    let text = text_of(traced().block_on(USER.scope("ann", request)));
    let place = format!("{}:{line}:27", file!());
    assert_eq!(
        text,
        format!(
            "{OUTSIDE} (on thread `worker`)\n`user` was lost where this task was spawned, at {place}: {UNWRAPPED} {FIX}"
        )
    );
}

#[test]
fn a_bare_spawn_inside_of_a_library() {
    let request = async { library::start(async { USER.get() }).await };
    let text = text_of(traced().block_on(USER.scope("ann", request)));
    let place = format!("{}:{}:5", file!().replace("programs", "library"), library::LINE);
    assert_eq!(
        text,
        format!(
            "{OUTSIDE} (on thread `worker`)\n`user` was lost where this task was spawned, at {place}: {UNWRAPPED} {FIX}"
        )
    );
}

#[test]
fn a_blocking_closure() {
    let request = async { tokio::task::spawn_blocking(|| USER.get()).await };
    let text = text_of(traced().block_on(USER.scope("ann", request)));
    assert_eq!(
        text,
        format!(
            "{OUTSIDE} (on thread `worker`)\nThe spawn of this code is not traced, because it is a closure of `spawn_blocking`, a \
             task of a `LocalSet`, or a task of a runtime without the hooks of `contextvars_tokio::diagnose`. None of them \
             inherits values unless it is wrapped. Spawn a closure with `contextvars_tokio::spawn_blocking`, a task of a \
             `LocalSet` with `contextvars_tokio::spawn_local`, and another task with `contextvars_tokio::spawn`. If a library \
             spawns it, pass the library a wrapped closure, `contextvars::propagate(f)`, or a wrapped future, \
             `future.in_current_context()`."
        )
    );
}

#[test]
fn a_thread() {
    let request = async {
        let report = thread::Builder::new().name("report".to_owned());
        report.spawn(|| USER.get()).expect("a thread").join()
    };
    let payload = traced().block_on(USER.scope("ann", request)).expect_err("it panicked");
    assert_eq!(
        text_of_payload(&*payload),
        format!(
            "{OUTSIDE} (on thread `report`)\nThis code runs on a thread outside of any runtime, so it is not traced. A new thread \
             starts with an empty context. If `user` is set where the thread is started, pass the thread's closure through \
             `contextvars::propagate` there; otherwise set `user` in the thread, for each request that it serves. If a library \
             starts the thread, pass the library a wrapped closure, `contextvars::propagate(f)`."
        )
    );
}

#[test]
fn a_context_that_never_had_the_value() {
    static TRACE: ContextVar<u64> = ContextVar::new("trace");
    let line = line!() + 1;
    let request = async { contextvars_tokio::spawn(async { USER.get() }).await };
    let text = text_of(traced().block_on(TRACE.scope(7, request)));
    let place = format!("{}:{line}:27", file!());
    assert_eq!(
        text,
        format!(
            "context variable `user` has no value in the current context, which has 1 other variable (on thread `worker`)\n`user` \
             had no value where this task was spawned, at {place}, and earlier spawns are not recorded. Set `user` before that \
             line, in the code that spawns the task, or declare it with a default. If `user` is set further up, it was lost on \
             the way: wrap each thread and blocking closure in between with `contextvars::propagate`, and each task with \
             `in_current_context()`."
        )
    );
}

#[test]
fn code_outside_of_tasks_is_not_traced() {
    let runtime = traced_on_this_thread();
    let not_traced = "This code runs outside of any task, so it is not traced";
    let text = panic_text(|| runtime.block_on(async { USER.get() }));
    assert!(text.contains(&format!("\n{not_traced}: in a future of `block_on`")), "{text}");
    let text = panic_text(|| Context::new().run(|| runtime.block_on(async { USER.get() })));
    assert!(text.contains(&format!("\n{not_traced}. It runs in an entered context")), "{text}");
}

#[test]
fn a_local_variable_is_said_to_stay_behind() {
    static DEPTH: ContextVar<u32> = ContextVar::new("depth").local();
    let request = async { tokio::spawn(async { DEPTH.get() }).await };
    let text = text_of(traced().block_on(DEPTH.scope(1, request)));
    assert!(text.contains("\n`depth` is a `local` variable: copies of a context leave"), "{text}");
    let request = async {
        tokio::spawn(async { contextvars_tokio::diagnose::explain(&DEPTH).is_some() }).await
    };
    assert!(!traced().block_on(DEPTH.scope(1, request)).expect("no panic"));
}
