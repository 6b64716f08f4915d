//! [`WithFields`].

use std::sync::Arc;

use contextvars::fields::{Selection, Snapshot};
use tracing_core::metadata::LevelFilter;
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::subscriber::Interest;
use tracing_core::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::extended::{self, Added};
use crate::keys::EventKeys;

/// The keys that common formatters write themselves, which [`WithFields`] skips unless it has a selection.
///
/// A formatter that writes the event's fields on the top level, such as `fmt().json().flatten_event(true)`, would otherwise
/// write a bound field of this name as a second `level` or `target` of the same object.
///
/// ```
/// assert!(contextvars_tracing::RESERVED_KEYS.contains(&"level"));
/// ```
pub const RESERVED_KEYS: [&str; 9] = [
    "timestamp",
    "level",
    "target",
    "filename",
    "line_number",
    "threadName",
    "threadId",
    "span",
    "spans",
];

/// A layer that passes events to another layer with the fields of the current context added.
///
/// It is for layers that are not `fmt` layers, such as those that send events to a collector; around a `fmt` layer,
/// [`Json`](crate::Json) and [`Text`](crate::Text) are cheaper.
///
/// The inner layer sees an event of the same call site with more fields. The event's own fields go before fields of the
/// same key. The [`RESERVED_KEYS`] are skipped; a selection shows every key that it lists. Other layers of the subscriber
/// see the event unchanged, because a layer cannot change the events of its siblings.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use contextvars::fields::{self, kv};
/// use contextvars_tracing::WithFields;
/// use tracing::{Event, Subscriber, subscriber::with_default};
/// use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
///
/// /// Stands for a layer that sends events somewhere.
/// struct Collect(Arc<Mutex<Vec<String>>>);
///
/// impl<S: Subscriber> Layer<S> for Collect {
///     fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
///         let keys: Vec<_> = event.fields().map(|field| field.name()).collect();
///         self.0.lock().unwrap().push(keys.join(" "));
///     }
/// }
///
/// let seen = Arc::default();
/// let layer = WithFields::new(Collect(Arc::clone(&seen)));
/// with_default(tracing_subscriber::registry().with(layer), || {
///     fields::sync_scope(kv! { user = "ann" }, || tracing::info!(sum = 7, "paid"));
/// });
/// assert_eq!(*seen.lock().unwrap(), ["message sum user"]);
/// ```
///
/// # Complexity
///
/// The values of an event that gets fields are copied, and a value with a `Debug` is formatted once, by `{:?}`. An event to
/// which there is nothing to add is passed on unchanged.
///
/// # Limits
///
/// - An event has to declare its fields beforehand, for the life of the process. So each call site keeps the first eight
///   different sets of keys and then one union of all of them, with at most 32 keys. A set that a kept one contains
///   is not kept again: the event then has fields without a value, which visitors do not see. **Only an event at a call
///   site that has seen more than eight sets and more than 32 keys loses fields: those whose keys no kept set has.** Keep
///   the keys few, and put what varies into the values.
/// - The keys that one event gets have at most a kilobyte together. Fields whose keys exceed it are left out.
/// - Filters stand outside: `WithFields::new(layer).with_filter(filter)`. The inner layer's own `enabled` and
///   `event_enabled` are asked, before the fields are added. But a `Filtered` layer inside registers with the subscriber
///   in a way that cannot be forwarded without unsafe code.
/// - For the same reason the subscriber does not find the inner layer by `downcast_ref`, which `tracing-opentelemetry`
///   uses to find its own layer when it sets the parent of a span.
/// - An event cannot have null as a value, so a field that is null is left out.
/// - The event is made by `FieldSet::value_set_all` of `tracing-core`, which is public but hidden in its documentation.
///   Version 0.1.36 has it.
/// - If a [`ToValue`](contextvars::fields::ToValue) logs while it is asked for its value, its line shows the bound fields
///   and, in place of values that would have to be made, a text that says that another one is being made.
#[derive(Clone, Debug, Default)]
pub struct WithFields<L> {
    inner: L,
    selection: Option<Arc<Selection>>,
}

impl<L> WithFields<L> {
    /// Wraps a layer.
    ///
    /// See [`WithFields`] for an example.
    pub const fn new(inner: L) -> Self {
        Self { inner, selection: None }
    }

    /// Returns a layer that adds the fields of a selection instead of all fields. It skips no [`RESERVED_KEYS`].
    ///
    /// ```
    /// use contextvars::fields::Selection;
    /// use contextvars_tracing::WithFields;
    /// use tracing_subscriber::layer::SubscriberExt as _;
    ///
    /// let selection = Selection::new().field("request_id").rest().redact("token");
    /// let layer = WithFields::new(tracing_subscriber::fmt::layer()).with_selection(selection);
    /// # drop(tracing_subscriber::registry().with(layer));
    /// ```
    #[must_use = "this is the layer with the selection"]
    pub fn with_selection(self, selection: Selection) -> Self {
        Self { selection: Some(Arc::new(selection)), ..self }
    }
}

impl<S: Subscriber, L: Layer<S>> Layer<S> for WithFields<L> {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let snapshot = self.selection.as_ref().map_or_else(Snapshot::now, Selection::snapshot);
        if snapshot.is_empty() {
            return self.inner.on_event(event, context);
        }
        let reserved: &[&str] = if self.selection.is_some() { &[] } else { &RESERVED_KEYS };
        let own = EventKeys::of(event);
        let mut added = Added::new();
        snapshot.visit(|key, value| {
            if !reserved.contains(&key) && !own.has(key) {
                added.push((key.to_owned(), value.clone()));
            }
        });
        extended::dispatch(event, &added, |event| self.inner.on_event(event, context));
    }

    fn event_enabled(&self, event: &Event<'_>, context: Context<'_, S>) -> bool {
        self.inner.event_enabled(event, context)
    }

    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.inner.on_register_dispatch(subscriber);
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        self.inner.on_layer(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.inner.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        self.inner.enabled(metadata, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // The subscriber would apply the inner layer's hint to all layers: it recognises the hint of a layer that is `None`
        // or filtered by `downcast_raw` only, which cannot be forwarded. `register_callsite` still refuses call sites.
        None
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.inner.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.inner.on_record(id, values, context);
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        self.inner.on_follows_from(id, follows, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.inner.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.inner.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.inner.on_close(id, context);
    }

    fn on_id_change(&self, old: &Id, new: &Id, context: Context<'_, S>) {
        self.inner.on_id_change(old, new, context);
    }
}
