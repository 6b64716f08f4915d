//! The values of an event, copied: a visitor may look at them, but not keep them.

use std::error::Error;
use std::fmt;

use contextvars::fields::Value;
use tracing_core::Event;
use tracing_core::field::{Field, Value as Recordable, Visit, debug};

/// A value that is ready to be recorded again.
pub(crate) type Slot = Box<dyn Recordable>;

/// As much of a chain of errors as is copied.
const CAUSES: usize = 32;

/// A slot for each field of the call site.
pub(crate) struct Copied(Vec<Option<Slot>>);

impl Copied {
    pub(crate) fn of(event: &Event<'_>) -> Vec<Option<Slot>> {
        let mut copied = Self(event.fields().map(|_| None).collect());
        event.record(&mut copied); // user code: Debug
        copied.0
    }

    fn put(&mut self, field: &Field, value: impl Recordable + 'static) {
        if let Some(slot) = self.0.get_mut(field.index()) {
            *slot = Some(Box::new(value));
        }
    }
}

impl Visit for Copied {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.put(field, Box::<[u8]>::from(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let error: Box<dyn Error> = Box::new(Cause::of(value, CAUSES));
        self.put(field, error);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, debug(Verbatim(written(format_args!("{value:?}")))));
    }
}

/// A bound value as a slot; `None` for null, which no event can have.
pub(crate) fn slot_of(value: &Value) -> Option<Slot> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => Box::new(*value),
        Value::I64(number) => Box::new(*number),
        Value::U64(number) => Box::new(*number),
        Value::I128(number) => Box::new(*number),
        Value::U128(number) => Box::new(*number),
        Value::F64(number) => Box::new(*number),
        Value::Text(text) => Box::new(text.as_str().to_owned()),
        other => Box::new(other.to_string()),
    })
}

/// What a `Debug` has written.
struct Verbatim(String);

impl fmt::Debug for Verbatim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an error has written, and its source.
struct Cause {
    display: String,
    debug: Verbatim,
    source: Option<Box<Self>>,
}

impl Cause {
    fn of(error: &(dyn Error + 'static), left: usize) -> Self {
        let source = error.source().filter(|_| left > 0);
        Self {
            display: written(format_args!("{error}")),
            // Formatters do not ask for it, so that a panic would be the wrapper's.
            debug: Verbatim(
                Value::guarded(|| written(format_args!("{error:?}")).into()).to_string(),
            ),
            source: source.map(|source| Box::new(Self::of(source, left - 1))),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.debug.fmt(f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// As `format!`, which panics where a formatter fails.
fn written(arguments: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    if fmt::Write::write_fmt(&mut text, arguments).is_err() {
        text.push_str("<failed while formatting>");
    }
    text
}
