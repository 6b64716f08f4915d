//! Sentence 10: a context's identity is the logical context, not the map. The identity decides only which tokens work in which
//! context.

use std::mem;

use contextvars::{
    Context, ContextExt, ContextVar, ResetErrorKind, Token, WithContext, copy_context,
};

use crate::support::{ByHand, on_thread, yield_once};

static V: ContextVar<u32> = ContextVar::new("v");

/// Returns a context in which `V` was set from 1 to 2, and the token of that `set`.
fn with_token() -> (Context, Token<u32>) {
    let mut context = Context::new().with_value(&V, 1);
    let token = context.run(|| V.set(2));
    (context, token)
}

/// Checks that the current context refuses the token, and returns the token.
///
/// Tries it twice: in the unchanged context, and after a `set` in it, because a context is assigned its identity by its first
/// `set`.
#[track_caller]
fn refused(token: Token<u32>) -> Token<u32> {
    let once = V.reset(token).expect_err("this is not the token's context");
    assert_eq!(once.kind(), ResetErrorKind::WrongContext);
    let twice = V.sync_scope(0, || V.reset(once.into_token())).expect_err("still another context");
    assert_eq!(twice.kind(), ResetErrorKind::WrongContext);
    twice.into_token()
}

#[track_caller]
fn accepted(token: Token<u32>) {
    V.reset(token).expect("this is the token's context");
}

#[test]
fn a_clone_is_another_context() {
    let (mut context, token) = with_token();
    let mut clone = context.clone();
    assert!(clone.ptr_eq(&context), "of the same snapshot");
    let token = clone.run(|| refused(token));
    context.run(|| accepted(token));
    assert_eq!((context.get(&V), clone.get(&V)), (Some(&1), Some(&2)));
}

#[test]
fn the_original_refuses_the_clones_token() {
    let (mut context, _) = with_token();
    let mut clone = context.clone();
    let token = clone.run(|| V.set(3));
    let token = context.run(|| refused(token));
    clone.run(|| accepted(token));
}

#[test]
fn clones_of_a_context_that_was_never_entered_differ() {
    static NEVER_ENTERED: Context = Context::new();
    let mut clones = [NEVER_ENTERED.clone(), NEVER_ENTERED.clone(), Context::new()];
    let token = clones[0].run(|| V.set(1));
    let token = clones[1].run(|| refused(token));
    let token = clones[2].run(|| refused(token));
    clones[0].run(|| accepted(token));
}

#[test]
fn a_clone_taken_before_the_first_entry_is_not_the_original() {
    let mut original = Context::new();
    let mut clone = original.clone();
    let token = original.run(|| V.set(1));
    let token = clone.run(|| refused(token));
    let token = clone.clone().run(|| refused(token));
    original.run(|| accepted(token));
}

#[test]
fn copies_of_the_current_context_are_other_contexts() {
    Context::new().run(|| {
        let token = V.set(1);
        let token = Context::current().run(|| refused(token));
        let token = copy_context().run(|| refused(token));
        accepted(token);
    });
}

#[test]
fn new_and_default_give_other_contexts() {
    let (mut context, token) = with_token();
    let token = Context::new().run(|| refused(token));
    let token = Context::default().run(|| refused(token));
    context.run(|| accepted(token));
}

#[test]
fn contexts_with_the_same_snapshot_are_still_two() {
    let (context, _) = with_token();
    let (mut one, mut two) = (context.clone(), context.clone());
    assert!(one.ptr_eq(&two));
    let token = one.run(|| V.set(3));
    let token = two.run(|| refused(token));
    one.run(|| accepted(token));
}

#[test]
fn the_identity_moves_with_the_value() {
    let (mut here, token) = with_token();
    let mut there = Context::new();
    mem::swap(&mut here, &mut there);
    let token = here.run(|| refused(token));
    there.run(|| accepted(token));
    assert_eq!(there.get(&V), Some(&1));

    let token = there.run(|| V.set(5));
    let mut boxed = Box::new(mem::take(&mut there));
    let token = there.run(|| refused(token));
    boxed.run(|| accepted(token));
}

#[test]
fn with_value_remove_and_retain_keep_the_identity() {
    static OTHER: ContextVar<u32> = ContextVar::new("other");
    let (context, token) = with_token();
    let mut context = context.with_value(&OTHER, 3).with_value(&V, 4);
    assert!(context.remove(&OTHER));
    context.retain(|_| false);
    assert!(context.is_empty());
    context.run(|| accepted(token));
    assert_eq!(context.get(&V), Some(&1));
}

#[test]
fn with_value_keeps_the_identity_of_a_context_that_was_never_entered() {
    let context = Context::new();
    let clone = context.clone();
    let mut valued = context.with_value(&V, 1);
    let mut valued_clone = clone.with_value(&V, 1);
    let token = valued.run(|| V.set(2));
    let token = valued_clone.run(|| refused(token));
    valued.run(|| accepted(token));
}

#[test]
fn the_identity_moves_into_a_wrapper() {
    let (context, token) = with_token();
    let mut future = ByHand::new(async move { accepted(token) }.in_context(context));
    future.last_step();
    assert_eq!(future.0.context().get(&V), Some(&1));
}

#[test]
fn the_identity_moves_out_of_a_wrapper() {
    let mut future = WithContext::new(Box::pin(async { V.set(1) }), Context::new());
    let token = crate::support::poll_once(std::pin::Pin::new(&mut future));
    let std::task::Poll::Ready(token) = token else { panic!("nothing to wait for") };
    let token = Context::new().run(|| refused(token));
    let (_, mut context) = future.into_parts();
    context.run(|| accepted(token));
    assert!(context.is_empty());
}

#[test]
fn take_context_takes_the_identity_along() {
    let (made, returned) = (std::cell::Cell::new(None), std::cell::Cell::new(None));
    let mut future = ByHand::new(
        async {
            made.set(Some(V.set(1)));
            yield_once().await;
            returned.set(made.take().map(refused));
        }
        .in_context(Context::new()),
    );
    future.step();
    let mut context = future.0.as_mut().take_context();
    future.last_step();
    let token = returned.take().expect("it came back");
    context.run(|| accepted(token));
}

#[test]
fn every_poll_of_a_wrapper_is_in_the_same_context() {
    let mut future = ByHand::new(
        async {
            let token = V.set(1);
            yield_once().await;
            accepted(token);
        }
        .in_context(Context::new()),
    );
    future.step();
    future.last_step();
}

#[test]
fn a_wrapper_is_not_the_context_it_was_captured_from() {
    Context::new().run(|| {
        let token = V.set(1);
        let mut future = ByHand::new(async move { refused(token) }.in_current_context());
        let token = future.last_step();
        accepted(token);
    });
}

#[test]
fn every_threads_own_context_has_its_own_identity() {
    let (token, back) = on_thread(|| {
        let token = V.set(1);
        let token = on_thread(move || refused(token));
        let token = Context::new().run(|| refused(token));
        let other = V.set(2);
        accepted(token);
        (V.set(3), other)
    });
    on_thread(move || {
        refused(token);
        refused(back);
    });
}

#[test]
fn identities_of_threads_are_never_reused() {
    let mut tokens: Vec<Token<u32>> = Vec::new();
    for _ in 0..50 {
        let earlier = mem::take(&mut tokens);
        tokens = on_thread(move || {
            let mut tokens: Vec<_> = earlier.into_iter().map(refused).collect();
            tokens.push(V.set(1));
            tokens
        });
    }
}

#[test]
fn identities_of_contexts_are_never_reused() {
    let mut tokens: Vec<Token<u32>> = Vec::new();
    for _ in 0..50 {
        // The context is boxed, so that the allocator returns the same address again.
        let mut context = Box::new(Context::new());
        tokens = context.run(|| {
            let mut tokens: Vec<_> = mem::take(&mut tokens).into_iter().map(refused).collect();
            tokens.push(V.set(1));
            tokens
        });
    }
}

#[test]
fn a_token_works_when_its_context_is_entered_again_on_any_thread() {
    let (mut context, token) = with_token();
    context.run(|| V.set(7));
    let context = on_thread(move || {
        context.run(|| accepted(token));
        context
    });
    assert_eq!(context.get(&V), Some(&1));
}

#[test]
fn a_token_of_the_thread_works_after_other_contexts_were_entered() {
    on_thread(|| {
        let token = V.set(1);
        let token = Context::new().run(|| {
            V.set(2);
            Context::current().run(|| refused(token))
        });
        accepted(token);
        assert!(V.try_get().is_err());
    });
}
