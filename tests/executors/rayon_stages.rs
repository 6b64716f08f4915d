//! `WithContext` as a parallel iterator: every later stage runs in the context, on any worker.

use std::sync::atomic::{AtomicUsize, Ordering};

use contextvars::ContextExt;
use rayon::prelude::*;

use crate::checked::{ITEMS, State, items, run};
use crate::common::{OUTSIDE, bound, seen};

#[test]
fn map_runs_in_the_context_and_collect_keeps_the_order() {
    let collected: Vec<_> = run(|checked| items().map(|n| checked.pass(n)).collect());
    assert_eq!(collected, (0..ITEMS).collect::<Vec<_>>());
}

#[test]
fn filter_runs_in_the_context_and_collect_keeps_the_order() {
    let collected: Vec<_> = run(|checked| items().filter(|n| checked.pass(n % 3 == 0)).collect());
    assert_eq!(collected, (0..ITEMS).step_by(3).collect::<Vec<_>>());
}

#[test]
fn filter_map_inspect_and_update_run_in_the_context() {
    let count = run(|checked| {
        items()
            .filter_map(|n| (seen() == Some(1)).then_some(n))
            .inspect(|_| assert_eq!(seen(), Some(1)))
            .update(|n| *n = checked.pass(*n))
            .count()
    });
    assert_eq!(count, 200);
}

#[test]
fn for_each_runs_in_the_context() {
    run(|checked| items().for_each(|_| checked.pass(())));
    run(|checked| items().for_each_with(0, |_, _| checked.pass(())));
    run(|checked| items().for_each_init(|| checked.pass(()), |(), _| assert_eq!(seen(), Some(1))));
}

#[test]
fn fold_begins_and_goes_on_in_the_context() {
    let add = |sum, n| {
        assert_eq!(seen(), Some(1));
        sum + n
    };
    let begin = run(|checked| items().fold(|| checked.pass(0), add).sum::<u32>());
    let go_on = run(|checked| items().fold(|| 0, |sum, n| checked.pass(sum + n)).sum::<u32>());
    assert_eq!((begin, go_on), (19_900, 19_900));
}

#[test]
fn reduce_begins_and_combines_in_the_context_also_the_parts_of_the_workers() {
    let begin = run(|checked| items().reduce(|| checked.pass(0), |one, other| one + other));
    let pieces = AtomicUsize::new(0);
    let combine = run(|checked| {
        let begin = || {
            pieces.fetch_add(1, Ordering::AcqRel);
            0
        };
        let total = items().reduce(begin, |one, other| checked.pass(one + other));
        // There is one call for each item, and one for each piece that is joined to its neighbour.
        assert_eq!(checked.calls(), 200 + pieces.load(Ordering::Acquire) - 1);
        total
    });
    assert_eq!((begin, combine), (19_900, 19_900));
    assert!(pieces.load(Ordering::Acquire) > 1, "there was nothing to combine");
}

#[test]
fn map_with_clones_and_drops_its_state_in_the_context() {
    let total = run(|checked| {
        let read = |_: &mut State<'_>, n| {
            assert_eq!(seen(), Some(1));
            n
        };
        items().map_with(State(checked), read).sum::<u32>()
    });
    assert_eq!(total, 19_900);
    run(|checked| items().map_with((), |(), _| checked.pass(())).count());
}

#[test]
fn map_init_begins_goes_on_and_drops_its_state_in_the_context() {
    run(|checked| {
        let read = |_: &mut State<'_>, _| assert_eq!(seen(), Some(1));
        items().map_init(|| checked.pass(State(checked)), read).count()
    });
    run(|checked| items().map_init(|| (), |(), _| checked.pass(())).count());
}

#[test]
fn flat_map_runs_in_the_context_and_collect_keeps_the_order() {
    let expected: Vec<_> = (0..ITEMS).flat_map(|n| [n, n]).collect();
    let collected: Vec<_> = run(|checked| items().flat_map(|n| checked.pass([n, n])).collect());
    assert_eq!(collected, expected);
    let collected: Vec<_> = run(|checked| {
        let read = |n| {
            assert_ne!(seen(), Some(OUTSIDE));
            n
        };
        items().flat_map_iter(|n| checked.pass([n, n])).map(read).collect()
    });
    assert_eq!(collected, expected);
}

#[test]
fn a_chain_of_many_stages_runs_in_the_context() {
    let total: u32 = run(|checked| {
        items()
            .map(|n| n + seen().expect("it is bound"))
            .filter(|n| n % 2 == seen().expect("it is bound"))
            .fold(|| 0, |sum, n| sum + n * seen().expect("it is bound"))
            .map(|sum| checked.pass(sum))
            .sum()
    });
    assert_eq!(total, 10_000);
}

#[test]
fn items_whose_number_is_not_known_are_split_and_joined_in_the_context() {
    // Text is split differently from ranges and slices.
    let text = "letter ".repeat(100);
    let letters = || text.par_chars().in_context(bound(1));
    let collected: String = run(|checked| letters().map(|c| checked.pass(c)).collect());
    assert_eq!(collected, text);

    let read = |_: &mut State<'_>, c| {
        assert_eq!(seen(), Some(1));
        c
    };
    let kept: String = run(|checked| letters().map_with(State(checked), read).collect());
    assert_eq!(kept, text);

    let pieces = AtomicUsize::new(0);
    let length = run(|checked| {
        let begin = || {
            pieces.fetch_add(1, Ordering::AcqRel);
            0
        };
        letters().map(|_| 1).reduce(begin, |one, other| checked.pass(one + other))
    });
    assert_eq!(length, text.len());
    assert!(pieces.load(Ordering::Acquire) > 1, "there was nothing to combine");
}
