//! Contexts, futures and tokens that move between threads.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;

use contextvars::{Context, ContextExt, ContextVar, copy_context, propagate, propagate_fn};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::support::{Counted, Counter, OnDrop, on_thread, poll_once, yield_once};

static A: ContextVar<u32> = ContextVar::new("a");

fn seen() -> Option<u32> {
    A.try_get().ok()
}

#[test]
fn a_future_that_hops_at_every_step_keeps_its_context() {
    let mut future: BoxFuture<'static, u32> = async {
        let mut tokens = Vec::new();
        for n in 0..10 {
            tokens.push(A.set(n));
            yield_once().await;
            assert_eq!(A.get(), n);
        }
        while let Some(token) = tokens.pop() {
            assert!(A.reset(token).is_ok(), "made on another thread, in the same context");
            yield_once().await;
        }
        u32::from(A.try_get().is_err())
    }
    .in_context(Context::new())
    .boxed();
    for step in 0.. {
        let poll;
        (future, poll) = on_thread(move || {
            A.set(1000 + step);
            let poll = poll_once(future.as_mut());
            assert_eq!(A.get(), 1000 + step, "the thread keeps its own");
            (future, poll)
        });
        if let std::task::Poll::Ready(result) = poll {
            assert_eq!((step, result), (20, 1));
            break;
        }
    }
}

#[test]
fn a_context_that_hops_keeps_its_values_and_takes_nothing_along() {
    let mut context = Context::new();
    for n in 0_u32..20 {
        context = on_thread(move || {
            A.set(777);
            context.run(|| {
                assert_eq!(seen(), n.checked_sub(1));
                A.set(n);
            });
            assert_eq!(A.get(), 777);
            context
        });
    }
    assert_eq!((context.get(&A), context.len()), (Some(&19), 1));
}

#[test]
fn two_threads_that_swap_contexts_swap_nothing_else() {
    let (to_one, from_other) = channel::<Context>();
    let (to_other, from_one) = channel::<Context>();
    let one = thread::spawn(move || {
        for n in 0..100 {
            let mut context = from_other.recv().expect("the other sends");
            context.run(|| A.set(A.get() + 1));
            assert_eq!(seen(), None);
            assert_eq!(context.get(&A), Some(&(2 * n + 1)));
            to_other.send(context).expect("the other receives");
        }
    });
    let mut context = Context::new().with_value(&A, 0);
    for n in 0..100 {
        to_one.send(context).expect("the one receives");
        context = from_one.recv().expect("the one sends");
        assert_eq!(context.get(&A), Some(&(2 * n + 1)));
        context.run(|| A.set(A.get() + 1));
    }
    one.join().expect("no panic");
}

#[test]
fn copies_on_many_threads_go_their_own_ways() {
    const THREADS: u32 = 4;
    let vars: Arc<Vec<ContextVar<u32>>> = Arc::new((0..40).map(|_| ContextVar::new("v")).collect());
    let base = vars.iter().fold(Context::new(), |context, var| context.with_value(var, 0));
    let together = Arc::new(Barrier::new(THREADS as usize));
    let threads: Vec<_> = (1..=THREADS)
        .map(|id| {
            let (mut mine, vars, together) =
                (base.clone(), Arc::clone(&vars), Arc::clone(&together));
            thread::spawn(move || {
                together.wait();
                for round in 0..200 {
                    let before = mine.clone();
                    mine.run(|| vars.iter().for_each(|var| drop(var.set(id * 1000 + round))));
                    let old = if round == 0 { 0 } else { id * 1000 + round - 1 };
                    assert!(vars.iter().all(|var| before.get(var) == Some(&old)));
                    assert!(vars.iter().all(|var| mine.get(var) == Some(&(id * 1000 + round))));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread saw another's value");
    }
    assert!(vars.iter().all(|var| base.get(var) == Some(&0)));
}

#[test]
fn a_context_can_be_copied_by_one_thread_while_it_is_changed_by_another() {
    let (to_reader, copies) = channel::<Context>();
    let reader = thread::spawn(move || {
        let mut last = None;
        for mut copy in copies {
            let value = copy.get(&A).copied();
            assert!(value >= last, "copies arrive in the order they were taken");
            copy.run(|| A.set(1_000_000));
            assert_eq!(copy.get(&A), Some(&1_000_000));
            last = value;
        }
        last
    });
    Context::new().run(|| {
        for n in 0..1000 {
            A.set(n);
            to_reader.send(copy_context()).expect("the reader reads");
            assert_eq!(A.get(), n);
        }
    });
    drop(to_reader);
    assert_eq!(reader.join().expect("no panic"), Some(999));
}

#[test]
fn propagate_hands_the_context_to_a_thread_and_leaves_the_thread_as_it_was() {
    let work = Context::new().with_value(&A, 1).run(|| {
        propagate(|| {
            A.set(A.get() + 1);
            A.get()
        })
    });
    on_thread(move || {
        A.set(50);
        assert_eq!(work(), 2);
        assert_eq!((A.get(), copy_context().len()), (50, 1));
    });
}

#[test]
fn propagate_fn_serves_a_pool_whose_threads_stay_clean() {
    let work = Context::new().with_value(&A, 1).run(|| {
        Arc::new(propagate_fn(|| {
            A.set(A.get() + 1);
            A.get()
        }))
    });
    let pool: Vec<_> = (0..4)
        .map(|_| {
            let work = Arc::clone(&work);
            thread::spawn(move || {
                for _ in 0..100 {
                    assert_eq!(work(), 2);
                    assert!(copy_context().is_empty());
                }
            })
        })
        .collect();
    for thread in pool {
        thread.join().expect("no panic");
    }
}

#[test]
fn propagate_inside_propagate_takes_the_innermost() {
    let outer = Context::new().with_value(&A, 1).run(|| {
        propagate(|| {
            A.set(2);
            propagate(|| A.get())
        })
    });
    let inner = on_thread(outer);
    assert_eq!(on_thread(inner), 2);
}

#[test]
fn a_closure_that_is_dropped_on_another_thread_drops_its_captures_inside_its_context() {
    let (report, reported) = channel();
    let captured = OnDrop(move || report.send(seen()).expect("the test is listening"));
    let work = Context::new().with_value(&A, 1).run(|| propagate(move || drop(captured)));
    on_thread(move || {
        A.set(2);
        drop(work);
        assert_eq!(A.get(), 2);
    });
    assert_eq!(reported.try_iter().collect::<Vec<_>>(), [Some(1)]);
}

#[test]
fn a_token_that_hops_works_where_its_context_is_and_nowhere_else() {
    let mut context = Context::new().with_value(&A, 1);
    let token = context.run(|| A.set(2));
    let context = on_thread(move || {
        let token = A.reset(token).expect_err("not in this thread's own").into_token();
        let token = on_thread(move || {
            Context::new().run(|| A.reset(token)).expect_err("not in another").into_token()
        });
        context.run(|| assert!(A.reset(token).is_ok()));
        context
    });
    assert_eq!(context.get(&A), Some(&1));
}

#[test]
fn values_that_hop_are_dropped_once() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let mut context = Context::new();
    for _ in 0..20 {
        let counter = counter.clone();
        context = on_thread(move || {
            let copy = context.clone();
            let token = context.run(|| VALUE.set(Counted::new(&counter)));
            drop(on_thread(move || (copy, token)));
            context
        });
        assert!(VALUE.try_with(|_| ()).is_err());
    }
    assert_eq!((counter.made(), counter.live()), (20, 1));
    drop(context);
    assert_eq!(counter.live(), 0);
}
