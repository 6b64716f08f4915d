//! Kinds of runtimes, several of them, and the parts of tokio that report no spawns.

use contextvars_tokio::spawn_blocking;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::{LocalSet, block_in_place};

use crate::{USER, lost, text_of, traced, traced_on_this_thread};

#[test]
fn both_kinds_of_runtime_are_traced() {
    for runtime in [traced(), traced_on_this_thread()] {
        let task = USER.sync_scope("ann", || runtime.spawn(async { lost() }));
        assert_eq!(runtime.block_on(task).expect("no panic"), Some((1, line!() - 1)));
    }
}

#[test]
fn a_local_runtime_is_traced() {
    let mut builder = Builder::new_current_thread();
    let builder = contextvars_tokio::diagnose::install(&mut builder);
    let runtime = builder.build_local(LocalOptions::default()).expect("a runtime");
    let task = USER.sync_scope("ann", || runtime.spawn_local(async { lost() }));
    assert_eq!(runtime.block_on(task).expect("no panic"), Some((1, line!() - 1)));
}

#[test]
fn a_task_of_one_runtime_that_was_spawned_by_a_task_of_another_has_both_as_ancestors() {
    let (one, other) = (traced(), traced());
    let handle = other.handle().clone();
    let line = line!() + 2;
    let request = async move {
        tokio::spawn(async move { handle.spawn(async { lost() }).await.expect("no panic") }).await
    };
    let found = one.block_on(USER.scope("ann", request)).expect("no panic");
    assert_eq!(found, Some((2, line)));
}

#[test]
fn a_runtime_inside_of_a_task_continues_the_tasks_ancestors() {
    let nested = || {
        let runtime = traced_on_this_thread();
        // The future of `block_on` has no id of its own, so it is a part of the task.
        runtime
            .block_on(async { (lost(), tokio::spawn(async { lost() }).await.expect("no panic")) })
    };
    let line = line!() + 2;
    let request =
        async move { tokio::spawn(async move { block_in_place(nested) }).await.expect("no panic") };
    let (of_task, of_nested) = traced().block_on(USER.scope("ann", request));
    assert_eq!((of_task, of_nested), (Some((1, line)), Some((2, line))));
}

#[test]
fn the_tasks_of_a_local_set_are_not_traced_and_take_no_ancestor_for_theirs() {
    let runtime = traced_on_this_thread();
    let request = async {
        let tasks = LocalSet::new();
        let task = USER.sync_scope("ann", || {
            tasks.spawn_local(async {
                (lost(), tokio::spawn(async { lost() }).await.expect("no panic"))
            })
        });
        tasks.run_until(task).await.expect("no panic")
    };
    assert_eq!(runtime.block_on(request), (None, None));
    let text = runtime.block_on(async {
        let tasks = LocalSet::new();
        let task = tasks.spawn_local(async { USER.get() });
        text_of(tasks.run_until(task).await)
    });
    assert!(text.contains("\nThe spawn of this code is not traced"), "{text}");
}

#[test]
fn a_task_that_a_blocking_closure_spawns_has_no_ancestors() {
    let (line, runtime) = (line!() + 2, traced());
    let bare = || tokio::task::spawn_blocking(|| tokio::spawn(async { lost() }));
    let carried = || spawn_blocking(|| tokio::spawn(async { lost() }));
    let request = async move {
        let bare = bare().await.expect("no panic").await.expect("no panic");
        (bare, carried().await.expect("no panic").await.expect("no panic"))
    };
    let found = runtime.block_on(USER.scope("ann", request));
    assert_eq!(found, (None, Some((1, line))));
}

#[test]
fn a_panic_in_a_task_leaves_the_records_intact() {
    let runtime = traced();
    for _ in 0..20 {
        let task = USER.sync_scope("ann", || runtime.spawn(async { USER.get() }));
        let line = line!() - 1;
        let text = text_of(runtime.block_on(task));
        assert!(text.contains(&format!("runtimes.rs:{line}:")), "{text}");
    }
}
