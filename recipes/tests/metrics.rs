//! Metrics: the values of chosen variables as labels on every metric, with `metrics` and its exporter for Prometheus.
//!
//! `ContextRecorder` of `contextvars-metrics` wraps the exporter's recorder, and adds a label for each listed variable. A variable that is
//! not listed, such as a request id, adds none. The documentation of `ContextRecorder` explains the bound on the number of time series.
//!
//! The labels are read when `counter!`, `gauge!` or `histogram!` runs. A handle that is kept, for example in a static, keeps the
//! labels of the context in which it was made. So call the macro in each request.

use contextvars::ContextVar;
use contextvars_metrics::ContextRecorder;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

static TENANT: ContextVar<String> = ContextVar::new("tenant");
static ROUTE: ContextVar<&'static str> = ContextVar::new("route");

/// Creates the recorder for `metrics::set_global_recorder`. The handle's `render` returns the text for Prometheus, and its
/// `run_upkeep` has to be called every few seconds.
fn recorder() -> (ContextRecorder<PrometheusRecorder>, PrometheusHandle) {
    let prometheus = PrometheusBuilder::new().build_recorder();
    let handle = prometheus.handle();
    (ContextRecorder::new(prometheus).label(&TENANT, 100).label(&ROUTE, 50), handle)
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
    let recorder = ContextRecorder::new(prometheus).label(&REQUEST_ID, 3);
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
    let known = lines.iter().find_map(|line| line.strip_prefix(r#"paid_total{request_id="r-"#));
    let known = format!("r-{}", known.unwrap().split('"').next().unwrap());
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
