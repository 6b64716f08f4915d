//! emit: a `Ctxt` whose properties include the log fields of the request.
//!
//! It wraps emit's own `Ctxt`, which still stores the properties that `#[emit::span]` and `Frame` push. An event's properties
//! are those of its call site, then the pushed ones, then the fields; if a key occurs more than once, the first one counts.
//!
//! ```text
//! let rt = emit::setup().emit_to(…).map_ctxt(WithFields).init();
//! ```

use std::ops::ControlFlow;

use contextvars::fields::{self, Value};
use emit::{Ctxt, Props, Str};

/// Adds the fields of the current context to the properties of another `Ctxt`.
struct WithFields<C>(C);

impl<C> Ctxt for WithFields<C>
where
    C: Ctxt<Current: Clone>,
{
    type Current = Both<C::Current>;
    type Frame = C::Frame;

    fn with_current<R, F: FnOnce(&Self::Current) -> R>(&self, with: F) -> R {
        let mut fields = vec![];
        fields::merge_into(&mut fields);
        // The pushed properties cannot be borrowed here, so they are cloned, which only increments a reference count.
        with(&Both { pushed: self.0.with_current(Clone::clone), fields })
    }

    // A frame does not store the fields, because they follow the request by themselves.
    fn open_root<P: Props>(&self, props: P) -> Self::Frame {
        self.0.open_root(props)
    }

    fn open_push<P: Props>(&self, props: P) -> Self::Frame {
        self.0.open_push(props)
    }

    fn open_disabled<P: Props>(&self, props: P) -> Self::Frame {
        self.0.open_disabled(props)
    }

    fn enter(&self, frame: &mut Self::Frame) {
        self.0.enter(frame);
    }

    fn exit(&self, frame: &mut Self::Frame) {
        self.0.exit(frame);
    }

    fn close(&self, frame: Self::Frame) {
        self.0.close(frame);
    }
}

struct Both<P> {
    pushed: P,
    fields: Vec<(String, Value)>,
}

impl<P: Props> Props for Both<P> {
    fn for_each<'kv, F>(&'kv self, mut f: F) -> ControlFlow<()>
    where
        F: FnMut(Str<'kv>, emit::Value<'kv>) -> ControlFlow<()>,
    {
        self.pushed.for_each(&mut f)?;
        self.fields.iter().try_for_each(|(key, value)| f(Str::new_ref(key), as_emit(value)))
    }
}

fn as_emit(value: &Value) -> emit::Value<'_> {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::I64(number) => (*number).into(),
        Value::U64(number) => (*number).into(),
        Value::I128(number) => (*number).into(),
        Value::U128(number) => (*number).into(),
        Value::F64(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Null => emit::Value::null(),
        other => emit::Value::from_display(other),
    }
}

// ---- The recipe ends here. The code below tests the emitted events.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use contextvars::ContextVar;
use contextvars::fields::kv;
use emit::{Emitter, Frame};

static REQUEST: ContextVar<u64> = ContextVar::new("request").logged();

/// Stores the message and the properties, the first of each key, sorted by key.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Emitter for Lines {
    fn emit<E: emit::event::ToEvent>(&self, event: E) {
        let event = event.to_event();
        let mut line = event.msg().to_string();
        let _ = event.props().filter(|key, _| key != "lvl").dedup().for_each(|key, value| {
            write!(line, " {key}={value}").unwrap();
            ControlFlow::Continue(())
        });
        self.0.lock().unwrap().push(line);
    }

    fn blocking_flush(&self, _: std::time::Duration) -> bool {
        true
    }
}

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Creates a runtime as `init` does, but for this test only.
macro_rules! runtime {
    ($lines:expr) => {
        emit::setup().emit_to($lines.clone()).map_ctxt(WithFields).init_runtime()
    };
}

#[test]
fn events_have_the_fields_and_their_own_keys_win() {
    let lines = Lines::default();
    let rt = runtime!(lines);
    emit::info!(rt, "nothing bound");
    REQUEST.sync_scope(7, || {
        fields::sync_scope(kv! { user = "ann", late = true }, || {
            emit::info!(rt, "bound");
            emit::info!(rt, "own", user: "bob");
            Frame::push(rt.ctxt(), ("user", "cyd")).call(|| emit::info!(rt, "pushed"));
        });
    });
    assert_eq!(
        lines.take(),
        [
            "nothing bound",
            "bound late=true request=7 user=ann",
            "own late=true request=7 user=bob",
            "pushed late=true request=7 user=cyd",
        ]
    );
}

#[test]
fn a_frame_keeps_no_fields() {
    let lines = Lines::default();
    let rt = runtime!(lines);
    let frame = fields::sync_scope(kv! { user = "ann" }, || Frame::push(rt.ctxt(), ("job", 3)));
    frame.call(|| emit::info!(rt, "packed"));
    assert_eq!(lines.take(), ["packed job=3"]);
}

#[tokio::test]
async fn two_requests_at_once_do_not_mix() {
    let lines = Lines::default();
    let rt = runtime!(lines);
    let request = |user: &'static str| {
        let rt = &rt;
        fields::scope(kv! { user }, async move {
            emit::info!(rt, "begun");
            tokio::task::yield_now().await;
            emit::info!(rt, "paid");
        })
    };
    tokio::join!(biased; request("ann"), request("bob"));
    assert_eq!(
        lines.take(),
        ["begun user=ann", "begun user=bob", "paid user=ann", "paid user=bob"]
    );
}
