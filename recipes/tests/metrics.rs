//! Metrics: the values of chosen variables as labels on every metric, with `metrics` and its exporter for Prometheus.
//!
//! A wrapper around the recorder adds one label for each listed variable, and none for any other. The exporter keeps a time series
//! for each combination of labels, so each variable is listed with a bound. Once it has had that many different values, each
//! further value becomes `other`. If a variable with a request id is listed by mistake, it costs a few series, not the memory.
//!
//! - The first values win. If strangers choose the values, accept only known ones when the variable is set, because they would
//!   use up the bound.
//! - A metric has up to (bound + 2) series for a variable: one for each value, `other`, and one without the label. With several
//!   variables, these numbers multiply.
//! - The labels are read when `counter!`, `gauge!` or `histogram!` runs. A handle that is kept, for example in a static, keeps the
//!   labels of the context in which it was made. So call the macro in each request.
//! - A label that the macro names itself goes before the variable's.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Display;
use std::sync::{PoisonError, RwLock};

use contextvars::ContextVar;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder};
use metrics::{SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

static TENANT: ContextVar<String> = ContextVar::new("tenant");
static ROUTE: ContextVar<&'static str> = ContextVar::new("route");

/// Creates the recorder for `metrics::set_global_recorder`. The handle's `render` returns the text for Prometheus, and its
/// `run_upkeep` has to be called every few seconds.
fn recorder() -> (WithLabels<PrometheusRecorder>, PrometheusHandle) {
    let prometheus = PrometheusBuilder::new().build_recorder();
    let handle = prometheus.handle();
    (WithLabels::new(prometheus).label(&TENANT, 100).label(&ROUTE, 50), handle)
}

/// A listed variable.
struct Source {
    name: &'static str,
    read: Box<dyn Fn() -> Option<String> + Send + Sync>,
    bound: usize,
    seen: RwLock<HashSet<String>>,
}

impl Source {
    /// Returns the current value if it is among the first `bound` different ones, else `other`, or `None` without a value.
    fn value(&self) -> Option<Cow<'static, str>> {
        let value = (self.read)()?; // user code, so no lock is held
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains(&value) {
            if seen.len() >= self.bound {
                return Some("other".into());
            }
            drop(seen);
            let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
            if seen.len() >= self.bound && !seen.contains(&value) {
                return Some("other".into());
            }
            seen.insert(value.clone());
        }
        Some(value.into())
    }
}

/// A recorder that adds the values of listed variables to the labels of each metric.
struct WithLabels<R> {
    recorder: R,
    sources: Vec<Source>,
}

impl<R> WithLabels<R> {
    fn new(recorder: R) -> Self {
        Self { recorder, sources: Vec::new() }
    }

    /// Lists a variable, whose name becomes the label's. At most `bound` different values become labels.
    fn label<T>(mut self, variable: &'static ContextVar<T>, bound: usize) -> Self
    where
        T: Display + Send + Sync,
    {
        let read = Box::new(|| variable.try_with(ToString::to_string).ok());
        let (name, seen) = (variable.name(), RwLock::default());
        self.sources.push(Source { name, read, bound, seen });
        self
    }

    fn with_labels(&self, key: &Key) -> Key {
        let is_free = |source: &&Source| key.labels().all(|label| label.key() != source.name);
        let sources = self.sources.iter().filter(is_free);
        let labels = sources.filter_map(|source| Some(Label::new(source.name, source.value()?)));
        key.with_extra_labels(labels.collect())
    }
}

impl<R: Recorder> Recorder for WithLabels<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.recorder.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.recorder.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.recorder.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.recorder.register_counter(&self.with_labels(key), metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.recorder.register_gauge(&self.with_labels(key), metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.recorder.register_histogram(&self.with_labels(key), metadata)
    }
}

// The recipe ends here. The code below tests it, by the text for Prometheus.

use std::thread;

use contextvars::Context;
use metrics::{counter, describe_counter, gauge, histogram, with_local_recorder};

static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");

fn request(n: usize) -> Context {
    let context = Context::new().with_value(&REQUEST_ID, format!("r-{n}"));
    context.with_value(&TENANT, format!("tenant-{n}")).with_value(&ROUTE, "/pay")
}

/// Returns the lines of the metrics, sorted, without comments.
fn lines(handle: &PrometheusHandle) -> Vec<String> {
    let text = handle.render();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn each_kind_of_metric_has_the_labels_of_its_request() {
    let (recorder, handle) = recorder();
    let pay = || {
        counter!("paid_total", "currency" => "eur").increment(1);
        gauge!("cart").set(3);
        histogram!("seconds").record(0.5);
    };
    with_local_recorder(&recorder, || {
        describe_counter!("paid_total", "payments");
        for n in [1, 2, 1] {
            request(n).run(pay);
        }
        counter!("paid_total", "currency" => "eur").increment(1);
    });
    assert_eq!(
        lines(&handle).iter().filter(|line| !line.contains("quantile")).collect::<Vec<_>>(),
        [
            r#"cart{tenant="tenant-1",route="/pay"} 3"#,
            r#"cart{tenant="tenant-2",route="/pay"} 3"#,
            r#"paid_total{currency="eur",tenant="tenant-1",route="/pay"} 2"#,
            r#"paid_total{currency="eur",tenant="tenant-2",route="/pay"} 1"#,
            r#"paid_total{currency="eur"} 1"#,
            r#"seconds_count{tenant="tenant-1",route="/pay"} 2"#,
            r#"seconds_count{tenant="tenant-2",route="/pay"} 1"#,
            r#"seconds_sum{tenant="tenant-1",route="/pay"} 1"#,
            r#"seconds_sum{tenant="tenant-2",route="/pay"} 0.5"#,
        ]
    );
    assert!(handle.render().contains("# HELP paid_total payments"));
    assert!(!handle.render().contains("r-1"), "a variable that is not listed");
}

#[test]
fn values_beyond_the_bound_become_other_and_are_counted() {
    let prometheus = PrometheusBuilder::new().build_recorder();
    let handle = prometheus.handle();
    let recorder = WithLabels::new(prometheus).label(&REQUEST_ID, 3);
    thread::scope(|threads| {
        for thread in 0..4 {
            let recorder = &recorder;
            threads.spawn(move || {
                for n in 0..250 {
                    let pay = || counter!("paid_total").increment(1);
                    request(thread * 250 + n).run(|| with_local_recorder(recorder, pay));
                }
            });
        }
    });
    let lines = lines(&handle);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines.contains(&r#"paid_total{request_id="other"} 997"#.into()), "{lines:?}");
    let known = recorder.sources[0].seen.read().unwrap().iter().min().unwrap().clone();
    let pay = || with_local_recorder(&recorder, || counter!("paid_total").increment(1));
    REQUEST_ID.sync_scope(known.clone(), pay);
    assert!(handle.render().contains(&format!(r#"paid_total{{request_id="{known}"}} 2"#)));
}

#[test]
fn a_label_of_the_call_goes_before_that_of_a_variable() {
    let (recorder, handle) = recorder();
    let pay = || counter!("paid_total", "tenant" => "mine").increment(1);
    request(1).run(|| with_local_recorder(&recorder, pay));
    assert_eq!(lines(&handle), [r#"paid_total{tenant="mine",route="/pay"} 1"#]);
}

#[test]
fn a_handle_keeps_the_labels_of_the_context_in_which_it_was_made() {
    let (recorder, handle) = recorder();
    let kept = request(1).run(|| with_local_recorder(&recorder, || counter!("paid_total")));
    request(2).run(|| kept.increment(1));
    assert_eq!(lines(&handle), [r#"paid_total{tenant="tenant-1",route="/pay"} 1"#]);
}

#[test]
fn tasks_have_the_labels_if_they_inherit_the_context() {
    let (recorder, handle) = recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let work = async {
        contextvars_tokio::spawn(async { counter!("inherited").increment(1) }).await.unwrap();
        tokio::spawn(async { counter!("bare").increment(1) }).await.unwrap();
    };
    with_local_recorder(&recorder, || runtime.block_on(TENANT.scope("acme".into(), work)));
    assert_eq!(lines(&handle), ["bare 1", r#"inherited{tenant="acme"} 1"#]);
}
