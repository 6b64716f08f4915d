//! Sentence 24: no call fails or panics in a thread-local destructor, and the values of the root context are released when the
//! thread's destructors run. (`tests/teardown.rs` covers more cases.)

use std::sync::mpsc::{Sender, channel};

use contextvars::{Context, ContextExt, ContextVar, copy_context, propagate};

use crate::support::{ByHand, Counted, Counter, OnDrop, at_exit, on_thread, yield_once};

static A: ContextVar<u32> = ContextVar::with_default("a", || 7);
static VALUE: ContextVar<Counted> = ContextVar::new("value");

/// Reads, sets, resets, enters and copies, and then reports that it completed.
fn use_everything(done: &Sender<u32>) {
    assert_eq!(A.get_or(8), A.try_with(|v| *v).map_or(8, |v| if v == 7 { 8 } else { v }));
    let token = A.set(2);
    assert_eq!(A.get(), 2);
    assert!(A.reset(token).is_ok());
    assert_eq!(A.sync_scope(3, || A.get()), 3);
    drop(A.bind(4));
    let mut context = Context::new().with_value(&A, 5);
    assert_eq!(context.run(|| A.get()), 5);
    assert_eq!(A.sync_scope(6, || copy_context().get(&A).copied()), Some(6));
    assert_eq!(propagate(|| A.sync_scope(9, || A.get()))(), 9);
    let mut future = ByHand::new(async { A.get() }.in_context(context));
    assert_eq!(future.last_step(), 5);
    done.send(1).expect("the test is listening");
}

#[test]
fn everything_works_in_a_destructor_that_runs_after_the_crates_own() {
    // The order of destructors is not specified, so the tests try both orders of first use.
    let (done, ended) = channel();
    on_thread(move || {
        at_exit(move || use_everything(&done));
        A.set(1);
    });
    assert_eq!(ended.try_iter().sum::<u32>(), 1);
}

#[test]
fn everything_works_in_a_destructor_that_runs_before_the_crates_own() {
    let (done, ended) = channel();
    on_thread(move || {
        A.set(1);
        at_exit(move || use_everything(&done));
    });
    assert_eq!(ended.try_iter().sum::<u32>(), 1);
}

#[test]
fn everything_works_in_a_destructor_of_a_thread_that_never_used_the_crate() {
    let (done, ended) = channel();
    on_thread(move || at_exit(move || use_everything(&done)));
    assert_eq!(ended.try_iter().sum::<u32>(), 1);
}

#[test]
fn the_threads_own_values_are_released_when_its_destructors_run() {
    let counter = Counter::new();
    let on_that_thread = counter.clone();
    on_thread(move || {
        VALUE.set(Counted::new(&on_that_thread));
        VALUE.set(Counted::new(&on_that_thread));
        assert_eq!(on_that_thread.live(), 1, "the replaced one went with its token");
    });
    assert_eq!((counter.made(), counter.live()), (2, 0));
}

#[test]
fn a_value_of_the_thread_may_use_the_crate_when_it_is_released() {
    static LAST: ContextVar<OnDrop<Box<dyn FnMut() + Send + Sync>>> = ContextVar::new("last");
    let (done, ended) = channel();
    let done = std::sync::Mutex::new(done);
    on_thread(move || {
        LAST.set(OnDrop(Box::new(move || use_everything(&done.lock().expect("not poisoned")))));
    });
    assert_eq!(ended.try_iter().sum::<u32>(), 1);
}

#[test]
fn a_value_that_is_set_while_the_threads_values_are_released_is_released_too() {
    static SETS_ANOTHER: ContextVar<OnDrop<Box<dyn FnMut() + Send + Sync>>> =
        ContextVar::new("sets another");
    let counter = Counter::new();
    let on_that_thread = counter.clone();
    on_thread(move || {
        let set_another = move || drop(VALUE.set(Counted::new(&on_that_thread)));
        SETS_ANOTHER.set(OnDrop(Box::new(set_another)));
    });
    assert_eq!((counter.made(), counter.live()), (1, 0));
}

#[test]
fn a_token_a_context_and_a_future_may_be_dropped_in_a_destructor() {
    let counter = Counter::new();
    for own_first in [false, true] {
        let counter = counter.clone();
        on_thread(move || {
            if own_first {
                VALUE.set(Counted::new(&counter));
            }
            VALUE.set(Counted::new(&counter));
            let token = VALUE.set(Counted::new(&counter));
            let context = copy_context();
            let mut future = ByHand::new(yield_once().in_current_context());
            future.step();
            let mut kept = Some((token, context, future));
            at_exit(move || drop(kept.take()));
            VALUE.set(Counted::new(&counter));
        });
    }
    assert_eq!((counter.made(), counter.live()), (7, 0));
}

#[test]
fn a_token_of_the_thread_is_refused_or_accepted_in_a_destructor_but_never_lost() {
    let (done, ended) = channel();
    on_thread(move || {
        let mut token = Some(A.set(1));
        at_exit(move || {
            let token = token.take().expect("dropped once");
            let returned = A.reset(token);
            assert!(returned.is_ok() || A.get() == 7, "the thread's context may be gone by now");
            done.send(1).expect("the test is listening");
        });
    });
    assert_eq!(ended.try_iter().sum::<u32>(), 1);
}

#[test]
fn a_set_after_the_crates_own_destructor_works() {
    let (done, ended) = channel();
    on_thread(move || {
        at_exit(move || {
            A.set(5);
            done.send(A.get()).expect("the test is listening");
        });
        A.set(1);
    });
    assert_eq!(ended.try_iter().collect::<Vec<_>>(), [5]);
}
