//! `forbid_bare_set` in the hook that a pool calls when a thread starts.

use std::sync::mpsc::channel;
use std::thread;

use contextvars::{
    Context, ContextExt, ContextVar, copy_context, forbid_bare_set, propagate, propagate_fn,
};
use tokio::runtime::{Builder, Runtime};

use crate::support::{panic_text, text_of};

static A: ContextVar<u32> = ContextVar::new("request-id");

/// Returns a runtime whose threads all forbid bare sets.
fn forbidding_runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("pool-thread")
        .on_thread_start(forbid_bare_set)
        .build()
        .expect("a runtime")
}

#[track_caller]
fn names_all(text: &str) {
    for part in ["request-id", "pool-thread"] {
        assert!(text.contains(part), "{part} is not named in: {text}");
    }
}

#[test]
fn a_pool_made_by_hand_catches_the_leak_and_goes_on() {
    let (jobs, queue) = channel::<Box<dyn FnOnce() + Send>>();
    let pool = thread::Builder::new().name(String::from("pool-thread")).spawn(move || {
        forbid_bare_set();
        let mut caught = Vec::new();
        for job in queue {
            let job = std::panic::AssertUnwindSafe(job);
            if let Err(panic) = std::panic::catch_unwind(|| { job }.0()) {
                caught.push(text_of(&*panic));
            }
            assert!(copy_context().is_empty());
        }
        caught
    });
    for _ in 0..3 {
        jobs.send(Box::new(|| drop(A.set(1)))).expect("the pool runs");
        jobs.send(Box::new(|| A.sync_scope(1, || assert_eq!(A.get(), 1)))).expect("the pool runs");
        jobs.send(Box::new(propagate(|| drop(A.set(1))))).expect("the pool runs");
    }
    drop(jobs);
    let caught = pool.expect("a thread").join().expect("it caught them all");
    assert_eq!(caught.len(), 3);
    for text in &caught {
        names_all(text);
    }
}

#[test]
fn a_bare_set_in_an_unwrapped_task_panics() {
    let runtime = forbidding_runtime();
    for _ in 0..10 {
        let task = runtime.spawn(async { A.set(1) });
        let error = runtime.block_on(task).expect_err("outside of any entered context");
        names_all(&text_of(&*error.into_panic()));
        let probe = runtime.spawn(async { copy_context().len() });
        assert_eq!(runtime.block_on(probe).expect("the worker goes on"), 0);
    }
}

#[test]
fn a_set_in_a_wrapped_task_is_allowed() {
    let runtime = forbidding_runtime();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let work = async move {
                A.set(n);
                tokio::task::yield_now().await;
                A.set(A.get() + 1);
                tokio::task::yield_now().await;
                A.get()
            };
            runtime.spawn(work.in_current_context())
        })
        .collect();
    for (n, task) in (0..).zip(tasks) {
        assert_eq!(runtime.block_on(task).expect("no panic"), n + 1);
    }
}

#[test]
fn a_bare_set_after_the_await_of_a_wrapped_future_panics() {
    let runtime = forbidding_runtime();
    let task = runtime.spawn(async {
        async { A.set(1) }.in_current_context().await;
        panic_text(|| A.set(2))
    });
    names_all(&runtime.block_on(task).expect("the panic was caught"));
}

#[test]
fn scope_and_run_are_allowed_in_an_unwrapped_task() {
    let runtime = forbidding_runtime();
    let task = runtime.spawn(async {
        assert_eq!(A.sync_scope(1, || A.get()), 1);
        {
            let _binding = A.bind(2);
            assert_eq!(A.get(), 2);
        }
        Context::new().run(|| A.set(3));
        copy_context().len()
    });
    assert_eq!(runtime.block_on(task).expect("no panic"), 0);
}

#[test]
fn the_blocking_threads_of_the_pool_forbid_too() {
    let runtime = forbidding_runtime();
    let bare = runtime.spawn_blocking(|| A.set(1));
    let error = runtime.block_on(bare).expect_err("outside of any entered context");
    names_all(&text_of(&*error.into_panic()));

    let work = Context::new().with_value(&A, 1).run(|| {
        propagate_fn(|| {
            A.set(A.get() + 1);
            A.get()
        })
    });
    for _ in 0..3 {
        let call = runtime.spawn_blocking(propagate(|| A.set(1).name()));
        assert_eq!(runtime.block_on(call).expect("no panic"), "request-id");
    }
    let carried = runtime.spawn_blocking(work);
    assert_eq!(runtime.block_on(carried).expect("no panic"), 2);
}

#[test]
fn the_thread_that_waits_for_the_pool_is_not_of_the_pool() {
    let runtime = forbidding_runtime();
    crate::support::on_thread(move || {
        runtime.block_on(async { A.set(1) });
        assert_eq!(A.get(), 1);
    });
}
