//! [`Binding`]: fields that are set until a guard is dropped.

use std::marker::PhantomData;

use contextvars::fields::{Fields, Text, Value};

use crate::ThreadMap;

/// Restores fields of its thread when it is dropped; returned by [`bind`](crate::bind).
///
/// It cannot leave the thread.
#[derive(Debug)]
#[must_use = "the fields are set until this guard is dropped, and `let _ = …` drops it at once"]
pub struct Binding {
    map: ThreadMap,
    /// The keys that were bound, each with its value before, or `None` if it had none.
    previous: Vec<(Text, Option<Value>)>,
    /// Makes the guard `!Send`.
    _not_send: PhantomData<*const ()>,
}

impl Binding {
    pub(crate) fn new(map: ThreadMap, fields: &Fields) -> Self {
        let outer = map.snapshot();
        let previous =
            fields.iter().map(|(key, _)| (key.clone(), outer.get(key).cloned())).collect();
        map.replace(outer.merged_with(fields));
        Self { map, previous, _not_send: PhantomData }
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        let mut fields = self.map.snapshot();
        for (key, value) in self.previous.drain(..) {
            match value {
                Some(value) => drop(fields.insert(key, value)),
                None => drop(fields.remove(&key)),
            }
        }
        self.map.replace(fields);
    }
}
