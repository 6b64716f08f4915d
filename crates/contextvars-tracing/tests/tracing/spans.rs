//! Futures and closures that carry the current span and the context together.

use std::sync::{Arc, Mutex};
use std::thread;

use contextvars::{Context as Variables, ContextVar};
use contextvars_tracing::{SpanContextExt as _, propagate_fn_with_span, propagate_with_span};
use rayon::prelude::*;
use tracing::span::Id;
use tracing::subscriber::with_default;
use tracing::{Dispatch, Span, Subscriber, dispatcher, info_span};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::support::panic_text;

static USER: ContextVar<&str> = ContextVar::with_default("user", || "nobody");

/// Notes which user is current when a span is entered, left and closed.
#[derive(Clone, Debug, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, what: &str) {
        self.0.lock().unwrap().push(format!("{what} {}", USER.get()));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Notes {
    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        self.note("enter");
    }

    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        self.note("exit");
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        self.note("close");
    }
}

fn subscriber() -> (Dispatch, Notes) {
    let notes = Notes::default();
    (Dispatch::new(Registry::default().with(notes.clone())), notes)
}

/// The name of the current span and the current user.
type Place = (Option<&'static str>, &'static str);

/// Returns the caller's place, with the span of that subscriber.
fn here(subscriber: &Dispatch) -> Place {
    let name = dispatcher::with_default(subscriber, || Some(Span::current().metadata()?.name()));
    (name, USER.get())
}

/// Runs `f` in a span `request` that was opened for the user `ann`, and discards the notes.
fn as_ann<R>(subscriber: &Dispatch, notes: &Notes, f: impl FnOnce() -> R) -> R {
    let result = dispatcher::with_default(subscriber, || {
        USER.sync_scope("ann", || info_span!("request").in_scope(f))
    });
    notes.take();
    result
}

const ANN: Place = (Some("request"), "ann");
const NOBODY: Place = (None, "nobody");

/// Records the place where it is dropped.
struct Dropped(Dispatch, Arc<Mutex<Vec<Place>>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let here = here(&self.0);
        self.1.lock().unwrap().push(here);
    }
}

#[test]
fn a_task_is_polled_in_the_span_and_the_context() {
    let (subscriber, notes) = subscriber();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let task = as_ann(&subscriber, &notes, || {
        let subscriber = subscriber.clone();
        runtime.spawn(
            async move {
                let before = here(&subscriber);
                tokio::task::yield_now().await;
                USER.set("bob"); // stays in the task
                (before, here(&subscriber))
            }
            .in_current_span_and_context(),
        )
    });
    assert_eq!(runtime.block_on(task).unwrap(), (ANN, (Some("request"), "bob")));
    assert_eq!(here(&subscriber), NOBODY);
}

/// The context is entered before the span and left after it, so a layer sees the task's variables in every callback.
#[test]
fn a_layer_reads_the_contexts_variables_when_the_span_is_entered_left_and_closed() {
    let (subscriber, notes) = subscriber();
    let task = as_ann(&subscriber, &notes, || std::future::ready(()).in_current_span_and_context());
    assert!(notes.take().is_empty());
    futures::executor::block_on(task);
    // Entered for the poll, and once more for the drop.
    assert_eq!(notes.take(), ["enter ann", "exit ann", "enter ann", "exit ann", "close ann"]);
    let call = as_ann(&subscriber, &notes, || propagate_with_span(|| ()));
    call();
    assert_eq!(notes.take(), ["enter ann", "exit ann", "close ann"]);
}

#[test]
fn a_task_is_dropped_in_both_when_it_is_done_cancelled_or_never_polled() {
    let (subscriber, notes) = subscriber();
    let dropped = Arc::default();
    let task = || {
        let captured = Dropped(subscriber.clone(), Arc::clone(&dropped));
        let task = async move {
            let _captured = captured;
            tokio::task::yield_now().await;
        };
        as_ann(&subscriber, &notes, || Box::pin(task.in_current_span_and_context()))
    };
    drop(task());
    let mut polled = task();
    let waker = &mut std::task::Context::from_waker(std::task::Waker::noop());
    assert!(polled.as_mut().poll(waker).is_pending());
    drop(polled);
    futures::executor::block_on(task());
    assert_eq!(*dropped.lock().unwrap(), [ANN; 3]);
    assert_eq!(here(&subscriber), NOBODY);
}

#[test]
fn closures_run_in_both_on_blocking_threads_and_on_threads() {
    let (subscriber, notes) = subscriber();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let blocking = as_ann(&subscriber, &notes, || {
        let subscriber = subscriber.clone();
        runtime.spawn_blocking(propagate_with_span(move || here(&subscriber)))
    });
    assert_eq!(runtime.block_on(blocking).unwrap(), ANN);
    let thread = as_ann(&subscriber, &notes, || {
        let subscriber = subscriber.clone();
        thread::spawn(propagate_with_span(move || here(&subscriber)))
    });
    assert_eq!(thread.join().unwrap(), ANN);
}

#[test]
fn closures_run_in_both_on_workers_of_rayon() {
    let (subscriber, notes) = subscriber();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let each = as_ann(&subscriber, &notes, || {
        propagate_fn_with_span(|_: u32| {
            let here = here(&subscriber);
            USER.set("changed"); // for this call alone
            here
        })
    });
    let seen: Vec<_> = pool.install(|| (0..64_u32).into_par_iter().map(&each).collect());
    assert_eq!(seen, [ANN; 64]);
    let work = || as_ann(&subscriber, &notes, || propagate_with_span(|| here(&subscriber)));
    let (one, other) = (work(), work());
    assert_eq!(pool.install(|| rayon::join(one, other)), (ANN, ANN));
    assert_eq!(pool.install(|| here(&subscriber)), NOBODY);
}

#[test]
fn captured_values_are_dropped_in_both_if_the_closure_is_never_called() {
    let (subscriber, notes) = subscriber();
    let dropped = Arc::default();
    let captured = || Dropped(subscriber.clone(), Arc::clone(&dropped));
    let (one, other) = (captured(), captured());
    drop(as_ann(&subscriber, &notes, || propagate_with_span(move || drop(one))));
    drop(as_ann(&subscriber, &notes, || {
        propagate_fn_with_span(move |()| {
            let _ = &other;
        })
    }));
    assert_eq!(*dropped.lock().unwrap(), [ANN; 2]);
}

#[test]
fn a_panic_leaves_the_span_and_the_context() {
    let (subscriber, notes) = subscriber();
    let call = as_ann(&subscriber, &notes, || propagate_with_span(|| panic!("failed")));
    assert_eq!(panic_text(call), "failed");
    assert_eq!(notes.take(), ["enter ann", "exit ann", "close ann"]);
    assert_eq!(here(&subscriber), NOBODY);
}

#[test]
fn without_a_span_or_a_subscriber_the_context_is_carried_alone() {
    let read = || (Span::current().is_none(), USER.get());
    let call = USER.sync_scope("ann", || propagate_with_span(read));
    let task = USER.sync_scope("ann", || async move { read() }.in_current_span_and_context());
    assert_eq!((call(), futures::executor::block_on(task)), ((true, "ann"), (true, "ann")));
    with_default(Registry::default(), || {
        let call = Variables::new().with_value(&USER, "bob").run(|| propagate_with_span(read));
        assert_eq!(call(), (true, "bob"));
    });
}
