//! The tasks of a runtime with several threads.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use contextvars::{Context, ContextExt, ContextVar, copy_context};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Barrier, oneshot};
use tokio::task::yield_now;

use crate::support::{Counted, Counter, OnDrop, on_thread, text_of};

static A: ContextVar<u32> = ContextVar::new("a");

fn seen() -> Option<u32> {
    A.try_get().ok()
}

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().expect("a runtime")
}

/// The guard reads `A` when it is dropped, and the receiver gets the value.
fn guard() -> (OnDrop<impl FnMut() + Send>, Receiver<Option<u32>>) {
    let (report, reported) = channel();
    (OnDrop(move || report.send(seen()).expect("the test is listening")), reported)
}

#[test]
fn tasks_that_yield_do_not_see_each_other() {
    let runtime = runtime(2);
    let tasks: Vec<_> = (0..200)
        .map(|id| {
            let work = async move {
                let token = A.set(id);
                for step in 0..20 {
                    let inner = A.set(id * 100 + step);
                    yield_now().await;
                    assert_eq!(A.get(), id * 100 + step);
                    assert!(A.reset(inner).is_ok());
                }
                assert_eq!(A.get(), id);
                assert!(A.reset(token).is_ok());
                copy_context().is_empty()
            };
            runtime.spawn(work.in_context(Context::new()))
        })
        .collect();
    let probes: Vec<_> = (0..200)
        .map(|_| {
            runtime.spawn(async {
                for _ in 0..20 {
                    assert!(copy_context().is_empty(), "the worker's own context stays empty");
                    yield_now().await;
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            assert!(task.await.expect("no task saw another's value"));
        }
        for probe in probes {
            probe.await.expect("no probe saw a task's value");
        }
    });
}

#[test]
fn tasks_inherit_the_values_that_were_current_when_they_were_wrapped() {
    let runtime = runtime(2);
    let mut request = Context::new().with_value(&A, 1);
    let task = request.run(|| {
        let child = async {
            let grandchild = tokio::spawn(
                async {
                    let inherited = seen();
                    A.set(30);
                    inherited
                }
                .in_current_context(),
            );
            A.set(20);
            let inherited = grandchild.await.expect("no panic");
            (inherited, seen())
        };
        runtime.spawn(child.in_current_context())
    });
    assert_eq!(runtime.block_on(task).expect("no panic"), (Some(1), Some(20)));
    assert_eq!(request.get(&A), Some(&1), "no child changes its parent");
}

#[test]
fn an_unwrapped_task_starts_from_the_workers_own_context_wherever_it_is_spawned() {
    let runtime = runtime(2);
    let work = async {
        A.set(1);
        tokio::spawn(async { copy_context().len() }).await.expect("no panic")
    };
    let task = runtime.spawn(work.in_current_context());
    assert_eq!(runtime.block_on(task).expect("no panic"), 0);
}

#[test]
fn a_bare_set_in_an_unwrapped_task_is_the_leak_that_wrapping_prevents() {
    // The crate does not promise this. Tasks without a wrapper share the root context of their thread, which is why
    // `forbid_bare_set` exists.
    on_thread(|| {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let neighbour = |wrapped: bool| {
            runtime.block_on(async {
                let work = async { A.set(1).name() };
                let set = if wrapped {
                    tokio::spawn(work.in_current_context())
                } else {
                    tokio::spawn(work)
                };
                set.await.expect("no panic");
                tokio::spawn(async { seen() }).await.expect("no panic")
            })
        };
        assert_eq!(neighbour(true), None);
        assert_eq!(neighbour(false), Some(1));
    });
}

/// Sets `A`, waits for the other branch, and reads `A`.
async fn set_and_look(value: u32, meet: Arc<Barrier>) -> Option<u32> {
    A.set(value);
    meet.wait().await;
    seen()
}

#[test]
fn branches_of_tokios_join_share_unless_they_are_wrapped() {
    runtime(2).block_on(
        async {
            let meet = Arc::new(Barrier::new(2));
            let (one, two) = (Arc::clone(&meet), Arc::clone(&meet));
            let (one, two) = tokio::join!(set_and_look(1, one), set_and_look(2, two));
            assert_eq!((one, two), (Some(2), Some(2)));

            let (one, two) = (Arc::clone(&meet), Arc::clone(&meet));
            let (one, two) = tokio::join!(
                set_and_look(3, one).in_current_context(),
                set_and_look(4, two).in_current_context(),
            );
            assert_eq!((one, two, seen()), (Some(3), Some(4), Some(2)));
        }
        .in_context(Context::new()),
    );
}

#[test]
fn branches_of_tokios_select_share_unless_they_are_wrapped() {
    async fn set_forever(value: u32) {
        A.set(value);
        std::future::pending::<()>().await;
    }
    let work = async {
        tokio::select! {
            biased;
            () = set_forever(1) => unreachable!(),
            () = yield_now() => assert_eq!(seen(), Some(1), "the loser's set stays"),
        }
        tokio::select! {
            biased;
            () = set_forever(2).in_current_context() => unreachable!(),
            () = yield_now() => assert_eq!(seen(), Some(1), "the loser's set went with it"),
        }
    };
    runtime(2).block_on(work.in_context(Context::new()));
}

#[test]
fn an_aborted_task_is_dropped_inside_its_context() {
    let runtime = runtime(2);
    let (guard, dropped) = guard();
    let (started, start) = oneshot::channel();
    let work = async move {
        A.set(2);
        started.send(()).expect("the test is listening");
        std::future::pending::<()>().await;
        drop(guard);
    };
    let task = runtime.spawn(work.in_context(Context::new()));
    runtime.block_on(async {
        start.await.expect("it started");
        task.abort();
        assert!(task.await.expect_err("it never ends by itself").is_cancelled());
    });
    assert_eq!(dropped.recv(), Ok(Some(2)));
}

#[test]
fn a_task_that_is_shut_down_with_its_runtime_is_dropped_inside_its_context() {
    let runtime = runtime(2);
    let (guard, dropped) = guard();
    let (started, start) = oneshot::channel();
    let work = async move {
        A.set(2);
        started.send(()).expect("the test is listening");
        std::future::pending::<()>().await;
        drop(guard);
    };
    drop(runtime.spawn(work.in_context(Context::new())));
    runtime.block_on(start).expect("it started");
    Context::new().with_value(&A, 9).run(|| {
        drop(runtime);
        assert_eq!(seen(), Some(9));
    });
    assert_eq!(dropped.recv(), Ok(Some(2)));
}

#[test]
fn a_task_that_panics_leaves_the_worker_clean() {
    let runtime = runtime(1);
    for _ in 0..5 {
        let work = async {
            A.set(1);
            yield_now().await;
            panic!("at {}", A.get());
        };
        let task = runtime.spawn(work.in_context(Context::new()));
        let panic = runtime.block_on(task).map(|(): ()| ()).expect_err("it panicked").into_panic();
        assert_eq!(text_of(&*panic), "at 1");
        let probe = runtime.spawn(async { copy_context().len() });
        assert_eq!(runtime.block_on(probe).expect("no panic"), 0);
    }
}

#[test]
fn values_of_tasks_go_with_their_tasks() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let runtime = runtime(2);
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let counter = counter.clone();
            let work = async move {
                VALUE.set(Counted::new(&counter));
                yield_now().await;
                drop(VALUE.set(Counted::new(&counter)));
                tokio::spawn(async { VALUE.with(|_| ()) }.in_current_context())
                    .await
                    .expect("no panic");
            };
            runtime.spawn(work.in_context(Context::new()))
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.expect("no panic");
        }
    });
    drop(runtime);
    assert_eq!((counter.made(), counter.live()), (200, 0));
}
