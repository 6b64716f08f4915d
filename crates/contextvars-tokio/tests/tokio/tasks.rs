//! Tests that a spawned task starts with a copy of the spawning task's context.

use std::rc::Rc;

use contextvars::{Context, ContextExt, copy_context, propagate};
use contextvars_tokio::{spawn, spawn_blocking, spawn_local};
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, LocalSet, yield_now};

use crate::common::{A, OUTSIDE, bound, current_thread, marked_runtime, seen};

/// Runs a future in a context in which `A` is 1, on both kinds of runtime.
fn on_both<F: Future>(request: impl Fn() -> F) {
    for runtime in [current_thread(), marked_runtime(2)] {
        bound(50).run(|| {
            runtime.block_on(request().in_context(bound(1)));
            assert_eq!(seen(), Some(50));
        });
        assert_clean(&runtime);
    }
}

/// Asserts that the tasks left no value on the threads of the runtime.
fn assert_clean(runtime: &Runtime) {
    let probe = || (seen(), copy_context().len());
    let blocking = runtime.spawn_blocking(probe);
    assert_eq!(runtime.block_on(blocking).expect("no panic"), (Some(OUTSIDE), 1));
    let task = runtime.spawn(async move { probe() });
    let expected = match runtime.handle().runtime_flavor() {
        tokio::runtime::RuntimeFlavor::CurrentThread => (None, 0),
        _ => (Some(OUTSIDE), 1),
    };
    let probed = Context::new().run(|| runtime.block_on(task));
    assert_eq!(probed.expect("no panic"), expected);
}

/// Returns the values of `A` that a task reads at its start and after it has set `A` and yielded.
async fn task() -> (Option<u32>, Option<u32>) {
    let first = seen();
    A.set(2);
    yield_now().await;
    (first, seen())
}

/// Returns the values of `A` that a blocking closure reads at its start and after it has set `A`.
fn blocking() -> (Option<u32>, Option<u32>) {
    let first = seen();
    A.set(2);
    (first, seen())
}

#[test]
fn a_spawned_task_starts_with_a_copy_of_the_callers_context() {
    on_both(|| async {
        let spawned = spawn(task());
        A.set(3);
        assert_eq!(spawned.await.expect("no panic"), (Some(1), Some(2)));
        assert_eq!(seen(), Some(3), "a task does not change the spawning context");
    });
}

#[test]
fn a_scope_goes_inside_of_the_spawned_task() {
    on_both(|| async {
        let outside = A.scope(2, spawn(async { seen() })).await;
        assert_eq!(outside.expect("no panic"), Some(1), "the surrounding value");
        let outside = A.scope(2, spawn_blocking(seen)).await;
        assert_eq!(outside.expect("no panic"), Some(1), "the surrounding value");
        let inside = spawn(A.scope(2, async { seen() })).await;
        assert_eq!(inside.expect("no panic"), Some(2));
    });
}

#[test]
fn a_task_that_blocks_starts_with_a_copy_of_the_callers_context() {
    on_both(|| async {
        let spawned = spawn_blocking(blocking);
        A.set(3);
        assert_eq!(spawned.await.expect("no panic"), (Some(1), Some(2)));
        assert_eq!(seen(), Some(3));
    });
}

#[test]
fn a_local_task_starts_with_a_copy_of_the_callers_context() {
    on_both(|| async {
        let local = LocalSet::new();
        let request = async {
            let not_send = Rc::new(7);
            let spawned = spawn_local(async move { (task().await, *not_send) });
            A.set(3);
            assert_eq!(spawned.await.expect("no panic"), ((Some(1), Some(2)), 7));
        };
        local.run_until(request).await;
        assert_eq!(seen(), Some(3));
    });
}

#[test]
fn without_the_module_tasks_do_not_inherit() {
    on_both(|| async {
        let inherits = tokio::spawn(async { seen() }).await.expect("no panic") == Some(1);
        // The worker of a current-thread runtime is the thread that called `block_on`, so the task reads the
        // context entered there.
        assert!(!inherits);
        let blocking = tokio::task::spawn_blocking(seen).await.expect("no panic");
        assert_eq!(blocking, Some(OUTSIDE));
    });
}

#[test]
fn an_empty_context_is_carried_over_too() {
    on_both(|| async {
        let mut empty = Context::new();
        let (one, other) = empty.run(|| (spawn(task()), spawn_blocking(blocking)));
        assert_eq!(one.await.expect("no panic"), (None, Some(2)));
        assert_eq!(other.await.expect("no panic"), (None, Some(2)));
    });
}

#[test]
fn tasks_of_tasks_inherit_the_values_set_by_their_parents() {
    fn descend(depth: u32) -> futures::future::BoxFuture<'static, u32> {
        Box::pin(async move {
            assert_eq!(seen(), Some(depth));
            A.set(depth + 1);
            yield_now().await;
            if depth == 20 {
                return spawn_blocking(move || A.get()).await.expect("no panic");
            }
            let child = spawn(descend(depth + 1));
            A.set(OUTSIDE);
            child.await.expect("no panic")
        })
    }
    on_both(|| async { assert_eq!(spawn(descend(1)).await.expect("no panic"), 21) });
}

#[test]
fn a_task_keeps_its_context_on_whichever_worker_it_goes_on() {
    let runtime = marked_runtime(4);
    let wander = |id: u32| async move {
        for step in 0..100 {
            assert_eq!(seen(), Some(id + step));
            let token = A.set(OUTSIDE + 1);
            yield_now().await;
            assert_eq!(seen(), Some(OUTSIDE + 1));
            A.reset(token).expect("the context came along");
            assert_eq!(seen(), Some(id + step));
            A.set(id + step + 1);
            yield_now().await;
        }
        id
    };
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for id in (0..50).map(|n| 1000 * n) {
            bound(id).run(|| tasks.spawn(wander(id).in_current_context()));
            tasks.spawn(async {
                yield_now().await;
                seen().expect("it is bound")
            });
        }
        let ended = tasks.join_all().await;
        assert_eq!(ended.iter().filter(|id| **id == OUTSIDE).count(), 50);
    });
    assert_clean(&runtime);
}

type Read = (Option<u32>, Option<u32>);

/// Asserts that the only task of the set inherited 1 as the value of `A`.
async fn assert_inherited(mut tasks: JoinSet<Read>) {
    assert_eq!(seen(), Some(1), "a task does not change the spawning context");
    A.set(3);
    let read = tasks.join_next().await.expect("a task").expect("no panic");
    assert_eq!(read, (Some(1), Some(2)));
    assert!(tasks.is_empty());
}

#[test]
fn a_join_set_spawns_in_the_current_context() {
    on_both(|| async {
        let mut tasks = JoinSet::new();
        tasks.spawn(task().in_current_context());
        assert_inherited(tasks).await;
    });
}

#[test]
fn a_join_set_spawns_on_another_runtime_in_the_current_context() {
    let other = marked_runtime(1);
    on_both(|| async {
        let mut tasks = JoinSet::new();
        tasks.spawn_on(task().in_current_context(), other.handle());
        assert_inherited(tasks).await;
        let mut tasks = JoinSet::new();
        A.set(1);
        tasks.spawn_blocking_on(propagate(blocking), other.handle());
        assert_inherited(tasks).await;
    });
    assert_clean(&other);
}

#[test]
fn a_join_set_spawns_blocking_closures_in_the_current_context() {
    on_both(|| async {
        let mut tasks = JoinSet::new();
        tasks.spawn_blocking(propagate(blocking));
        assert_inherited(tasks).await;
    });
}

#[test]
fn a_join_set_spawns_local_tasks_in_the_current_context() {
    on_both(|| async {
        let local = LocalSet::new();
        let mut tasks = JoinSet::new();
        tasks.spawn_local_on(task().in_current_context(), &local);
        local.run_until(assert_inherited(tasks)).await;

        A.set(1);
        let inside = async {
            let mut tasks = JoinSet::new();
            tasks.spawn_local(task().in_current_context());
            assert_inherited(tasks).await;
        };
        local.run_until(inside).await;
    });
}

#[test]
fn a_join_set_hands_out_the_tasks_own_abort_handle() {
    on_both(|| async {
        let mut tasks = JoinSet::<()>::new();
        let abort = tasks.spawn(std::future::pending().in_current_context());
        abort.abort();
        assert!(tasks.join_next().await.expect("a task").expect_err("aborted").is_cancelled());
    });
}

#[test]
fn outside_of_a_runtime_spawning_panics_and_drops_the_task_inside_its_context() {
    let (guard, dropped) = crate::common::guard();
    let work = async move { drop(guard) };
    bound(1).run(|| {
        let text = crate::support::panic_text(|| spawn(work));
        assert!(text.contains("runtime"), "{text}");
        assert_eq!(seen(), Some(1));
    });
    assert_eq!(crate::common::all(&dropped), [Some(1)]);
}
