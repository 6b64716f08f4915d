//! Sentence 16: a bare `.await` shares the caller's context, and so do the branches of `join!` and `select!` unless they are
//! wrapped.

use contextvars::{Context, ContextExt, ContextVar};
use futures::future::{Either, join_all, select};
use futures::{FutureExt, pin_mut};

use crate::support::{ByHand, yield_once};

static A: ContextVar<u32> = ContextVar::new("a");

/// Polls the future to completion in a context of its own and returns that context.
fn finish(future: impl Future<Output = ()>) -> Context {
    let mut future = ByHand::new(future.in_context(Context::new()));
    future.finish();
    future.0.context().clone()
}

/// Sets `A`, yields once, and returns the value of `A`.
async fn set_and_look(value: u32) -> u32 {
    A.set(value);
    yield_once().await;
    A.get()
}

#[test]
fn a_bare_await_shares_the_callers_context() {
    let context = finish(async {
        let token = A.set(1);
        assert_eq!(set_and_look(2).await, 2);
        assert_eq!(A.get(), 2, "the caller sees the callee's set");
        assert!(A.reset(token).is_ok());
        let token = async { A.set(3) }.await;
        assert!(A.reset(token).is_ok(), "the token belongs to the caller's context");
    });
    assert!(context.is_empty());
}

#[test]
fn branches_of_join_share_the_context() {
    finish(async {
        let seen = futures::join!(set_and_look(1), set_and_look(2));
        assert_eq!(seen, (2, 2), "each sees the last set of any");
        assert_eq!(A.get(), 2);
        assert_eq!(join_all([set_and_look(3), set_and_look(4)]).await, [4, 4]);
    });
}

#[test]
fn wrapped_branches_of_join_have_a_context_each() {
    finish(async {
        A.set(9);
        let seen = futures::join!(
            set_and_look(1).in_current_context(),
            set_and_look(2).in_current_context(),
            async { A.get() }.in_current_context(),
        );
        assert_eq!(seen, (1, 2, 9));
        assert_eq!(A.get(), 9);
    });
}

#[test]
fn branches_of_select_share_the_context() {
    finish(async {
        let (one, two) = (set_and_look(1), set_and_look(2));
        pin_mut!(one, two);
        match select(one, two).await {
            Either::Left((seen, _)) => assert_eq!(seen, 2, "the first sees the second's set"),
            Either::Right(_) => panic!("the first branch is polled first"),
        }
        assert_eq!(A.get(), 2, "the set of the losing branch stays");
    });
}

#[test]
fn wrapped_branches_of_select_have_a_context_each() {
    finish(async {
        A.set(9);
        let one = set_and_look(1).in_current_context().fuse();
        let two = set_and_look(2).in_current_context().fuse();
        pin_mut!(one, two);
        let seen = futures::select_biased! { seen = one => seen, seen = two => seen };
        assert_eq!(seen, 1);
        assert_eq!(A.get(), 9);
    });
}

#[test]
fn a_boxed_or_nested_future_shares_like_any_other() {
    finish(async {
        let boxed: futures::future::BoxFuture<'_, u32> = set_and_look(1).boxed();
        let nested = async {
            let seen = boxed.await;
            A.set(seen + 1);
        };
        assert_eq!(nested.map(|()| A.get()).await, 2);
    });
}
