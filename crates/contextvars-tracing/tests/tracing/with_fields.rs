//! `WithFields`, around layers that collect, that write and that are filtered.

use std::error::Error;
use std::fmt;

use contextvars::fields::{self, Selection, kv};
use contextvars::{ContextVar, propagate};
use contextvars_tracing::{RESERVED_KEYS, WithFields};
use serde_json::json;
use tracing::subscriber::with_default;
use tracing::{Event, Level, Subscriber, debug, info, info_span, warn};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt as layers;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Registry};

use crate::Lines;
use crate::collect::{Collect, pair};

#[test]
fn a_layer_sees_the_fields_and_its_siblings_do_not() {
    let (inner, sibling) = (Collect::default(), Collect::default());
    let subscriber = Registry::default().with(WithFields::new(inner.clone())).with(sibling.clone());
    with_default(subscriber, || {
        fields::sync_scope(kv! { user = "ann", attempts = 3 }, || info!(sum = 7, "paid"));
    });
    let (message, sum) = (pair("message", "debug paid"), pair("sum", "i64 7"));
    assert_eq!(
        inner.values(),
        [pair("attempts", "i64 3"), message.clone(), sum.clone(), pair("user", "str ann")]
    );
    assert_eq!(sibling.values(), [message, sum]);
}

#[test]
fn the_event_wins_and_an_empty_field_of_its_own_is_filled() {
    let inner = Collect::default();
    with_default(Registry::default().with(WithFields::new(inner.clone())), || {
        fields::sync_scope(kv! { user = "ann", path = "/", r#type = "card" }, || {
            info!(user = "bob", path = None::<&str>, r#type = 1, "paid");
        });
    });
    assert_eq!(
        inner.values(),
        [
            pair("message", "debug paid"),
            pair("path", "str /"),
            pair("type", "i64 1"),
            pair("user", "str bob")
        ]
    );
}

#[test]
fn values_keep_their_kinds() {
    #[derive(Debug)]
    struct Outer(fmt::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    let (plain, inner) = (Collect::default(), Collect::default());
    let error = Outer(fmt::Error);
    let event = || {
        info!(
            a = 1_u8, b = -1_i64, c = i128::MIN, d = u128::MAX, e = 0.5, f = true, g = "text", h = %"shown",
            i = ?Some("debugged\n"), j = &error as &(dyn Error + 'static), k = &[1_u8, 2][..], "with {}", "arguments"
        );
    };
    with_default(Registry::default().with(plain.clone()), event);
    with_default(Registry::default().with(WithFields::new(inner.clone())), || {
        let numbers = kv! { n1 = i128::MIN, n2 = u128::MAX, n3 = 0.5, n4 = true, n5 = u64::MAX };
        fields::sync_scope(numbers, event);
    });
    let (mut plain, inner) = (plain.take().remove(0), inner.take().remove(0));
    let new = [
        pair("n1", &format!("i128 {}", i128::MIN)),
        pair("n2", &format!("u128 {}", u128::MAX)),
        pair("n3", "f64 0.5"),
        pair("n4", "bool true"),
        pair("n5", &format!("u64 {}", u64::MAX)),
    ];
    plain.values.extend(new);
    assert_eq!(plain, inner);
}

#[test]
fn null_is_left_out_and_nothing_to_add_changes_nothing() {
    let inner = Collect::default();
    with_default(Registry::default().with(WithFields::new(inner.clone())), || {
        info!("paid");
        fields::sync_scope(kv! { nothing = None::<u8> }, || info!("paid"));
    });
    for seen in inner.take() {
        assert_eq!(seen.values.len(), 1);
    }
}

#[test]
fn an_event_keeps_its_parent() {
    let inner = Collect::default();
    with_default(Registry::default().with(WithFields::new(inner.clone())), || {
        let other = info_span!("other");
        let _current = info_span!("current").entered();
        fields::sync_scope(kv! { user = "ann" }, || {
            info!("contextual");
            info!(parent: &other, "explicit");
            info!(parent: None, "root");
        });
    });
    let parents: Vec<_> = inner.take().iter().map(|seen| seen.parent).collect();
    assert_eq!(parents, [Some("current"), Some("other"), None]);
}

#[test]
fn a_layer_that_writes_writes_the_fields_and_all_of_its_spans() {
    let lines = Lines::default();
    let inner = layers::layer().json().flatten_event(true).without_time().with_target(false);
    let inner = WithFields::new(inner.with_writer(lines.clone()));
    with_default(Registry::default().with(inner), || {
        let span = info_span!("outer", id = 1, late = tracing::field::Empty);
        span.record("late", 2);
        let _span = span.entered();
        fields::sync_scope(kv! { user = "a\"n\n", "hostile \"key\"\n" = 1 }, || info!("paid"));
    });
    let span = json!({ "name": "outer", "id": 1, "late": 2 });
    assert_eq!(
        lines.objects(),
        [json!({
            "level": "INFO", "message": "paid", "user": "a\"n\n", "hostile \"key\"\n": 1,
            "span": span, "spans": [span],
        })]
    );
}

#[test]
fn filters_stand_outside() {
    let (filtered, chatty) = (Collect::default(), Collect::default());
    let warnings = WithFields::new(filtered.clone()).with_filter(LevelFilter::WARN);
    let all = WithFields::new(chatty.clone())
        .with_filter(filter_fn(|metadata| metadata.target() == module_path!()));
    let subscriber = Registry::default().with(warnings).with(all).with(EnvFilter::new("info"));
    with_default(subscriber, || {
        fields::sync_scope(kv! { user = "ann" }, || {
            for _ in 0..2 {
                debug!("debugged");
                info!("paid");
                warn!("warned");
            }
        });
    });
    let messages = |collect: &Collect| -> Vec<_> {
        let seen = collect.take().into_iter();
        seen.map(|seen| format!("{} {}", seen.values["message"], seen.values["user"])).collect()
    };
    assert_eq!(messages(&filtered), ["debug warned str ann"; 2]);
    let both = ["debug paid str ann", "debug warned str ann"];
    assert_eq!(messages(&chatty), [both, both].concat());
}

#[test]
fn the_inner_layer_is_asked_whether_it_is_enabled() {
    struct Choosy(Collect);

    impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Choosy {
        fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
            *metadata.level() <= Level::INFO
        }

        fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
            event.fields().all(|field| field.name() != "secret")
        }

        fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
            self.0.on_event(event, context);
        }
    }

    let inner = Collect::default();
    with_default(Registry::default().with(WithFields::new(Choosy(inner.clone()))), || {
        fields::sync_scope(kv! { user = "ann" }, || {
            debug!("debugged");
            info!(secret = 1, "hidden");
            info!("paid");
        });
    });
    assert_eq!(inner.values(), [pair("message", "debug paid"), pair("user", "str ann")]);
}

#[test]
fn a_selection_decides_and_wrapping_twice_adds_once() {
    static REGION: ContextVar<&str> = ContextVar::with_default("region", || "eu");
    let inner = Collect::default();
    let selection = Selection::new().var(&REGION).rest().redact("token");
    let layer = WithFields::new(WithFields::new(inner.clone())).with_selection(selection);
    with_default(Registry::default().with(layer), || {
        fields::sync_scope(kv! { token = "secret" }, || info!("paid"));
    });
    let [message, region] = [pair("message", "debug paid"), pair("region", "str eu")];
    assert_eq!(inner.values(), [message, region, pair("token", "str [redacted]")]);
}

#[test]
fn threads_share_a_call_site() {
    let inner = Collect::default();
    let subscriber =
        tracing::Dispatch::new(Registry::default().with(WithFields::new(inner.clone())));
    std::thread::scope(|scope| {
        for number in 0..4_u64 {
            let subscriber = &subscriber;
            let work = move || {
                let event = || info!(own = number, "paid");
                tracing::dispatcher::with_default(subscriber, || (0..100).for_each(|_| event()));
            };
            scope.spawn(fields::sync_scope(kv! { number }, || propagate(work)));
        }
    });
    let seen = inner.take();
    assert_eq!(seen.len(), 400);
    assert!(seen.iter().all(|seen| seen.values["own"] == seen.values["number"]));
}

#[test]
fn integers_that_fit_into_64_bits_are_recorded_as_such() {
    let inner = Collect::default();
    with_default(Registry::default().with(WithFields::new(inner.clone())), || {
        let small = kv! { a = 5_i128, b = -5_i128, c = i128::from(u64::MAX), d = 5_u128 };
        fields::sync_scope(small, || info!("paid"));
    });
    assert_eq!(
        inner.values(),
        [
            pair("a", "i64 5"),
            pair("b", "i64 -5"),
            pair("c", &format!("u64 {}", u64::MAX)),
            pair("d", "u64 5"),
            pair("message", "debug paid"),
        ]
    );
}

#[test]
fn keys_that_formatters_write_are_skipped_unless_a_selection_lists_them() {
    let lines = Lines::default();
    let formatter = || {
        let layer = layers::layer().json().flatten_event(true).without_time();
        layer.with_file(true).with_line_number(true).with_thread_names(true).with_thread_ids(true)
    };
    let plain = WithFields::new(formatter().with_writer(lines.clone()));
    with_default(Registry::default().with(plain), || {
        let _span = info_span!("outer").entered();
        let reserved = RESERVED_KEYS.map(|key| (key, "forged"));
        fields::sync_scope(reserved, || fields::sync_scope(kv! { user = "ann" }, || info!("paid")));
    });
    let line = lines.objects().remove(0); // panics if a key occurs twice
    assert_eq!(line["user"], "ann");
    assert!(!line.to_string().contains("forged"), "{line}");

    let inner = Collect::default();
    let selection = Selection::new().field("target").rest();
    let layer = WithFields::new(inner.clone()).with_selection(selection);
    with_default(Registry::default().with(layer), || {
        fields::sync_scope(kv! { target = "a", level = 1 }, || info!("paid"));
    });
    let [message, level] = [pair("message", "debug paid"), pair("level", "i64 1")];
    assert_eq!(inner.values(), [level, message, pair("target", "str a")]);
}

/// Regression: the layer asked for the `Debug`, which no formatter does, so the caller got the panic and the line was lost.
#[test]
fn an_error_whose_debug_panics_is_shown_as_it_is_without_the_layer() {
    #[derive(Clone, Copy)]
    struct Bad;

    impl fmt::Display for Bad {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("refused")
        }
    }

    impl fmt::Debug for Bad {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("debug failed")
        }
    }

    impl Error for Bad {}

    let lines = Lines::default();
    let inner = layers::layer().json().flatten_event(true).without_time().with_target(false);
    let layer = WithFields::new(inner.with_writer(lines.clone()));
    with_default(Registry::default().with(layer), || {
        fields::sync_scope(kv! { user = "ann" }, || {
            info!(error = &Bad as &(dyn Error + 'static), "paid");
        });
    });
    assert_eq!(
        lines.objects(),
        [json!({ "level": "INFO", "message": "paid", "error": "refused", "user": "ann" })]
    );
}
