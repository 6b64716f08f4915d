//! How many different values become labels.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;
use std::thread;

use contextvars::ContextVar;
use metrics::{counter, gauge};

use crate::{TENANT, calls, recorder};

fn pay(tenant: &str) {
    TENANT.sync_scope(tenant.into(), || drop(counter!("paid")));
}

#[test]
fn further_values_become_other_and_the_first_ones_stay() {
    let recorder = recorder().label(&TENANT, 2);
    let tenants = || ["a", "b", "a", "c", "b", "d", "a"].into_iter().for_each(pay);
    let labels = ["a", "b", "a", "other", "b", "other", "a"];
    assert_eq!(
        calls(&recorder, tenants),
        labels.map(|label| format!("counter paid{{tenant={label}}}"))
    );
}

#[test]
fn all_metrics_together_have_one_bound_and_each_variable_has_its_own() {
    static USER: ContextVar<u8> = ContextVar::new("user");

    let recorder = recorder().label(&TENANT, 1).label(&USER, 1);
    let metrics = || {
        pay("a");
        TENANT.sync_scope("b".into(), || USER.sync_scope(7, || drop(gauge!("cart"))));
    };
    assert_eq!(
        calls(&recorder, metrics),
        ["counter paid{tenant=a}", "gauge cart{tenant=other,user=7}"]
    );
}

#[test]
fn with_the_bound_zero_each_value_is_other() {
    let recorder = recorder().label(&TENANT, 0);
    let metrics = || {
        pay("a");
        drop(counter!("paid"));
    };
    assert_eq!(calls(&recorder, metrics), ["counter paid{tenant=other}", "counter paid{}"]);
}

#[test]
fn threads_together_have_one_bound() {
    let recorder = recorder().label(&TENANT, 3);
    for round in 0..50 {
        let start = Barrier::new(4);
        thread::scope(|threads| {
            for thread in 0..4 {
                let (recorder, start) = (&recorder, &start);
                threads.spawn(move || {
                    start.wait();
                    // Two threads each have one value, so that some meet in the same one.
                    let tenant = format!("{round}-{}", thread / 2);
                    metrics::with_local_recorder(recorder, || (0..9).for_each(|_| pay(&tenant)));
                });
            }
        });
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for call in recorder.inner().take() {
        *counts.entry(call).or_default() += 1;
    }
    let labels: BTreeSet<_> = counts.keys().collect();
    assert_eq!(labels.len(), 4, "{labels:?}");
    assert_eq!(counts.values().sum::<usize>(), 50 * 4 * 9);
    assert!(counts.contains_key("counter paid{tenant=other}"));
}

#[test]
fn threads_that_bring_one_value_at_once_all_show_it() {
    for _ in 0..300 {
        let recorder = recorder().label(&TENANT, 1);
        let start = Barrier::new(4);
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    start.wait();
                    metrics::with_local_recorder(&recorder, || pay("a"));
                });
            }
        });
        assert_eq!(recorder.inner().take(), ["counter paid{tenant=a}"; 4]);
    }
}
