//! Threads, and pools made of threads and channels.

use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use contextvars::{Context, ContextVar, copy_context, propagate, propagate_fn};

use crate::common::{A, all, bound, guard, seen};
use crate::support::{Counted, Counter, on_thread, panic_text};

#[test]
fn a_thread_starts_from_an_empty_context() {
    bound(1).run(|| {
        let read = thread::spawn(|| (seen(), copy_context().len()));
        assert_eq!(read.join().expect("no panic"), (None, 0));
    });
}

#[test]
fn a_thread_made_by_a_builder_gets_the_context_by_propagate() {
    let mut request = bound(1);
    let read = request.run(|| {
        let body = propagate(|| {
            A.set(A.get() + 1);
            (seen(), thread::current().name().map(str::to_owned))
        });
        thread::Builder::new().name(String::from("worker")).spawn(body).expect("a thread")
    });
    let name = Some(String::from("worker"));
    assert_eq!(read.join().expect("no panic"), (Some(2), name));
    assert_eq!(request.get(&A), Some(&1));
}

#[test]
fn a_thread_that_cannot_be_made_drops_its_closure_inside_the_context() {
    let (guard, dropped) = guard();
    let made = bound(1).run(|| {
        let body = propagate(move || drop(guard));
        thread::Builder::new().stack_size(usize::MAX / 4).spawn(body).map(drop)
    });
    assert!(made.is_err());
    assert_eq!(all(&dropped), [Some(1)]);
}

#[test]
fn scoped_threads_borrow_and_get_the_context_by_propagate() {
    let texts = ["one", "two", "three"];
    let mut request = bound(1);
    let read = request.run(|| {
        thread::scope(|threads| {
            let measure = |word: &str| {
                A.set(A.get() + 1);
                (word.len(), seen())
            };
            let handles =
                texts.each_ref().map(|word| threads.spawn(propagate(move || measure(word))));
            handles.map(|handle| handle.join().expect("no panic"))
        })
    });
    assert_eq!(read, [(3, Some(2)), (3, Some(2)), (5, Some(2))]);
    assert_eq!(request.get(&A), Some(&1));
}

#[test]
fn crossbeams_scoped_threads_get_the_context_by_propagate() {
    let word = String::from("word");
    let read = bound(1).run(|| {
        crossbeam::thread::scope(|threads| {
            let bare = threads.spawn(|_| seen());
            let nested = {
                let measure = propagate_fn(|| (word.len(), seen()));
                threads.spawn(move |threads| threads.spawn(move |_| measure()).join())
            };
            (bare.join().expect("no panic"), nested.join().expect("no panic").expect("no panic"))
        })
    });
    assert_eq!(read.expect("no panic"), (None, (4, Some(1))));
}

type Job = Box<dyn FnOnce() + Send>;

/// Returns the queue of a pool of one thread, which runs each job that it receives.
fn pool() -> Sender<Job> {
    let (jobs, queue) = channel::<Job>();
    thread::spawn(move || queue.into_iter().for_each(|job| job()));
    jobs
}

#[test]
fn jobs_sent_through_a_channel_bring_their_contexts() {
    let (jobs, (report, reported)) = (pool(), channel());
    let send = |job: Job| jobs.send(job).expect("the pool runs");
    for n in 0..20 {
        let (bare, carried) = (report.clone(), report.clone());
        bound(n).run(|| {
            send(Box::new(propagate(move || {
                carried.send(seen()).expect("the test is listening");
                A.set(50);
            })));
            send(Box::new(move || bare.send(seen()).expect("the test is listening")));
        });
    }
    drop(report);
    let expected: Vec<_> = (0..20).flat_map(|n| [Some(n), None]).collect();
    assert_eq!(reported.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_job_that_no_worker_takes_is_dropped_inside_its_context() {
    let (jobs, queue) = channel::<Job>();
    let (guard, dropped) = guard();
    bound(1).run(|| jobs.send(Box::new(propagate(move || drop(guard))))).expect("it is open");
    on_thread(move || drop(queue));
    assert_eq!(all(&dropped), [Some(1)]);
}

#[test]
fn a_handler_that_is_called_often_starts_afresh_each_time() {
    let handler = bound(1).run(|| {
        propagate_fn(|| {
            A.set(A.get() + 1);
            (seen(), copy_context().len())
        })
    });
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..20 {
                    assert_eq!((handler(), seen()), ((Some(2), 1), None));
                }
            });
        }
    });
}

#[test]
fn a_pool_that_is_made_inside_a_request_does_not_inherit_it() {
    static POOL: LazyLock<Sender<Job>> = LazyLock::new(pool);
    let ask = |n: u32| {
        let (report, reported) = channel();
        bound(n)
            .run(|| {
                POOL.send(Box::new(move || report.send(copy_context().len()).expect("it listens")))
            })
            .expect("the pool runs");
        reported.recv().expect("it ran")
    };
    assert_eq!([ask(1), ask(2)], [0, 0]);

    let (tokio, rayon) = bound(1).run(|| {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let rayon = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        (tokio.expect("a runtime"), rayon.expect("a pool"))
    });
    let task = tokio.spawn(async { copy_context().len() });
    assert_eq!(futures::executor::block_on(task).expect("no panic"), 0);
    assert_eq!(rayon.install(|| copy_context().len()), 0);
}

#[test]
fn work_in_the_background_keeps_the_part_that_it_is_given_and_holds_on_to_no_more() {
    static REQUEST: ContextVar<Counted> = ContextVar::new("request");
    static TRACE: ContextVar<Counted> = ContextVar::new("trace");
    let counter = Counter::new();
    let (finish, finishing) = channel::<()>();
    let background = Context::new().run(|| {
        REQUEST.set(Counted::numbered(&counter, 1));
        TRACE.set(Counted::numbered(&counter, 2));
        let mut kept = copy_context();
        kept.retain(|entry| entry.is(&TRACE));
        kept.run(|| {
            thread::spawn(propagate(move || {
                finishing.recv().expect("the test says when");
                (REQUEST.try_with(Counted::number).ok(), TRACE.with(Counted::number))
            }))
        })
    });
    assert_eq!(counter.live(), 1, "the request has ended, the background work has not");
    finish.send(()).expect("it is listening");
    assert_eq!(background.join().expect("no panic"), (None, 2));
    assert_eq!((counter.made(), counter.live()), (2, 0));
}

#[test]
fn a_job_that_panics_leaves_the_thread_as_it_was() {
    on_thread(|| {
        A.set(7);
        for _ in 0..10 {
            let job = bound(1).run(|| {
                propagate(|| {
                    A.set(2);
                    panic!("at {}", A.get());
                })
            });
            assert_eq!(panic_text(|| -> () { job() }), "at 2");
            assert_eq!((seen(), copy_context().len()), (Some(7), 1));
        }
    });
}
