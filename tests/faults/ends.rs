//! Panics that nothing can catch, so they abort the process.

use std::os::unix::process::ExitStatusExt as _;

use contextvars::{Context, ContextVar};

use crate::support::OnDrop;
use crate::{role, run_child};

static FAILING: ContextVar<OnDrop<fn()>> = ContextVar::new("failing");

const WENT_ON: &str = "the process went on";

fn fail() {
    panic!("drop failed")
}

/// Runs `f` in a child process, which it must abort after the panic "drop failed". Returns the child's standard error.
fn aborts(test: &str, f: impl FnOnce()) -> String {
    const SIGABRT: i32 = 6;

    if role().is_some() {
        f();
        println!("{WENT_ON}");
        return String::new();
    }
    let child = run_child(test, "abort");
    let said = String::from_utf8_lossy(&child.stderr).into_owned();
    assert_eq!(child.status.signal(), Some(SIGABRT), "{}, {said}", child.status);
    assert!(!String::from_utf8_lossy(&child.stdout).contains(WENT_ON), "{said}");
    assert!(said.contains("drop failed"), "{said}");
    said
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no processes")]
fn a_drop_that_panics_at_the_end_of_a_thread_aborts() {
    aborts("ends::a_drop_that_panics_at_the_end_of_a_thread_aborts", || {
        let thread = std::thread::spawn(|| drop(FAILING.set(OnDrop(fail))));
        let _ = thread.join();
    });
}

/// The twin of the previous test: a context that the thread entered ends inside of the thread's code, where a panic can be
/// caught.
#[test]
fn a_drop_that_panics_in_an_entered_context_of_a_thread_is_caught_by_the_join() {
    let thread = std::thread::spawn(|| {
        Context::new().run(|| FAILING.set(OnDrop(fail)));
    });
    assert!(thread.join().is_err());
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no processes")]
fn a_drop_that_panics_while_unwinding_aborts() {
    aborts("ends::a_drop_that_panics_while_unwinding_aborts", || {
        FAILING.sync_scope(OnDrop(fail), || panic!("the first panic"));
    });
}

#[test]
#[cfg(feature = "rayon")]
#[cfg_attr(miri, ignore = "Miri starts no processes")]
fn a_spawned_job_that_panics_aborts_unless_the_pool_has_a_handler() {
    let said =
        aborts("ends::a_spawned_job_that_panics_aborts_unless_the_pool_has_a_handler", || {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            pool.install(|| contextvars::rayon::spawn(fail));
            pool.install(|| ()); // runs behind the job
        });
    assert!(said.contains("Rayon"), "{said}");
}

#[test]
#[cfg(feature = "rayon")]
fn a_pool_whose_handler_takes_the_panic_of_a_spawned_job_goes_on_with_clean_workers() {
    static NAME: ContextVar<&str> = ContextVar::new("name");
    let (sender, panics) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .panic_handler(move |_| sender.lock().unwrap().send(NAME.try_get().ok()).unwrap())
        .build()
        .unwrap();
    NAME.sync_scope("request", || pool.spawn(contextvars::propagate(fail)));
    assert_eq!(panics.recv().unwrap(), None);
    assert_eq!(pool.install(|| NAME.try_get().ok()), None);
}
