//! `ContextLogger` over `env_logger`, in its own format.

use std::fmt;
use std::sync::{Arc, Barrier};
use std::thread;

use contextvars::fields::{self, Selection, ToValue, Value, kv};
use contextvars::{Context, ContextVar, propagate};
use contextvars_log::ContextLogger;
use env_logger::{Builder, Logger, Target};
use log::{Level, LevelFilter, Log, Metadata};

use crate::{Lines, NONE, info};

fn logger() -> (ContextLogger<Logger>, Lines) {
    let lines = Lines::default();
    let inner = Builder::new()
        .filter_level(LevelFilter::Info)
        .format_timestamp(None)
        .target(Target::Pipe(Box::new(lines.clone())))
        .build();
    (ContextLogger::new(inner), lines)
}

#[test]
fn a_line_has_the_fields_that_are_bound_when_it_is_written() {
    let (logger, lines) = logger();
    info(&logger, "before", &NONE);
    fields::sync_scope(kv! { user = "ann", attempts = 3 }, || info(&logger, "inside", &NONE));
    info(&logger, "after", &NONE);
    assert_eq!(
        lines.take(),
        ["[INFO  shop] before", "[INFO  shop] inside user=ann attempts=3", "[INFO  shop] after"]
    );
}

#[test]
fn key_values_of_the_record_win_and_come_first() {
    let (logger, lines) = logger();
    fields::sync_scope(kv! { user = "ann", path = "/" }, || {
        info(&logger, "paid", &[("sum", "7"), ("user", "bob")]);
    });
    assert_eq!(lines.take(), ["[INFO  shop] paid sum=7 user=bob path=/"]);
}

#[test]
fn logged_variables_are_shown_and_others_are_not() {
    static REQUEST: ContextVar<u64> = ContextVar::new("request").logged();
    static SECRET: ContextVar<u64> = ContextVar::new("secret");
    let (logger, lines) = logger();
    REQUEST.sync_scope(7, || SECRET.sync_scope(8, || info(&logger, "paid", &NONE)));
    assert_eq!(lines.take(), ["[INFO  shop] paid request=7"]);
}

#[test]
fn a_selection_decides_which_fields_are_shown() {
    static REQUEST: ContextVar<u64> = ContextVar::new("request_id");
    let (logger, lines) = logger();
    let selection = Selection::new().var(&REQUEST).or_null().rest().redact("token");
    let logger = logger.with_selection(selection);
    fields::sync_scope(kv! { token = "secret" }, || info(&logger, "paid", &NONE));
    REQUEST.sync_scope(7, || info(&logger, "paid", &NONE));
    let [first, second] = lines.take().try_into().unwrap();
    assert!(first.starts_with("[INFO  shop] paid request_id=") && !first.contains("secret"));
    assert!(first.ends_with(" token=[redacted]"), "{first}");
    assert_eq!(second, "[INFO  shop] paid request_id=7");
}

#[test]
fn each_thread_has_its_own_context() {
    let (logger, lines) = logger();
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for number in 0..4 {
            let (logger, barrier) = (&logger, &barrier);
            let work = move || {
                barrier.wait();
                for _ in 0..50 {
                    info(logger, format!("of {number}"), &NONE);
                }
            };
            scope.spawn(fields::sync_scope(kv! { number }, || propagate(work)));
        }
    });
    let lines = lines.take();
    assert_eq!(lines.len(), 200);
    for line in lines {
        let (_, numbers) = line.split_once("of ").unwrap();
        let (said, shown) = numbers.split_once(" number=").unwrap();
        assert_eq!(said, shown);
    }
}

#[test]
fn enabled_and_flush_are_those_of_the_inner_logger() {
    let (logger, _) = logger();
    let metadata = |level| Metadata::builder().level(level).target("shop").build();
    assert!(logger.enabled(&metadata(Level::Info)));
    assert!(!logger.enabled(&metadata(Level::Debug)));
    logger.flush();
    assert!(logger.into_inner().enabled(&metadata(Level::Info)));
}

/// Logs when it is formatted.
#[derive(Clone)]
struct Chatty(Arc<ContextLogger<Logger>>);

impl fmt::Display for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info(&*self.0, "nested", &NONE);
        f.write_str("chatty")
    }
}

impl ToValue for Chatty {
    fn to_value(&self) -> Value {
        fields::display(self).to_value()
    }
}

/// Panics when it is formatted.
struct Bad;

impl fmt::Display for Bad {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("display failed")
    }
}

impl ToValue for Bad {
    fn to_value(&self) -> Value {
        panic!("to_value failed")
    }
}

#[test]
fn a_bound_display_that_logs_does_so_when_it_is_bound() {
    let (logger, lines) = logger();
    let chatty = Chatty(Arc::new(logger));
    fields::sync_scope(kv! { user = "ann", %chatty }, || info(&*chatty.0, "outer", &NONE));
    assert_eq!(lines.take(), ["[INFO  shop] nested", "[INFO  shop] outer user=ann chatty=chatty"]);
}

#[test]
fn a_variable_that_logs_whenever_it_is_shown_ends_all_the_same() {
    static CHATTY: ContextVar<Chatty> = ContextVar::new("chatty").logged();
    // The inner logger writes a line when it is complete, so the line that the value logs comes first.
    let (logger, lines) = logger();
    let chatty = Chatty(Arc::new(logger));
    Context::new().run(|| {
        CHATTY.set(chatty.clone());
        info(&*chatty.0, "outer", &NONE);
        info(&*chatty.0, "outer", &NONE);
    });
    let mut lines = lines.take();
    lines.sort();
    assert_eq!(
        lines,
        [
            "[INFO  shop] nested chatty=<another field is being made>",
            "[INFO  shop] nested chatty=<another field is being made>",
            "[INFO  shop] outer chatty=chatty",
            "[INFO  shop] outer chatty=chatty"
        ]
    );
}

#[test]
fn a_value_that_panics_costs_its_own_text_and_nothing_else() {
    static BAD: ContextVar<Bad> = ContextVar::new("bad").logged();
    let (logger, lines) = logger();
    fields::sync_scope(kv! { worse = %Bad, user = "ann" }, || {
        BAD.sync_scope(Bad, || info(&logger, "paid", &NONE));
    });
    let says = "<panicked while formatting>";
    assert_eq!(lines.take(), [format!("[INFO  shop] paid bad={says} worse={says} user=ann")]);
    fields::sync_scope(kv! { user = "ann" }, || info(&logger, "paid", &NONE));
    assert_eq!(lines.take(), ["[INFO  shop] paid user=ann"]);
}

#[test]
fn fields_bound_by_a_message_are_on_the_next_record() {
    struct Binds;

    impl fmt::Display for Binds {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fields::set(kv! { inside = true });
            f.write_str("binds")
        }
    }

    let (logger, lines) = logger();
    for user in [None, Some("ann")] {
        Context::new().run(|| {
            fields::set(user.map(|user| ("user", user)));
            info(&logger, Binds, &NONE);
            info(&logger, Binds, &NONE);
        });
    }
    assert_eq!(
        lines.take(),
        [
            "[INFO  shop] binds",
            "[INFO  shop] binds inside=true",
            "[INFO  shop] binds user=ann",
            "[INFO  shop] binds user=ann inside=true",
        ]
    );
}
