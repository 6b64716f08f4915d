//! `forbid_bare_set` in the start hooks of pools, under load: each bare set is reported, and none leaks a value.

use std::sync::mpsc::channel;

use contextvars::{ContextExt, copy_context, forbid_bare_set, propagate};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, yield_now};

use crate::common::{A, bound, seen};
use crate::support::{panic_text, text_of};

const TASKS: u32 = 1000;

fn forbidding_runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(3)
        .thread_name("forbidding")
        .on_thread_start(forbid_bare_set)
        .build()
        .expect("a runtime")
}

#[track_caller]
fn names_variable_and_thread(text: &str) {
    assert!(text.contains("`a`") && text.contains("`forbidding"), "{text}");
}

/// Binds `A` in its own context or in the root context, and checks that it never reads the value of another task.
async fn task(n: u32, before: Option<u32>) -> u32 {
    for step in 0..5 {
        assert_eq!(seen(), if step == 0 { before } else { Some(n) });
        if step == 0 {
            A.set(n);
        }
        yield_now().await;
    }
    n
}

#[test]
fn each_bare_set_of_a_thousand_tasks_is_reported_and_seen_by_no_other() {
    let runtime = forbidding_runtime();
    let mut tasks = JoinSet::new();
    for n in 0..TASKS {
        match n % 3 {
            0 => tasks.spawn_on(task(n, None), runtime.handle()),
            1 => tasks.spawn_on(task(n, None).in_current_context(), runtime.handle()),
            _ => tasks.spawn_on(task(n, Some(7)).in_context(bound(7)), runtime.handle()),
        };
    }
    let (mut reported, mut ended) = (0, Vec::new());
    runtime.block_on(async {
        while let Some(outcome) = tasks.join_next().await {
            match outcome {
                Ok(n) => ended.push(n),
                Err(error) => {
                    names_variable_and_thread(&text_of(&*error.into_panic()));
                    reported += 1;
                }
            }
        }
    });
    ended.sort_unstable();
    assert_eq!(reported, TASKS.div_ceil(3));
    assert!(ended.into_iter().eq((0..TASKS).filter(|n| n % 3 != 0)));
}

#[test]
fn each_bare_set_of_a_thousand_blocking_jobs_is_reported_and_seen_by_no_other() {
    let runtime = forbidding_runtime();
    let job = |n| {
        assert_eq!((seen(), copy_context().len()), (None, 0));
        A.set(n);
        (n, seen())
    };
    let jobs: Vec<_> = (0..TASKS)
        .map(|n| match n % 2 {
            0 => runtime.spawn_blocking(move || job(n)),
            _ => runtime.spawn_blocking(propagate(move || job(n))),
        })
        .collect();
    for (n, job) in (0..).zip(jobs) {
        match runtime.block_on(job) {
            Ok(read) => assert_eq!((read, n % 2), ((n, Some(n)), 1)),
            Err(error) => {
                names_variable_and_thread(&text_of(&*error.into_panic()));
                assert_eq!(n % 2, 0);
            }
        }
    }
}

#[test]
fn each_bare_set_of_a_thousand_rayon_jobs_is_reported_and_seen_by_no_other() {
    let (report, reported) = channel();
    let pool = ThreadPoolBuilder::new()
        .num_threads(3)
        .thread_name(|n| format!("forbidding {n}"))
        .start_handler(|_| forbid_bare_set())
        .panic_handler(move |panic| report.send(text_of(&*panic)).expect("the test listens"))
        .build()
        .expect("a pool");
    let (end, ended) = channel();
    let job = |n, end: std::sync::mpsc::Sender<u32>| {
        move || {
            assert_eq!((seen(), copy_context().len()), (None, 0));
            A.set(n);
            assert_eq!(seen(), Some(n));
            end.send(n).expect("the test listens");
        }
    };
    for n in 0..TASKS {
        match n % 2 {
            0 => pool.spawn(job(n, end.clone())),
            _ => pool.spawn(propagate(job(n, end.clone()))),
        }
    }
    drop(end);
    let mut ended: Vec<_> = ended.iter().collect();
    drop(pool); // the last worker drops the panic handler
    let reported: Vec<_> = reported.iter().collect();
    assert_eq!(reported.len(), 500);
    for text in reported {
        names_variable_and_thread(&text);
    }
    ended.sort_unstable();
    assert!(ended.into_iter().eq((0..TASKS).filter(|n| n % 2 == 1)));
}

#[test]
fn each_set_before_the_adaptor_is_reported_and_none_behind_it_for_a_thousand_items() {
    let pool = ThreadPoolBuilder::new()
        .num_threads(3)
        .thread_name(|n| format!("forbidding {n}"))
        .start_handler(|_| forbid_bare_set())
        .build()
        .expect("a pool");
    let reported = pool.install(|| {
        let items = (0..TASKS).into_par_iter().map(|n| (n, panic_text(|| A.set(n))));
        let items = items.in_context(bound(7)).map(|(n, text)| {
            names_variable_and_thread(&text);
            assert_eq!(seen(), Some(7));
            A.set(n);
            seen() == Some(n)
        });
        items.filter(|own| *own).count()
    });
    assert_eq!(reported, 1000);
    assert!(pool.broadcast(|_| copy_context().is_empty()).into_iter().all(|clean| clean));
}
