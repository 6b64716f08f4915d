//! Sentence 13: the values of `local` variables are left out of every copy of the current context. `Context::clone()` keeps
//! them.

use contextvars::{Context, ContextExt, ContextVar, copy_context, propagate, propagate_fn};

use crate::support::{ByHand, Counted, Counter, on_thread};

static HERE: ContextVar<u32> = ContextVar::new("here").local();
static ANYWHERE: ContextVar<u32> = ContextVar::new("anywhere");

/// Reads both variables.
fn seen() -> (Option<u32>, Option<u32>) {
    (HERE.try_get().ok(), ANYWHERE.try_get().ok())
}

/// Runs `f` in a context in which both variables are set.
fn with_both<R>(f: impl FnOnce() -> R) -> R {
    Context::new().run(|| {
        HERE.set(1);
        ANYWHERE.set(2);
        let result = f();
        assert_eq!(
            seen(),
            (Some(1), Some(2)),
            "a local variable is read and kept where it was set"
        );
        result
    })
}

#[test]
fn a_variable_tells_whether_it_is_local() {
    assert!(HERE.is_local() && !ANYWHERE.is_local());
}

#[test]
fn local_variables_are_left_out_of_current_and_copy_context() {
    for context in with_both(|| [Context::current(), copy_context()]) {
        assert_eq!((context.get(&HERE), context.get(&ANYWHERE)), (None, Some(&2)));
        assert!(!context.contains(&HERE));
        assert_eq!((context.len(), context.iter().count()), (1, 1));
    }
}

#[test]
fn local_variables_are_left_out_of_propagate() {
    assert_eq!(on_thread(with_both(|| propagate(seen))), (None, Some(2)));
    let work = with_both(|| propagate_fn(seen));
    assert_eq!((work(), work()), ((None, Some(2)), (None, Some(2))));
}

#[test]
fn local_variables_are_left_out_of_in_current_context() {
    let mut future = with_both(|| ByHand::new(async { seen() }.in_current_context()));
    assert_eq!(future.last_step(), (None, Some(2)));
}

#[test]
fn local_variables_stay_in_a_clone() {
    let mut context = Context::new();
    context.run(|| {
        HERE.set(1);
        ANYWHERE.set(2);
    });
    assert_eq!((context.get(&HERE), context.len()), (Some(&1), 2), "they stay in their context");
    let mut clone = context.clone();
    assert_eq!(clone.run(seen), (Some(1), Some(2)));
    assert_eq!(clone.clone().run(seen), (Some(1), Some(2)));
}

#[test]
fn with_value_of_a_local_variable_keeps_it_in_that_context() {
    let mut context = Context::new().with_value(&HERE, 1).with_value(&ANYWHERE, 2);
    assert_eq!((context.get(&HERE), context.len()), (Some(&1), 2));
    assert_eq!(context.clone().run(seen), (Some(1), Some(2)));
    context.run(|| {
        assert_eq!(seen(), (Some(1), Some(2)));
        assert_eq!(Context::current().run(seen), (None, Some(2)));
    });
    let mut future = ByHand::new(async { seen() }.in_context(context));
    assert_eq!(future.last_step(), (Some(1), Some(2)), "given explicitly, it goes along");
}

#[test]
fn a_local_variable_is_set_and_reset_like_any_other() {
    let mut context = Context::new();
    context.run(|| {
        let token = HERE.set(1);
        assert_eq!(HERE.sync_scope(2, || HERE.get()), 2);
        assert!(HERE.reset(token).is_ok());
        assert!(HERE.try_get().is_err());
    });
    assert!(context.is_empty());
    let mut context = context.with_value(&HERE, 3);
    assert!(context.remove(&HERE));
    assert!(context.is_empty());
}

#[test]
fn a_local_variable_falls_back_to_its_default_in_the_copy() {
    static PLACE: ContextVar<u32> = ContextVar::with_default("place", || 7).local().debug();
    Context::new().run(|| {
        PLACE.set(1);
        assert_eq!(copy_context().run(|| PLACE.get()), 7);
        assert_eq!(PLACE.get(), 1);
    });
}

#[test]
fn any_mix_of_many_variables_is_told_apart() {
    let locals: Vec<_> = (0..100).map(|_| ContextVar::new("local").local()).collect();
    let others: Vec<_> = (0..100).map(|_| ContextVar::new("other")).collect();
    let mut context = Context::new();
    context.run(|| {
        for n in 0..100 {
            locals[n].set(n);
            others[n].set(n);
        }
        let copy = copy_context();
        assert_eq!(copy.len(), 100);
        assert!((0..100).all(|n| others[n].get() == n && copy.get(&others[n]) == Some(&n)));
        assert!((0..100).all(|n| locals[n].get() == n && !copy.contains(&locals[n])));
    });
    assert_eq!(context.len(), 200);
}

#[test]
fn a_copy_does_not_keep_the_value_of_a_local_variable_alive() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value").local();
    let counter = Counter::new();
    let copy = Context::new().run(|| {
        VALUE.set(Counted::new(&counter));
        ANYWHERE.set(1);
        copy_context()
    });
    assert_eq!(counter.live(), 0);
    assert_eq!(copy.get(&ANYWHERE), Some(&1));
}

/// Regression: the first use of a variable fixed whether it was local, and a later `local` had no effect.
#[test]
fn a_variable_that_is_made_local_after_it_was_used_stays_behind() {
    let var = ContextVar::new("late");
    var.sync_scope(0, || ());
    let var = var.local();
    var.sync_scope(1, || assert!(!Context::current().contains(&var)));
}
