//! Copies of an event's values, because a visitor cannot keep the values themselves.

use std::error::Error;
use std::fmt;

use contextvars::fields::Value;
use tracing_core::Event;
use tracing_core::field::{Field, Value as Recordable, Visit, debug};

/// A value that can be recorded again.
pub(crate) type Slot = Box<dyn Recordable>;

/// The number of causes of an error that are copied.
const CAUSES: usize = 32;

/// Collects the values of an event, with a slot for each field of the call site.
pub(crate) struct Copied(Vec<Option<Slot>>);

impl Copied {
    /// Returns the values of the event, by the index of their field.
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

/// Returns a slot for a value of the context, or `None` for null, which an event cannot have.
///
/// Integers are recorded with 64 bits if they fit, because many visitors write wider ones as text.
pub(crate) fn slot_of(value: &Value) -> Option<Slot> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => Box::new(*value),
        Value::I64(number) => Box::new(*number),
        Value::U64(number) => Box::new(*number),
        Value::I128(number) => match (i64::try_from(*number), u64::try_from(*number)) {
            (Ok(number), _) => Box::new(number),
            (_, Ok(number)) => Box::new(number),
            _ => Box::new(*number),
        },
        Value::U128(number) => match u64::try_from(*number) {
            Ok(number) => Box::new(number),
            Err(_) => Box::new(*number),
        },
        Value::F64(number) => Box::new(*number),
        Value::Text(text) => Box::new(text.as_str().to_owned()),
        // Kinds of values that a later version of `Value` has.
        other => Box::new(other.to_string()),
    })
}

/// The output of a `Debug`, which shows as itself.
struct Verbatim(String);

impl fmt::Debug for Verbatim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A copy of an error: its output and its source.
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
            // Formatters do not ask for it, so without the wrapper a panic would not happen.
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

/// Formats the arguments as `format!` does, but without its panic if a formatter fails.
fn written(arguments: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    if fmt::Write::write_fmt(&mut text, arguments).is_err() {
        text.push_str("<failed while formatting>");
    }
    text
}
