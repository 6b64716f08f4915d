//! Clauses E: `run`.

use contextvars::{Context, ContextVar, copy_context, propagate};

use crate::support::{Counted, Counter, on_thread, panic_text};

static VAR: ContextVar<u32> = ContextVar::with_default("var", || 7);

#[test]
fn e1_run_returns_the_result() {
    let (one, two) = (1, String::from("two"));
    assert_eq!(Context::new().run(move || format!("{one} {two}")), "1 two");
}

#[test]
fn e2_run_makes_the_context_current_and_keeps_its_sets() {
    let mut context = Context::new().with_value(&VAR, 1);
    context.run(|| {
        assert_eq!(VAR.get(), 1);
        VAR.set(2);
    });
    assert_eq!(context.get(&VAR), Some(&2));
}

#[test]
fn e2_the_previous_context_is_back_after_an_exception() {
    let mut context = Context::new();
    Context::new().run(|| {
        let token = VAR.set(1);
        let text = panic_text(|| {
            context.run(|| {
                VAR.set(2);
                panic!("an exception")
            })
        });
        assert_eq!((text.as_str(), VAR.get()), ("an exception", 1));
        assert!(VAR.reset(token).is_ok());
    });
    assert_eq!(context.get(&VAR), Some(&2), "values set inside stay");
}

#[test]
fn e3_entering_again_one_after_the_other_is_fine_on_any_thread() {
    let mut context = Context::new().with_value(&VAR, 0);
    for n in 0..5 {
        context.run(|| VAR.set(VAR.get() + 1));
        panic_text(|| context.run(|| panic!("left by an exception")));
        context = on_thread(move || {
            context.run(|| VAR.set(VAR.get() + 1));
            context
        });
        assert_eq!(context.get(&VAR), Some(&(2 * n + 2)));
    }
}

#[test]
fn e5_a_context_is_not_held_after_it_was_left() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    Context::new().run(|| {
        let mut inner = Context::new().with_value(&VALUE, Counted::new(&counter));
        inner.run(|| VALUE.with(|_| ()));
        drop(inner);
        assert_eq!(counter.live(), 0);
    });
}

#[test]
fn e6_a_new_thread_starts_with_defaults_only() {
    Context::new().with_value(&VAR, 1).run(|| {
        on_thread(|| {
            assert_eq!(VAR.get(), 7);
            assert!(copy_context().is_empty());
        });
    });
}

#[test]
fn e6_propagate_is_the_context_argument_of_a_thread() {
    let work = Context::new().with_value(&VAR, 1).run(|| propagate(|| VAR.get()));
    assert_eq!(on_thread(work), 1);
}
