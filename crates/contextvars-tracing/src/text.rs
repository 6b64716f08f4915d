//! [`Text`].

use std::fmt;

use contextvars::fields::{Selection, Snapshot};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::line::Line;
use crate::{escape, has};

/// A formatter that adds the fields of the current context to the line that another one writes, as ` key=value`.
///
/// They stand at the end of the line, or of the last one if there are several; behind what ends in an empty line, as the
/// pretty format does, they have a line of their own. A key that the event itself has is not added again. The fields are
/// those of the context as it is when the line begins: what a value binds while it is formatted is on the next line.
///
/// A key or a text stands in quotes if it would not be one word otherwise. Quotes, control characters and what else
/// could make one line look like two are escaped in them, so that whoever chooses a value cannot forge a line; the
/// colours that the other formatter writes are kept.
///
/// A [`ToValue`](contextvars::fields::ToValue) that logs while it is asked for its value finds on its own line the bound
/// fields, and of values that would have to be made in turn, that one is being made already.
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
    /// Wraps a formatter that writes text: full, compact, pretty, or one of your own.
    ///
    /// See [`Text`] for an example.
    pub const fn new(inner: F) -> Self {
        Self { line: Line::new(inner) }
    }

    /// Has the lines show what is selected, and nothing else.
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
        self.line.format_event(context, writer, event, |snapshot, writer, line| {
            extend(snapshot, event, writer, line)
        })
    }
}

/// Writes the line, with the fields before the line ends that are last in it.
fn extend(snapshot: &Snapshot, event: &Event<'_>, out: &mut Writer<'_>, line: &str) -> fmt::Result {
    if line.is_empty() {
        return Ok(()); // left out by the other formatter
    }
    let text = line.trim_end_matches(['\n', '\r']);
    let apart = line[text.len()..].matches('\n').count() > 1;
    let (mut written, mut begun) = (0, false);
    let mut outcome = Ok(());
    snapshot.visit(|key, value| {
        if outcome.is_err() || has(event, key) {
            return;
        }
        let first = !std::mem::replace(&mut begun, true);
        outcome = out.write_str(&line[written..text.len()]).and_then(|()| {
            out.write_str(if first && apart { "\n    " } else { " " })?;
            escape::plain_text(out, key)?;
            out.write_char('=')?;
            escape::plain_value(out, value)
        });
        written = text.len();
    });
    outcome?;
    out.write_str(&line[written..])
}
