//! The part that [`Json`](crate::Json) and [`Text`](crate::Text) share: take the fields when a line begins, let another
//! formatter write the line, and add the fields to the complete line.

use std::fmt;
use std::sync::Arc;

use contextvars::fields::{Selection, Snapshot};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::buffer::buffered;

/// A formatter whose lines get the fields of the current context, or of a selection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line<F> {
    inner: F,
    selection: Option<Arc<Selection>>,
}

impl<F> Line<F> {
    pub(crate) const fn new(inner: F) -> Self {
        Self { inner, selection: None }
    }

    pub(crate) fn with_selection(self, selection: Selection) -> Self {
        Self { selection: Some(Arc::new(selection)), ..self }
    }

    /// Writes the line that `extend` makes of the snapshot and of the inner formatter's line.
    ///
    /// If there are no fields and `always` is false, the inner formatter writes the line directly.
    pub(crate) fn format_event<S, N>(
        &self,
        always: bool,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
        extend: impl FnOnce(&Snapshot, &str, &mut String),
    ) -> fmt::Result
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
        N: for<'writer> FormatFields<'writer> + 'static,
        F: FormatEvent<S, N>,
    {
        let snapshot = self.selection.as_ref().map_or_else(Snapshot::now, Selection::snapshot);
        if snapshot.is_empty() && !always {
            return self.inner.format_event(context, writer, event); // user code
        }
        buffered(
            writer,
            |writer| self.inner.format_event(context, writer, event), // user code
            |line, out| extend(&snapshot, line, out),                 // user code: T::to_value
        )
    }
}
