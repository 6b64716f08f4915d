//! The example of `docs/model-checking.md`: a request handler with a worker thread, as a user of the crate models it.

use contextvars::{Context, ContextVar, propagate};
use loom_tests::sync::{Arc, Mutex, mpsc};
use loom_tests::{model, thread};

static REQUEST: ContextVar<u32> = ContextVar::new("request");

type Job = Box<dyn FnOnce() + Send>;
type Log = Arc<Mutex<Vec<(u32, &'static str)>>>;

/// Logs a line with the id of its request.
fn log(log: &Log, line: &'static str) {
    log.lock().unwrap().push((REQUEST.get_or(0), line));
}

/// Answers one request, and leaves its audit to the worker.
fn handle(request: u32, lines: &Log, worker: &mpsc::Sender<Job>) {
    Context::new().run(|| {
        REQUEST.set(request);
        let audit = Arc::clone(lines);
        // Without `propagate` the model fails, because the worker's line has no request id.
        worker.send(Box::new(propagate(move || log(&audit, "audited")))).ok().unwrap();
        log(lines, "answered");
    });
}

// sabotage: loom-tests/tests/handler.rs: Box::new(propagate(move || log(&audit, "audited"))) => Box::new(move || log(&audit, "audited"))
#[test]
fn every_line_bears_the_id_of_its_request() {
    model("a request handler with a worker", || {
        let lines: Log = Arc::default();
        let (sender, jobs) = mpsc::channel::<Job>();
        let worker = thread::spawn(move || {
            for _ in 0..2 {
                let job = jobs.recv().unwrap();
                job();
                assert!(REQUEST.try_get().is_err());
            }
        });
        handle(1, &lines, &sender);
        handle(2, &lines, &sender);
        worker.join().unwrap();

        let mut lines = lines.lock().unwrap().clone();
        lines.sort_unstable();
        assert_eq!(lines, [(1, "answered"), (1, "audited"), (2, "answered"), (2, "audited")]);
    });
}
