//! Tests that `thread_fields::Logger` writes to the installed logger.

use std::sync::Mutex;

use ::log::{Level, LevelFilter, Log, Metadata, Record};
use contextvars::fields::{self, FieldSink, Fields, ToValue, Value, kv};
use contextvars_log::ContextLogger;
use contextvars_thread_fields::{Logger, ThreadMap};

static SEEN: Mutex<Vec<(Level, String, Fields)>> = Mutex::new(Vec::new());

struct Collects;

impl Log for Collects {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() < Level::Debug
    }

    fn log(&self, record: &Record<'_>) {
        let mut fields = Fields::new();
        let mut collect = |key: ::log::kv::Key<'_>, value: ::log::kv::Value<'_>| {
            fields.insert_if_absent(key.as_str(), &Value::from(value.to_string()));
            Ok::<_, ::log::kv::Error>(())
        };
        record.key_values().visit(&mut Pairs(&mut collect)).unwrap();
        SEEN.lock().unwrap().push((record.level(), record.args().to_string(), fields));
    }

    fn flush(&self) {}
}

struct Pairs<'a, F>(&'a mut F);

impl<'kvs, F> ::log::kv::VisitSource<'kvs> for Pairs<'_, F>
where
    F: FnMut(::log::kv::Key<'kvs>, ::log::kv::Value<'kvs>) -> Result<(), ::log::kv::Error>,
{
    fn visit_pair(
        &mut self,
        key: ::log::kv::Key<'kvs>,
        value: ::log::kv::Value<'kvs>,
    ) -> Result<(), ::log::kv::Error> {
        (self.0)(key, value)
    }
}

struct Unasked;

impl ToValue for Unasked {
    fn to_value(&self) -> Value {
        panic!("a line that is not written asks for no value")
    }
}

#[test]
fn a_line_has_the_loggers_fields_and_the_call_site_wins() {
    static REQUEST: ThreadMap = ThreadMap::new();
    ::log::set_boxed_logger(Box::new(ContextLogger::new(Collects))).unwrap();
    ::log::set_max_level(LevelFilter::Trace);

    let log = Logger::on(REQUEST);
    log.with(kv! { user = "ann", path = "/" });
    log.without(["path"]);
    log.log(Level::Info, "paid", kv! { user = "bob", n = 3 });
    log.log(Level::Debug, "not written", [("n", Unasked)]);
    fields::sync_scope(kv! { user = "eve", trace = 7 }, || log.log(Level::Warn, "late", kv! {}));

    let seen = std::mem::take(&mut *SEEN.lock().unwrap());
    let text = |fields: &Fields| format!("{fields:?}");
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].0, seen[0].1.as_str()), (Level::Info, "paid"));
    assert_eq!(text(&seen[0].2), r#"{"user": "bob", "n": "3"}"#);
    assert_eq!(text(&seen[1].2), r#"{"user": "ann", "trace": "7"}"#);
}
