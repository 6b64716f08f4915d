//! `WithFields` at call sites that see many sets of keys.

use contextvars::fields;
use contextvars_tracing::WithFields;
use tracing::info;
use tracing::subscriber::with_default;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::collect::{Collect, Seen};

/// Logs at one call site with each set of keys, and returns the events that a layer sees.
fn seen(event: fn(), sets: impl IntoIterator<Item = Vec<String>>) -> Vec<Seen> {
    let inner = Collect::default();
    with_default(Registry::default().with(WithFields::new(inner.clone())), || {
        for keys in sets {
            fields::sync_scope(keys.into_iter().map(|key| (key.clone(), key)), event);
        }
    });
    inner.take()
}

/// Returns how many of the keys an event has, each with itself as its value.
fn held(seen: &Seen, keys: &[String]) -> usize {
    let value = |key: &String| Some(format!("str {key}"));
    keys.iter().filter(|key| seen.values.get(key.as_str()).cloned() == value(key)).count()
}

fn keys(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("key-{number}")).collect()
}

#[test]
fn optional_fields_at_one_call_site_are_never_lost() {
    // Every subset of eight keys, in an order that neither grows nor shrinks.
    let sets: Vec<_> = (0..1000_usize)
        .map(|round| keys((0..8).filter(|bit| round.wrapping_mul(37) >> bit & 1 == 1)))
        .collect();
    let seen = seen(|| info!("paid"), sets.clone());
    assert_eq!(seen.len(), sets.len());
    for (seen, keys) in seen.iter().zip(&sets) {
        assert_eq!((held(seen, keys), seen.values.len()), (keys.len(), keys.len() + 1), "{keys:?}");
    }
}

#[test]
fn a_field_that_an_event_lacks_has_no_value_in_a_larger_set() {
    let sets = [keys(0..3), keys(1..2)];
    let seen = seen(|| info!("paid"), sets);
    assert_eq!(seen[1].values.len(), 2);
    assert_eq!(seen[1].values["key-1"], "str key-1");
}

#[test]
fn beyond_32_keys_an_event_keeps_the_fields_that_the_call_site_knows() {
    let mut sets: Vec<_> = (0..100).map(|number| keys([number])).collect();
    sets.push(keys([0, 20, 99]));
    let seen = seen(|| info!("paid"), sets.clone());
    let held: Vec<_> = seen.iter().zip(&sets).map(|(seen, keys)| held(seen, keys)).collect();
    assert_eq!((&held[..32], &held[32..100]), (&[1; 32][..], &[0; 68][..]));
    assert_eq!(held[100], 2, "the third key came too late");
}

#[test]
fn a_set_of_more_than_32_keys_is_kept_as_it_is() {
    let seen = seen(|| info!("paid"), [keys(0..60)]);
    assert_eq!(held(&seen[0], &keys(0..60)), 60);
}

#[test]
fn a_key_that_is_too_long_costs_its_own_field_and_nothing_else() {
    let long = "long".repeat(1 << 18);
    let seen = seen(|| info!("paid"), [vec![long.clone(), "short".to_owned()], vec![long]]);
    assert_eq!((held(&seen[0], &["short".to_owned()]), seen[0].values.len()), (1, 2));
    assert_eq!(seen[1].values.len(), 1);
}
