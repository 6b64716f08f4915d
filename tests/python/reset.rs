//! Clauses R: `reset`, and the order of its checks.

use contextvars::{Context, ContextVar, ResetErrorKind};

use crate::support::on_thread;

static VAR: ContextVar<u32> = ContextVar::with_default("var", || 7);
static OTHER: ContextVar<u32> = ContextVar::new("other");

#[test]
fn r3_a_token_of_another_variable_is_refused() {
    Context::new().run(|| {
        let token = VAR.set(1);
        let error = OTHER.reset(token).expect_err("made by VAR");
        assert_eq!(error.kind(), ResetErrorKind::WrongVariable);
        assert!(error.to_string().contains("variable"), "{error}");
    });
}

#[test]
fn r4_a_token_of_another_context_is_refused() {
    let token = Context::new().run(|| VAR.set(1));
    let error = Context::new().run(|| VAR.reset(token)).expect_err("made elsewhere");
    assert_eq!(error.kind(), ResetErrorKind::WrongContext);
    assert!(error.to_string().contains("context"), "{error}");
}

#[test]
fn r4_comes_after_r3() {
    let token = Context::new().run(|| VAR.set(1));
    let error = Context::new().run(|| OTHER.reset(token)).expect_err("both are wrong");
    assert_eq!(error.kind(), ResetErrorKind::WrongVariable);
}

#[test]
fn r5_a_variable_that_is_absent_already_is_no_error() {
    let mut context = Context::new();
    let token = context.run(|| VAR.set(1));
    assert!(context.remove(&VAR));
    context.run(|| assert!(VAR.reset(token).is_ok()));
    assert!(context.is_empty());
}

#[test]
fn r6_a_failed_reset_leaves_token_and_value_alone() {
    let mut context = Context::new();
    let token = context.run(|| VAR.set(1));
    let token = context.run(|| OTHER.reset(token)).expect_err("R3").into_token();
    let token = context.clone().run(|| VAR.reset(token)).expect_err("R4").into_token();
    assert_eq!((context.get(&VAR), context.get(&OTHER)), (Some(&1), None));
    context.run(|| assert!(VAR.reset(token).is_ok(), "a later correct reset works"));
    assert!(context.is_empty());
}

#[test]
fn r8_reset_to_missing_removes_the_variable() {
    let mut context = Context::new();
    context.run(|| {
        let token = VAR.set(1);
        assert!(VAR.reset(token).is_ok());
        assert_eq!(VAR.get(), 7, "defaults apply again");
    });
    assert!(!context.contains(&VAR));
    assert_eq!(context.len(), 0);
}

#[test]
fn r8_reset_to_an_old_value_binds_it() {
    let mut context = Context::new().with_value(&VAR, 1);
    context.run(|| {
        let token = VAR.set(2);
        assert!(VAR.reset(token).is_ok());
    });
    assert_eq!(context.get(&VAR), Some(&1));
}

#[test]
fn r9_there_is_no_order_of_resets() {
    Context::new().run(|| {
        let (a, _b, c) = (VAR.set(1), VAR.set(2), VAR.set(3));
        assert!(VAR.reset(a).is_ok());
        assert!(!Context::current().contains(&VAR));
        assert!(VAR.reset(c).is_ok());
        assert_eq!(VAR.get(), 2);
    });
}

#[test]
fn r10_a_token_works_in_its_context_entered_later_on_any_thread() {
    let mut context = Context::new().with_value(&VAR, 1);
    let (first, second) = context.run(|| (VAR.set(2), VAR.set(3)));
    context.run(|| assert!(VAR.reset(second).is_ok()));
    assert_eq!(context.get(&VAR), Some(&2));
    let context = on_thread(move || {
        context.run(|| assert!(VAR.reset(first).is_ok()));
        context
    });
    assert_eq!(context.get(&VAR), Some(&1));
}

#[test]
fn r10_a_token_does_not_work_in_an_equal_copy() {
    let mut context = Context::new();
    context.run(|| {
        let token = VAR.set(1);
        let mut copy = Context::current();
        let error = copy.run(|| VAR.reset(token)).expect_err("a copy is another context");
        assert_eq!(error.kind(), ResetErrorKind::WrongContext);
        assert!(VAR.reset(error.into_token()).is_ok());
        assert_eq!(copy.get(&VAR), Some(&1));
    });
}
