//! The `Debug` of a value inside that of a `Context`, and the writer that it writes to.

use std::fmt::{self, Write as _};

use contextvars::{Context, copy_context};

use super::hooks;
use crate::probe::{At, Probe, SUBJECT, State, at_entry, at_exit, fire};

/// Formats through `format` while an armed subject is set.
fn format_armed(format: fn() -> String) {
    let token = SUBJECT.set(Probe::firing(At::Debug, 70));
    let before = State::now();
    let text = format();
    assert!(text.contains("subject") && text.contains("Probe(70)"), "{text}");
    assert!(text.contains("other") && text.contains('2'), "{text}");
    assert_eq!(at_entry(), before);
    assert_eq!(State::now(), at_exit());
    SUBJECT.reset(token).unwrap();
}

/// Runs the operation at the first write.
struct FiringWriter(String);

impl fmt::Write for FiringWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        fire();
        self.0.write_str(text)
    }
}

hooks! {
    fn debug_of_the_current_context() {
        format_armed(|| format!("{:?}", Context::current()));
    }

    fn debug_of_the_current_context_in_long_form() {
        format_armed(|| format!("{:#?}", Context::current()));
    }

    fn debug_of_a_held_context() {
        format_armed(|| {
            let held = copy_context();
            let text = format!("{held:?}");
            assert_eq!(held.get(&SUBJECT).map(Probe::number), Some(70));
            text
        });
    }

    fn debug_of_a_lent_value() {
        format_armed(|| SUBJECT.with(|lent| format!("subject: {lent:?}, other: 2")));
    }

    fn writer_of_debug() {
        let held = copy_context();
        let before = State::now();
        let mut writer = FiringWriter(String::new());
        write!(writer, "{held:?}").unwrap();
        assert!(writer.0.contains("subject"), "{}", writer.0);
        assert_eq!(at_entry(), before);
        assert_eq!(State::now(), at_exit());
    }
}
