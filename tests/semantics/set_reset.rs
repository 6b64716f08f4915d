//! Sentences 4 and 5: `set` binds a value in the current context and returns a `Token`; `reset` restores exactly the state
//! before that `set`. (A token used twice: `ui/token_used_twice.rs`.)

use contextvars::{Context, ContextVar, ResetErrorKind, Token};

use crate::support::{Counted, Counter};

#[test]
fn set_binds_in_the_current_context() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    let (mut one, mut two) = (Context::new(), Context::new());
    one.run(|| {
        LEVEL.set(1);
        assert_eq!(LEVEL.get(), 1);
        two.run(|| LEVEL.set(2));
        assert_eq!(LEVEL.get(), 1);
    });
    assert_eq!((one.get(&LEVEL), two.get(&LEVEL)), (Some(&1), Some(&2)));
}

#[test]
fn every_set_returns_a_token_with_the_old_value() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    Context::new().run(|| {
        let first = LEVEL.set(1);
        let second = LEVEL.set(1);
        let third = LEVEL.set(2);
        assert_eq!(first.old_value(), None);
        assert_eq!(second.old_value(), Some(&1), "also when the value is the same");
        assert_eq!(third.old_value(), Some(&1));
        assert_eq!([first.name(), second.name(), third.name()], ["level"; 3]);
    });
}

#[test]
fn reset_restores_the_old_value() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    let mut context = Context::new().with_value(&LEVEL, 1);
    context.run(|| {
        let token = LEVEL.set(2);
        assert!(LEVEL.reset(token).is_ok());
        assert_eq!(LEVEL.get(), 1);
    });
    assert_eq!(context.get(&LEVEL), Some(&1));
    assert_eq!(context.len(), 1);
}

#[test]
fn reset_restores_unset() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    static OTHER: ContextVar<u32> = ContextVar::new("other");
    let mut context = Context::new().with_value(&OTHER, 9);
    context.run(|| {
        let token = LEVEL.set(1);
        assert_eq!(Context::current().len(), 2);
        assert!(LEVEL.reset(token).is_ok());
        assert!(LEVEL.try_get().is_err());
        assert_eq!(Context::current().len(), 1, "the key is gone");
    });
    assert!(!context.contains(&LEVEL));
    assert_eq!((context.len(), context.iter().count()), (1, 1));
    assert_eq!(context.get(&OTHER), Some(&9));
}

#[test]
fn reset_restores_the_very_value_not_a_copy() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let mut context = Context::new().with_value(&VALUE, Counted::numbered(&counter, 1));
    context.run(|| {
        let token = VALUE.set(Counted::numbered(&counter, 2));
        assert_eq!(token.old_value().map(Counted::number), Some(1));
        assert!(VALUE.reset(token).is_ok());
        assert_eq!(VALUE.with(Counted::number), 1);
    });
    assert_eq!((counter.made(), counter.live()), (2, 1));
}

#[test]
fn reset_ignores_later_sets() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    Context::new().run(|| {
        LEVEL.set(1);
        let token = LEVEL.set(2);
        LEVEL.set(3);
        LEVEL.set(4);
        assert!(LEVEL.reset(token).is_ok());
        assert_eq!(LEVEL.get(), 1);
    });
}

/// Sets 1, 2 and 3, resets the tokens in the given order, and returns the value read after each reset.
fn resets_in_order(order: [usize; 3]) -> [Option<u32>; 3] {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    Context::new().run(|| {
        let mut tokens = [1, 2, 3].map(|n| Some(LEVEL.set(n)));
        order.map(|n| {
            let token = tokens[n].take().expect("each once");
            assert!(LEVEL.reset(token).is_ok());
            LEVEL.try_get().ok()
        })
    })
}

#[test]
fn tokens_work_in_any_order_each_restoring_its_own_old_value() {
    // The old state is "unset" for the first token, 1 for the second and 2 for the third.
    assert_eq!(resets_in_order([0, 1, 2]), [None, Some(1), Some(2)]);
    assert_eq!(resets_in_order([0, 2, 1]), [None, Some(2), Some(1)]);
    assert_eq!(resets_in_order([1, 0, 2]), [Some(1), None, Some(2)]);
    assert_eq!(resets_in_order([1, 2, 0]), [Some(1), Some(2), None]);
    assert_eq!(resets_in_order([2, 0, 1]), [Some(2), None, Some(1)]);
    assert_eq!(resets_in_order([2, 1, 0]), [Some(2), Some(1), None]);
}

#[test]
fn a_token_works_after_the_variable_was_removed() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    let mut context = Context::new();
    let (to_unset, to_one) = context.run(|| (LEVEL.set(1), LEVEL.set(2)));

    assert!(context.remove(&LEVEL));
    context.run(|| assert!(LEVEL.reset(to_unset).is_ok()));
    assert!(context.is_empty(), "the variable is unset again");
    context.run(|| assert!(LEVEL.reset(to_one).is_ok()));
    assert_eq!(context.get(&LEVEL), Some(&1));
}

#[test]
fn a_token_of_another_variable_is_an_error_and_nothing_changes() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    static OTHER: ContextVar<u32> = ContextVar::new("other");
    Context::new().run(|| {
        OTHER.set(7);
        LEVEL.set(1);
        let token = LEVEL.set(2);

        let error = OTHER.reset(token).expect_err("it is LEVEL's token");
        assert_eq!(error.kind(), ResetErrorKind::WrongVariable);
        assert!(error.to_string().contains("variable"), "{error}");
        assert_eq!((LEVEL.get(), OTHER.get()), (2, 7), "nothing changed");

        let token = error.into_token();
        assert_eq!((token.name(), token.old_value()), ("level", Some(&1)));
        assert!(LEVEL.reset(token).is_ok(), "the token was handed back unused");
        assert_eq!((LEVEL.get(), OTHER.get()), (1, 7));
    });
}

#[test]
fn a_token_of_another_context_is_an_error_and_nothing_changes() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    let mut home = Context::new();
    let token = home.run(|| LEVEL.set(1));
    let mut abroad = Context::new().with_value(&LEVEL, 5);

    let error = abroad.run(|| LEVEL.reset(token)).expect_err("it is home's token");
    assert_eq!(error.kind(), ResetErrorKind::WrongContext);
    assert!(error.to_string().contains("context"), "{error}");
    assert_eq!((home.get(&LEVEL), abroad.get(&LEVEL)), (Some(&1), Some(&5)), "nothing changed");

    let token = error.into_token();
    home.run(|| assert!(LEVEL.reset(token).is_ok(), "the token was handed back unused"));
    assert_eq!((home.get(&LEVEL), abroad.get(&LEVEL)), (None, Some(&5)));
}

#[test]
fn the_variable_is_checked_before_the_context() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    static OTHER: ContextVar<u32> = ContextVar::new("other");
    let mut home = Context::new();
    let token = home.run(|| LEVEL.set(1));
    let error = Context::new().run(|| OTHER.reset(token)).expect_err("wrong in both");
    assert_eq!(error.kind(), ResetErrorKind::WrongVariable);
}

#[test]
fn a_failed_reset_can_fail_again_and_still_succeed() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    static OTHER: ContextVar<u32> = ContextVar::new("other");
    let mut home = Context::new();
    let mut token: Token<u32> = home.run(|| LEVEL.set(1));
    for _ in 0..3 {
        token = Context::new().run(|| LEVEL.reset(token)).expect_err("abroad").into_token();
        token = home.run(|| OTHER.reset(token)).expect_err("not OTHER's").into_token();
    }
    home.run(|| assert!(LEVEL.reset(token).is_ok()));
    assert!(home.is_empty());
}

#[test]
fn an_unused_token_is_inert_when_dropped() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    Context::new().run(|| {
        LEVEL.set(1);
        drop(LEVEL.set(2));
        assert_eq!(LEVEL.get(), 2);
    });
}

#[test]
fn scope_binds_for_the_call_and_restores_on_return() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    let mut context = Context::new();
    context.run(|| {
        let inner = LEVEL.sync_scope(1, || {
            assert_eq!(LEVEL.get(), 1);
            LEVEL.set(2);
            LEVEL.sync_scope(3, || LEVEL.get())
        });
        assert_eq!(inner, 3);
        assert!(LEVEL.try_get().is_err(), "the variable is unset again");
        assert_eq!(Context::current().len(), 0);
    });
    assert!(context.is_empty());
}

#[test]
fn scope_restores_on_unwind() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    let mut context = Context::new().with_value(&LEVEL, 1);
    context.run(|| {
        let text =
            crate::support::panic_text(|| LEVEL.sync_scope(2, || panic!("at {}", LEVEL.get())));
        assert_eq!(text, "at 2");
        assert_eq!(LEVEL.get(), 1);
    });
}
