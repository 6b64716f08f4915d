//! A waiting rayon worker steals unrelated jobs and runs them inside the context in which it waits.
//!
//! Each program runs bare, where the stolen job reads the wrong value, and with either side wrapped. The outcome does not
//! depend on timing, because the job is queued once the worker that will steal it is known to wait.

use std::sync::Barrier;
use std::sync::mpsc::{Sender, channel};

use contextvars::{Context, propagate};
use rayon::ThreadPool;

use crate::common::{A, OUTSIDE, bound, seen};
use crate::pool::{assert_restored, marked_pool};

const ATTEMPTS: usize = 50;

/// The values that the unrelated job and the request whose worker stole it have read.
#[derive(Debug, PartialEq)]
struct Outcome {
    stranger: Option<u32>,
    request: Option<u32>,
}

/// The unrelated job read and changed the request's value.
const STOLEN: Outcome = Outcome { stranger: Some(1), request: Some(7) };
/// Neither read a value of the other.
const APART: Outcome = Outcome { stranger: None, request: Some(1) };

/// Reports the value that it reads, and binds another one.
fn stranger(report: &Sender<Option<u32>>) {
    report.send(seen()).expect("the test is listening");
    A.set(7);
}

/// Queues a job from an empty context. If `wrapped`, the job carries a copy of that context.
fn queue(pool: &ThreadPool, wrapped: bool, job: impl FnOnce() + Send + 'static) {
    Context::new().run(|| if wrapped { pool.spawn(propagate(job)) } else { pool.spawn(job) });
}

/// Runs a request whose worker yields.
fn yielding(wrapped: bool) -> Outcome {
    let pool = marked_pool(1);
    let (report, reported) = channel();
    let (working, queued) = (Barrier::new(2), Barrier::new(2));
    let request = || {
        working.wait();
        queued.wait();
        assert_eq!(rayon::yield_now(), Some(rayon::Yield::Executed));
        seen()
    };
    let request = std::thread::scope(|threads| {
        let request = threads.spawn(|| pool.install(|| bound(1).run(request)));
        working.wait();
        queue(&pool, wrapped, move || stranger(&report));
        queued.wait();
        request.join().expect("no panic")
    });
    assert_restored(&pool);
    Outcome { stranger: reported.recv().expect("it ran"), request }
}

type Half<'a> = &'a (dyn Fn() + Sync);

/// Runs a request on one of two workers. It waits for the other worker, which waits for the unrelated job, so the first worker
/// runs that job. `wait` runs both halves, the second one on the other worker, and returns when both have ended.
fn waiting(wrapped: bool, wait: fn(Half<'_>, Half<'_>)) -> Outcome {
    let pool = marked_pool(2);
    let (report, reported) = channel();
    let (release, released) = crossbeam::channel::bounded(1);
    let (queue_now, may_queue) = channel();
    let stolen = Barrier::new(2);
    let here = || {
        stolen.wait();
        queue_now.send(()).expect("the test is listening");
    };
    let there = || {
        stolen.wait();
        released.recv().expect("the stranger releases");
    };
    let request = || {
        wait(&here, &there);
        seen()
    };
    let request = std::thread::scope(|threads| {
        let request = threads.spawn(|| pool.install(|| bound(1).run(request)));
        may_queue.recv().expect("the second worker is occupied");
        queue(&pool, wrapped, move || {
            stranger(&report);
            release.send(()).expect("the other worker is waiting");
        });
        request.join().expect("no panic")
    });
    assert_restored(&pool);
    Outcome { stranger: reported.recv().expect("it ran"), request }
}

/// Returns how many of `ATTEMPTS` runs had the expected outcome.
fn times(expected: &Outcome, mut program: impl FnMut() -> Outcome) -> usize {
    (0..ATTEMPTS).filter(|_| program() == *expected).count()
}

#[test]
fn a_worker_that_yields_inside_a_request_runs_a_strangers_job_in_it_unless_that_is_wrapped() {
    assert_eq!(times(&STOLEN, || yielding(false)), ATTEMPTS);
    assert_eq!(times(&APART, || yielding(true)), ATTEMPTS);
}

#[test]
fn a_worker_that_waits_in_a_join_runs_a_strangers_job_in_it_unless_either_is_wrapped() {
    let bare = |here: Half<'_>, there: Half<'_>| _ = rayon::join(here, there);
    let wrapped = |here: Half<'_>, there: Half<'_>| _ = contextvars::rayon::join(here, there);
    assert_eq!(times(&STOLEN, || waiting(false, bare)), ATTEMPTS);
    assert_eq!(
        times(&APART, || waiting(false, wrapped)),
        ATTEMPTS,
        "the wait is in a detached context"
    );
    assert_eq!(times(&APART, || waiting(true, bare)), ATTEMPTS);
    assert_eq!(times(&APART, || waiting(true, wrapped)), ATTEMPTS);
}

#[test]
fn a_worker_that_waits_for_a_scope_runs_a_strangers_job_in_it_unless_either_is_wrapped() {
    let bare = |here: Half<'_>, there: Half<'_>| {
        rayon::scope(|scope| {
            scope.spawn(|_| there());
            here();
        });
    };
    let wrapped = |here: Half<'_>, there: Half<'_>| {
        contextvars::rayon::scope(|scope| {
            scope.spawn(|_| there());
            here();
        });
    };
    assert_eq!(times(&STOLEN, || waiting(false, bare)), ATTEMPTS);
    assert_eq!(
        times(&APART, || waiting(false, wrapped)),
        ATTEMPTS,
        "the wait is in a detached context"
    );
    assert_eq!(times(&APART, || waiting(true, bare)), ATTEMPTS);
    assert_eq!(times(&APART, || waiting(true, wrapped)), ATTEMPTS);
}

#[test]
fn a_worker_that_waits_for_an_in_place_scope_runs_a_strangers_job_in_it_unless_either_is_wrapped() {
    let bare = |here: Half<'_>, there: Half<'_>| {
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| there());
            here();
        });
    };
    let wrapped = |here: Half<'_>, there: Half<'_>| {
        contextvars::rayon::in_place_scope(|scope| {
            scope.spawn(|_| there());
            here();
        });
    };
    assert_eq!(times(&STOLEN, || waiting(false, bare)), ATTEMPTS);
    assert_eq!(times(&APART, || waiting(false, wrapped)), ATTEMPTS);
}

type Job<'a> = &'a (dyn Fn() + Sync);

/// Runs a request on the only worker of a pool. It waits for a job in another pool, which waits for the unrelated job, so the
/// request's worker runs the unrelated job meanwhile.
fn waiting_for_a_pool(wait: fn(&ThreadPool, Job<'_>)) -> Outcome {
    let (pool, other) = (marked_pool(1), marked_pool(1));
    let (report, reported) = channel();
    let (release, released) = crossbeam::channel::bounded(1);
    let (queue_now, may_queue) = crossbeam::channel::bounded(1);
    let job = || {
        assert_eq!(seen(), Some(1), "the context is carried into the other pool");
        A.set(5);
        queue_now.send(()).expect("the test is listening");
        released.recv().expect("the stranger releases");
    };
    let request = || {
        wait(&other, &job);
        seen()
    };
    let request = std::thread::scope(|threads| {
        let request = threads.spawn(|| pool.install(|| bound(1).run(request)));
        may_queue.recv().expect("the other pool's worker is occupied");
        queue(&pool, false, move || {
            stranger(&report);
            release.send(()).expect("the other pool is waiting");
        });
        request.join().expect("no panic")
    });
    assert_restored(&pool);
    assert_restored(&other);
    Outcome { stranger: reported.recv().expect("it ran"), request }
}

#[test]
fn a_worker_that_waits_for_another_pool_runs_a_strangers_job_apart_from_its_request() {
    let bare = |pool: &ThreadPool, job: Job<'_>| pool.install(propagate(job));
    let wrapped = |pool: &ThreadPool, job: Job<'_>| contextvars::rayon::install(pool, job);
    assert_eq!(times(&STOLEN, || waiting_for_a_pool(bare)), ATTEMPTS);
    assert_eq!(times(&APART, || waiting_for_a_pool(wrapped)), ATTEMPTS);
}

#[test]
fn a_worker_that_waits_for_a_broadcast_runs_a_strangers_job_apart_from_its_request() {
    let bare = |pool: &ThreadPool, job: Job<'_>| {
        let context = Context::current();
        pool.broadcast(|_| context.clone().run(job));
    };
    let wrapped = |pool: &ThreadPool, job: Job<'_>| {
        contextvars::rayon::broadcast(pool, |_| job());
    };
    assert_eq!(times(&STOLEN, || waiting_for_a_pool(bare)), ATTEMPTS);
    assert_eq!(times(&APART, || waiting_for_a_pool(wrapped)), ATTEMPTS);
}

#[test]
fn broadcast_runs_each_call_in_a_fresh_copy() {
    let pool = marked_pool(3);
    let read = bound(1).run(|| {
        let read = contextvars::rayon::broadcast(&pool, |thread| {
            let before = seen();
            A.set(5);
            (thread.index(), before)
        });
        (read, seen())
    });
    assert_eq!(read, (vec![(0, Some(1)), (1, Some(1)), (2, Some(1))], Some(1)));
    assert_restored(&pool);
}

#[test]
fn a_strangers_job_on_an_idle_worker_reads_the_workers_own_context_unless_it_is_wrapped() {
    let pool = marked_pool(1);
    let run = |wrapped| {
        let (report, reported) = channel();
        queue(&pool, wrapped, move || report.send(seen()).expect("the test is listening"));
        reported.recv().expect("it ran")
    };
    assert_eq!((run(false), run(true)), (Some(OUTSIDE), None));
}
