//! Which labels a metric has.

use contextvars::{Context, ContextVar};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::{ROUTE, TENANT, calls, recorder};

static REQUEST_ID: ContextVar<u64> = ContextVar::new("request_id");

fn request() -> Context {
    let context = Context::new().with_value(&TENANT, "acme".into());
    context.with_value(&ROUTE, "/pay").with_value(&REQUEST_ID, 7)
}

#[test]
fn every_metric_has_the_listed_variables_with_a_value_and_no_other() {
    let recorder = recorder().label(&TENANT, 9).label(&ROUTE, 9);
    let metrics = || {
        counter!("paid", "currency" => "eur").increment(1);
        gauge!("cart").set(3);
        histogram!("seconds").record(0.5);
    };
    assert_eq!(
        calls(&recorder, || request().run(metrics)),
        [
            "counter paid{currency=eur,tenant=acme,route=/pay}",
            "gauge cart{tenant=acme,route=/pay}",
            "histogram seconds{tenant=acme,route=/pay}",
        ]
    );
    let one = || ROUTE.sync_scope("/", || counter!("paid").increment(1));
    assert_eq!(calls(&recorder, one), ["counter paid{route=/}"]);
    assert_eq!(
        calls(&recorder, metrics),
        ["counter paid{currency=eur}", "gauge cart{}", "histogram seconds{}"]
    );
}

#[test]
fn a_default_is_a_value() {
    static REGION: ContextVar<&str> = ContextVar::with_default("region", || "eu");

    let recorder = recorder().label(&REGION, 9);
    assert_eq!(calls(&recorder, || drop(counter!("paid"))), ["counter paid{region=eu}"]);
}

#[test]
fn a_label_of_the_macro_goes_before_a_variables() {
    let recorder = recorder().label(&TENANT, 9).label(&ROUTE, 9);
    let metric = || request().run(|| drop(counter!("paid", "tenant" => "mine")));
    assert_eq!(calls(&recorder, metric), ["counter paid{tenant=mine,route=/pay}"]);
}

#[test]
fn of_two_variables_with_one_label_the_first_with_a_value_is_shown() {
    let recorder = recorder().label(&ROUTE, 9).rename("tenant").label(&TENANT, 9);
    let metric = || drop(counter!("paid"));
    assert_eq!(calls(&recorder, || request().run(metric)), ["counter paid{tenant=/pay}"]);
    let second = || TENANT.sync_scope("acme".into(), metric);
    assert_eq!(calls(&recorder, second), ["counter paid{tenant=acme}"]);
}

#[test]
fn values_are_shown_as_the_function_says_and_under_the_name_that_is_given() {
    let class = |id: &u64| if *id < 5 { "low" } else { "high" };
    let recorder = recorder().label_with(&REQUEST_ID, 9, class).rename("class").label(&TENANT, 9);
    let metric = || request().run(|| drop(counter!("paid")));
    assert_eq!(calls(&recorder, metric), ["counter paid{class=high,tenant=acme}"]);
}

#[test]
#[should_panic = "`rename` must follow the `label` or `label_with` that it renames"]
fn a_name_without_a_variable_is_refused() {
    let _ = recorder().rename("tenant");
}

#[test]
fn a_handle_keeps_the_labels_of_the_context_in_which_it_was_made() {
    let recorder = recorder().label(&TENANT, 9);
    let kept = metrics::with_local_recorder(&recorder, || request().run(|| counter!("paid")));
    assert_eq!(recorder.inner().take(), ["counter paid{tenant=acme}"]);
    TENANT.sync_scope("initech".into(), || kept.increment(1));
    assert!(recorder.inner().take().is_empty());
}

#[test]
fn descriptions_are_passed_on() {
    let recorder = recorder().label(&TENANT, 9);
    let describe = || {
        describe_counter!("paid", metrics::Unit::Count, "payments");
        describe_gauge!("cart", "items");
        describe_histogram!("seconds", "time");
    };
    assert_eq!(
        calls(&recorder, || request().run(describe)),
        [
            "counter paid: payments in Some(Count)",
            "gauge cart: items in None",
            "histogram seconds: time in None",
        ]
    );
}
