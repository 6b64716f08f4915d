//! Clauses V: the variable.

use std::hash::Hash;
use std::ptr::from_ref;
use std::sync::atomic::{AtomicUsize, Ordering};

use contextvars::{Context, ContextVar, Token};
use static_assertions::{assert_impl_all, assert_not_impl_any};

use crate::support::{Counted, Counter, on_thread};

#[test]
fn v1_a_variable_has_a_name_and_may_have_a_default() {
    static BARE: ContextVar<u32> = ContextVar::new("bare");
    static DEFAULTED: ContextVar<u32> = ContextVar::with_default("defaulted", || 7);
    static NAMELESS: ContextVar<u32> = ContextVar::new("");
    Context::new().run(|| {
        assert!(BARE.try_get().is_err());
        assert_eq!(DEFAULTED.get(), 7);
        assert_eq!(NAMELESS.name(), "", "an empty name is a name");
        NAMELESS.set(1);
        assert_eq!(NAMELESS.get(), 1);
    });
}

#[test]
fn v2_a_default_may_be_any_value_also_none() {
    static NONE: ContextVar<Option<u32>> = ContextVar::with_default("none", || None);
    static BARE: ContextVar<Option<u32>> = ContextVar::new("bare");
    Context::new().run(|| {
        assert_eq!(NONE.get(), None);
        assert!(BARE.try_get().is_err(), "no default is not a default of None");
    });
}

#[test]
fn v2_a_default_is_evaluated_once_and_shared() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    static LIST: ContextVar<Vec<u32>> = ContextVar::with_default("list", || {
        CALLS.fetch_add(1, Ordering::Relaxed);
        vec![1]
    });
    let place = || LIST.with(|list| from_ref(list) as usize);
    let first = Context::new().run(place);
    assert_eq!([Context::new().run(place), on_thread(place)], [first, first]);
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
}

#[test]
fn v3_the_name_is_the_given_one() {
    static VAR: ContextVar<u32> = ContextVar::new("a name, with spaces");
    assert_eq!(VAR.name(), "a name, with spaces");
}

#[test]
fn v4_variables_of_one_name_are_different_keys() {
    static ONE: ContextVar<u32> = ContextVar::new("same");
    static OTHER: ContextVar<u32> = ContextVar::new("same");
    let context = Context::new().with_value(&ONE, 1);
    assert!(context.contains(&ONE) && !context.contains(&OTHER));
    let entry = context.iter().next().expect("one entry");
    assert!(entry.is(&ONE) && !entry.is(&OTHER), "this is how variables are compared");
    assert_not_impl_any!(ContextVar<u32>: PartialEq, PartialOrd, Hash);
}

#[test]
fn v5_a_variable_is_not_copied() {
    assert_not_impl_any!(ContextVar<u32>: Clone, Copy);
}

#[test]
fn v6_variables_and_tokens_are_generic() {
    static TEXTS: ContextVar<Vec<String>> = ContextVar::new("texts");
    Context::new().run(|| {
        let token: Token<Vec<String>> = TEXTS.set(vec![String::from("typed")]);
        assert_eq!(TEXTS.with(|texts| texts[0].len()), 5);
        assert_eq!(token.old_value(), None);
    });
    assert_impl_all!(ContextVar<[u8; 3]>: Send, Sync);
}

#[test]
fn v7_debug_names_the_variable_and_computes_nothing() {
    static LAZY: ContextVar<u32> = ContextVar::with_default("lazy", || panic!("computed"));
    assert!(format!("{LAZY:?}").contains("lazy"));
}

#[test]
fn v8_a_context_holds_a_value_also_when_its_variable_is_gone() {
    let counter = Counter::new();
    let context = {
        let closure_made = ContextVar::new("made in a closure");
        Context::new().with_value(&closure_made, Counted::numbered(&counter, 5))
    };
    assert_eq!((context.len(), counter.live()), (1, 1));
    let entry = context.iter().next().expect("one entry");
    assert_eq!(entry.name(), "made in a closure");
    assert_eq!(entry.downcast_ref::<Counted>().map(Counted::number), Some(5));
    drop(context);
    assert_eq!(counter.live(), 0);
}
