//! [`Json`].

use std::fmt;
use std::sync::Arc;

use contextvars::fields::{Selection, Snapshot, Text};
use serde::de::IgnoredAny;
use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::escape;
use crate::keys::EventKeys;
use crate::line::Line;
use crate::object::Object;
use crate::shape::Shape;

/// A formatter that adds the fields of the current context to the JSON line that another formatter writes.
///
/// The fields come last in the object, next to `timestamp` and `level`. A field is left out if the object already has its
/// key, or if the event has a field of that key, wherever the line shows it. The fields are those of the context at the
/// time when the line begins: fields that a value binds while it is formatted appear on the next line.
///
/// NaN and the infinities become null, and integers beyond 64 bits become text. The inner formatter's part of the line is
/// not changed, unless [`flat`](Self::flat), [`keys`](Self::keys) or [`omit`](Self::omit) ask for it. A line that is not
/// exactly one JSON object passes unchanged; the object may span several lines of text.
///
/// If a [`ToValue`](contextvars::fields::ToValue) logs while it is asked for its value, its line shows the bound fields and,
/// in place of values that would have to be made, a text that says that another one is being made.
///
/// Wrap the formatter of a layer with `map_event_format`, after it has been set up. See [the crate](crate) for an
/// example.
///
/// # Complexity
///
/// Linear in the length of the line. A line with fields is written to a buffer and read once.
#[derive(Clone, Debug, Default)]
pub struct Json<F> {
    line: Line<F>,
    shape: Option<Arc<Shape>>,
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
        Self { line: Line::new(inner), shape: None }
    }

    /// Returns a formatter that adds the fields of a selection instead of all fields.
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
        Self { line: self.line.with_selection(selection), ..self }
    }

    /// Returns a formatter that lifts the event's own fields from the object `fields` to the top level of the line.
    ///
    /// For a formatter that nests them, as that of `fmt().json()` does by default. The fields stand where `fields` stood, in
    /// their order. A field whose key the line already has, such as an event's own `level`, stays in `fields`; so the
    /// line has no key twice, a field cannot replace the formatter's own keys, and no field is lost.
    ///
    /// ```
    /// use contextvars::fields::{self, kv};
    /// use contextvars_tracing::Json;
    /// use tracing::{info, subscriber::with_default};
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
    /// let json = tracing_subscriber::fmt().json().without_time().with_target(false).with_writer(stdout);
    /// let subscriber = json
    ///     .map_event_format(|inner| Json::new(inner).flat().keys([("message", "msg"), ("level", "severity")]))
    ///     .finish();
    /// with_default(subscriber, || {
    ///     fields::sync_scope(kv! { request_id = 7 }, || info!(sum = 3, "paid"));
    /// });
    /// # let line = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
    /// assert_eq!(line, "{\"severity\":\"INFO\",\"msg\":\"paid\",\"sum\":3,\"request_id\":7}\n");
    /// ```
    #[must_use = "this is the formatter with the shape"]
    pub fn flat(self) -> Self {
        self.shaped(|shape| shape.flat = true)
    }

    /// Returns a formatter that renames keys on the top level of the line, given as pairs of the old and the new name.
    ///
    /// This concerns the keys that the inner formatter writes and, with [`flat`](Self::flat), the event's own fields and
    /// `message`. The fields of the context keep their names; a
    /// [`Selection`](contextvars::fields::Selection::rename) can rename variables. Members keep their order; the space between them is not kept.
    /// A key that is given twice gets the last name.
    ///
    /// If two members end up with one name, the line shows one of them: a renamed key goes before one that keeps its name,
    /// then a key of the formatter before a lifted field, then the one that comes first. A lifted field that has to give way
    /// stays in `fields`; other members are left out. A field of the context gives way to all of these.
    ///
    /// See [`flat`](Self::flat) for an example.
    #[must_use = "this is the formatter with the shape"]
    pub fn keys<K: Into<Text>, N: Into<Text>>(
        self,
        names: impl IntoIterator<Item = (K, N)>,
    ) -> Self {
        let names = names.into_iter().map(|(key, name)| (key.into(), Some(name.into())));
        self.shaped(|shape| shape.names.extend(names))
    }

    /// Returns a formatter that leaves out these keys of the top level of the line, as [`keys`](Self::keys) renames them.
    ///
    /// For a key that the inner formatter cannot be told to leave out. A field of the context may take the free name.
    ///
    /// ```
    /// use contextvars_tracing::Json;
    ///
    /// let subscriber = tracing_subscriber::fmt()
    ///     .json()
    ///     .map_event_format(|inner| Json::new(inner).flat().omit(["target", "spans"]));
    /// # drop(subscriber);
    /// ```
    #[must_use = "this is the formatter with the shape"]
    pub fn omit<K: Into<Text>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        let keys = keys.into_iter().map(|key| (key.into(), None));
        self.shaped(|shape| shape.names.extend(keys))
    }

    fn shaped(self, change: impl FnOnce(&mut Shape)) -> Self {
        let mut shape = self.shape.map(Arc::unwrap_or_clone).unwrap_or_default();
        change(&mut shape);
        Self { shape: Some(Arc::new(shape)), ..self }
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
        let shape = self.shape.as_deref();
        self.line.format_event(shape.is_some(), context, writer, event, |snapshot, line, out| {
            extend(shape, snapshot, event, line, out);
        })
    }
}

/// Appends the line to `out`, rewritten by `shape`, with the fields before its last brace.
fn extend(
    shape: Option<&Shape>,
    snapshot: &Snapshot,
    event: &Event<'_>,
    line: &str,
    out: &mut String,
) {
    let end = line.trim_end().len().saturating_sub(1); // the closing brace
    if let Some(shape) = shape {
        let Some(object) = Object::parse(line) else { return out.push_str(line) };
        let members = shape.apply(&object);
        out.push('{');
        let is_first = members.write(out);
        add(snapshot, event, is_first, |key| members.has(key), out);
    } else {
        let Some(object) = Object::<IgnoredAny>::parse(line) else { return out.push_str(line) };
        out.push_str(&line[..end]);
        add(snapshot, event, object.members.is_empty(), |key| object.has(key), out);
    }
    out.push_str(&line[end..]);
}

/// Appends the fields whose keys neither the line nor the event has.
fn add(
    snapshot: &Snapshot,
    event: &Event<'_>,
    mut is_first: bool,
    is_taken: impl Fn(&str) -> bool,
    out: &mut String,
) {
    let own = EventKeys::of(event);
    snapshot.visit(|key, value| {
        if !is_taken(key) && !own.has(key) {
            escape::json_key(out, &mut is_first, key);
            escape::json_value(out, value);
        }
    });
}
