//! Sentence 17: threads and unwrapped tasks start in their thread's root context, which is empty; `propagate` and
//! `in_current_context` carry the current context over.

use std::sync::Arc;
use std::thread;

use contextvars::{Context, ContextExt, ContextVar, copy_context, propagate, propagate_fn};

use crate::support::on_thread;

static A: ContextVar<u32> = ContextVar::new("a");

fn runtime(threads: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .expect("a runtime")
}

#[test]
fn a_thread_starts_from_an_empty_context_of_its_own() {
    on_thread(|| {
        A.set(1);
        on_thread(|| {
            assert!(A.try_get().is_err());
            assert!(copy_context().is_empty());
            A.set(2);
        });
        assert_eq!(A.get(), 1);
    });
    Context::new().with_value(&A, 1).run(|| on_thread(|| assert!(copy_context().is_empty())));
}

#[test]
fn an_unwrapped_task_starts_from_the_workers_own_context() {
    let runtime = runtime(2);
    let mut context = Context::new().with_value(&A, 1);
    let task = context.run(|| runtime.spawn(async { (A.try_get().ok(), copy_context().len()) }));
    assert_eq!(runtime.block_on(task).expect("no panic"), (None, 0));
}

#[test]
fn in_current_context_carries_it_over_to_a_task() {
    let runtime = runtime(2);
    let mut context = Context::new().with_value(&A, 1);
    let task = context.run(|| {
        let work = async {
            tokio::task::yield_now().await;
            let seen = A.get();
            A.set(2);
            seen
        };
        runtime.spawn(work.in_current_context())
    });
    assert_eq!(runtime.block_on(task).expect("no panic"), 1);
    assert_eq!(context.get(&A), Some(&1), "the task had a copy");
}

#[test]
fn propagate_carries_it_over_to_a_thread() {
    let mut context = Context::new().with_value(&A, 1);
    let there = context.run(|| {
        let there = thread::spawn(propagate(|| {
            let seen = A.get();
            A.set(2);
            (seen, A.get())
        }));
        A.set(3);
        there
    });
    assert_eq!(there.join().expect("no panic"), (1, 2), "captured at the call of propagate");
    assert_eq!(context.get(&A), Some(&3), "the other thread's set stayed there");
}

#[test]
fn propagate_leaves_the_thread_where_it_is_called_as_it_was() {
    let work = Context::new().with_value(&A, 1).run(|| propagate(|| A.get()));
    Context::new().with_value(&A, 9).run(|| {
        assert_eq!(work(), 1);
        assert_eq!(A.get(), 9);
    });
}

#[test]
fn propagate_fn_gives_every_call_a_fresh_copy() {
    let work = Context::new().with_value(&A, 1).run(|| {
        let work = propagate_fn(|| {
            let token = A.set(A.get() + 1);
            (A.get(), token)
        });
        A.set(5);
        work
    });
    let (first, token) = work();
    let (second, _) = work();
    assert_eq!((first, second), (2, 2), "nothing is left of the first call");
    let error = Context::new().run(|| A.reset(token)).expect_err("its copy is gone");
    assert_eq!(error.into_token().old_value(), Some(&1));
}

#[test]
fn propagate_fn_can_be_called_by_many_threads_at_once() {
    let work = Context::new().with_value(&A, 10).run(|| {
        propagate_fn(|| {
            A.set(A.get() + 1);
            A.get()
        })
    });
    let work = Arc::new(work);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let work = Arc::clone(&work);
            thread::spawn(move || (0..100).all(|_| work() == 11))
        })
        .collect();
    for thread in threads {
        assert!(thread.join().expect("no panic"));
    }
}

#[test]
fn propagate_fn_is_send_and_sync_when_its_closure_is() {
    fn shared<F: Fn() -> u32 + Send + Sync + 'static>(f: F) -> F {
        f
    }
    fn sent<F: FnOnce() -> u32 + Send + 'static>(f: F) -> F {
        f
    }
    assert_eq!(shared(propagate_fn(|| 1))(), 1);
    assert_eq!(sent(propagate(|| 2))(), 2);
}
