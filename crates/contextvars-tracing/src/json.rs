//! [`Json`].

use std::fmt;

use contextvars::fields::{Selection, Snapshot};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::line::Line;
use crate::scan::Object;
use crate::{escape, has};

/// A formatter that adds the fields of the current context to the JSON line that another one writes.
///
/// They come last in the object, next to `timestamp` and `level`; none of a key that the object has there already, and
/// none of a key that the event itself has, wherever the line shows it. They are those of the context as it is when the
/// line begins: what a value binds while it is formatted is on the next line.
///
/// NaN and the infinities are null, integers beyond 64 bits text. What the other formatter writes is not changed, and if
/// it is not one JSON object, on whatever number of lines, nothing is added.
///
/// A [`ToValue`](contextvars::fields::ToValue) that logs while it is asked for its value finds on its own line the bound
/// fields, and of values that would have to be made in turn, that one is being made already.
///
/// Take the formatter of a layer by `map_event_format`, once it is set up. See [the module](crate) for an
/// example.
#[derive(Clone, Debug, Default)]
pub struct Json<F> {
    line: Line<F>,
}

impl<F> Json<F> {
    /// Wraps a formatter that writes JSON, such as the one of `tracing_subscriber::fmt().json()`.
    ///
    /// ```
    /// use contextvars_tracing::Json;
    /// use tracing_subscriber::fmt::{self, format};
    ///
    /// let layer = fmt::layer::<tracing_subscriber::Registry>()
    ///     .event_format(Json::new(format().json().flatten_event(true)))
    ///     .fmt_fields(format::JsonFields::new());
    /// # drop(layer);
    /// ```
    pub const fn new(inner: F) -> Self {
        Self { line: Line::new(inner) }
    }

    /// Has the lines show what is selected, and nothing else.
    ///
    /// ```
    /// use contextvars::fields::Selection;
    /// use contextvars_tracing::Json;
    ///
    /// let selection = Selection::new().field("request_id").or_null().rest().redact("token");
    /// let layer = tracing_subscriber::fmt()
    ///     .json()
    ///     .map_event_format(|inner| Json::new(inner).with_selection(selection));
    /// # drop(layer);
    /// ```
    #[must_use = "this is the formatter with the selection"]
    pub fn with_selection(self, selection: Selection) -> Self {
        Self { line: self.line.with_selection(selection) }
    }
}

impl<S, N, F> FormatEvent<S, N> for Json<F>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        self.line.format_event(context, writer, event, |snapshot, writer, line| {
            extend(snapshot, event, writer, line)
        })
    }
}

/// Writes the line, with the fields before its last brace.
fn extend(snapshot: &Snapshot, event: &Event<'_>, out: &mut Writer<'_>, line: &str) -> fmt::Result {
    let mut read = None; // at the first field
    let mut written = 0;
    let mut outcome = Ok(());
    snapshot.visit(|key, value| {
        let Some(object) = read.get_or_insert_with(|| Object::of(line)) else { return };
        if outcome.is_err() || object.has(key) || has(event, key) {
            return;
        }
        outcome = out.write_str(&line[written..object.end]).and_then(|()| {
            let comma = written > 0 || !object.is_empty();
            out.write_str(if comma { "," } else { "" })?;
            escape::json_text(out, key)?;
            out.write_char(':')?;
            escape::json_value(out, value)
        });
        written = object.end;
    });
    outcome?;
    out.write_str(&line[written..])
}
