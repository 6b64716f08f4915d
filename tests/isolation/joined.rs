//! Futures that are joined, selected or collected share the context of their task unless they are wrapped.

use std::cell::Cell;
use std::rc::Rc;

use contextvars::{Context, ContextExt, ContextVar};
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;

use crate::support::{ByHand, OnDrop, yield_once};

static A: ContextVar<u32> = ContextVar::new("a");
static B: ContextVar<u32> = ContextVar::new("b");

fn seen() -> Option<u32> {
    A.try_get().ok()
}

/// Binds `A`, and checks at every step that `A` still has this value.
async fn mind_my_own(id: u32, steps: u32) -> u32 {
    let token = A.set(id);
    for _ in 0..steps {
        yield_once().await;
        assert_eq!(A.get(), id);
    }
    assert!(A.reset(token).is_ok());
    id
}

#[test]
fn wrapped_futures_in_an_unordered_set_do_not_see_each_other() {
    let work = async {
        A.set(77);
        let mut all: FuturesUnordered<_> =
            (0..20).map(|id| mind_my_own(id * 1000, id % 5).in_context(Context::new())).collect();
        let mut done = Vec::new();
        while let Some(id) = all.next().await {
            assert_eq!(A.get(), 77);
            done.push(id / 1000);
        }
        done.sort_unstable();
        done
    };
    let done = ByHand::new(work.in_current_context()).finish();
    assert!(done.into_iter().eq(0..20));
}

#[test]
fn futures_in_an_unordered_set_share_unless_they_are_wrapped() {
    async fn set_and_look(value: u32) -> u32 {
        A.set(value);
        yield_once().await;
        A.get()
    }
    let work = async {
        let bare: Vec<u32> = [set_and_look(1), set_and_look(2)]
            .into_iter()
            .collect::<FuturesUnordered<_>>()
            .collect()
            .await;
        let wrapped: FuturesUnordered<_> =
            [set_and_look(1).in_current_context(), set_and_look(2).in_current_context()]
                .into_iter()
                .collect();
        let mut wrapped: Vec<u32> = wrapped.collect().await;
        wrapped.sort_unstable();
        (bare, wrapped)
    };
    let (bare, wrapped) = ByHand::new(work.in_context(Context::new())).finish();
    assert_eq!(bare[0], bare[1], "both saw the last set");
    assert_eq!(wrapped, [1, 2]);
}

#[test]
fn the_loser_of_a_select_is_dropped_inside_its_context() {
    let dropped_in = Rc::new(Cell::new(None));
    let guard = OnDrop({
        let dropped_in = Rc::clone(&dropped_in);
        move || dropped_in.set(seen())
    });
    let loser = async move {
        A.set(5);
        std::future::pending::<()>().await;
        drop(guard);
    };
    let work = async {
        A.set(9);
        futures::select_biased! {
            () = futures::FutureExt::fuse(Box::pin(loser.in_current_context())) => unreachable!(),
            () = futures::FutureExt::fuse(Box::pin(yield_once())) => {},
        }
        A.get()
    };
    assert_eq!(ByHand::new(work.in_context(Context::new())).finish(), 9);
    assert_eq!(dropped_in.get(), Some(5));
}

#[test]
fn a_join_of_joins_keeps_every_branch_apart() {
    let branch = |group: u32| {
        let parts =
            (0..3).map(move |n| mind_my_own(group * 10_000 + n * 1000, 4).in_current_context());
        async move {
            B.set(group);
            let ids = join_all(parts).await;
            assert_eq!((seen(), B.get()), (None, group));
            ids.len()
        }
        .in_current_context()
    };
    let work = join_all((0..4).map(branch));
    assert_eq!(ByHand::new(work.in_context(Context::new())).finish(), [3; 4]);
}
