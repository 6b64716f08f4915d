//! Programs with task hooks of their own, and without the hooks of `diagnose`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use contextvars_tokio::diagnose;
use tokio::runtime::Builder;

use crate::{USER, lost};

#[test]
fn hooks_of_the_program_can_call_these_hooks() {
    let (spawns, ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut builder = Builder::new_multi_thread();
    let (on_spawn, on_end) = (Arc::clone(&spawns), Arc::clone(&ends));
    builder
        .worker_threads(1)
        .on_task_spawn(move |task| {
            on_spawn.fetch_add(1, Ordering::Relaxed);
            diagnose::on_task_spawn(task);
        })
        .on_task_terminate(move |task| {
            diagnose::on_task_terminate(task);
            on_end.fetch_add(1, Ordering::Relaxed);
        });
    let runtime = builder.build().expect("a runtime");
    let task = USER.sync_scope("ann", || runtime.spawn(async { lost() }));
    assert_eq!(runtime.block_on(task).expect("no panic"), Some((1, line!() - 1)));
    drop(runtime);
    assert_eq!(spawns.load(Ordering::Relaxed), 1);
    // The task, and the closure that runs the worker thread.
    assert_eq!(ends.load(Ordering::Relaxed), 2);
}

#[test]
fn without_the_hooks_nothing_is_explained() {
    let runtime = Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let task = USER.sync_scope("ann", || runtime.spawn(async { lost() }));
    assert_eq!(runtime.block_on(task).expect("no panic"), None);
    assert_eq!(USER.sync_scope("ann", || std::thread::spawn(lost).join().expect("no panic")), None);
}
