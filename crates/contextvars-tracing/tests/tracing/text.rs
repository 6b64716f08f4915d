//! `Text`, over the formats of tracing-subscriber.

use contextvars::fields::{self, Selection, kv};
use contextvars_tracing::Text;
use tracing::subscriber::with_default;
use tracing::{Event, Subscriber, info, info_span};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::Lines;

fn full(f: impl FnOnce()) -> String {
    let lines = Lines::default();
    let subscriber = fmt().without_time().with_target(false).with_ansi(false);
    let subscriber = subscriber.map_event_format(Text::new).with_writer(lines.clone());
    with_default(subscriber.finish(), f);
    lines.text()
}

#[test]
fn fields_stand_at_the_end_of_the_line() {
    let text = full(|| {
        info!("before");
        fields::sync_scope(kv! { user = "ann", attempts = 3 }, || info!(sum = 7, "inside"));
        info!("after");
    });
    assert_eq!(text, " INFO before\n INFO inside sum=7 user=ann attempts=3\n INFO after\n");
}

#[test]
fn the_event_wins() {
    let text = full(|| {
        let bound = kv! { user = "ann", message = "forged", path = "/" };
        fields::sync_scope(bound, || info!(user = "bob", "paid"));
    });
    assert_eq!(text, " INFO paid user=\"bob\" path=/\n");
}

#[test]
fn text_that_is_not_one_word_is_quoted_and_escaped() {
    let text = full(|| {
        let bound = kv! {
            empty = "", space = "a b", quote = "a\"b", slash = "a\\b", equals = "a=b", line = "a\nb\r",
            escape = "\u{1b}[31m", separator = "a\u{2028}b", nul = "\0", word = "zoë/🦀", number = 1.5,
            nothing = None::<u8>, "a key" = 1, "k\n" = 2,
        };
        fields::sync_scope(bound, || info!("paid"));
    });
    assert_eq!(
        text,
        concat!(
            r#" INFO paid empty="" space="a b" quote="a\"b" slash="a\\b" equals="a=b" line="a\nb\r""#,
            r#" escape="\u{1b}[31m" separator="a\u{2028}b" nul="\u{0}" word=zoë/🦀 number=1.5"#,
            r#" nothing=null "a key"=1 "k\n"=2"#,
            "\n"
        )
    );
}

#[test]
fn compact_lines_and_spans() {
    let lines = Lines::default();
    let subscriber = fmt().compact().without_time().with_target(false).with_ansi(false);
    let subscriber = subscriber.map_event_format(Text::new).with_writer(lines.clone());
    with_default(subscriber.finish(), || {
        let _span = info_span!("outer", user = "bob").entered();
        fields::sync_scope(kv! { user = "ann" }, || info!("paid"));
    });
    assert_eq!(lines.text(), " INFO outer: paid user=\"bob\" user=ann\n");
}

#[test]
fn pretty_lines_have_the_fields_below() {
    let lines = Lines::default();
    let subscriber = fmt().pretty().without_time().with_target(false).with_ansi(false);
    let subscriber = subscriber.with_file(false).with_line_number(false);
    let subscriber = subscriber.map_event_format(Text::new).with_writer(lines.clone());
    with_default(subscriber.finish(), || {
        let _span = info_span!("outer").entered();
        fields::sync_scope(kv! { user = "ann", attempts = 3 }, || info!("paid"));
    });
    let text = lines.text();
    assert!(
        text.starts_with("   INFO  paid\n") && text.ends_with("\n    user=ann attempts=3\n\n"),
        "{text}"
    );
}

#[test]
fn colours_are_kept_and_the_rest_of_the_line_too() {
    for (colours, sanitizes) in [(true, true), (true, false), (false, false), (false, true)] {
        let write = |lines: &Lines, wrap: bool| {
            let subscriber =
                fmt().without_time().with_ansi(colours).with_ansi_sanitization(sanitizes);
            let subscriber = subscriber.with_writer(lines.clone());
            let event = || {
                let bound = kv! { user = "ann" };
                fields::sync_scope(
                    bound,
                    || info!(code = "\u{1b}[1m", other = %"\u{1b}[2m", "\u{1b}[31mpaid"),
                );
            };
            if wrap {
                with_default(subscriber.map_event_format(Text::new).finish(), event);
            } else {
                with_default(subscriber.finish(), event);
            }
            lines.text()
        };
        let lines = Lines::default();
        let plain = write(&lines, false);
        assert!(plain.contains('\u{1b}') || !colours);
        for _ in 0..2 {
            let wrapped = write(&lines, true);
            assert_eq!(wrapped.strip_suffix(" user=ann\n"), plain.strip_suffix('\n'));
        }
    }
}

#[test]
fn formats_with_colours_lose_nothing() {
    let event = || fields::sync_scope(kv! { user = "ann" }, || info!(sum = 7, "paid"));
    let run =
        |subscriber: Box<dyn tracing::Subscriber + Send + Sync>| with_default(subscriber, event);
    let lines = Lines::default();
    let base = || fmt().without_time().with_ansi(true).with_writer(lines.clone());
    run(Box::new(base().compact().finish()));
    let plain = lines.text();
    run(Box::new(base().compact().map_event_format(Text::new).finish()));
    assert_eq!(lines.text().replace(" user=ann", ""), plain);

    run(Box::new(base().pretty().finish()));
    let plain = lines.text();
    run(Box::new(base().pretty().map_event_format(Text::new).finish()));
    assert_eq!(lines.text().replace("\n    user=ann", ""), plain);
}

#[test]
fn a_selection_decides_which_fields_are_shown() {
    let lines = Lines::default();
    let selection = Selection::new().field("path").field("user").or_null().redact("path");
    let subscriber = fmt().without_time().with_target(false).with_ansi(false);
    let subscriber = subscriber
        .map_event_format(|inner| Text::new(inner).with_selection(selection))
        .with_writer(lines.clone());
    with_default(subscriber.finish(), || {
        fields::sync_scope(kv! { path = "/secret", other = 1 }, || info!("paid"));
    });
    assert_eq!(lines.text(), " INFO paid path=[redacted] user=null\n");
}

#[test]
fn floats_look_as_those_of_the_event_do() {
    for float in [1.0, 0.1, 1e300, -1e-9, f64::NAN, f64::INFINITY] {
        let text = full(|| fields::sync_scope(kv! { context = float }, || info!(own = float)));
        let written = |key: &str| {
            let word = text.split_whitespace().find(|word| word.starts_with(key));
            word.and_then(|word| word.split_once('=')).unwrap().1.to_owned()
        };
        assert_eq!(written("context="), written("own="), "{text}");
    }
}

/// Regression: the fields were written without a line, in front of the next one.
#[test]
fn a_line_that_the_formatter_leaves_out_stays_out() {
    struct Nothing;

    impl<S: Subscriber, N> FormatEvent<S, N> for Nothing
    where
        S: for<'lookup> LookupSpan<'lookup>,
        N: for<'writer> FormatFields<'writer> + 'static,
    {
        fn format_event(
            &self,
            _: &FmtContext<'_, S, N>,
            _: Writer<'_>,
            _: &Event<'_>,
        ) -> std::fmt::Result {
            Ok(())
        }
    }

    let lines = Lines::default();
    let subscriber = fmt().event_format(Text::new(Nothing)).with_writer(lines.clone()).finish();
    with_default(subscriber, || fields::sync_scope(kv! { user = "ann" }, || info!("paid")));
    assert_eq!(lines.text(), "");
}
