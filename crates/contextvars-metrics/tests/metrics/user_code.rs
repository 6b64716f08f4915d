//! `Display`, defaults and functions of the program that panic, or that record metrics themselves.

use std::fmt;

use contextvars::ContextVar;
use metrics::{counter, gauge};

use crate::{TENANT, calls, recorder};

/// A value whose `Display` panics, fails, or records a metric.
#[derive(Clone, Copy)]
enum Odd {
    Panics,
    Fails,
    Counts,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panics => panic!("a broken `Display`"),
            Self::Fails => Err(fmt::Error),
            Self::Counts => {
                gauge!("formatted").set(1);
                f.write_str("counts")
            }
        }
    }
}

static ODD: ContextVar<Odd> = ContextVar::new("odd");

fn pay(value: Odd) {
    TENANT.sync_scope("acme".into(), || ODD.sync_scope(value, || drop(counter!("paid"))));
}

#[test]
fn a_value_whose_display_panics_or_fails_is_other_and_the_metric_is_recorded() {
    let recorder = recorder().label(&ODD, 9).label(&TENANT, 9);
    let expected = ["counter paid{odd=other,tenant=acme}"];
    for _ in 0..2 {
        assert_eq!(calls(&recorder, || pay(Odd::Panics)), expected);
        assert_eq!(calls(&recorder, || pay(Odd::Fails)), expected);
    }
}

#[test]
fn a_default_or_function_that_panics_makes_other() {
    static BROKEN: ContextVar<u8> =
        ContextVar::with_default("broken", || panic!("a broken default"));

    let recorder = recorder()
        .label(&BROKEN, 9)
        .label_with::<_, String>(&TENANT, 9, |_| panic!("a broken function"));
    let metric = || TENANT.sync_scope("acme".into(), || drop(counter!("paid")));
    assert_eq!(calls(&recorder, metric), ["counter paid{broken=other,tenant=other}"]);
}

#[test]
fn a_metric_of_a_display_has_no_labels_of_variables() {
    let recorder = recorder().label(&ODD, 9).label(&TENANT, 9);
    assert_eq!(
        calls(&recorder, || pay(Odd::Counts)),
        ["gauge formatted{}", "counter paid{odd=counts,tenant=acme}"]
    );
}

#[test]
fn a_display_can_use_the_recorder_from_another_thread() {
    struct Threaded;

    impl fmt::Display for Threaded {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            // It would wait forever if a lock were held.
            let other = || metrics::with_local_recorder(&*RECORDER, || pay(Odd::Fails));
            std::thread::scope(|threads| threads.spawn(other).join()).unwrap();
            f.write_str("threaded")
        }
    }

    static THREADED: ContextVar<Threaded> = ContextVar::new("threaded");
    static RECORDER: std::sync::LazyLock<contextvars_metrics::ContextRecorder<crate::Calls>> =
        std::sync::LazyLock::new(|| recorder().label(&THREADED, 9).label(&TENANT, 9));

    let metric = || THREADED.sync_scope(Threaded, || drop(counter!("paid")));
    assert_eq!(
        calls(&RECORDER, metric),
        ["counter paid{tenant=acme}", "counter paid{threaded=threaded}"]
    );
}
