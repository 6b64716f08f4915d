//! Log lines in the form that the benchmarks write: formatted completely, without the time of day, and discarded.
//!
//! Each line has its own field, `sum`. The three additional fields are two texts and a number.

use std::hint::black_box;
use std::io;
use std::sync::LazyLock;

use contextvars::fields::{self, Selection, kv};
use contextvars::{Context, ContextVar};
use contextvars_log::ContextLogger;
use contextvars_opentelemetry::{trace_fields, trace_fields_or};
use contextvars_tracing::{Json, Text, WithFields};
use contextvars_wire::TraceContext;
use env_logger::{Builder, Target, WriteStyle};
use log::{Level, LevelFilter, Log, Record};
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Registry, fmt};

use crate::context_of;

/// One way to write a line or to visit the fields.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name of the crate and the variant.
    pub who: &'static str,
    /// The number of additional fields.
    pub fields: u32,
    /// Prepares the measurement, and calls its argument with the operation to measure.
    pub setting: Setting,
}

/// See [`Row::setting`].
pub type Setting = fn(&mut dyn FnMut(Operation));

/// An operation to measure.
pub type Operation = fn();

const fn row(who: &'static str, fields: u32, setting: Setting) -> Row {
    Row { who, fields, setting }
}

/// Lines of JSON.
pub const JSON: &[Row] = &[
    row("tracing-subscriber", 0, |f| with_default(json(), || f(event))),
    row("contextvars", 0, |f| with_default(our_json(), || f(event))),
    row("contextvars", 3, |f| with_default(our_json(), || bound(|| f(event)))),
    row("contextvars, logged", 3, |f| with_default(our_json(), || logged(|| f(event)))),
    row("contextvars, WithFields", 3, |f| with_default(json_layer(), || bound(|| f(event)))),
    row("tracing span", 3, |f| with_default(json(), || spanned(|| f(event)))),
    row("tracing span, shown once", 3, |f| with_default(short_json(), || spanned(|| f(event)))),
];

/// Lines of JSON while a span of OpenTelemetry is active, without its ids and with them.
pub const BESIDE_A_SPAN: &[Row] = &[
    row("no ids", 3, |f| beside_a_span(Selection::new().rest(), f)),
    row("trace_fields", 3, |f| beside_a_span(trace_fields(), f)),
    row("trace_fields_or", 3, |f| beside_a_span(trace_fields_or(&TRACE), f)),
];

/// Lines of text.
pub const COMPACT: &[Row] = &[
    row("tracing-subscriber", 0, |f| with_default(compact(), || f(event))),
    row("contextvars", 0, |f| with_default(our_compact(), || f(event))),
    row("contextvars", 3, |f| with_default(our_compact(), || bound(|| f(event)))),
    row("contextvars, logged", 3, |f| with_default(our_compact(), || logged(|| f(event)))),
    row("tracing span", 3, |f| with_default(compact(), || spanned(|| f(event)))),
];

/// Lines of text written by `log`.
pub const LOG: &[Row] = &[
    row("env_logger", 0, |f| f(|| record(&*ENV_LOGGER))),
    row("contextvars", 0, |f| f(|| record(&*OUR_LOGGER))),
    row("contextvars", 3, |f| bound(|| f(|| record(&*OUR_LOGGER)))),
    row("contextvars, logged", 3, |f| logged(|| f(|| record(&*OUR_LOGGER)))),
];

/// Visits of the fields, the first step of every adapter.
pub const VISIT: &[Row] = &[
    row("contextvars", 0, |f| f(visit)),
    row("contextvars", 3, |f| bound(|| f(visit))),
    row("contextvars, logged", 3, |f| logged(|| f(visit))),
    row("contextvars, among 8 variables", 3, |f| context_of(8).run(|| bound(|| f(visit)))),
];

/// The trace of [`traced`].
pub static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");

static USER: ContextVar<&str> = ContextVar::new("user").logged();
static ATTEMPT: ContextVar<u64> = ContextVar::new("attempt").logged();
static PATH: ContextVar<&str> = ContextVar::new("path").logged();

fn bound(f: impl FnOnce()) {
    fields::sync_scope(kv! { user = "ann", attempt = 3, path = "/orders/7" }, f);
}

fn logged(f: impl FnOnce()) {
    let context = Context::new().with_value(&USER, "ann").with_value(&ATTEMPT, 3);
    context.with_value(&PATH, "/orders/7").run(f);
}

fn spanned(f: impl FnOnce()) {
    tracing::info_span!("request", user = "ann", attempt = 3, path = "/orders/7").in_scope(f);
}

fn beside_a_span(selection: Selection, f: &mut dyn FnMut(Operation)) {
    let json = |inner| Json::new(inner).with_selection(selection);
    let subscriber = fmt().json().without_time().with_writer(io::sink).map_event_format(json);
    with_default(subscriber.finish(), || traced(|| bound(|| f(event))));
}

/// Runs `f` in a request with an active span and a trace.
pub fn traced(f: impl FnOnce()) {
    let tracer = SdkTracerProvider::builder().build().tracer("benches");
    let mut request = Context::new().with_value(&TRACE, TraceContext::new_root());
    tracer.in_span("request", |span| {
        assert!(span.has_active_span());
        request.run(f);
    });
}

fn event() {
    tracing::info!(sum = black_box(7), "paid");
}

fn record(logger: &impl Log) {
    let own = [("sum", black_box(7))];
    let mut record = Record::builder();
    record.level(Level::Info).target("shop").key_values(&own);
    logger.log(&record.args(format_args!("paid")).build());
}

fn visit() {
    fields::visit(|key, value| {
        black_box((key, value));
    });
}

fn json() -> impl Subscriber + Send + Sync {
    fmt().json().without_time().with_writer(io::sink).finish()
}

fn our_json() -> impl Subscriber + Send + Sync {
    fmt().json().without_time().with_writer(io::sink).map_event_format(Json::new).finish()
}

/// Returns a subscriber that writes the current span once, instead of once by itself and once in the list of spans.
fn short_json() -> impl Subscriber + Send + Sync {
    fmt().json().with_span_list(false).without_time().with_writer(io::sink).finish()
}

fn json_layer() -> impl Subscriber + Send + Sync {
    let layer = fmt::layer().json().without_time().with_writer(io::sink);
    Registry::default().with(WithFields::new(layer))
}

fn compact() -> impl Subscriber + Send + Sync {
    fmt().compact().without_time().with_ansi(false).with_writer(io::sink).finish()
}

fn our_compact() -> impl Subscriber + Send + Sync {
    let compact = fmt().compact().without_time().with_ansi(false);
    compact.with_writer(io::sink).map_event_format(Text::new).finish()
}

static ENV_LOGGER: LazyLock<env_logger::Logger> = LazyLock::new(env_logger);

static OUR_LOGGER: LazyLock<ContextLogger<env_logger::Logger>> =
    LazyLock::new(|| ContextLogger::new(env_logger()));

fn env_logger() -> env_logger::Logger {
    let mut builder = Builder::new();
    builder.filter_level(LevelFilter::Info).format_timestamp(None).write_style(WriteStyle::Never);
    builder.target(Target::Pipe(Box::new(io::sink()))).build()
}
