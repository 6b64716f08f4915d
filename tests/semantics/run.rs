//! Sentence 11: during `Context::run`, the current context is `self`. (Entering an entered context: `ui/enter_twice.rs`.)

use std::sync::{Arc, Barrier};
use std::thread;

use contextvars::{Context, ContextVar};

use crate::support::{Counted, Counter, on_thread, panic_text};

static A: ContextVar<u32> = ContextVar::new("a");
static B: ContextVar<u32> = ContextVar::new("b");

#[test]
fn run_returns_the_result_of_the_closure() {
    let text = String::from("moved in and out");
    assert_eq!(Context::new().run(|| text), "moved in and out");
}

#[test]
fn values_of_the_context_are_current_inside() {
    let mut context = Context::new().with_value(&A, 1);
    context.run(|| {
        assert_eq!(A.get(), 1);
        assert_eq!(Context::current().len(), 1);
    });
}

#[test]
fn values_bound_outside_read_as_unset() {
    Context::new().with_value(&A, 1).run(|| {
        Context::new().with_value(&B, 2).run(|| {
            assert!(A.try_get().is_err(), "outer values are not visible in the context");
            assert_eq!(B.get(), 2);
        });
        assert!(B.try_get().is_err());
        Context::new().run(|| assert!(Context::current().is_empty()));
        assert_eq!(A.get(), 1);
    });
}

#[test]
fn run_keeps_changes_inside() {
    let mut context = Context::new();
    Context::new().run(|| {
        context.run(|| A.set(1));
        assert!(A.try_get().is_err(), "not outside");
    });
    assert_eq!(context.get(&A), Some(&1));
    context.run(|| {
        assert_eq!(A.get(), 1, "and for the next run");
        A.set(2);
    });
    assert_eq!(context.get(&A), Some(&2));
}

#[test]
fn run_keeps_changes_made_before_a_panic() {
    let mut context = Context::new().with_value(&A, 1);
    let text = panic_text(|| {
        context.run(|| {
            A.set(2);
            B.set(3);
            panic!("after two sets")
        })
    });
    assert_eq!(text, "after two sets");
    assert_eq!((context.get(&A), context.get(&B)), (Some(&2), Some(&3)));
    context.run(|| assert_eq!(A.get(), 2, "it can be entered again"));
}

#[test]
fn the_previous_context_is_back_on_return() {
    Context::new().run(|| {
        let token = A.set(1);
        Context::new().with_value(&A, 2).run(|| A.set(3));
        assert_eq!(A.get(), 1);
        assert_eq!(Context::current().len(), 1);
        assert!(A.reset(token).is_ok(), "the same context, not a copy");
    });
}

#[test]
fn the_previous_context_is_back_on_unwind() {
    Context::new().run(|| {
        let token = A.set(1);
        panic_text(|| {
            Context::new().run(|| {
                A.set(2);
                Context::new().run(|| {
                    A.set(3);
                    panic!("two contexts deep")
                })
            })
        });
        assert_eq!(A.get(), 1);
        assert!(A.reset(token).is_ok(), "the same context, not a copy");
    });
}

#[test]
fn the_threads_own_context_is_back_on_return_and_on_unwind() {
    on_thread(|| {
        let token = A.set(1);
        Context::new().run(|| assert!(A.try_get().is_err()));
        panic_text(|| Context::new().run(|| panic!("inside")));
        assert_eq!(A.get(), 1);
        assert!(A.reset(token).is_ok());
    });
}

#[test]
fn runs_nest_to_any_depth() {
    fn nest(depth: u32) {
        let mut context = Context::new().with_value(&A, depth);
        context.run(|| {
            if depth > 0 {
                nest(depth - 1);
            }
            assert_eq!(A.get(), depth);
        });
    }
    nest(100);
}

#[test]
fn a_copy_of_the_current_context_can_be_entered_inside_it() {
    let mut context = Context::new().with_value(&A, 1);
    context.run(|| {
        Context::current().run(|| {
            assert_eq!(A.get(), 1);
            A.set(2);
        });
        assert_eq!(A.get(), 1);
    });
    assert_eq!(context.get(&A), Some(&1));
}

#[test]
fn the_way_to_share_a_context_is_to_run_a_clone() {
    const THREADS: usize = 4;
    let shared = Arc::new(Context::new().with_value(&A, 1));
    let inside = Arc::new(Barrier::new(THREADS));
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let (shared, inside) = (Arc::clone(&shared), Arc::clone(&inside));
            thread::spawn(move || {
                let mut mine = Context::clone(&shared);
                mine.run(|| {
                    inside.wait(); // all threads are inside at once
                    assert_eq!(A.get(), 1);
                    A.set(n);
                    inside.wait();
                    assert_eq!(A.get(), n);
                });
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread saw another's value");
    }
    assert_eq!(shared.get(&A), Some(&1));
}

#[test]
fn another_context_may_be_dropped_while_one_is_entered() {
    // `run` borrows only the context that it enters, so another one can be dropped meanwhile.
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let other = Context::new().with_value(&VALUE, Counted::new(&counter));
    Context::new().run(|| {
        drop(other);
        assert_eq!(counter.live(), 0);
    });
}

#[test]
fn run_moves_to_other_threads_with_its_values() {
    let mut context = Context::new();
    context.run(|| A.set(1));
    let context = on_thread(move || {
        assert!(A.try_get().is_err());
        context.run(|| {
            assert_eq!(A.get(), 1);
            A.set(2);
        });
        assert!(A.try_get().is_err());
        context
    });
    assert_eq!(context.get(&A), Some(&2));
}

#[test]
fn a_context_with_many_variables_is_entered_and_left_whole() {
    let vars: Vec<_> = (0..300).map(|_| ContextVar::new("one of many")).collect();
    let mut context = (0..).zip(&vars).fold(Context::new(), |c, (n, var)| c.with_value(var, n));
    context.run(|| {
        for (n, var) in (0..).zip(&vars) {
            assert_eq!(var.get(), n);
            var.set(n + 1);
        }
    });
    for (n, var) in (0..).zip(&vars) {
        assert_eq!(context.get(var), Some(&(n + 1)));
    }
}
