//! Counts the allocations of a metric.

use contextvars_metrics::ContextRecorder;
use metrics::{Key, Label, Level, Metadata, NoopRecorder, Recorder as _};

use crate::{ROUTE, TENANT, allocations};

#[test]
fn without_a_value_a_metric_costs_no_allocation() {
    let recorder = ContextRecorder::new(NoopRecorder).label(&TENANT, 9).label(&ROUTE, 9);
    // A clone of this key would allocate.
    let key =
        Key::from_parts("paid".to_string(), vec![Label::new("a".to_string(), "b".to_string())]);
    let metadata = Metadata::new("cost", Level::INFO, None);
    let metrics = || {
        drop(recorder.register_counter(&key, &metadata));
        drop(recorder.register_gauge(&key, &metadata));
        drop(recorder.register_histogram(&key, &metadata));
    };
    assert_eq!(allocations::of(metrics), 0);
    assert!(TENANT.sync_scope("acme".into(), || allocations::of(metrics)) > 0);
}

#[test]
fn a_static_text_is_not_copied() {
    let recorder = ContextRecorder::new(NoopRecorder).label_with(&ROUTE, 9, |route| *route);
    let (key, metadata) = (Key::from_static_name("paid"), Metadata::new("cost", Level::INFO, None));
    let by_hand = || {
        let labels = vec![Label::from_static_parts("route", "/pay")];
        drop(NoopRecorder.register_counter(&key.with_extra_labels(labels), &metadata));
    };
    let listed = || drop(recorder.register_counter(&key, &metadata));
    ROUTE.sync_scope("/pay", || {
        listed(); // the recorder keeps the first value
        assert_eq!(allocations::of(listed), allocations::of(by_hand));
    });
}
