//! rayon's `join`, `scope` and `spawn`, in the caller's context.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use contextvars::{Context, ContextExt, ContextVar, propagate, propagate_fn};
use rayon::prelude::*;

use crate::common::{A, OUTSIDE, all, bound, guard, seen};
use crate::pool::{assert_restored, marked_pool};
use crate::support::{Counted, Counter, panic_text, text_of};

#[test]
fn both_halves_of_a_join_start_from_a_copy_of_the_callers_context() {
    let pool = marked_pool(2);
    let mut request = bound(1);
    let meet = Barrier::new(2);
    let half = |n| {
        meet.wait(); // the other half is on the other worker
        let first = seen();
        A.set(n);
        meet.wait();
        (first, seen())
    };
    let work = || {
        let both = contextvars::rayon::join(|| half(2), || half(3));
        (both, seen())
    };
    let (both, after) = pool.install(|| request.run(work));
    assert_eq!(both, ((Some(1), Some(2)), (Some(1), Some(3))));
    assert_eq!(after, Some(1), "values set by a half are discarded");
    assert_restored(&pool);
}

#[test]
fn both_halves_of_a_join_on_one_worker_start_from_a_copy_of_the_callers_context() {
    let pool = marked_pool(1);
    let half = |n| {
        let first = seen();
        A.set(n);
        first
    };
    let work = || (contextvars::rayon::join(|| half(2), || half(3)), seen());
    assert_eq!(pool.install(|| bound(1).run(work)), ((Some(1), Some(1)), Some(1)));
    assert_eq!(pool.install(|| Context::new().run(work)), ((None, None), None));
    assert_restored(&pool);
}

#[test]
fn a_half_that_panics_restores_the_worker_and_the_other_still_runs() {
    let pool = marked_pool(2);
    let ran = AtomicUsize::new(0);
    let other = || {
        assert_eq!(seen(), Some(1));
        A.set(3);
        ran.fetch_add(1, Ordering::AcqRel);
    };
    let panics = || {
        A.set(2);
        panic!("with {}", A.get());
    };
    let text =
        pool.install(|| bound(1).run(|| panic_text(|| contextvars::rayon::join(panics, other))));
    assert_eq!(text, "with 2");
    let text =
        pool.install(|| bound(1).run(|| panic_text(|| contextvars::rayon::join(other, panics))));
    assert_eq!((text.as_str(), ran.load(Ordering::Acquire)), ("with 2", 2));
    assert_restored(&pool);
}

#[test]
fn a_join_of_many_levels_inherits_at_each() {
    fn sum(depth: u32) -> u32 {
        assert_eq!(seen(), Some(depth));
        if depth == 8 {
            return 1;
        }
        A.set(depth + 1);
        let (left, right) = contextvars::rayon::join(|| sum(depth + 1), || sum(depth + 1));
        assert_eq!(seen(), Some(depth + 1));
        left + right
    }
    let pool = marked_pool(3);
    assert_eq!(pool.install(|| bound(0).run(|| sum(0))), 256);
    assert_restored(&pool);
}

#[test]
fn jobs_spawned_in_a_scope_have_the_context_of_the_spawn_call() {
    let pool = marked_pool(2);
    let mut jobs = [None; 4];
    let (op, after) = pool.install(|| {
        bound(1).run(|| {
            let op = contextvars::rayon::scope(|scope| {
                let op = seen();
                for (n, job) in (10..).zip(&mut jobs) {
                    A.set(n);
                    scope.spawn(move |_| {
                        *job = seen();
                        A.set(50);
                    });
                }
                (op, seen())
            });
            (op, seen())
        })
    });
    assert_eq!(op, (Some(1), Some(13)), "the scope itself runs in a copy");
    assert_eq!(after, Some(1));
    assert_eq!(jobs, [Some(10), Some(11), Some(12), Some(13)]);
    assert_restored(&pool);
}

#[test]
fn nested_spawns_of_a_scope_inherit_from_the_job_that_spawns() {
    fn descend<'scope>(
        scope: &contextvars::rayon::Scope<'_, 'scope>,
        depth: u32,
        jobs: &'scope AtomicUsize,
    ) {
        assert_eq!(seen(), Some(depth));
        jobs.fetch_add(1, Ordering::AcqRel);
        if depth < 6 {
            A.set(depth + 1);
            scope.spawn(move |scope| descend(scope, depth + 1, jobs));
            scope.spawn(move |scope| descend(scope, depth + 1, jobs));
            A.set(OUTSIDE);
        }
    }
    let pool = marked_pool(3);
    let jobs = AtomicUsize::new(0);
    pool.install(|| bound(0).run(|| contextvars::rayon::scope(|scope| descend(scope, 0, &jobs))));
    assert_eq!(jobs.load(Ordering::Acquire), 127);
    assert_restored(&pool);
}

#[test]
fn a_job_of_a_scope_that_panics_restores_the_worker_and_the_others_still_run() {
    let pool = marked_pool(2);
    let ran = AtomicUsize::new(0);
    let work = || {
        contextvars::rayon::scope(|scope| {
            for n in 0..20 {
                let ran = &ran;
                scope.spawn(move |scope| {
                    A.set(100 + n);
                    scope.spawn(move |_| {
                        assert_eq!(seen(), Some(100 + n));
                        ran.fetch_add(1, Ordering::AcqRel);
                    });
                    assert!(n % 10 != 3, "at {}", A.get());
                });
            }
        });
    };
    let text = pool.install(|| bound(1).run(|| panic_text(work)));
    assert!(["at 103", "at 113"].contains(&text.as_str()), "{text}");
    assert_eq!(ran.load(Ordering::Acquire), 20);
    assert_restored(&pool);
}

#[test]
fn a_scope_that_panics_itself_restores_the_caller() {
    let pool = marked_pool(2);
    let (guard, dropped) = guard();
    let work = || {
        let text = panic_text(|| {
            contextvars::rayon::scope(move |_| {
                let _guard = guard;
                A.set(2);
                panic!("at {}", A.get());
            });
        });
        (text, seen())
    };
    let outcome = pool.install(|| bound(1).run(work));
    assert_eq!(outcome, (String::from("at 2"), Some(1)));
    assert_eq!(all(&dropped), [Some(2)]);
    assert_restored(&pool);
}

#[test]
fn a_scope_borrows_from_its_caller_and_returns_its_result() {
    let (names, lengths) = (["one", "three"], [AtomicUsize::new(0), AtomicUsize::new(0)]);
    let count = bound(1).run(|| {
        contextvars::rayon::scope(|scope| {
            for (name, length) in names.iter().zip(&lengths) {
                scope.spawn(move |_| length.store(name.len(), Ordering::Release));
            }
            names.len()
        })
    });
    assert_eq!((count, lengths.map(AtomicUsize::into_inner)), (2, [3, 5]));
}

#[test]
fn a_spawned_job_has_the_context_of_the_spawn_call() {
    let pool = marked_pool(2);
    let (report, reported) = channel();
    pool.install(|| {
        bound(1).run(|| {
            for n in 0..10 {
                A.set(n);
                let report = report.clone();
                contextvars::rayon::spawn(move || {
                    report.send((n, seen())).expect("the test is listening");
                    A.set(50);
                });
            }
        });
    });
    drop(report);
    let mut reported: Vec<_> = reported.iter().collect();
    reported.sort_unstable();
    assert_eq!(reported, (0..10).map(|n| (n, Some(n))).collect::<Vec<_>>());
    assert_restored(&pool);
}

#[test]
fn a_spawned_job_drops_its_captures_inside_the_context() {
    let pool = marked_pool(1);
    let (ran, ran_dropped) = guard();
    let (panicked, panicked_dropped) = guard();
    pool.install(|| {
        bound(1).run(|| contextvars::rayon::spawn(move || drop(ran)));
        bound(2).run(|| {
            contextvars::rayon::scope(|scope| {
                let caught = move || {
                    let _guard = panicked;
                    A.set(3);
                    panic!("at three");
                };
                scope.spawn(|_| assert!(catch_unwind(AssertUnwindSafe(caught)).is_err()));
            });
        });
    });
    assert_eq!(ran_dropped.recv(), Ok(Some(1)));
    assert_eq!(panicked_dropped.recv(), Ok(Some(3)));
    assert_restored(&pool);
}

#[test]
fn install_takes_the_context_into_a_pool_by_propagate() {
    let pool = marked_pool(2);
    let mut request = bound(1);
    request.run(|| {
        assert_eq!(pool.install(seen), Some(OUTSIDE), "a bare call reads the worker's value");
        let inside = pool.install(propagate(|| {
            A.set(A.get() + 1);
            contextvars::rayon::join(seen, seen)
        }));
        assert_eq!((inside, seen()), ((Some(2), Some(2)), Some(1)));
        assert_eq!(Context::new().run(|| pool.install(propagate(seen))), None);
    });
    let everywhere = request.run(|| propagate_fn(seen));
    assert_eq!(pool.broadcast(|_| everywhere()), [Some(1); 2]);
    assert_restored(&pool);
}

#[test]
fn a_panic_in_an_installed_closure_reaches_the_caller_and_restores_both() {
    let pool = marked_pool(1);
    bound(1).run(|| {
        let work = propagate(|| {
            A.set(2);
            panic!("at {}", A.get());
        });
        let panic = catch_unwind(AssertUnwindSafe(|| pool.install(work)));
        let panic = panic.map(|(): ()| ()).expect_err("it panicked");
        assert_eq!(text_of(&*panic), "at 2");
        assert_eq!(seen(), Some(1));
    });
    assert_restored(&pool);
}

#[test]
fn values_of_jobs_go_with_their_jobs() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let pool = marked_pool(3);
    let make = |n| drop(VALUE.set(Counted::numbered(&counter, n)));
    pool.install(|| {
        Context::new().run(|| {
            make(0);
            contextvars::rayon::join(|| make(1), || make(2));
            contextvars::rayon::scope(|scope| {
                for n in 3..10 {
                    scope.spawn(move |_| make(n));
                }
            });
            (10..20).into_par_iter().in_current_context().for_each(make);
            assert_eq!(VALUE.with(Counted::number), 0);
        });
    });
    assert_restored(&pool); // every worker has finished the job that it was in
    assert_eq!((counter.made(), counter.live()), (20, 0));
}
