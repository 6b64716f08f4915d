//! [`Text`].

use std::fmt;

use contextvars::fields::{Selection, Snapshot};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::escape;
use crate::keys::EventKeys;
use crate::line::Line;

/// A formatter that adds the fields of the current context to the line that another formatter writes, as ` key=value`.
///
/// The fields come at the end of the line, or of the last line if there are several. If the text ends in an empty line, as
/// the pretty format's does, the fields get a line of their own. A field is left out if the event has a field of that
/// key. The fields are those of the context at the time when the line begins: fields that a value binds while it is
/// formatted appear on the next line.
///
/// A key or a text is quoted if it would not be one word otherwise. Quotes, control characters and other characters that
/// could make one line look like two are escaped, so a value from outside cannot forge a line. The colours that the inner
/// formatter writes are kept.
///
/// If a [`ToValue`](contextvars::fields::ToValue) logs while it is asked for its value, its line shows the bound fields and,
/// in place of values that would have to be made, a text that says that another one is being made.
///
/// ```
/// use contextvars::fields::{self, kv};
/// use contextvars_tracing::Text;
/// use tracing_subscriber::fmt;
///
/// # let lines = std::sync::Arc::new(std::sync::Mutex::new(vec![]));
/// # struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
/// # impl std::io::Write for Lines {
/// #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
/// #         self.0.lock().unwrap().write(bytes)
/// #     }
/// #     fn flush(&mut self) -> std::io::Result<()> {
/// #         Ok(())
/// #     }
/// # }
/// # let stdout = { let lines = lines.clone(); move || Lines(lines.clone()) };
/// let subscriber = fmt()
///     .without_time()
///     .with_target(false)
///     .with_ansi(false)
///     .map_event_format(Text::new)
///     .with_writer(stdout)
///     .finish();
/// tracing::subscriber::with_default(subscriber, || {
///     fields::sync_scope(kv! { user = "ann", query = "a b" }, || tracing::info!(sum = 7, "paid"));
/// });
/// # let line = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
/// assert_eq!(line, " INFO paid sum=7 user=ann query=\"a b\"\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Text<F> {
    line: Line<F>,
}

impl<F> Text<F> {
    /// Wraps a formatter that writes text, such as the full, compact or pretty one of tracing-subscriber.
    ///
    /// See [`Text`] for an example.
    pub const fn new(inner: F) -> Self {
        Self { line: Line::new(inner) }
    }

    /// Returns a formatter that adds the fields of a selection instead of all fields.
    ///
    /// ```
    /// use contextvars::fields::Selection;
    /// use contextvars_tracing::Text;
    ///
    /// let selection = Selection::new().field("request_id").rest().redact("token");
    /// let layer = tracing_subscriber::fmt()
    ///     .compact()
    ///     .map_event_format(|inner| Text::new(inner).with_selection(selection));
    /// # drop(layer);
    /// ```
    #[must_use = "this is the formatter with the selection"]
    pub fn with_selection(self, selection: Selection) -> Self {
        Self { line: self.line.with_selection(selection) }
    }
}

impl<S, N, F> FormatEvent<S, N> for Text<F>
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
        self.line.format_event(false, context, writer, event, |snapshot, line, out| {
            extend(snapshot, event, line, out);
        })
    }
}

/// Appends the line to `out`, with the fields before the line ends that are last in it.
fn extend(snapshot: &Snapshot, event: &Event<'_>, line: &str, out: &mut String) {
    if line.is_empty() {
        return; // the inner formatter leaves this event out
    }
    let text = line.trim_end_matches(['\n', '\r']);
    let ends = &line[text.len()..];
    let mut separator = if ends.matches('\n').count() > 1 { "\n    " } else { " " };
    out.push_str(text);
    let own = EventKeys::of(event);
    snapshot.visit(|key, value| {
        if own.has(key) {
            return;
        }
        out.push_str(std::mem::replace(&mut separator, " "));
        escape::plain_text(out, key);
        out.push('=');
        escape::plain_value(out, value);
    });
    out.push_str(ends);
}
