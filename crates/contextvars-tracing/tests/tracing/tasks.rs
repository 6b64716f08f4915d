//! Concurrent tasks, and filters of single layers.

use contextvars::fields::{self, kv};
use contextvars::{ContextExt as _, ContextVar};
use contextvars_tracing::{Json, Text};
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::with_default;
use tracing::{Level, debug, info, info_span, warn};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{Registry, fmt};

use crate::Lines;

static REQUEST: ContextVar<u64> = ContextVar::new("request").logged();

async fn request(number: u64) {
    REQUEST.set(number);
    fields::scope(kv! { user = format!("user-{number}") }, async move {
        for step in 0..5 {
            tokio::task::yield_now().await;
            let _span = info_span!("step", step).entered();
            info!(number, "working");
        }
    })
    .await;
}

#[test]
fn each_of_many_tasks_has_its_own_ids_on_every_line() {
    let lines = Lines::default();
    let subscriber = fmt().json().flatten_event(true).map_event_format(Json::new);
    let subscriber = tracing::Dispatch::new(subscriber.with_writer(lines.clone()).finish());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let tasks = (0..50).map(|number| {
            tokio::spawn(request(number).in_current_context().with_subscriber(subscriber.clone()))
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    let lines = lines.objects();
    assert_eq!(lines.len(), 250);
    for line in lines {
        assert_eq!(line["request"], line["number"]);
        assert_eq!(line["user"], format!("user-{}", line["number"]));
        assert!(line["span"]["step"].is_u64());
    }
}

#[test]
fn a_filter_of_one_layer_is_no_business_of_the_others() {
    let (json, text) = (Lines::default(), Lines::default());
    let warnings = fmt::layer()
        .json()
        .without_time()
        .map_event_format(Json::new)
        .with_writer(json.clone())
        .with_filter(LevelFilter::WARN);
    let ann = fmt::layer()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .map_event_format(Text::new)
        .with_writer(text.clone())
        .with_filter(filter_fn(|metadata| *metadata.level() >= Level::INFO));
    with_default(Registry::default().with(warnings).with(ann), || {
        fields::sync_scope(kv! { user = "ann" }, || {
            debug!("debugged");
            info!("paid");
            warn!("warned");
        });
    });
    let json = json.objects();
    assert_eq!(json.len(), 1);
    assert_eq!(
        (&json[0]["fields"]["message"], &json[0]["user"]),
        (&"warned".into(), &"ann".into())
    );
    assert_eq!(text.text(), "DEBUG debugged user=ann\n INFO paid user=ann\n");
}
