//! Verbosity per request, for `log`: all lines of a request are written at its own level, on any thread.
//!
//! `log` checks the level of `log::set_max_level` first, for the whole process: set it to the most verbose level that any
//! request may have. The filter of the inner logger has to enable that level, too.

use contextvars::ContextVar;
use log::{LevelFilter, Log, Metadata, Record};

/// The most verbose level at which the request is logged.
static VERBOSITY: ContextVar<LevelFilter> =
    ContextVar::with_default("verbosity", || LevelFilter::Info);

/// Passes records to the inner logger if the request's level enables them.
struct PerRequest<L>(L);

impl<L: Log> Log for PerRequest<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= VERBOSITY.get() && self.0.enabled(metadata)
    }

    // The level is checked here because the macros check only `max_level`, not `enabled`.
    fn log(&self, record: &Record<'_>) {
        if record.level() <= VERBOSITY.get() {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

// ---- The recipe ends here. The code below tests the written lines.

use std::sync::Mutex;

use contextvars::fields::{self, kv};
use contextvars::{Context, ContextExt as _, propagate};
use contextvars_log::ContextLogger;
use log::{debug, info, log_enabled, trace};

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let user = record.key_values().get("user".into());
        let user = user.map_or("nobody".to_owned(), |user| user.to_string());
        self.0.lock().unwrap().push(format!("{user}: {} {}", record.level(), record.args()));
    }

    fn flush(&self) {}
}

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn work() {
    trace!("traced");
    debug!("looked up");
    info!("paid");
}

#[test]
fn only_the_verbose_request_is_verbose_wherever_it_runs() {
    let logger: &'static _ = Box::leak(Box::new(PerRequest(ContextLogger::new(Lines::default()))));
    log::set_logger(logger).unwrap();
    log::set_max_level(LevelFilter::Debug);
    let lines = logger.0.inner();

    work();
    assert_eq!(lines.take(), ["nobody: INFO paid"]);
    assert!(!log_enabled!(log::Level::Debug));

    let request = |user: &'static str, verbosity: LevelFilter| {
        let work = async {
            contextvars_tokio::spawn(async {
                work();
                tokio::task::yield_now().await;
                work();
            })
            .await
            .unwrap();
            std::thread::spawn(propagate(work)).join().unwrap();
        };
        let context = Context::new().with_value(&VERBOSITY, verbosity);
        tokio::spawn(fields::scope(kv! { user }, work).in_context(context))
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let requests = (request("ann", LevelFilter::Debug), request("bob", LevelFilter::Info));
        let (ann, bob) = tokio::join!(requests.0, requests.1);
        ann.and(bob).unwrap();
    });
    let mut seen = lines.take();
    seen.sort_unstable();
    let debug = ["ann: DEBUG looked up"; 3];
    let info = ["ann: INFO paid"; 3].into_iter().chain(["bob: INFO paid"; 3]);
    assert_eq!(seen, debug.into_iter().chain(info).collect::<Vec<_>>());

    work();
    assert_eq!(lines.take(), ["nobody: INFO paid"]);
}
