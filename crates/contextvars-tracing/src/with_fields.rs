//! [`WithFields`].

use std::sync::Arc;

use contextvars::fields::{Selection, Snapshot};
use tracing_core::metadata::LevelFilter;
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::subscriber::Interest;
use tracing_core::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::extended::{self, Added};
use crate::has;

/// A layer that hands events to another one with the fields of the current context added: for layers that are no `fmt`
/// layer, whatever they write and wherever to.
///
/// The inner layer sees an event of the same call site that has more fields, those that [`Json`](crate::Json)
/// would write: the event's own go before fields of the same key. Other layers of the subscriber see the event as it
/// was, for no layer can add to what a sibling sees.
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
/// # What it costs
///
/// The values of an event that is extended are copied, and what has a `Debug` is formatted, once, as `{:?}`. Around a
/// `fmt` layer, `Json` and `Text` are cheaper. An event to which there is nothing to add is passed on as it is.
///
/// An event has to say beforehand which fields it may have, and for as long as the process lives. So each new set of
/// keys at a call site is kept for good, up to 64 sets at one call site, 4096 in the process, and a kilobyte of keys to
/// a set. **Beyond that, events are passed on without the fields**: let the keys be few, and put into the values what
/// varies.
///
/// # Limits
///
/// - Filters stand outside: `WithFields::new(layer).with_filter(filter)`. The inner layer's own `enabled` and
///   `event_enabled` are asked, before there are fields; but a `Filtered` layer inside makes itself known to the
///   subscriber in a way that cannot be forwarded without unsafe code.
/// - For the same reason the subscriber does not find the inner layer by `downcast_ref`, which is how
///   `tracing-opentelemetry` finds its own to set the parent of a span.
/// - A null is no value that an event could have: the field is left out.
/// - To make an event of values that are not known beforehand takes `FieldSet::value_set_all` of `tracing-core`, which
///   is public but hidden in its documentation. It is there in version 0.1.36.
/// - A [`ToValue`](contextvars::fields::ToValue) that logs while it is asked for its value finds on its own line the bound
///   fields, and of values that would have to be made in turn, that one is being made already.
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

    /// Has the events show what is selected, and nothing else.
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
        let mut added = Added::new();
        snapshot.visit(|key, value| {
            if !has(event, key) {
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
        // The inner layer's own hint would be taken for everybody's: that of a layer that is `None`, or filtered, is
        // told apart by `downcast_raw` only, which cannot be forwarded. What it does not want it still says by call site.
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
