//! `WithFields` forwards every call of the subscriber to the inner layer.

use std::sync::{Arc, Mutex};

use contextvars_tracing::WithFields;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, with_default};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, debug, info, info_span, warn};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Records the names of the methods that are called.
#[derive(Clone, Debug, Default)]
struct Spy(Arc<Mutex<Vec<&'static str>>>);

impl Spy {
    fn saw(&self, method: &'static str) {
        self.0.lock().unwrap().push(method);
    }
}

impl<S: Subscriber> Layer<S> for Spy {
    fn on_register_dispatch(&self, _: &Dispatch) {
        self.saw("on_register_dispatch");
    }

    fn on_layer(&mut self, _: &mut S) {
        self.saw("on_layer");
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // It is called for the call sites of other tests too.
        if metadata.target() == module_path!() {
            self.saw("register_callsite");
        }
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.saw("enabled");
        *metadata.level() <= Level::INFO
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.saw("on_new_span");
    }

    fn on_record(&self, _: &Id, _: &Record<'_>, _: Context<'_, S>) {
        self.saw("on_record");
    }

    fn on_follows_from(&self, _: &Id, _: &Id, _: Context<'_, S>) {
        self.saw("on_follows_from");
    }

    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.saw("event_enabled");
        *event.metadata().level() != Level::WARN
    }

    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.saw("on_event");
    }

    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        self.saw("on_enter");
    }

    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        self.saw("on_exit");
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        self.saw("on_close");
    }
}

/// Returns the calls that a layer gets, in order. Calls of `register_callsite` are left out, because every new subscriber of
/// another test causes more of them.
fn calls<L: Layer<Registry> + Send + Sync>(wrap: impl FnOnce(Spy) -> L) -> Vec<&'static str> {
    let spy = Spy::default();
    with_default(Registry::default().with(wrap(spy.clone())), || {
        let (first, second) =
            (info_span!("first", late = tracing::field::Empty), info_span!("second"));
        first.record("late", 1);
        second.follows_from(&first);
        first.in_scope(|| {
            debug!("disabled");
            info!("enabled");
            warn!("disabled for what it says");
        });
        drop((first, second));
    });
    let mut calls = std::mem::take(&mut *spy.0.lock().unwrap());
    assert!(calls.contains(&"register_callsite"));
    calls.retain(|&method| method != "register_callsite");
    calls
}

#[test]
fn the_inner_layer_is_asked_and_told_everything() {
    // The first run registers the call sites.
    calls(|spy| spy);
    let plain = calls(|spy| spy);
    assert_eq!(calls(WithFields::new), plain);
    for method in ["on_register_dispatch", "on_layer", "enabled", "event_enabled"] {
        assert!(plain.contains(&method), "{method}");
    }
    for method in [
        "on_new_span",
        "on_record",
        "on_follows_from",
        "on_event",
        "on_enter",
        "on_exit",
        "on_close",
    ] {
        assert!(plain.contains(&method), "{method}");
    }
}

#[test]
fn the_inner_layers_level_hint_is_not_forwarded() {
    assert_eq!(Layer::<Registry>::max_level_hint(&Spy::default()), Some(LevelFilter::DEBUG));
    assert_eq!(Layer::<Registry>::max_level_hint(&WithFields::new(Spy::default())), None);
}
