//! The effect of tokio's own functions and types on the context, as documented in `contextvars_tokio`.

use std::time::Duration;

use contextvars::{Context, ContextExt, propagate};
use contextvars_tokio::{spawn, spawn_local};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, LocalSet, block_in_place, yield_now};
use tokio::time::timeout;

use crate::common::{A, OUTSIDE, bound, current_thread, marked_runtime, seen};
use crate::spawn_in;
use crate::support::on_thread;

/// Reads `A`, sets it to `n`, yields, and reads it again.
async fn branch(n: u32) -> (Option<u32>, Option<u32>) {
    let first = seen();
    A.set(n);
    yield_now().await;
    (first, seen())
}

#[test]
fn the_branches_of_join_share_the_context_of_the_task() {
    let runtime = marked_runtime(2);
    let request = async {
        let both = tokio::join!(biased; branch(2), branch(3));
        (both, seen())
    };
    let read = runtime.block_on(request.in_context(bound(1)));
    let one_after_the_other = ((Some(1), Some(3)), (Some(2), Some(3)));
    assert_eq!(read, (one_after_the_other, Some(3)));
}

#[test]
fn the_branches_of_join_have_contexts_of_their_own_if_they_are_wrapped() {
    let runtime = marked_runtime(2);
    let request = async {
        let wrap = |n| branch(n).in_current_context();
        (tokio::join!(wrap(2), wrap(3)), seen())
    };
    let read = runtime.block_on(request.in_context(bound(1)));
    assert_eq!(read, (((Some(1), Some(2)), (Some(1), Some(3))), Some(1)));
}

#[test]
fn the_branches_of_select_share_the_context_of_the_task_also_the_one_that_loses() {
    let runtime = marked_runtime(2);
    let loses = || async {
        A.set(2);
        std::future::pending::<()>().await;
    };
    let request = async {
        let first = tokio::select! {
            biased;
            () = loses() => None,
            read = branch(3) => read.0,
        };
        let shared = (first, seen());
        A.set(1);
        let first = tokio::select! {
            biased;
            () = loses().in_current_context() => None,
            read = branch(3).in_current_context() => read.0,
        };
        (shared, (first, seen()))
    };
    let read = runtime.block_on(request.in_context(bound(1)));
    assert_eq!(read, ((Some(2), Some(3)), (Some(1), Some(1))));
}

#[test]
fn a_timeout_shares_the_context_of_the_task_and_drops_a_late_future_in_it() {
    let runtime = marked_runtime(2);
    let (guard, dropped) = crate::common::guard();
    let late = async move {
        let _guard = guard;
        A.set(2);
        std::future::pending::<()>().await;
    };
    let request = async {
        assert_eq!(timeout(Duration::MAX, branch(4)).await, Ok((Some(1), Some(4))));
        timeout(Duration::ZERO, late).await.expect_err("it never ends");
        seen()
    };
    assert_eq!(runtime.block_on(request.in_context(bound(1))), Some(2));
    assert_eq!(dropped.recv(), Ok(Some(2)));
}

#[test]
fn block_in_place_runs_in_the_context_of_the_task_and_others_go_on_elsewhere() {
    let runtime = marked_runtime(1);
    let request = async {
        let (go, gone) = std::sync::mpsc::channel();
        let other = tokio::spawn(async move {
            go.send(seen()).expect("the task is listening");
            A.set(OUTSIDE);
        });
        let inside = block_in_place(|| {
            A.set(A.get() + 1);
            // This task blocks the only worker, so the other task runs on another thread; this call waits for it.
            (seen(), gone.recv().expect("the other task runs"))
        });
        other.await.expect("no panic");
        (inside, seen())
    };
    let task = spawn_in(&runtime, 1, request);
    let read = runtime.block_on(task).expect("no panic");
    assert_eq!(read, ((Some(2), Some(OUTSIDE)), Some(2)));
}

#[test]
fn a_nested_block_on_shares_the_callers_context_unless_it_is_wrapped() {
    let runtime = marked_runtime(2);
    let request = async {
        let shared = block_in_place(|| Handle::current().block_on(branch(2)));
        let after = seen();
        let apart = block_in_place(|| Handle::current().block_on(branch(3).in_current_context()));
        (shared, after, apart, seen())
    };
    let task = spawn_in(&runtime, 1, request);
    let read = runtime.block_on(task).expect("no panic");
    assert_eq!(read, ((Some(1), Some(2)), Some(2), (Some(2), Some(3)), Some(2)));
}

#[test]
fn the_outermost_block_on_shares_the_callers_context() {
    for runtime in [current_thread(), marked_runtime(2)] {
        let mut caller = bound(1);
        assert_eq!(caller.run(|| runtime.block_on(branch(2))), (Some(1), Some(2)));
        assert_eq!(caller.get(&A), Some(&2));
        assert_eq!(caller.run(|| runtime.handle().block_on(branch(3))), (Some(2), Some(3)));
        assert_eq!(caller.get(&A), Some(&3));
    }
}

#[test]
fn a_current_thread_runtime_polls_bare_tasks_in_the_context_of_the_thread_that_blocks_on_it() {
    let runtime = current_thread();
    let mut caller = bound(1);
    let (bare, wrapped) = caller.run(|| {
        let bare = runtime.spawn(branch(2));
        let wrapped = runtime.spawn(branch(3).in_context(bound(10)));
        runtime
            .block_on(async { (bare.await.expect("no panic"), wrapped.await.expect("no panic")) })
    });
    assert_eq!(wrapped, (Some(10), Some(3)));
    // Not promised, but the reason to wrap tasks here too.
    assert_eq!((bare, caller.get(&A)), ((Some(1), Some(2)), Some(&2)));
}

#[test]
fn run_until_of_a_local_set_shares_the_callers_context() {
    let runtime = current_thread();
    let local = LocalSet::new();
    let request = async {
        let inside = local.run_until(branch(2)).await;
        (inside, seen())
    };
    let read = runtime.block_on(request.in_context(bound(1)));
    assert_eq!(read, ((Some(1), Some(2)), Some(2)));
}

#[test]
fn tasks_of_a_local_set_have_their_own_contexts_on_every_caller() {
    let runtime = current_thread();
    let local = LocalSet::new();
    let request = |n| async move {
        let (done, wait) = oneshot::channel();
        spawn_local(async move {
            let read = branch(n + 1).await;
            done.send(read).expect("the request is listening");
        });
        (wait.await.expect("it was sent"), seen())
    };
    runtime.block_on(async {
        for n in [1, 10] {
            let read = local.run_until(request(n).in_context(bound(n))).await;
            assert_eq!(read, ((Some(n), Some(n + 1)), Some(n)));
        }
    });
}

#[test]
fn a_local_set_polls_bare_tasks_in_the_context_of_its_caller() {
    let runtime = current_thread();
    let local = LocalSet::new();
    let request = async {
        let task = tokio::task::spawn_local(async { seen() });
        yield_now().await;
        task.await.expect("no panic")
    };
    let outer = local.run_until(request.in_context(bound(1)));
    // Not promised, but the reason to wrap tasks here too: the set is polled outside of the request's context.
    assert_eq!(runtime.block_on(outer.in_context(bound(50))), Some(50));
}

#[test]
fn entering_a_runtime_does_nothing_to_the_context() {
    on_thread(|| {
        let runtime = marked_runtime(1);
        bound(1).run(|| {
            let _entered = runtime.enter();
            let read = |task: JoinHandle<_>| runtime.block_on(task).expect("no panic");
            assert_eq!(read(spawn(async { seen() })), Some(1));
            assert_eq!(read(tokio::spawn(async { seen() })), Some(OUTSIDE));
            assert_eq!(read(tokio::task::spawn_blocking(propagate(seen))), Some(1));
            assert_eq!(Context::new().run(|| read(spawn(async { seen() }))), None);
        });
    });
}
