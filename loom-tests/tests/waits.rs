//! A worker that waits inside of a request and runs other jobs meanwhile, as rayon's workers do.
//!
//! Rayon itself does not run under loom. The module `rayon` of the crate waits by entering an empty context for the length of
//! the wait, so the model does the same around a loop that steals jobs.

use contextvars::{Context, ContextVar, propagate};
use loom_tests::sync::mpsc;
use loom_tests::{Live, Value, model, thread};

static REQUEST: ContextVar<Value> = ContextVar::new("request");

type Job = Box<dyn FnOnce() + Send>;

fn request() -> Option<u32> {
    REQUEST.try_with(Value::number).ok()
}

/// Waits in an empty context, and runs every job that arrives meanwhile.
fn wait(jobs: &mpsc::Receiver<Job>, count: usize) {
    let steal = || (0..count).for_each(|_| jobs.recv().unwrap()());
    Context::new().run(steal);
}

// sabotage: loom-tests/tests/waits.rs: Context::new().run(steal); => steal();
// sabotage: loom-tests/tests/waits.rs: Box::new(propagate(own)) => Box::new(own)
// sabotage: src/current.rs: let _exit = Exit { slot, outer, outer_borrows, state }; => let _exit = std::mem::ManuallyDrop::new(Exit { slot, outer, outer_borrows, state });
#[test]
fn a_job_that_a_waiting_worker_steals_is_apart_from_the_workers_request() {
    model("a worker that waits", || {
        let live = Live::new();
        let (sender, jobs) = mpsc::channel::<Job>();
        let (two, stray) = (live.value(2), live.value(3));
        let mut worker = Context::new().with_value(&REQUEST, live.value(1));
        let copy = worker.clone();

        let other = thread::spawn(move || {
            let mut mine = Context::new().with_value(&REQUEST, two);
            let own = || assert_eq!(request(), Some(2));
            mine.run(|| sender.send(Box::new(propagate(own)))).ok().unwrap();
            // A job without a context finds none, and its set ends with the wait.
            let bare = move || {
                assert_eq!(request(), None);
                drop(REQUEST.set(stray));
            };
            sender.send(Box::new(bare)).ok().unwrap();
            drop(copy);
        });
        worker.run(|| {
            REQUEST.with(|lent| {
                wait(&jobs, 2);
                assert_eq!((lent.number(), request()), (1, Some(1)));
            });
        });
        other.join().unwrap();
        assert_eq!(live.count(), 1);
        drop(worker);
        assert_eq!(live.count(), 0);
    });
}
