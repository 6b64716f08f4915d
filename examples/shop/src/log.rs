//! The log: JSON lines, each with the ids of its request.

use contextvars_tracing::Json;
use tracing::Metadata;
use tracing_subscriber::filter::{LevelFilter, dynamic_filter_fn};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use crate::context::LEVEL;
use crate::journal::Journal;
use crate::ways::{WithIds, with_ids};

/// Installs the global subscriber, so that every `tracing::info!("…")` of the process writes a line to `journal`.
pub(crate) fn start(journal: &Journal) {
    let json = fmt::format().json().flatten_event(true).with_span_list(false);
    let journal = journal.clone();
    let lines = fmt::layer()
        .fmt_fields(JsonFields::new())
        .event_format(WithIds(Json::new(json))) // without `ways.rs`: Json::new(json)
        .with_writer(move || journal.writer());
    registry().with(lines.with_filter(dynamic_filter_fn(|line, _| is_wanted(line)))).init();
}

/// Returns `true` if the current context logs at this level. It is called for each line, so one request can log more than the
/// others.
fn is_wanted(line: &Metadata<'_>) -> bool {
    let ours = line.target().starts_with("shop");
    let limit = if ours { with_ids(|| LEVEL.get()) } else { LevelFilter::WARN };
    *line.level() <= limit
}
