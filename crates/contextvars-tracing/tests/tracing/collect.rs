//! A layer that records the events that it sees.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// An event: its values by key, its parent and its place in the source.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) values: BTreeMap<&'static str, String>,
    pub(crate) parent: Option<&'static str>,
    pub(crate) place: (&'static str, Option<u32>),
}

impl Seen {
    fn put(&mut self, field: &Field, kind: &str, value: impl fmt::Display) {
        let earlier = self.values.insert(field.name(), format!("{kind} {value}"));
        assert!(earlier.is_none(), "{field} came twice");
    }
}

impl Visit for Seen {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, "f64", value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, "i64", value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, "u64", value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, "i128", value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, "u128", value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, "bool", value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, "str", value);
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.put(field, "bytes", format!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let source = value.source().map(ToString::to_string);
        self.put(field, "error", format!("{value} {value:?} {source:?}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, "debug", format!("{value:?}"));
    }
}

/// Records the events that it sees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collect(Arc<Mutex<Vec<Seen>>>);

impl Collect {
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Returns the values of the only event.
    #[track_caller]
    pub(crate) fn values(&self) -> Vec<(&'static str, String)> {
        let [seen] = self.take().try_into().expect("one event");
        seen.values.into_iter().collect()
    }
}

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Collect {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let place = (event.metadata().target(), event.metadata().line());
        let parent = context.event_span(event).map(|span| span.name());
        let mut seen = Seen { parent, place, ..Seen::default() };
        event.record(&mut seen);
        self.0.lock().unwrap().push(seen);
    }
}

pub(crate) fn pair(key: &'static str, value: &str) -> (&'static str, String) {
    (key, value.to_owned())
}
