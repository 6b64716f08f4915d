//! Blocking work, and tasks that stay on their thread.

use contextvars::{Context, ContextExt, ContextVar, copy_context, propagate};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

use crate::support::on_thread;

static A: ContextVar<u32> = ContextVar::new("a");

fn seen() -> Option<u32> {
    A.try_get().ok()
}

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).build().expect("a runtime")
}

#[test]
fn blocking_work_gets_the_context_only_through_propagate() {
    let runtime = runtime(1);
    let work = async {
        A.set(1);
        let bare = tokio::task::spawn_blocking(seen).await.expect("no panic");
        let carried = tokio::task::spawn_blocking(propagate(seen)).await.expect("no panic");
        let clean = tokio::task::spawn_blocking(|| copy_context().len()).await.expect("no panic");
        (bare, carried, clean)
    };
    assert_eq!(runtime.block_on(work.in_context(Context::new())), (None, Some(1), 0));
}

#[test]
fn block_in_place_stays_in_the_tasks_context() {
    let runtime = runtime(2);
    let work = async {
        A.set(1);
        let inside = tokio::task::block_in_place(|| {
            let handle = tokio::runtime::Handle::current();
            let nested = handle.block_on(async {
                yield_now().await;
                A.set(2);
                seen()
            });
            (nested, handle.block_on(async { seen() }.in_context(Context::new())))
        });
        yield_now().await;
        (inside, seen())
    };
    let task = runtime.spawn(work.in_context(Context::new()));
    assert_eq!(runtime.block_on(task).expect("no panic"), ((Some(2), None), Some(2)));
    let probe = runtime.spawn(async { copy_context().len() });
    assert_eq!(runtime.block_on(probe).expect("no panic"), 0);
}

#[test]
fn tasks_of_a_local_set_do_not_see_each_other() {
    on_thread(|| {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let local = tokio::task::LocalSet::new();
        let tasks: Vec<_> = (0..10)
            .map(|id| {
                let not_send = std::rc::Rc::new(id);
                let work = async move {
                    A.set(id);
                    yield_now().await;
                    A.get() == *not_send
                };
                local.spawn_local(work.in_context(Context::new()))
            })
            .collect();
        runtime.block_on(local.run_until(async {
            for task in tasks {
                assert!(task.await.expect("no panic"));
            }
        }));
        assert!(copy_context().is_empty());
    });
}
