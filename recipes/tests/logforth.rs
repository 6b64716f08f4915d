//! logforth: a `Diagnostic` that provides the log fields of the request.
//!
//! A diagnostic runs on the thread that logs, during the log call, so it reads the context of the request. It has no access to
//! the record, and a layout writes the record's key-values and those of the diagnostics one after the other. To avoid duplicate
//! keys, the appender is wrapped: the record's own keys take precedence.

use contextvars::fields::{self, Value};
use logforth::diagnostic::Diagnostic;
use logforth::kv::{self, KeyOwned, KeyValues, KeyView, ValueOwned, ValueView, Visitor};
use logforth::record::Record;
use logforth::{Append, Error};

/// Provides the fields of the current context.
#[derive(Debug)]
struct ContextFields;

impl Diagnostic for ContextFields {
    fn visit(&self, visitor: &mut dyn Visitor) -> Result<(), Error> {
        let mut outcome = Ok(());
        fields::visit(|key, value| {
            if outcome.is_ok() {
                outcome = visitor.visit(kv::Key::borrowed(key).view(), as_kv(value).view());
            }
        });
        outcome
    }
}

fn as_kv(value: &Value) -> kv::Value<'_> {
    match value {
        Value::Bool(value) => kv::Value::bool(*value),
        Value::I64(number) => kv::Value::i64(*number),
        Value::U64(number) => kv::Value::u64(*number),
        Value::I128(number) => kv::Value::i128(*number),
        Value::U128(number) => kv::Value::u128(*number),
        Value::F64(number) => kv::Value::f64(*number),
        Value::Text(text) => kv::Value::str(text),
        Value::Null => kv::Value::none(),
        other => kv::Value::display(other),
    }
}

/// Wraps an appender, and hides the keys of diagnostics that the record also has.
#[derive(Debug)]
struct RecordFirst<A>(A);

impl<A: Append> Append for RecordFirst<A> {
    fn append(&self, record: &Record<'_>, all: &[Box<dyn Diagnostic>]) -> Result<(), Error> {
        let mut others = Others { own: *record.key_values(), kept: vec![] };
        all.iter().try_for_each(|diagnostic| diagnostic.visit(&mut others))?;
        self.0.append(record, &[Box::new(Kept(others.kept))])
    }

    fn flush(&self) -> Result<(), Error> {
        self.0.flush()
    }
}

struct Others<'a> {
    own: KeyValues<'a>,
    kept: Vec<(KeyOwned, ValueOwned)>,
}

impl Visitor for Others<'_> {
    fn visit(&mut self, key: KeyView<'_>, value: ValueView<'_>) -> Result<(), Error> {
        if self.own.get(key.as_str()).is_none() {
            self.kept.push((key.to_owned(), value.to_owned()));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Kept(Vec<(KeyOwned, ValueOwned)>);

impl Diagnostic for Kept {
    fn visit(&self, visitor: &mut dyn Visitor) -> Result<(), Error> {
        self.0.iter().try_for_each(|(key, value)| visitor.visit(key.view(), value.view()))
    }
}

// ---- The recipe ends here. The code below tests the written lines.

use std::sync::{Arc, Mutex};

use contextvars::ContextVar;
use contextvars::fields::kv;
use logforth::Layout;
use logforth::core::Logger;
use logforth::layout::PlainTextLayout;

static REQUEST: ContextVar<u64> = ContextVar::new("request").logged();

#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Append for Lines {
    fn append(&self, record: &Record<'_>, all: &[Box<dyn Diagnostic>]) -> Result<(), Error> {
        let line = String::from_utf8(PlainTextLayout::default().format(record, all)?).unwrap();
        let message = line.split_once(": ").unwrap().1.trim_start_matches(|c| c != ' ');
        self.0.lock().unwrap().push(message.trim().to_owned());
        Ok(())
    }

    fn flush(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn logger() -> (Logger, Lines) {
    let lines = Lines::default();
    let appender = RecordFirst(lines.clone());
    let logger = logforth::core::builder()
        .dispatch(|dispatch| dispatch.diagnostic(ContextFields).append(appender))
        .build();
    (logger, lines)
}

/// Logs as logforth's bridge does for `log::info!("paid"; key = value)`.
fn log(logger: &Logger, message: &str, own: &[(kv::Key<'_>, kv::Value<'_>)]) {
    logger.log(&Record::builder().payload(format_args!("{message}")).key_values(own).build());
}

#[test]
fn lines_have_the_fields_and_their_own_keys_win() {
    let (logger, lines) = logger();
    log(&logger, "nothing bound", &[]);
    REQUEST.sync_scope(7, || {
        fields::sync_scope(kv! { user = "ann", late = true }, || {
            log(&logger, "bound", &[]);
            log(&logger, "own", &[(kv::Key::new("user"), kv::Value::str("bob"))]);
        });
    });
    assert_eq!(
        lines.take(),
        ["nothing bound", "bound request=7 user=ann late=true", "own user=bob request=7 late=true"]
    );
}

#[tokio::test]
async fn two_requests_at_once_do_not_mix() {
    let (logger, lines) = logger();
    let request = |user: &'static str| {
        let logger = &logger;
        fields::scope(kv! { user }, async move {
            log(logger, "begun", &[]);
            tokio::task::yield_now().await;
            log(logger, "paid", &[]);
        })
    };
    tokio::join!(biased; request("ann"), request("bob"));
    assert_eq!(
        lines.take(),
        ["begun user=ann", "begun user=bob", "paid user=ann", "paid user=bob"]
    );
}
