//! Nested and chained parallel iterators: the position at which the adaptor must stand.

use std::sync::Barrier;

use contextvars::ContextExt;
use rayon::prelude::*;

use crate::common::{A, OUTSIDE, bound, seen};
use crate::pool::{assert_restored, marked_pool};

#[test]
fn an_iterator_inside_an_item_inherits_from_the_item() {
    let pool = marked_pool(3);
    let items = (0..20_u32).into_par_iter().in_context(bound(1));
    let read: Vec<_> = pool.install(|| {
        let item = |n| {
            A.set(n);
            let inner = (0..20_u32).into_par_iter().in_current_context();
            let sum: u32 = inner.map(|m| A.get() * 100 + m).sum();
            assert_eq!(seen(), Some(n));
            sum
        };
        items.map(item).collect()
    });
    assert_eq!(read, (0..20).map(|n| n * 2000 + 190).collect::<Vec<_>>());
    assert_restored(&pool);
}

type Read<'a> = &'a (dyn Fn(u32) -> Option<u32> + Sync);

/// Runs two items at the same time on the two workers of a pool, and returns the value that each item reads.
fn side_by_side(drive: impl FnOnce(Read<'_>) -> Vec<Option<u32>> + Send) -> [Option<u32>; 2] {
    let pool = marked_pool(2);
    let meet = Barrier::new(2);
    let read = |_| {
        meet.wait();
        let read = seen();
        meet.wait();
        read
    };
    let read = pool.install(|| drive(&read));
    assert_restored(&pool);
    read.try_into().expect("two items")
}

#[test]
fn items_on_two_workers_at_once_are_both_in_the_context() {
    let two = || [0, 1].into_par_iter();
    let read = side_by_side(|read| two().in_context(bound(1)).map(read).collect());
    assert_eq!(read, [Some(1); 2]);
}

#[test]
fn stages_behind_a_flat_map_need_the_adaptor_again() {
    let one = || [0].into_par_iter().in_context(bound(1));
    let two = || [0, 1].into_par_iter();
    let read = side_by_side(|read| one().flat_map(|_| two()).map(read).collect());
    // This is not promised. The reason is that `flat_map` starts a parallel iterator of its own.
    assert_eq!(read, [Some(1), Some(OUTSIDE)]);

    let behind =
        |read: Read<'_>| one().flat_map(|_| two()).in_context(bound(2)).map(read).collect();
    assert_eq!(side_by_side(behind), [Some(2); 2]);
    let inside =
        |read: Read<'_>| one().flat_map(|_| two().in_current_context()).map(read).collect();
    assert_eq!(side_by_side(inside), [Some(1); 2]);
}

#[test]
fn a_chain_needs_the_adaptor_around_the_whole() {
    let items = || [0].into_par_iter();
    let read = side_by_side(|read| items().in_context(bound(1)).chain([1]).map(read).collect());
    // This is not promised. The reason is that only the first part was wrapped.
    assert_eq!(read, [Some(1), Some(OUTSIDE)]);
    let read = side_by_side(|read| items().chain([1]).in_context(bound(1)).map(read).collect());
    assert_eq!(read, [Some(1); 2]);
}

/// Nests so many jobs, of each kind in turn. Returns the number of levels that read the value of the caller.
fn descend(levels: u32) -> u32 {
    if levels == 0 {
        return 0;
    }
    let below = || descend(levels - 1);
    let deeper = match levels % 3 {
        0 => contextvars::rayon::join(below, || ()).0,
        1 => contextvars::rayon::scope(|_| below()),
        _ => [()].into_par_iter().in_current_context().map(|()| below()).sum(),
    };
    deeper + u32::from(seen() == Some(1))
}

/// A worker that waits steals another item, whose jobs then lie on the same stack. If a worker steals all 16 items, one inside of the
/// other, 320 levels have to fit.
#[test]
fn jobs_that_nest_and_are_stolen_while_they_wait_fit_the_default_stack() {
    let pool = marked_pool(4);
    for _ in 0..20 {
        let items = [20; 16].into_par_iter().in_context(bound(1));
        let levels: u32 = pool.install(|| items.map(descend).sum());
        assert_eq!(levels, 16 * 20);
    }
    assert_restored(&pool);
}
