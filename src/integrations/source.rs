//! The fields of a line that is being written: what every adapter adds.

use std::sync::Arc;

use crate::context::Context;
use crate::field_slot;
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

    /// What there is for a line that begins now; `None` if it stays as it is.
    pub(crate) fn snapshot(&self) -> Option<Snapshot<'_>> {
        let selection = self.selection.as_deref();
        let nothing = selection.is_none() && fields::is_empty();
        (!nothing).then(|| Snapshot { variables: field_slot::variables(), selection })
    }
}

/// The current context as it was when a line began, before any user code of that line.
pub(crate) struct Snapshot<'a> {
    variables: Context,
    selection: Option<&'a Selection>,
}

impl Snapshot<'_> {
    /// Calls `f` with the fields, each key once.
    pub(crate) fn visit(&self, f: impl FnMut(&str, &Value)) {
        match self.selection {
            Some(selection) => selection.visit_in(&self.variables, f), // user code
            None => fields::visit_in(&self.variables, f),              // user code
        }
    }
}
