//! What [`Json`](crate::Json) and [`Text`](crate::Text) have in common: they take the fields when a line begins, let another
//! formatter write it, and add the fields to the complete line.

use std::fmt;
use std::sync::Arc;

use contextvars::fields::{Selection, Snapshot};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::buffer::buffered;

/// A formatter whose lines get the fields of the current context, or those of a selection.
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

    /// Writes the line of the inner formatter, which `extend` adds the fields to.
    pub(crate) fn format_event<S, N>(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
        extend: impl FnOnce(&Snapshot, &mut Writer<'_>, &str) -> fmt::Result,
    ) -> fmt::Result
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
        N: for<'writer> FormatFields<'writer> + 'static,
        F: FormatEvent<S, N>,
    {
        let snapshot = self.selection.as_ref().map_or_else(Snapshot::now, Selection::snapshot);
        if snapshot.is_empty() {
            return self.inner.format_event(context, writer, event); // user code
        }
        buffered(
            writer,
            |writer| self.inner.format_event(context, writer, event), // user code
            |writer, line| extend(&snapshot, writer, line),           // user code: T::to_value
        )
    }
}
