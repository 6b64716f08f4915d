//! json-subscriber: the log fields of the request as dynamic fields of its layer.
//!
//! json-subscriber writes all keys that it gets, even duplicates, so keys that the line already has are skipped here.
//! (`contextvars_tracing::WithFields` around the layer works as well and is shorter; this recipe is faster.)

use contextvars::fields;
use json_subscriber::JsonLayer;
use tracing::Event;

/// The keys that the layer is configured to write itself.
const OWN: [&str; 2] = ["level", "target"];

fn json_layer<W>(writer: W) -> JsonLayer<tracing_subscriber::Registry, W>
where
    W: for<'writer> tracing_subscriber::fmt::MakeWriter<'writer> + 'static,
{
    let mut layer = JsonLayer::<tracing_subscriber::Registry>::new(writer);
    layer.with_level(OWN[0]).with_target(OWN[1]).with_flattened_event();
    layer.add_multiple_dynamic_fields(|event, _, line| {
        fields::visit(|key, value| {
            if !OWN.contains(&key) && !has(event, key) {
                // Fails only if a value cannot be serialized, and all of these values can.
                let _ = line.write_field(key, value);
            }
        });
    });
    layer
}

/// Returns `true` if the call site has a field with this key.
fn has(event: &Event<'_>, key: &str) -> bool {
    event.fields().any(|field| field.name() == key)
}

// ---- The recipe ends here. The code below tests the written lines.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use contextvars::fields::kv;
use contextvars::{ContextExt as _, ContextVar};
use serde_json::{Value, json};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::layer::SubscriberExt as _;

static REQUEST: ContextVar<u64> = ContextVar::new("request").logged();

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Returns the lines, one object per line. No object may have a key twice.
    fn take(&self) -> Vec<Value> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        let objects = text.lines().map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line.matches("\":").count(), value.as_object().unwrap().len(), "{line}");
            value
        });
        objects.collect()
    }
}

fn subscriber() -> (DefaultGuard, Lines) {
    let lines = Lines::default();
    let writer = lines.clone();
    let layer = json_layer(move || writer.clone());
    (set_default(tracing_subscriber::registry().with(layer)), lines)
}

#[test]
fn lines_have_the_fields_and_their_own_keys_win() {
    let (_guard, lines) = subscriber();
    tracing::info!(target: "shop", "nothing bound");
    REQUEST.sync_scope(7, || {
        fields::sync_scope(kv! { user = "ann", late = true, level = "forged" }, || {
            tracing::info!(target: "shop", "bound");
            tracing::info!(target: "shop", user = "bob", "own");
        });
    });
    assert_eq!(
        lines.take(),
        [
            json!({ "level": "INFO", "target": "shop", "message": "nothing bound" }),
            json!({
                "level": "INFO", "target": "shop", "message": "bound",
                "request": 7, "user": "ann", "late": true,
            }),
            json!({
                "level": "INFO", "target": "shop", "message": "own",
                "request": 7, "user": "bob", "late": true,
            }),
        ]
    );
}

#[tokio::test]
async fn two_requests_at_once_do_not_mix() {
    let (_guard, lines) = subscriber();
    let request = |number: u64| async move {
        fields::set(kv! { number });
        tracing::info!(own = number, "begun");
        tokio::task::yield_now().await;
        tracing::info!(own = number, "paid");
    };
    tokio::join!(biased; request(1).in_current_context(), request(2).in_current_context());
    let lines = lines.take();
    let numbers: Vec<_> = lines.iter().map(|line| (&line["own"], &line["number"])).collect();
    let (one, two) = (json!(1), json!(2));
    assert_eq!(numbers, [(&one, &one), (&two, &two), (&one, &one), (&two, &two)]);
}
