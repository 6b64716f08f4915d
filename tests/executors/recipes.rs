//! Executors that need no module of their own: wrapping the task or the closure is enough.

use contextvars::{Context, ContextExt, ContextVar, propagate};

static USER: ContextVar<&str> = ContextVar::new("user");

/// Runs `f` in a context in which `USER` is "ann".
fn request<R>(f: impl FnOnce() -> R) -> R {
    Context::new().with_value(&USER, "ann").run(f)
}

#[test]
fn smol() {
    let task = request(|| smol::spawn(async { USER.get() }.in_current_context()));
    assert_eq!(smol::block_on(task), "ann");
}

#[test]
fn smol_blocking_work() {
    let work = request(|| smol::unblock(propagate(|| USER.get())));
    assert_eq!(smol::block_on(work), "ann");
}

#[test]
fn async_executor() {
    let executor = async_executor::Executor::new();
    let task = request(|| executor.spawn(async { USER.get() }.in_current_context()));
    assert_eq!(futures::executor::block_on(executor.run(task)), "ann");
}

#[test]
fn tokio_util_task_tracker() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let tracker = tokio_util::task::TaskTracker::new();
    runtime.block_on(async {
        let (task, blocking) = request(|| {
            let task = tracker.spawn(async { USER.get() }.in_current_context());
            let blocking = tracker.spawn_blocking(propagate(|| USER.get()));
            (task, blocking)
        });
        tracker.close();
        tracker.wait().await;
        assert_eq!(task.await.expect("no panic"), "ann");
        assert_eq!(blocking.await.expect("no panic"), "ann");
    });
}

#[test]
fn scoped_threads() {
    let users = request(|| {
        std::thread::scope(|threads| {
            let workers = [(); 2].map(|()| threads.spawn(propagate(|| USER.get())));
            workers.map(|worker| worker.join().expect("no panic"))
        })
    });
    assert_eq!(users, ["ann", "ann"]);
}

#[test]
fn crossbeam_scoped_threads() {
    let user = request(|| {
        crossbeam::thread::scope(|threads| {
            let work = propagate(|| USER.get());
            threads.spawn(|_| work()).join().expect("no panic")
        })
    });
    assert_eq!(user.expect("no panic"), "ann");
}

#[test]
fn a_channel_of_jobs() {
    let (jobs, queue) = crossbeam::channel::unbounded::<Box<dyn FnOnce() -> &'static str + Send>>();
    let worker = std::thread::spawn(move || queue.iter().map(|job| job()).collect::<Vec<_>>());
    request(|| jobs.send(Box::new(propagate(|| USER.get())))).expect("the worker runs");
    drop(jobs);
    assert_eq!(worker.join().expect("no panic"), ["ann"]);
}

#[test]
fn work_in_the_background_that_should_not_inherit() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let work = async { USER.get_or("nobody") };
        let task = request(|| tokio::spawn(work.in_context(Context::new())));
        assert_eq!(task.await.expect("no panic"), "nobody");
    });
}
