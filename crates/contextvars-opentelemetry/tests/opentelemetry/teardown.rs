//! Reading the active span in thread-local destructors, where OpenTelemetry's own thread-local may be destroyed.

use std::cell::RefCell;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use contextvars_opentelemetry::{current_trace, trace_fields};
use opentelemetry::trace::TraceState;

use crate::{remote, within};

/// Reads the active span and reports it when the thread-local that holds this value is destroyed.
struct Reads(Sender<(bool, usize)>);

impl Drop for Reads {
    fn drop(&mut self) {
        let _ = self.0.send(read());
    }
}

thread_local!(static READS: RefCell<Option<Reads>> = const { RefCell::new(None) });

/// Returns whether there is a trace, and the number of fields.
fn read() -> (bool, usize) {
    let mut fields = 0;
    trace_fields().visit(|_, _| fields += 1);
    (current_trace().is_some(), fields)
}

fn activate() -> (bool, usize) {
    within(remote(7, 9, TraceState::NONE), read)
}

/// Runs `f` on a new thread and returns the values that are read when the thread ends. The thread-local that reads them
/// is used before `f` if `early`, so its destructor runs after those of the thread-locals that `f` uses.
fn at_the_end(name: &str, early: bool, f: impl FnOnce() + Send + 'static) -> (bool, usize) {
    let (sender, receiver) = channel();
    let work = move || {
        let keep = || READS.set(Some(Reads(sender)));
        if early {
            keep();
            f();
        } else {
            f();
            keep();
        }
    };
    let thread = thread::Builder::new().name(name.into()).spawn(work).unwrap();
    let read = receiver.recv().unwrap();
    thread.join().unwrap();
    read
}

#[test]
fn no_span_is_active_once_opentelemetrys_thread_local_is_destroyed() {
    assert_eq!(activate(), (true, 2));
    assert_eq!(at_the_end("teardown", true, || assert_eq!(activate(), (true, 2))), (false, 0));
}

/// On this target, destructors run in reverse order of first use.
#[cfg(target_os = "linux")]
#[test]
fn a_thread_that_read_the_span_before_does_not_panic_either() {
    use std::panic;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().name() == Some("quiet") {
            PANICS.fetch_add(1, Ordering::Relaxed);
        }
        previous(info);
    }));
    assert_eq!(at_the_end("quiet", true, || assert_eq!(activate(), (true, 2))), (false, 0));
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
}

#[test]
fn a_first_call_in_a_destructor_finds_no_span() {
    let attach = || within(remote(7, 9, TraceState::NONE), || ());
    assert_eq!(at_the_end("teardown", true, attach), (false, 0));
    assert_eq!(at_the_end("teardown", false, attach), (false, 0));
    assert_eq!(at_the_end("teardown", true, || ()), (false, 0));
}

/// Activates a span when the thread-local that holds this value is destroyed.
struct Activates(Sender<(bool, usize)>);

impl Drop for Activates {
    fn drop(&mut self) {
        let _ = self.0.send(activate());
    }
}

#[test]
fn a_destructor_that_runs_before_can_have_an_active_span() {
    thread_local!(static LATE: RefCell<Option<Activates>> = const { RefCell::new(None) });

    let (sender, receiver) = channel();
    let thread = thread::spawn(move || LATE.set(Some(Activates(sender))));
    // OpenTelemetry was not used before, so its thread-local is initialised in the destructor.
    assert_eq!(receiver.recv().unwrap(), (true, 2));
    thread.join().unwrap();
}
