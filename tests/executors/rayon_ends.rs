//! `WithContext` as a parallel iterator: the operation that ends the chain also runs in the context.

use std::collections::{BTreeSet, HashMap};

use contextvars::{Context, ContextExt};
use rayon::prelude::*;

use crate::checked::{ITEMS, items, run};
use crate::pool::marked_pool;

#[test]
fn try_for_each_runs_in_the_context_and_stops_at_an_error() {
    let done = run(|checked| items().try_for_each(|_| checked.pass(Ok::<_, u32>(()))));
    assert_eq!(done, Ok(()));
    let until = |n| if n == 150 { Err(n) } else { Ok(()) };
    assert_eq!(run(|checked| items().try_for_each(|n| checked.pass(until(n)))), Err(150));
}

#[test]
fn try_fold_and_try_reduce_run_in_the_context() {
    let total = run(|checked| {
        items()
            .try_fold(|| 0, |sum: u32, n| checked.pass(sum.checked_add(n)))
            .try_reduce(|| 0, u32::checked_add)
    });
    assert_eq!(total, Some(19_900));
    let total = run(|checked| {
        items().map(Some).try_reduce(|| 0, |one, other| checked.pass(one.checked_add(other)))
    });
    assert_eq!(total, Some(19_900));
}

#[test]
fn sum_and_max_run_in_the_context() {
    assert_eq!(run(|checked| items().map(|n| checked.pass(n)).sum::<u32>()), 19_900);
    let max = run(|checked| items().max_by(|one, other| checked.pass(one.cmp(other))));
    assert_eq!(max, Some(ITEMS - 1));
}

#[test]
fn a_search_runs_in_the_context() {
    let found = run(|checked| items().find_any(|n| checked.pass(*n >= 150)));
    assert!(found.is_some_and(|n| n >= 150));
    let found = run(|checked| items().find_first(|n| checked.pass(*n >= 150)));
    assert_eq!(found, Some(150));
    assert!(run(|checked| items().any(|n| checked.pass(n == 150))));
    assert!(!run(|checked| items().all(|n| checked.pass(n < 150))));
}

#[test]
fn a_search_stops_when_it_has_found() {
    let calls = run(|checked| {
        marked_pool(1).install(|| {
            assert_eq!(items().find_any(|n| checked.pass(*n == 3)), Some(3));
            checked.calls()
        })
    });
    assert_eq!(calls, 4);
}

#[test]
fn collecting_into_maps_and_sets_runs_in_the_context() {
    let squares: HashMap<_, _> = run(|checked| items().map(|n| checked.pass((n, n * n))).collect());
    assert_eq!((squares.len(), squares[&14]), (200, 196));
    let ordered: BTreeSet<_> = run(|checked| items().map(|n| checked.pass(n)).collect());
    assert!(ordered.into_iter().eq(0..ITEMS));
}

#[test]
fn collecting_into_pairs_and_results_runs_in_the_context() {
    let (even, odd): (Vec<_>, Vec<_>) =
        run(|checked| items().partition(|n| checked.pass(n % 2 == 0)));
    assert_eq!((even[50], odd[50]), (100, 101));
    let (one, other): (Vec<_>, Vec<_>) =
        run(|checked| items().map(|n| checked.pass((n, n + 1))).unzip());
    assert_eq!((one[50], other[50]), (50, 51));
    let until = |n| if n == 150 { Err(n) } else { Ok(n) };
    let failed: Result<Vec<_>, _> =
        run(|checked| items().map(|n| checked.pass(until(n))).collect());
    assert_eq!(failed, Err(150));
}

#[test]
fn the_length_is_known_as_it_was_before_the_adaptor() {
    assert_eq!(items().opt_len(), Some(200));
    let some = (0..ITEMS).into_par_iter().filter(|n| n % 2 == 0);
    assert_eq!(some.in_context(Context::new()).opt_len(), None);
}
