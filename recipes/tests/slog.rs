//! slog: a drain that adds the log fields of the request to every record.
//!
//! The fields have to be read on the thread that logs. Key-values of a *logger*, as in `o!(…)`, are read where the record is
//! written: behind `slog_async` that is another thread, which has another current context. Key-values of a *record* are read
//! before it is sent there. Therefore this drain makes the fields key-values of the record, and belongs on the outside:
//!
//! ```text
//! ContextFields(slog_async::Async::default(drain).fuse())     right
//! slog_async::Async::default(ContextFields(drain).fuse())     finds no fields
//! ```
//!
//! (Without another thread, and for a known key, a logger value that is evaluated for each line is enough:
//! `o!("user" => FnValue(|_| fields::get().get("user").map(ToString::to_string)))`.)
//!
//! Keys that are not known at compile time require the feature `dynamic-keys` of slog, slog-async and slog-json.

use std::fmt;

use contextvars::fields::{self, FieldSink, Value};
use slog::{BorrowedKV, Drain, KV, Key, OwnedKVList, Record, RecordStatic, Serializer};

/// Adds the fields of the current context, except for keys that the record or its logger already has.
struct ContextFields<D>(D);

impl<D: Drain> Drain for ContextFields<D> {
    type Ok = D::Ok;
    type Err = D::Err;

    fn log(&self, record: &Record<'_>, logger: &OwnedKVList) -> Result<D::Ok, D::Err> {
        let mut added = Added::default();
        // Errors are ignored here because the inner drain reports them.
        let _ = record.kv().serialize(record, &mut added.taken);
        let _ = logger.serialize(record, &mut added.taken);
        fields::merge_into(&mut added);

        let origin =
            RecordStatic { location: record.location(), level: record.level(), tag: record.tag() };
        let all = (&added, record.kv());
        self.0.log(&Record::new(&origin, record.msg(), BorrowedKV(&all)), logger)
    }

    fn is_enabled(&self, level: slog::Level) -> bool {
        self.0.is_enabled(level)
    }

    fn flush(&self) -> Result<(), slog::FlushError> {
        self.0.flush()
    }
}

#[derive(Default)]
struct Added {
    taken: Keys,
    fields: Vec<(String, Value)>,
}

/// Collects the keys of serialized key-values. The serializer's other methods all call this one.
#[derive(Default)]
struct Keys(Vec<Key>);

impl Serializer for Keys {
    fn emit_arguments(&mut self, key: Key, _: &fmt::Arguments<'_>) -> slog::Result {
        self.0.push(key);
        Ok(())
    }
}

impl FieldSink for Added {
    fn insert_if_absent(&mut self, key: &str, value: &Value) {
        if self.taken.0.iter().all(|taken| taken.as_ref() != key) {
            self.fields.push((key.to_owned(), value.clone()));
        }
    }
}

impl KV for Added {
    fn serialize(&self, _: &Record<'_>, out: &mut dyn Serializer) -> slog::Result {
        self.fields.iter().try_for_each(|(key, value)| {
            let key = Key::from(key.clone());
            match value {
                Value::Null => out.emit_none(key),
                Value::Bool(value) => out.emit_bool(key, *value),
                Value::I64(number) => out.emit_i64(key, *number),
                Value::U64(number) => out.emit_u64(key, *number),
                Value::F64(number) => out.emit_f64(key, *number),
                Value::Text(text) => out.emit_str(key, text),
                other => out.emit_arguments(key, &format_args!("{other}")),
            }
        })
    }
}

// ---- The recipe ends here. The code below tests the written lines.

use std::io::{self, Write};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex};

use contextvars::fields::kv;
use contextvars::{ContextVar, propagate};
use serde_json::json;
use slog::{FnValue, Logger, PushFnValue, info, o};

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
    fn take(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        let objects = text.lines().map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line.matches("\":").count(), value.as_object().unwrap().len(), "{line}");
            value
        });
        objects.collect()
    }
}

/// Writes lines of JSON with only the message and the added fields.
fn json_drain(lines: &Lines) -> impl Drain<Ok = (), Err = slog::Never> + Send + use<> {
    let message = o!("msg" => PushFnValue(|record: &Record<'_>, out| out.emit(record.msg())));
    let json = slog_json::Json::new(lines.clone()).add_key_value(message).build();
    Mutex::new(json).fuse()
}

fn pay(logger: &Logger) {
    info!(logger, "nothing bound");
    REQUEST.sync_scope(7, || {
        fields::sync_scope(kv! { user = "ann", service = "search", late = None::<bool> }, || {
            info!(logger, "bound");
            info!(logger, "own"; "user" => "bob");
        });
    });
}

fn paid() -> [serde_json::Value; 3] {
    [
        json!({ "msg": "nothing bound", "service": "shop" }),
        json!({ "msg": "bound", "service": "shop", "request": 7, "user": "ann", "late": null }),
        json!({ "msg": "own", "service": "shop", "request": 7, "user": "bob", "late": null }),
    ]
}

#[test]
fn lines_have_the_fields_and_their_own_keys_win() {
    let lines = Lines::default();
    pay(&Logger::root(ContextFields(json_drain(&lines)), o!("service" => "shop")));
    assert_eq!(lines.take(), paid());
}

#[test]
fn a_thread_that_writes_for_all_writes_the_fields_of_each() {
    let lines = Lines::default();
    let (drain, guard) = slog_async::Async::new(json_drain(&lines)).build_with_guard();
    let logger = Logger::root(ContextFields(drain.fuse()), o!("service" => "shop"));
    pay(&logger);
    let threads = ["ann", "bob"].map(|user| {
        let logger = logger.clone();
        let work = move || (0..50).for_each(|_| info!(logger, "worked"; "own" => user));
        fields::sync_scope(kv! { user }, || std::thread::spawn(propagate(work)))
    });
    for thread in threads {
        thread.join().unwrap();
    }
    drop((logger, guard)); // waits for the thread that writes
    let lines = lines.take();
    assert_eq!(lines[..3], paid());
    assert_eq!(lines.len(), 103);
    assert!(lines[3..].iter().all(|line| line["user"] == line["own"]), "{lines:?}");
}

/// A logger value that is evaluated for each line.
fn user() -> impl slog::Value + Send + Sync + UnwindSafe + RefUnwindSafe {
    FnValue(|_: &Record<'_>| fields::get().get("user").map(ToString::to_string))
}

#[test]
fn a_value_of_the_logger_sees_the_fields_of_the_thread_that_writes() {
    let lines = Lines::default();
    let logger = Logger::root(json_drain(&lines), o!("user" => user()));
    fields::sync_scope(kv! { user = "ann" }, || info!(logger, "paid"));
    assert_eq!(lines.take(), [json!({ "msg": "paid", "user": "ann" })]);

    // This drain reads that thread's fields, too, if it is on the inside.
    let inside = ContextFields(json_drain(&lines));
    let (drain, guard) = slog_async::Async::new(inside).build_with_guard();
    let logger = Logger::root(drain.fuse(), o!("user" => user()));
    fields::sync_scope(kv! { user = "ann" }, || info!(logger, "paid"));
    drop((logger, guard));
    assert_eq!(lines.take(), [json!({ "msg": "paid", "user": null })]);
}

#[tokio::test]
async fn two_requests_at_once_do_not_mix() {
    let lines = Lines::default();
    let logger = Logger::root(ContextFields(json_drain(&lines)), o!());
    let request = |user: &'static str| {
        let logger = &logger;
        fields::scope(kv! { user }, async move {
            info!(logger, "begun"; "own" => user);
            tokio::task::yield_now().await;
            info!(logger, "paid"; "own" => user);
        })
    };
    tokio::join!(biased; request("ann"), request("bob"));
    let lines = lines.take();
    assert_eq!(lines.iter().filter(|line| line["own"] == line["user"]).count(), 4);
    assert_eq!((&lines[0]["user"], &lines[1]["user"]), (&json!("ann"), &json!("bob")));
}
