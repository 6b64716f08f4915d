//! Verbosity per request, for `tracing`: all lines of a request are written at its own level, on any thread.
//!
//! Before the filter runs, `tracing` checks two cached answers: the most verbose level that any subscriber enables, and, for
//! each call site, whether it is enabled always, never or sometimes. `dynamic_filter_fn` answers "sometimes", so it is called
//! again for each event; `filter_fn` does not work, because its answer is cached. Set the most verbose level as a hint, because
//! without it the call sites of `trace!` also reach the filter each time. The filter must not enable more than the hint.

use contextvars::ContextVar;
use tracing::Metadata;
use tracing_subscriber::filter::{DynFilterFn, LevelFilter, dynamic_filter_fn};
use tracing_subscriber::layer::Context;

/// The most verbose level at which the request is logged.
static VERBOSITY: ContextVar<LevelFilter> =
    ContextVar::with_default("verbosity", || LevelFilter::INFO);

/// The most verbose level that a request may have.
const MOST: LevelFilter = LevelFilter::DEBUG;

/// Returns a filter for one layer, `layer.with_filter(per_request())`, or for all: `registry().with(per_request())`.
fn per_request<S>() -> DynFilterFn<S, impl Fn(&Metadata<'_>, &Context<'_, S>) -> bool> {
    dynamic_filter_fn(|metadata: &Metadata<'_>, _: &Context<'_, S>| {
        metadata.level() <= &VERBOSITY.get().min(MOST)
    })
    .with_max_level_hint(MOST)
}

// ---- The recipe ends here. The code below tests the written lines.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contextvars::fields::{self, kv};
use contextvars::{ContextExt as _, propagate};
use tracing::subscriber::{set_default, with_default};
use tracing::{Dispatch, debug, info, trace};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn take(&self) -> Vec<String> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }
}

/// Creates a layer that writes the level, the message and the log fields.
macro_rules! layer {
    ($lines:expr) => {{
        let lines = $lines.clone();
        fmt::layer()
            .without_time()
            .with_target(false)
            .with_ansi(false)
            .with_writer(move || lines.clone())
            .map_event_format(contextvars_tracing::Text::new)
    }};
}

/// Logs from the same call sites in every test, so that a cached answer would show.
fn work() {
    trace!("traced");
    debug!("looked up");
    info!("paid");
}

/// Serializes the tests that depend on the process-wide state of `tracing`: it combines the interests of all subscribers, for
/// each call site and for `LevelFilter::current`.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn only_the_verbose_request_is_verbose() {
    let _alone = alone();
    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(layer!(lines).with_filter(per_request()));
    with_default(subscriber, || {
        work();
        assert_eq!(lines.take(), ["INFO paid"]);
        VERBOSITY.sync_scope(LevelFilter::DEBUG, work);
        assert_eq!(lines.take(), ["DEBUG looked up", "INFO paid"]);
        VERBOSITY.sync_scope(LevelFilter::OFF, work);
        assert!(lines.take().is_empty());
        assert_eq!(LevelFilter::current(), MOST);
        // `MOST` is the limit, even if the request asks for more and another subscriber enables more.
        let _chatty = Dispatch::new(tracing_subscriber::registry());
        assert_eq!(LevelFilter::current(), LevelFilter::TRACE);
        VERBOSITY.sync_scope(LevelFilter::TRACE, work);
        assert_eq!(lines.take(), ["DEBUG looked up", "INFO paid"]);
        work();
        assert_eq!(lines.take(), ["INFO paid"]);
    });
}

#[test]
fn it_goes_with_the_request_to_tasks_and_threads() {
    let _alone = alone();
    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(layer!(lines)).with(per_request());
    let subscriber = Dispatch::new(subscriber);
    let request = |user: &'static str, verbosity: LevelFilter| {
        let subscriber = subscriber.clone();
        let work = async move {
            // Spawned tasks run on the runtime's threads, which belong to no request.
            contextvars_tokio::spawn(async {
                work();
                tokio::task::yield_now().await;
                work();
            })
            .await
            .unwrap();
            let in_thread = move || tracing::dispatcher::with_default(&subscriber, work);
            std::thread::spawn(propagate(in_thread)).join().unwrap();
        };
        let context = contextvars::Context::new().with_value(&VERBOSITY, verbosity);
        fields::scope(kv! { user }, work).in_context(context)
    };
    let runtime = {
        let subscriber = subscriber.clone();
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).on_thread_start(move || {
            std::mem::forget(tracing::dispatcher::set_default(&subscriber));
        });
        builder.build().unwrap()
    };
    let requests = [("ann", LevelFilter::DEBUG), ("bob", LevelFilter::INFO)]
        .map(|(user, level)| runtime.spawn(request(user, level)));
    for request in requests {
        runtime.block_on(request).unwrap();
    }
    let mut lines = lines.take();
    lines.sort_unstable();
    let debug = ["DEBUG looked up user=ann"; 3];
    let info = ["INFO paid user=ann"; 3].into_iter().chain(["INFO paid user=bob"; 3]);
    assert_eq!(lines, debug.into_iter().chain(info).collect::<Vec<_>>());
}

#[test]
fn a_filter_whose_answers_are_kept_would_not_do() {
    let _alone = alone();
    let lines = Lines::default();
    let kept = filter_fn(|metadata| metadata.level() <= &VERBOSITY.get());
    let _guard = set_default(tracing_subscriber::registry().with(layer!(lines)).with(kept));
    let own = || debug!("looked up"); // a call site of this test's
    own();
    VERBOSITY.sync_scope(LevelFilter::DEBUG, own);
    assert!(lines.take().is_empty(), "the answer of the first time");
}
