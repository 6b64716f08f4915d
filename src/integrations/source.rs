//! The fields of a line that is being written: what every adapter adds.

use std::sync::Arc;

use crate::fields::{self, Selection, Value};

/// Either all fields, or those of a selection. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    selection: Option<Arc<Selection>>,
}

impl Source {
    pub(crate) const fn all() -> Self {
        Self { selection: None }
    }

    pub(crate) fn selected(selection: Selection) -> Self {
        Self { selection: Some(Arc::new(selection)) }
    }

    /// Whether there is nothing to show now, as far as that is known beforehand.
    #[cfg(feature = "tracing")]
    pub(crate) fn is_empty(&self) -> bool {
        self.selection.is_none() && fields::is_empty()
    }

    /// Calls `f` with the fields as they are now, each key once.
    pub(crate) fn visit(&self, f: impl FnMut(&str, &Value)) {
        match &self.selection {
            Some(selection) => selection.visit(f), // user code
            None => fields::visit(f),              // user code
        }
    }
}
