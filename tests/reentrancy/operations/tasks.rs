//! `propagate` and the futures that carry a context.

use contextvars::{
    Context, ContextExt as _, WithContext, propagate, propagate_fn, propagate_once_with,
    propagate_with,
};

use super::operations;
use crate::probe::{OTHER, Operation, Probe, SUBJECT, State};
use crate::support::{ByHand, OnDrop, panic_text, yield_once};

pub(super) const ALL: &[Operation] = operations![
    keeps: true,
    propagate_carries_the_context,
    propagate_drops_its_captures_inside,
    propagate_fn_starts_from_the_same_copy_each_time,
    propagate_with_passes_its_argument,
    propagate_once_with_passes_its_argument,
    a_future_completes_in_its_context,
    a_future_keeps_its_sets_between_polls,
    a_future_is_dropped_unpolled_in_its_context,
    a_future_is_dropped_half_way_in_its_context,
    a_future_that_panics_restores_the_thread,
    a_future_polled_after_completion_panics,
    a_future_is_taken_apart,
    futures_inside_futures,
];

fn subject() -> Option<u64> {
    SUBJECT.try_with(Probe::number).ok()
}

/// Declares a guard whose destructor reads `OTHER`, and the cell that it writes the value to.
macro_rules! seen_on_drop {
    ($guard:ident, $seen:ident) => {
        let $seen = std::cell::Cell::new(None);
        let $guard = OnDrop(|| $seen.set(OTHER.try_get().ok()));
    };
}

fn propagate_carries_the_context() {
    let work = SUBJECT.sync_scope(Probe::new(1), || propagate(subject));
    let before = State::now();
    assert_eq!(work(), Some(1));
    assert_eq!(State::now(), before);
}

fn propagate_drops_its_captures_inside() {
    seen_on_drop!(guard, seen);
    let work = OTHER.sync_scope(2, || propagate(move || drop(guard)));
    drop(work);
    assert_eq!(seen.get(), Some(2));
}

fn propagate_fn_starts_from_the_same_copy_each_time() {
    let work = OTHER.sync_scope(3, || {
        propagate_fn(|| {
            let token = OTHER.set(4);
            token.old_value().copied()
        })
    });
    assert_eq!((work(), work()), (Some(3), Some(3)));
}

fn propagate_with_passes_its_argument() {
    let work = OTHER.sync_scope(3, || {
        propagate_with(|argument: Probe| {
            let token = OTHER.set(4);
            (argument.number(), token.old_value().copied())
        })
    });
    assert_eq!((work(Probe::new(5)), work(Probe::new(6))), ((5, Some(3)), (6, Some(3))));
}

fn propagate_once_with_passes_its_argument() {
    seen_on_drop!(guard, seen);
    let work = OTHER.sync_scope(7, || {
        propagate_once_with(move |argument: Probe| {
            let _guard = guard;
            argument.number()
        })
    });
    assert_eq!((work(Probe::new(8)), seen.get()), (8, Some(7)));
}

fn a_future_completes_in_its_context() {
    let future = SUBJECT.sync_scope(Probe::new(5), || async { subject() }.in_current_context());
    let before = State::now();
    assert_eq!(ByHand::new(future).last_step(), Some(5));
    assert_eq!(State::now(), before);
}

fn a_future_keeps_its_sets_between_polls() {
    let future = async {
        let token = SUBJECT.set(Probe::new(6));
        yield_once().await;
        assert_eq!(subject(), Some(6));
        SUBJECT.reset(token).unwrap();
        subject()
    };
    let before = subject();
    let mut future = ByHand::new(future.in_current_context());
    future.step();
    assert_eq!(subject(), before);
    assert_eq!(future.last_step(), before);
}

fn a_future_is_dropped_unpolled_in_its_context() {
    seen_on_drop!(guard, seen);
    let future = async move { drop(guard) };
    drop(future.in_context(Context::new().with_value(&OTHER, 7)));
    assert_eq!(seen.get(), Some(7));
}

fn a_future_is_dropped_half_way_in_its_context() {
    seen_on_drop!(guard, seen);
    let future = async move {
        let _guard = guard;
        drop(OTHER.set(8));
        yield_once().await;
    };
    let mut future = ByHand::new(future.in_current_context());
    future.step();
    drop(future);
    assert_eq!(seen.get(), Some(8));
}

fn a_future_that_panics_restores_the_thread() {
    let before = State::now();
    let future = async {
        drop(OTHER.set(9));
        panic!("in the poll");
    };
    let mut future = ByHand::new(future.in_current_context());
    assert_eq!(panic_text(|| future.poll()), "in the poll");
    assert_eq!(future.0.context().get(&OTHER), Some(&9));
    assert_eq!(State::now(), before);
}

fn a_future_polled_after_completion_panics() {
    let mut future = ByHand::new(async {}.in_current_context());
    future.last_step();
    assert!(panic_text(|| future.poll()).contains("completion"));
}

fn a_future_is_taken_apart() {
    let mut future = ByHand::new(WithContext::new(
        async { drop(OTHER.set(10)) },
        Context::new().with_value(&SUBJECT, Probe::new(11)),
    ));
    assert!(future.0.inner().is_some());
    future.last_step();
    assert!(future.0.inner().is_none());
    let context = future.0.as_mut().take_context();
    assert_eq!((context.len(), context.get(&OTHER)), (2, Some(&10)));
    assert!(future.0.context().is_empty());
    let (inner, rest) = async {}.in_context(context).into_parts();
    assert!(inner.is_some());
    assert_eq!(rest.get(&SUBJECT).map(Probe::number), Some(11));
}

fn futures_inside_futures() {
    let inner = async {
        yield_once().await;
        subject()
    };
    let outer = async {
        drop(SUBJECT.set(Probe::new(12)));
        let inner = inner.in_current_context();
        drop(SUBJECT.set(Probe::new(13)));
        (inner.await, subject())
    };
    assert_eq!(ByHand::new(outer.in_current_context()).finish(), (Some(12), Some(13)));
}
