//! Cancelled tasks: their values are dropped inside of their context, on whichever thread that happens.

use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, ThreadId};

use contextvars::{Context, ContextExt, ContextVar, propagate};
use contextvars_tokio::{spawn, spawn_blocking, spawn_local};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet, yield_now};

use crate::common::{A, all, bound, current_thread, guard, marked_runtime, seen};
use crate::spawn_in;
use crate::support::{Counted, Counter, OnDrop, on_thread};

type Sighting = (ThreadId, Option<u32>);

/// Returns a guard that reports its thread and the value of `A` when it is dropped, and the receiver of the report.
fn witness() -> (OnDrop<impl FnMut() + Send>, Receiver<Sighting>) {
    let (report, reported) = channel();
    let witness = OnDrop(move || {
        report.send((thread::current().id(), seen())).expect("the test is listening");
    });
    (witness, reported)
}

/// Sets `A` to 2, reports that, and never completes.
async fn forever<G>(guard: G, started: oneshot::Sender<()>) {
    let _guard = guard;
    A.set(2);
    started.send(()).expect("the test is listening");
    std::future::pending::<()>().await;
}

#[test]
fn an_aborted_task_is_dropped_inside_its_context_on_another_worker_than_it_ran_on() {
    let (guard, dropped) = witness();
    let runtime = current_thread();
    // The thread that blocks on the runtime is its only worker.
    let (runtime, task, ran_on) = on_thread(move || {
        let (started, start) = oneshot::channel();
        let task = spawn_in(&runtime, 1, forever(guard, started));
        runtime.block_on(start).expect("it started");
        (runtime, task, thread::current().id())
    });
    let dropped_on = on_thread(move || {
        task.abort();
        let ended = bound(50).run(|| runtime.block_on(task));
        assert!(ended.expect_err("aborted").is_cancelled());
        thread::current().id()
    });
    assert_ne!(ran_on, dropped_on);
    assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [(dropped_on, Some(2))]);
}

#[test]
fn a_task_that_is_aborted_before_its_first_poll_is_dropped_inside_its_context() {
    let (guard, dropped) = guard();
    let runtime = current_thread();
    let (started, start) = oneshot::channel();
    runtime.block_on(async {
        let task = bound(1).run(|| spawn(forever(guard, started)));
        task.abort();
        assert!(task.await.expect_err("aborted").is_cancelled());
        start.await.expect_err("it never ran");
    });
    assert_eq!(all(&dropped), [Some(1)]);
}

#[test]
fn a_join_set_that_is_dropped_drops_its_tasks_inside_their_contexts() {
    let runtime = marked_runtime(2);
    let (guards, dropped): (Vec<_>, Vec<_>) = (0..20).map(|_| guard()).unzip();
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for guard in guards {
            let (started, start) = oneshot::channel();
            bound(1).run(|| tasks.spawn(forever(guard, started).in_current_context()));
            start.await.expect("it started");
        }
    });
    for dropped in dropped {
        assert_eq!(dropped.recv(), Ok(Some(2)));
    }
}

#[test]
fn a_runtime_that_shuts_down_drops_its_tasks_inside_their_contexts() {
    for runtime in [current_thread(), marked_runtime(2)] {
        let (guard, dropped) = guard();
        let (started, start) = oneshot::channel();
        runtime.block_on(async {
            bound(1).run(|| spawn(forever(guard, started)));
            start.await.expect("it started");
        });
        bound(50).run(|| {
            drop(runtime);
            assert_eq!(seen(), Some(50));
        });
        assert_eq!(all(&dropped), [Some(2)]);
    }
}

#[test]
fn a_runtime_that_shuts_down_in_the_background_drops_its_tasks_inside_their_contexts() {
    let runtime = marked_runtime(2);
    let (guard, dropped) = guard();
    let (started, start) = oneshot::channel();
    runtime.block_on(async {
        bound(1).run(|| spawn(forever(guard, started)));
        start.await.expect("it started");
    });
    runtime.shutdown_background();
    assert_eq!(dropped.recv(), Ok(Some(2)));
}

#[test]
fn a_local_set_that_is_dropped_drops_its_tasks_inside_their_contexts() {
    let runtime = current_thread();
    let local = LocalSet::new();
    let (guard, dropped) = guard();
    let (started, start) = oneshot::channel();
    runtime.block_on(local.run_until(async {
        bound(1).run(|| spawn_local(forever(guard, started)));
        start.await.expect("it started");
    }));
    bound(50).run(|| drop(local));
    assert_eq!(all(&dropped), [Some(2)]);
}

#[test]
fn a_closure_that_is_aborted_before_it_runs_drops_its_captures_inside_its_context() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .expect("a runtime");
    let (release, released) = channel::<()>();
    let (guard, dropped) = guard();
    runtime.block_on(async {
        let busy = spawn_blocking(move || released.recv().expect_err("the test hangs up"));
        let waiting = bound(1).run(|| spawn_blocking(move || drop(guard)));
        waiting.abort();
        drop(release);
        assert!(waiting.await.expect_err("it never ran").is_cancelled());
        busy.await.expect("it ran");
    });
    assert_eq!(all(&dropped), [Some(1)]);
}

#[test]
fn tasks_spawned_on_a_runtime_that_is_gone_are_dropped_inside_their_context() {
    let runtime = marked_runtime(1);
    let handle = runtime.handle().clone();
    drop(runtime);
    let (task, task_dropped) = guard();
    let (closure, closure_dropped) = guard();
    let mut tasks = JoinSet::new();
    bound(1).run(|| {
        tasks.spawn_on(async move { drop(task) }.in_current_context(), &handle);
        tasks.spawn_blocking_on(propagate(move || drop(closure)), &handle);
        assert_eq!(seen(), Some(1));
    });
    assert_eq!((all(&task_dropped), all(&closure_dropped)), (vec![Some(1)], vec![Some(1)]));
    while let Some(ended) = tasks.try_join_next() {
        assert!(ended.expect_err("it never ran").is_cancelled());
    }
    assert!(tasks.is_empty());
}

#[test]
fn the_output_of_a_task_that_is_not_awaited_is_no_longer_the_tasks() {
    let runtime = current_thread();
    let (guard, dropped) = guard();
    let work = async move {
        A.set(2);
        guard
    };
    let task = spawn_in(&runtime, 1, work);
    runtime.block_on(async {
        while !task.is_finished() {
            yield_now().await;
        }
    });
    bound(50).run(|| drop(task));
    assert_eq!(all(&dropped), [Some(50)]);
}

#[test]
fn values_of_tasks_go_with_them_however_they_end() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    for runtime in [current_thread(), marked_runtime(2)] {
        let bind = |n| drop(VALUE.set(Counted::numbered(&counter, n)));
        runtime.block_on(async {
            Context::new().run(|| bind(0));
            let mut tasks = JoinSet::new();
            for n in 0..30 {
                let counter = counter.clone();
                let work = async move {
                    drop(VALUE.set(Counted::numbered(&counter, n)));
                    yield_now().await;
                    match n % 3 {
                        0 => {}
                        1 => panic!("one in three"),
                        _ => std::future::pending().await,
                    }
                };
                tasks.spawn(work.in_current_context());
            }
            for _ in 0..20 {
                drop(tasks.join_next().await);
            }
        });
        drop(runtime);
    }
    // Some of the tasks may never have been polled.
    assert!((42..=62).contains(&counter.made()), "{} were made", counter.made());
    assert_eq!(counter.live(), 0);
}
