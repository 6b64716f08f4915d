//! Which keys a line has already.

use std::fmt::Debug;

use tracing_core::Event;
use tracing_core::field::{Field, Visit};

/// A set of keys, reduced to 64 bits. It rules out most of the keys that are not in the set, without comparing texts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Filter(u64);

impl Filter {
    pub(crate) fn insert(&mut self, key: &str) {
        self.0 |= bit(key);
    }

    /// Returns `false` only if the key is not in the set.
    pub(crate) fn may_contain(self, key: &str) -> bool {
        self.0 & bit(key) != 0
    }
}

/// Returns a bit that depends on the key's length and its first byte.
fn bit(key: &str) -> u64 {
    let first = key.as_bytes().first().copied().unwrap_or_default();
    1 << ((key.len() ^ usize::from(first)) % 64)
}

/// The keys of an event's own fields, as formatters show them.
pub(crate) struct EventKeys<'a> {
    event: &'a Event<'a>,
    filter: Filter,
}

impl<'a> EventKeys<'a> {
    pub(crate) fn of(event: &'a Event<'a>) -> Self {
        let mut filter = Filter::default();
        event.fields().for_each(|field| filter.insert(display_name(&field)));
        Self { event, filter }
    }

    /// Returns `true` if the event has a value for this key.
    #[inline]
    pub(crate) fn has(&self, key: &str) -> bool {
        self.filter.may_contain(key) && self.has_value(key)
    }

    #[inline(never)]
    fn has_value(&self, key: &str) -> bool {
        let mut find = Find { key, found: false };
        if self.event.fields().any(|field| display_name(&field) == key) {
            self.event.record(&mut find);
        }
        find.found
    }
}

/// Looks for a value, because a call site may declare a field without giving it one.
struct Find<'a> {
    key: &'a str,
    found: bool,
}

impl Visit for Find<'_> {
    fn record_debug(&mut self, field: &Field, _: &dyn Debug) {
        self.found |= display_name(field) == self.key;
    }
}

/// Returns the name of a field as formatters show it, without `r#`.
pub(crate) fn display_name(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}
