//! Clauses A: how `asyncio` uses contexts, applied to futures. Clauses H: hazards of the translation.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;

use contextvars::{
    Context, ContextExt, ContextVar, ResetErrorKind, copy_context, propagate, propagate_fn,
};
use futures::StreamExt;
use futures::stream::{self, Stream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

use crate::support::{ByHand, OnDrop, yield_once};

static VAR: ContextVar<u32> = ContextVar::with_default("var", || 7);

/// Runs the future to its completion in a context of its own, as `asyncio.run` does.
fn run<R>(future: impl Future<Output = R>) -> R {
    ByHand::new(future.in_context(Context::new())).finish()
}

#[cfg(not(target_family = "wasm"))]
fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// tokio has no pools there.
#[cfg(target_family = "wasm")]
fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

#[test]
fn a1_a_task_copies_the_context_when_it_is_created() {
    run(async {
        VAR.set(1);
        let task = async { VAR.get() }.in_current_context();
        VAR.set(2);
        assert_eq!(task.await, 1, "later sets of the parent are invisible to it");
    });
}

#[test]
fn a2_every_step_runs_in_the_one_context_of_the_task() {
    let work = async {
        let token = VAR.set(1);
        yield_now().await;
        assert_eq!(VAR.get(), 1);
        VAR.set(2);
        yield_now().await;
        assert_eq!(VAR.get(), 2);
        VAR.reset(token).is_ok() && copy_context().is_empty()
    };
    let runtime = runtime();
    let task = runtime.spawn(work.in_current_context());
    assert!(runtime.block_on(task).expect("no panic"));
}

#[test]
fn a3_a_childs_sets_are_invisible_to_the_parent() {
    let parent = async {
        VAR.set(1);
        let child = tokio::spawn(async { VAR.set(2).old_value().copied() }.in_current_context());
        (child.await.expect("no panic"), VAR.get())
    };
    assert_eq!(runtime().block_on(parent.in_current_context()), (Some(1), 1));
}

#[test]
fn a3_a_bare_await_shares() {
    run(async {
        VAR.set(1);
        async { VAR.set(2) }.await;
        assert_eq!(VAR.get(), 2);
    });
}

#[test]
fn a3_gather_is_a_join_of_wrapped_futures() {
    async fn child(n: u32) -> u32 {
        VAR.set(VAR.get() + n);
        yield_once().await;
        VAR.get()
    }
    run(async {
        VAR.set(10);
        let seen = futures::join!(child(1).in_current_context(), child(2).in_current_context());
        assert_eq!((seen, VAR.get()), ((11, 12), 10));
    });
}

#[test]
fn a3_a_timeout_shares() {
    let work = async {
        let child = async {
            yield_now().await;
            VAR.set(2);
        };
        let ended = tokio::time::timeout(std::time::Duration::MAX, child).await;
        (ended.is_ok(), VAR.get())
    };
    assert_eq!(runtime().block_on(work.in_context(Context::new())), (true, 2));
}

#[test]
fn a4_a_parents_token_is_refused_in_a_child() {
    run(async {
        let token = VAR.set(1);
        let error = async { VAR.reset(token) }.in_current_context().await.expect_err("a copy");
        assert_eq!(error.kind(), ResetErrorKind::WrongContext);
        assert!(VAR.reset(error.into_token()).is_ok());
    });
}

#[test]
fn a5_futures_that_share_a_context_interleave_in_one_task() {
    let seen = RefCell::new(Vec::new());
    let step = |name: u32| {
        let seen = &seen;
        async move {
            for _ in 0..2 {
                VAR.set(name);
                yield_once().await;
                seen.borrow_mut().push(VAR.get());
            }
        }
    };
    run(async { futures::join!(step(1), step(2)) });
    assert_eq!(*seen.borrow(), [2, 1, 2, 2], "each sees the other's sets");
}

#[test]
fn a6_a_callback_runs_in_a_copy_from_its_registration() {
    let callbacks: RefCell<Vec<Box<dyn FnOnce() -> u32>>> = RefCell::new(Vec::new());
    run(async {
        VAR.set(1);
        callbacks.borrow_mut().push(Box::new(propagate(|| {
            VAR.set(VAR.get() + 1);
            VAR.get()
        })));
        VAR.set(5);
        let repeated = propagate_fn(|| VAR.get());
        callbacks.borrow_mut().push(Box::new(move || repeated() + repeated()));
        VAR.set(9);
    });
    let called: Vec<_> = callbacks.into_inner().into_iter().map(|callback| callback()).collect();
    assert_eq!(called, [2, 10]);
}

#[test]
fn a7_a_thread_gets_a_copy_through_propagate_and_nothing_without() {
    let work = async {
        VAR.set(1);
        let to_thread = tokio::task::spawn_blocking(propagate(|| {
            VAR.set(VAR.get() + 1);
            VAR.get()
        }));
        let run_in_executor = tokio::task::spawn_blocking(|| VAR.get());
        (to_thread.await.expect("no panic"), run_in_executor.await.expect("no panic"), VAR.get())
    };
    assert_eq!(runtime().block_on(work.in_context(Context::new())), (2, 7, 1));
}

#[test]
fn a8_cancellation_cleans_up_in_the_context_of_the_task() {
    let seen = Rc::new(Cell::new(0));
    let finally = OnDrop({
        let seen = Rc::clone(&seen);
        move || seen.set(VAR.get())
    });
    let mut task = ByHand::new(
        async {
            let _finally = finally;
            VAR.set(1);
            std::future::pending::<()>().await;
        }
        .in_current_context(),
    );
    task.step();
    drop(task);
    assert_eq!((seen.get(), VAR.get()), (1, 7));
}

/// Returns a stream in place of an async generator. It sets the variable before each of its items.
fn generator() -> impl Stream<Item = u32> {
    stream::iter(1..).then(|n| async move {
        VAR.set(n * 100);
        yield_once().await;
        n
    })
}

#[test]
fn a9_a_stream_runs_in_the_context_of_its_consumer() {
    run(async {
        let mut items = Box::pin(generator());
        VAR.set(5);
        assert_eq!(items.next().await, Some(1));
        assert_eq!(VAR.get(), 100, "its sets leak out");

        let apart = async { (items.next().await, VAR.get()) }.in_current_context();
        assert_eq!(apart.await, (Some(2), 200));
        assert_eq!(VAR.get(), 100, "the consumer sees the value");
    });
}

#[test]
fn a9_a_stream_finished_elsewhere_cannot_reset() {
    let outcome = Rc::new(Cell::new(None));
    let items = {
        let outcome = Rc::clone(&outcome);
        stream::unfold(None, move |state: Option<OnDrop<_>>| {
            let outcome = Rc::clone(&outcome);
            async move {
                let state = state.unwrap_or_else(|| {
                    let mut token = Some(VAR.set(1));
                    OnDrop(move || {
                        let token = token.take().expect("dropped once");
                        outcome.set(VAR.reset(token).err().map(|error| error.kind()));
                    })
                });
                Some((VAR.get(), Some(state)))
            }
        })
    };
    let mut items = Box::pin(items);
    assert_eq!(run(items.next()), Some(1));
    run(async { drop(items) });
    assert_eq!(outcome.get(), Some(ResetErrorKind::WrongContext));
}

#[test]
fn a10_an_eager_first_step_runs_in_the_given_context() {
    run(async {
        VAR.set(1);
        let work = async {
            let first = VAR.get();
            VAR.set(2);
            yield_once().await;
            (first, VAR.get())
        };
        // The first step runs at once, while the copied context is current. In Rust this is no conflict.
        let mut task = Box::pin(work.in_current_context());
        assert!(futures::poll!(task.as_mut()).is_pending());
        assert_eq!(VAR.get(), 1);
        VAR.set(3);
        assert_eq!(task.await, (1, 2));
    });
}

#[test]
fn h2_a_copy_is_safe_while_another_thread_changes_the_original() {
    let (to_reader, copies) = channel::<Context>();
    let reader = thread::spawn(move || {
        copies.into_iter().fold(0, |sum, copy| sum + copy.get(&VAR).expect("always set"))
    });
    let mut context = Context::new();
    context.run(|| {
        for n in 1..=1000 {
            VAR.set(n);
            to_reader.send(copy_context()).expect("the reader reads");
        }
    });
    drop(to_reader);
    assert_eq!(reader.join().expect("no panic"), 1000 * 1001 / 2);
}

#[test]
fn h6_identity_is_the_contexts_and_not_the_maps() {
    let mut context = Context::new().with_value(&VAR, 1);
    let token = context.run(|| VAR.set(2));
    // The map differs and the context is the same.
    context.run(|| VAR.set(3));
    // The map is the same and the context differs.
    let mut copy = context.clone();
    assert!(copy.ptr_eq(&context));
    let token = copy.run(|| VAR.reset(token)).expect_err("a copy").into_token();
    context.run(|| assert!(VAR.reset(token).is_ok()));
    assert_eq!((context.get(&VAR), copy.get(&VAR)), (Some(&1), Some(&3)));
}
