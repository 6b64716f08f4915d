//! Sentence 23: a value is dropped exactly once, with the last context, token or task that holds it. A forgotten token or guard
//! leaks only its own value.

use std::mem;
use std::thread;

use contextvars::{Context, ContextExt, ContextVar, copy_context, propagate};
use futures::future::pending;

use crate::support::{ByHand, Counted, Counter, on_thread, panic_text};

static VALUE: ContextVar<Counted> = ContextVar::new("value");

#[test]
fn a_value_goes_with_the_last_context_that_holds_it() {
    let counter = Counter::new();
    let context = Context::new().with_value(&VALUE, Counted::new(&counter));
    let clone = context.clone();
    let copy = context.clone().run(copy_context);
    drop(context);
    drop(copy);
    assert_eq!(counter.live(), 1);
    drop(clone);
    assert_eq!((counter.made(), counter.live()), (1, 0));
}

#[test]
fn a_value_goes_with_the_last_token_that_holds_it() {
    let counter = Counter::new();
    let mut context = Context::new();
    let token = context.run(|| {
        VALUE.set(Counted::numbered(&counter, 1));
        VALUE.set(Counted::numbered(&counter, 2))
    });
    drop(context);
    assert_eq!(counter.live(), 1, "2 went with the context");
    assert_eq!(token.old_value().map(Counted::number), Some(1));
    drop(token);
    assert_eq!(counter.live(), 0);
}

#[test]
fn a_value_goes_with_the_last_task_that_holds_it() {
    let counter = Counter::new();
    let mut tasks: Vec<_> = Context::new()
        .with_value(&VALUE, Counted::new(&counter))
        .run(|| (0..3).map(|_| ByHand::new(pending::<()>().in_current_context())).collect());
    tasks[0].step();
    for left in [1, 1, 0] {
        drop(tasks.pop());
        assert_eq!(counter.live(), left);
    }
}

#[test]
fn a_value_goes_with_the_last_closure_that_holds_it() {
    let counter = Counter::new();
    let mut context = Context::new().with_value(&VALUE, Counted::new(&counter));
    let (called, dropped) = context.run(|| (propagate(|| ()), propagate(|| ())));
    drop(context);
    called();
    assert_eq!(counter.live(), 1);
    drop(dropped);
    assert_eq!(counter.live(), 0);
}

#[test]
fn a_reset_drops_the_value_that_was_set_and_nothing_more() {
    let counter = Counter::new();
    Context::new().run(|| {
        VALUE.set(Counted::numbered(&counter, 1));
        let token = VALUE.set(Counted::numbered(&counter, 2));
        assert_eq!(counter.live(), 2);
        assert!(VALUE.reset(token).is_ok());
        assert_eq!(counter.live(), 1);
        assert_eq!(VALUE.with(Counted::number), 1);
    });
    assert_eq!(counter.live(), 0);
}

#[test]
fn scope_and_binding_drop_their_values() {
    let counter = Counter::new();
    Context::new().run(|| {
        VALUE.sync_scope(Counted::new(&counter), || assert_eq!(counter.live(), 1));
        assert_eq!(counter.live(), 0);
        let binding = VALUE.bind(Counted::new(&counter));
        assert_eq!(counter.live(), 1);
        drop(binding);
        assert_eq!(counter.live(), 0);
    });
    assert_eq!(counter.made(), 2);
}

#[test]
fn a_counter_tells_of_a_value_that_outlives_it() {
    let text = panic_text(|| mem::forget(Counted::new(&Counter::new())));
    assert!(text.contains("alive at the end"), "{text}");
}

#[test]
fn a_forgotten_token_costs_its_own_old_value_only() {
    let counter = Counter::new();
    let mut context = Context::new();
    context.run(|| {
        VALUE.set(Counted::numbered(&counter, 1));
        mem::forget(VALUE.set(Counted::numbered(&counter, 2)));
        VALUE.set(Counted::numbered(&counter, 3));
    });
    drop(context);
    assert_eq!(counter.live(), 1, "the first, which the forgotten token holds");
    counter.forgets(1);
}

#[test]
fn a_forgotten_token_without_an_old_value_costs_nothing() {
    let counter = Counter::new();
    let mut context = Context::new();
    for _ in 0..100 {
        context.run(|| {
            let token = VALUE.set(Counted::new(&counter));
            mem::forget(token);
        });
        assert!(context.remove(&VALUE));
        assert_eq!(counter.live(), 0);
    }
}

#[test]
fn a_forgotten_binding_leaves_its_value_bound_and_costs_its_old_one() {
    let counter = Counter::new();
    let mut context = Context::new();
    context.run(|| {
        VALUE.set(Counted::numbered(&counter, 1));
        mem::forget(VALUE.bind(Counted::numbered(&counter, 2)));
        assert_eq!(VALUE.with(Counted::number), 2);
    });
    drop(context);
    assert_eq!(counter.live(), 1);
    counter.forgets(1);
}

#[test]
fn many_sets_without_a_reset_keep_one_value() {
    let counter = Counter::new();
    let mut context = Context::new();
    context.run(|| {
        for n in 0..10_000 {
            VALUE.set(Counted::numbered(&counter, n));
            assert!(counter.live() == 1);
        }
    });
    drop(context);
    assert_eq!((counter.made(), counter.live()), (10_000, 0));
}

#[test]
fn many_sets_under_an_outer_loan_keep_two_values() {
    let counter = Counter::new();
    let mut context = Context::new().with_value(&VALUE, Counted::numbered(&counter, 0));
    context.run(|| {
        VALUE.with(|first| {
            for n in 1..10_000 {
                VALUE.set(Counted::numbered(&counter, n));
                assert!(counter.live() <= 2);
            }
            assert_eq!(first.number(), 0);
        });
        assert_eq!(counter.live(), 1);
    });
}

#[test]
fn many_polls_under_an_outer_loan_keep_two_values() {
    let counter = Counter::new();
    let mut context = Context::new().with_value(&VALUE, Counted::numbered(&counter, 0));
    context.run(|| {
        VALUE.with(|first| {
            for n in 1..5_000 {
                let work = async {
                    drop(VALUE.set(Counted::numbered(&counter, n)));
                    assert_eq!(VALUE.with(Counted::number), n);
                };
                ByHand::new(work.in_current_context()).last_step();
                assert_eq!(counter.live(), 1);
            }
            assert_eq!(first.number(), 0);
        });
    });
    assert_eq!((counter.made(), counter.live()), (5_000, 1));
}

#[test]
fn values_are_dropped_once_wherever_the_last_holder_dies() {
    let counter = Counter::new();
    for _ in 0..50 {
        let context = Context::new().with_value(&VALUE, Counted::new(&counter));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let mut clone = context.clone();
                let counter = counter.clone();
                thread::spawn(move || {
                    clone.run(|| VALUE.set(Counted::new(&counter)));
                    clone
                })
            })
            .collect();
        drop(context);
        for thread in threads {
            drop(thread.join().expect("no panic"));
        }
        assert_eq!(counter.live(), 0);
    }
    assert_eq!(counter.made(), 250);
}

#[test]
fn replacing_in_one_copy_leaves_the_others_values() {
    let counter = Counter::new();
    let original = Context::new().with_value(&VALUE, Counted::numbered(&counter, 1));
    let mut copy = original.clone();
    copy.run(|| VALUE.set(Counted::numbered(&counter, 2)));
    assert_eq!(counter.live(), 2);
    assert!(copy.remove(&VALUE));
    assert_eq!(counter.live(), 1);
    assert_eq!(original.get(&VALUE).map(Counted::number), Some(1));
    copy.run(|| assert!(VALUE.try_get().is_err()));
    drop(original);
    assert_eq!(counter.live(), 0);
}

#[test]
fn a_panic_drops_every_value_once() {
    let counter = Counter::new();
    let on_that_thread = counter.clone();
    let text = panic_text(|| {
        on_thread(move || {
            let counter = on_that_thread;
            VALUE.set(Counted::new(&counter));
            let _binding = VALUE.bind(Counted::new(&counter));
            VALUE.sync_scope(Counted::new(&counter), || {
                Context::new().with_value(&VALUE, Counted::new(&counter)).run(|| {
                    VALUE.with(|_| panic!("deep inside"));
                });
            });
        });
    });
    assert_eq!(text, "deep inside");
    assert_eq!((counter.made(), counter.live()), (4, 0));
}

#[test]
fn a_large_context_is_dropped_value_by_value() {
    let vars: Vec<ContextVar<Counted>> = (0..2000).map(|_| ContextVar::new("many")).collect();
    let counter = Counter::new();
    let context =
        vars.iter().fold(Context::new(), |c, var| c.with_value(var, Counted::new(&counter)));
    let mut half = context.clone();
    for var in vars.iter().step_by(2) {
        assert!(half.remove(var));
    }
    assert_eq!(half.len(), 1000);
    drop(context);
    assert_eq!(counter.live(), 1000);
    drop(half);
    assert_eq!(counter.live(), 0);
}
