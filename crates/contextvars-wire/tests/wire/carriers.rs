//! Injection into and extraction from every type of carrier.

use std::collections::{BTreeMap, HashMap};
use std::process::Command;

use contextvars::Context;
use contextvars_wire::{
    Environment, Extract, Inject, TraceContext, env_name, extract_fn, inject_fn,
};

use crate::support::{REQUEST_ID, TRACE, propagator};

fn context() -> Context {
    let trace: TraceContext =
        "00-12345678901234567890123456789012-1234567890123456-01".parse().unwrap();
    Context::new().with_value(&TRACE, trace).with_value(&REQUEST_ID, "r-7".into())
}

/// Injects twice into a carrier that has other values under other spellings of the names, and extracts the result.
fn there_and_back<C: Inject + Extract>(mut carrier: C) {
    let wire = propagator();
    for _ in 0..2 {
        wire.inject_from(&context(), &mut carrier);
    }
    let got = wire.extract(&carrier);
    assert!(got.problems.is_empty(), "{:?}", got.problems);
    assert_eq!(got.context.get(&REQUEST_ID).unwrap(), "r-7");
    assert_eq!(
        got.context.get(&TRACE).unwrap().trace_id(),
        context().get(&TRACE).unwrap().trace_id()
    );
    assert!(got.context.get(&TRACE).unwrap().tracestate().is_empty());
}

#[test]
fn maps_and_lists() {
    let stale =
        || [("X-Request-Id".to_string(), "old".to_string()), ("TraceState".into(), "a=1".into())];
    there_and_back(HashMap::from(stale()));
    there_and_back(BTreeMap::from(stale()));
    there_and_back(Vec::from(stale()));
    there_and_back(stale().map(|(key, value)| (key, value.into_bytes())).to_vec());
}

#[test]
fn objects() {
    let wire = propagator();
    let mut map = BTreeMap::new();
    let object: &mut dyn Inject = &mut map;
    wire.inject_from(&context(), object);
    let object: &dyn Extract = &map;
    assert_eq!(wire.extract(object).context.get(&REQUEST_ID).unwrap(), "r-7");
}

#[test]
fn closures() {
    let wire = propagator();
    let mut sent = Vec::new();
    wire.inject_from(
        &context(),
        &mut inject_fn(|key, value| sent.push((key.to_owned(), value.to_owned()))),
    );
    let carrier = extract_fn(|key, each| {
        sent.iter().filter(|entry| entry.0 == key).for_each(|entry| each(entry.1.as_bytes()));
    });
    assert_eq!(wire.extract(&carrier).context.get(&REQUEST_ID).unwrap(), "r-7");
}

#[test]
fn a_command_and_its_environment() {
    let mut command = Command::new("true");
    command.env("TRACESTATE", "stale=1");
    propagator().inject_from(&context(), &mut command);
    let variables: HashMap<_, _> = command.get_envs().collect();
    assert_eq!(variables["X_REQUEST_ID".as_ref() as &std::ffi::OsStr].unwrap(), "r-7");
    assert!(variables.contains_key("TRACEPARENT".as_ref() as &std::ffi::OsStr));
    assert_eq!(variables["TRACESTATE".as_ref() as &std::ffi::OsStr], None, "nor inherited");
}

/// Runs this test again in a child process, which extracts its parent's trace from its environment.
#[test]
fn the_environment_of_a_child() {
    const IS_CHILD: &str = "CONTEXTVARS_TEST_IS_CHILD";
    if std::env::var_os(IS_CHILD).is_some() {
        let got = propagator().extract(&Environment);
        assert_eq!(got.context.get(&REQUEST_ID).unwrap(), "r-7");
        assert_eq!(
            got.context.get(&TRACE).unwrap().trace_id(),
            context().get(&TRACE).unwrap().trace_id()
        );
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "carriers::the_environment_of_a_child"]).env(IS_CHILD, "1");
    propagator().inject_from(&context(), &mut child);
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn names_of_environment_variables() {
    for (key, name) in [
        ("traceparent", "TRACEPARENT"),
        ("x-b3.trace/id", "X_B3_TRACE_ID"),
        ("1st", "_1ST"),
        ("", "_"),
        ("ü", "_"),
        ("_a", "_A"),
    ] {
        assert_eq!(env_name(key), name);
        assert_eq!(env_name(&env_name(key)), name, "a name stays as it is");
    }
}

#[cfg(feature = "http")]
#[test]
fn header_maps() {
    let mut map = http::HeaderMap::new();
    map.append("X-Request-Id", "old".parse().unwrap());
    map.append("x-request-id", "older".parse().unwrap());
    there_and_back(map.clone());

    // A value that came twice, and the names that a propagator uses by itself.
    let values = |map: &http::HeaderMap, key: &str| {
        let mut values = Vec::new();
        Extract::visit(map, key, &mut |value| values.push(value.to_vec()));
        values
    };
    assert_eq!(values(&map, "x-request-id"), [b"old".to_vec(), b"older".to_vec()]);
    for name in ["traceparent", "tracestate", "baggage", "server-timing", "x-other"] {
        Inject::append(&mut map, name, "1");
        Inject::append(&mut map, name, "2");
        assert_eq!(
            (values(&map, name), map.get_all(name).iter().count()),
            (vec![b"1".to_vec(), b"2".to_vec()], 2)
        );
        Inject::set(&mut map, name, "3");
        assert_eq!(values(&map, name), [b"3"]);
        Inject::remove(&mut map, name);
        assert!(!map.contains_key(name));
    }
    Inject::set(&mut map, "no token", "1");
    Inject::set(&mut map, "x-line", "a\nb");
    assert_eq!(map.len(), 2);
}
