//! The slot of the fields in a context: it is copied as variables are, and does not appear among them.

use contextvars::fields::{self, kv};
use contextvars::{Context, ContextExt, ContextVar, copy_context, propagate_fn};

use crate::support::{ByHand, on_thread};
use crate::{fresh, of, shown};

static USER: ContextVar<&str> = ContextVar::new("user").debug();
static HERE: ContextVar<&str> = ContextVar::new("here").local();

#[test]
fn bound_fields_count_in_neither_len_nor_iter_nor_debug() {
    let mut context = Context::new();
    context.run(|| drop(fields::set(kv! { a = 1 })));
    assert!(context.is_empty());
    assert_eq!((context.len(), context.iter().len(), context.iter().count()), (0, 0, 0));
    assert_eq!(format!("{context:?}"), "Context {}");
    context.run(|| {
        USER.set("ann");
        HERE.set("here");
    });
    assert_eq!((context.len(), context.iter().len(), context.iter().count()), (2, 2, 2));
    let mut iter = context.iter();
    iter.next();
    assert_eq!(iter.len(), 1);
    iter.next();
    assert_eq!((iter.len(), iter.next().is_none()), (0, true));
    assert_eq!(context.run(shown), r#"{"a": 1}"#);
    context.run(fields::clear);
    assert_eq!((context.len(), context.iter().count()), (2, 2));
}

#[test]
fn retain_keeps_bound_fields() {
    let mut context = Context::new().with_value(&USER, "ann");
    context.run(|| drop(fields::set(kv! { a = 1 })));
    context.retain(|_| false);
    assert!(context.is_empty());
    assert_eq!(context.run(shown), r#"{"a": 1}"#);
}

#[test]
fn without_fields_nothing_is_kept() {
    let mut context = Context::new();
    context.run(|| {
        fields::set(kv! { a = 1 }).reset().unwrap();
        fields::sync_scope(kv! { a = 1 }, || ());
        assert_eq!(fields::unset(["a"]), 0);
        fields::clear();
    });
    assert!(context.ptr_eq(&Context::new()));
}

#[test]
fn copies_have_the_fields_and_are_independent() {
    fresh(|| {
        fields::set(kv! { a = 1 });
        let (mut current, mut copy) = (Context::current(), copy_context());
        assert!(current.ptr_eq(&copy));
        let mut clone = current.clone();
        current.run(|| drop(fields::set(kv! { a = 2 })));
        assert!(!current.ptr_eq(&copy));
        assert_eq!(current.run(fields::get), of(kv! { a = 2 }));
        assert_eq!(copy.run(fields::get), of(kv! { a = 1 }));
        assert_eq!(clone.run(fields::get), of(kv! { a = 1 }));
        assert_eq!(fields::get(), of(kv! { a = 1 }));
    });
}

#[test]
fn an_entered_context_is_all_there_is() {
    fields::sync_scope(kv! { a = 1 }, || {
        assert!(fresh(fields::get).is_empty());
        let mut task = ByHand::new(async { fields::get() }.in_context(Context::new()));
        assert!(task.last_step().is_empty());
        let mut task = ByHand::new(async { fields::get() }.in_current_context());
        assert_eq!(task.last_step(), of(kv! { a = 1 }));
        let call = propagate_fn(|| {
            fields::set(kv! { b = 2 });
            fields::get()
        });
        assert_eq!(on_thread(move || (call(), call())), {
            let both = of(kv! { a = 1, b = 2 });
            (both.clone(), both)
        });
    });
}

#[test]
fn an_ended_thread_leaves_nothing() {
    let text: std::sync::Arc<str> = "value".into();
    let bound = std::sync::Arc::clone(&text);
    on_thread(move || drop(fields::set([("a", bound)])));
    assert_eq!(std::sync::Arc::strong_count(&text), 1);
}

#[test]
fn many_variables_beside_the_fields() {
    let vars: Vec<ContextVar<usize>> = (0..100).map(|_| ContextVar::new("many")).collect();
    let mut context = Context::new();
    context.run(|| {
        for (number, var) in vars.iter().enumerate() {
            var.set(number);
            fields::set(kv! { number });
        }
        assert!(vars.iter().enumerate().all(|(number, var)| var.get() == number));
    });
    assert_eq!((context.len(), context.iter().count()), (100, 100));
    assert_eq!(context.run(fields::get), of(kv! { number = 99 }));
}
