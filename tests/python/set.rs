//! Clauses S: `set` and the token.

use std::fmt::Debug;
use std::hash::Hash;

use contextvars::{Context, ContextVar, Token};
use static_assertions::{assert_impl_all, assert_not_impl_any};

use crate::support::{Counted, Counter, panic_text};

static VAR: ContextVar<u32> = ContextVar::new("var");

#[test]
fn s1_set_binds_in_the_current_context_and_returns_a_fresh_token_every_time() {
    let mut context = Context::new();
    context.run(|| {
        let tokens = [VAR.set(1), VAR.set(1), VAR.set(1)];
        let olds = tokens.each_ref().map(|token| token.old_value().copied());
        assert_eq!(olds, [None, Some(1), Some(1)]);
        for token in tokens.into_iter().rev() {
            assert!(VAR.reset(token).is_ok(), "each of them works");
        }
        assert!(VAR.try_get().is_err());
        VAR.set(2);
    });
    assert_eq!(context.get(&VAR), Some(&2));
}

/// A value that equals every other value, so that a `set` which compared values would do nothing.
#[derive(Clone, Debug)]
struct AllEqual(u32);

impl PartialEq for AllEqual {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for AllEqual {}

#[test]
fn s2_values_are_not_compared() {
    static EQUAL: ContextVar<AllEqual> = ContextVar::new("equal");
    Context::new().run(|| {
        EQUAL.set(AllEqual(1));
        let token = EQUAL.set(AllEqual(2));
        assert_eq!(EQUAL.with(|value| value.0), 2);
        assert!(EQUAL.reset(token).is_ok());
        assert_eq!(EQUAL.with(|value| value.0), 1);
    });
}

#[test]
fn s3_old_value_is_the_previous_value_or_none() {
    static DEFAULTED: ContextVar<u32> = ContextVar::with_default("defaulted", || 7);
    Context::new().run(|| {
        assert_eq!(DEFAULTED.get(), 7);
        let first = DEFAULTED.set(1);
        assert_eq!(
            (first.name(), first.old_value()),
            ("defaulted", None),
            "the default never appears"
        );
        let second = DEFAULTED.set(2);
        assert_eq!(second.old_value(), Some(&1));
        DEFAULTED.set(3);
        assert_eq!(second.old_value(), Some(&1), "a later set does not change it");
    });
}

#[test]
fn s3_a_bound_none_is_an_old_value() {
    static OPTION: ContextVar<Option<u32>> = ContextVar::new("option");
    Context::new().run(|| {
        assert_eq!(OPTION.set(None).old_value(), None, "nothing was bound");
        assert_eq!(OPTION.set(Some(1)).old_value(), Some(&None), "None was bound");
    });
}

#[test]
fn s4_a_token_is_neither_made_nor_compared_nor_hashed() {
    assert_not_impl_any!(Token<u32>: Clone, Copy, Default, Hash, PartialEq);
    assert_impl_all!(Token<u32>: Debug, Send, Sync);
}

#[test]
fn s5_debug_of_a_token_names_the_variable() {
    let token = Context::new().run(|| VAR.set(1));
    assert!(format!("{token:?}").contains("var"));
}

#[test]
fn s6_a_token_holds_its_old_value() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let mut context = Context::new().with_value(&VALUE, Counted::numbered(&counter, 1));
    let token = context.run(|| VALUE.set(Counted::numbered(&counter, 2)));
    drop(context);
    assert_eq!(counter.live(), 1, "the context and its value are gone, the token's is not");
    assert_eq!(token.old_value().map(Counted::number), Some(1));
    drop(token);
    assert_eq!(counter.live(), 0);
}

#[test]
fn s7_a_binding_is_the_context_manager() {
    let mut context = Context::new().with_value(&VAR, 1);
    context.run(|| {
        {
            let _binding = VAR.bind(2);
            assert_eq!(VAR.get(), 2);
        }
        assert_eq!(VAR.get(), 1);
        let text = panic_text(|| {
            let _binding = VAR.bind(3);
            panic!("the exception goes on");
        });
        assert_eq!((text.as_str(), VAR.get()), ("the exception goes on", 1));
    });
}

#[test]
fn s7_a_scope_lets_panics_through() {
    Context::new().run(|| {
        let text = panic_text(|| VAR.sync_scope(2, || panic!("the exception goes on")));
        assert_eq!(text, "the exception goes on");
        assert!(VAR.try_get().is_err());
    });
}
