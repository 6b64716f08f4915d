//! Many concurrent requests that cross all boundaries of this test binary. Each value is checked, and none is alive at the end.

use std::sync::Arc;

use contextvars::{Context, ContextExt, ContextVar, copy_context, propagate};
use contextvars_tokio::{spawn, spawn_blocking};
use futures::future::BoxFuture;
use rayon::ThreadPool;
use rayon::prelude::*;
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinSet, yield_now};

use crate::common::{A, OUTSIDE, bound, marked_runtime, seen};
use crate::pool::{assert_restored, marked_pool};
use crate::support::{ByHand, Counted, Counter, yield_once};

static VALUE: ContextVar<Counted> = ContextVar::new("value");

/// Checks that both variables have the values of request `n`.
#[track_caller]
fn check(n: u32) {
    assert_eq!((seen(), VALUE.with(Counted::number), copy_context().len()), (Some(n), n, 2));
}

fn bind(n: u32, counter: &Counter) {
    A.set(n);
    VALUE.set(Counted::numbered(counter, n));
}

/// Does the part of a request that runs on the rayon pool.
fn crunch(n: u32, counter: &Counter) -> u32 {
    check(n);
    let items = (0..4_u32).into_par_iter().in_current_context();
    let sum = items
        .map(|m| {
            check(n);
            bind(n + m, counter);
            rayon::yield_now();
            check(n + m);
            VALUE.with(Counted::number)
        })
        .sum();
    check(n);
    contextvars::rayon::join(|| bind(OUTSIDE, counter), || check(n));
    contextvars::rayon::scope(|scope| scope.spawn(|_| check(n)));
    check(n);
    sum
}

/// A pool and its limit of concurrent requests: a worker that yields starts another request on the same stack.
struct Cruncher {
    pool: ThreadPool,
    places: Semaphore,
}

async fn request(n: u32, counter: Counter, cruncher: Arc<Cruncher>) -> u32 {
    bind(n, &counter);
    yield_now().await;
    check(n);
    let blocking = spawn_blocking(move || check(n));
    let child = spawn(async move {
        check(n);
        A.set(OUTSIDE);
        yield_now().await;
        assert_eq!(seen(), Some(OUTSIDE));
    });
    let _place = cruncher.places.acquire().await.expect("it is open");
    check(n);
    let (done, result) = oneshot::channel();
    cruncher.pool.spawn(propagate(move || done.send(crunch(n, &counter)).expect("it listens")));
    let (blocking, child, result) = tokio::join!(blocking, child, result);
    blocking.expect("no panic");
    child.expect("no panic");
    check(n);
    result.expect("no panic")
}

#[test]
fn ten_thousand_requests_over_tokio_and_rayon_keep_their_values_apart() {
    let counter = Counter::new();
    let cruncher = Arc::new(Cruncher { pool: marked_pool(2), places: Semaphore::new(20) });
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(2)
        .on_thread_start(|| drop(A.set(OUTSIDE)))
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut requests = JoinSet::new();
        for n in 0..10_000 {
            let request = request(n, counter.clone(), Arc::clone(&cruncher));
            requests.spawn(async move { (n, request.in_context(Context::new()).await) });
        }
        let mut ended = 0;
        while let Some(request) = requests.join_next().await {
            let (n, sum) = request.expect("no panic");
            assert_eq!(sum, 4 * n + 6);
            ended += 1;
        }
        assert_eq!(ended, 10_000);
    });
    assert_restored(&cruncher.pool); // every worker has finished its job
    drop(runtime);
    assert_eq!((counter.made(), counter.live()), (60_000, 0));
}

#[test]
fn a_storm_of_cancellations_leaves_nothing() {
    let counter = Counter::new();
    let runtime = marked_runtime(2);
    let stubborn = |n: u32, counter: Counter| async move {
        assert_eq!(seen(), Some(n));
        loop {
            let token = VALUE.set(Counted::numbered(&counter, n));
            yield_now().await;
            assert_eq!((seen(), VALUE.with(Counted::number)), (Some(n), n));
            if n % 2 == 0 {
                VALUE.reset(token).expect("it is the same context");
            }
        }
    };
    let mut cancelled = 0;
    for round in 0..100 {
        runtime.block_on(async {
            let mut tasks: JoinSet<()> = JoinSet::new();
            for n in 0..100 {
                let task = stubborn(n, counter.clone());
                let task = bound(n).run(|| tasks.spawn(task.in_current_context()));
                if n % 10 == 0 {
                    task.abort();
                }
            }
            let enough = counter.made() + 30 * (round % 7);
            while counter.made() < enough {
                yield_now().await;
            }
            tasks.abort_all();
            while let Some(ended) = tasks.join_next().await {
                assert!(ended.expect_err("it never ends").is_cancelled());
                cancelled += 1;
            }
        });
        assert_eq!(counter.live(), 0, "in round {round}");
    }
    assert_eq!(cancelled, 10_000);
    assert!(counter.made() > 5000);
}

/// Binds its level, captures the context and awaits the next level. Every other level has a context of its own.
fn descend(
    level: u32,
    levels: u32,
    counter: Counter,
    captured: Arc<std::sync::Mutex<Vec<Context>>>,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        bind(level, &counter);
        captured.lock().expect("not poisoned").push(copy_context());
        yield_now().await;
        check(level);
        if level < levels {
            let below = descend(level + 1, levels, counter, captured);
            if level % 2 == 0 {
                below.in_current_context().await;
                check(level);
            } else {
                below.await;
                // A bare await shares the context with the level below, but not with deeper levels.
                check(level + 1);
            }
        }
        yield_now().await;
    })
}

#[test]
fn async_stacks_of_up_to_forty_levels_are_captured_as_they_are_at_each_level() {
    let counter = Counter::new();
    let runtime = marked_runtime(2);
    for levels in 1..=40 {
        let captured = Arc::default();
        let stack = descend(1, levels, counter.clone(), Arc::clone(&captured));
        let task = runtime.spawn(stack.in_context(Context::new()));
        runtime.block_on(task).expect("no panic");
        let captured = std::mem::take(&mut *captured.lock().expect("not poisoned"));
        for (level, mut captured) in (1..=levels).zip(captured) {
            captured.run(|| check(level));
        }
        assert_eq!(counter.live(), 0);
    }
    assert_eq!(counter.made(), 820);
}

#[test]
fn a_thousand_contexts_inside_each_other_are_left_in_order() {
    fn nest(depth: u32, counter: &Counter) {
        if depth == 0 {
            return assert_eq!(counter.live(), 1000);
        }
        copy_context().run(|| {
            bind(depth, counter);
            nest(depth - 1, counter);
            check(depth);
        });
    }
    let counter = Counter::new();
    Context::new().run(|| nest(1000, &counter));
    assert_eq!((counter.made(), counter.live()), (1000, 0));
}

#[test]
fn a_thousand_wrapped_futures_inside_each_other_are_left_in_order_at_each_poll() {
    let counter = Counter::new();
    let stack = || {
        let mut stack: BoxFuture<'static, ()> = Box::pin(yield_once());
        for depth in 1..=1000 {
            let (counter, below) = (counter.clone(), stack);
            let level = async move {
                bind(depth, &counter);
                below.await;
                check(depth);
            };
            stack = Box::pin(level.in_context(Context::new()));
        }
        ByHand::new(stack)
    };
    let mut caller = bound(OUTSIDE);
    let mut ends = stack();
    caller.run(|| ends.step());
    assert_eq!(counter.live(), 1000);
    caller.run(|| ends.last_step());
    drop(ends);
    let mut is_dropped = stack();
    caller.run(|| {
        is_dropped.step();
        drop(is_dropped);
        assert_eq!(seen(), Some(OUTSIDE));
    });
    assert_eq!((counter.made(), counter.live()), (2000, 0));
}
