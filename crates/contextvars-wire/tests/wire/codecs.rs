//! The context in which codecs run, their failures, and values that a codec would write differently from how they were
//! received.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use contextvars::{Context, ContextVar};
use contextvars_wire::{Codec, Propagator, TraceContext, Violation, extract_fn, inject_fn, text};

use crate::support::{ATTEMPT, REQUEST_ID, TENANT};

/// A value whose conversions from and to text read the current tenant and then set another one.
struct Nosy(String);

static NOSY: ContextVar<Nosy> = ContextVar::new("nosy");
static LOCAL: ContextVar<String> = ContextVar::new("local").local();
static LOCAL_TRACE: ContextVar<TraceContext> = ContextVar::new("local_trace").local();

fn tenant() -> String {
    let found = TENANT.get_or("none".into());
    TENANT.set("left by a codec".into());
    found
}

impl FromStr for Nosy {
    type Err = fmt::Error;
    fn from_str(_: &str) -> Result<Self, fmt::Error> {
        Ok(Self(tenant()))
    }
}

impl fmt::Display for Nosy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&tenant())
    }
}

fn header(name: &str, codec: Codec) -> Propagator {
    Propagator::builder().header(name, codec).build().unwrap()
}

fn nosy() -> Context {
    Context::new().with_value(&NOSY, Nosy(String::new())).with_value(&TENANT, "acme".into())
}

#[test]
fn each_codec_reads_in_an_empty_context_of_its_own() {
    static OTHER: ContextVar<Nosy> = ContextVar::new("other");
    let wire = Propagator::builder().header("x-a", text(&NOSY)).header("x-b", text(&OTHER));
    let wire = wire.build().unwrap();
    let got = TENANT.sync_scope("worker".into(), || {
        let got = wire.extract(&vec![("x-a", "?"), ("x-b", "?")]);
        assert_eq!(TENANT.get(), "worker");
        got
    });
    assert_eq!(got.context.get(&NOSY).unwrap().0, "none");
    assert_eq!(got.context.get(&OTHER).unwrap().0, "none");
    assert_eq!(got.context.len(), 2);
}

#[test]
fn a_codec_writes_in_a_copy_of_the_context_that_is_sent() {
    let wire = header("x-a", text(&NOSY)).echo("x-a").unwrap();
    let mut sent: [BTreeMap<String, String>; 3] = Default::default();
    let context = nosy();
    let mut current = context.clone();
    TENANT.sync_scope("worker".into(), || {
        wire.inject_from(&context, &mut sent[0]);
        wire.inject_response_from(&context, &mut sent[1]);
        current.run(|| wire.inject(&mut sent[2]));
        assert_eq!(TENANT.get(), "worker");
    });
    assert!(sent.iter().all(|sent| sent["x-a"] == "acme"), "{sent:?}");
    assert_eq!(current.get(&TENANT).unwrap(), "acme", "nothing stays behind");
}

#[test]
fn a_carrier_is_the_callers_and_runs_in_the_callers_context() {
    let wire = header("x-id", text(&REQUEST_ID));
    let carrier = extract_fn(|_, each| each(TENANT.get().as_bytes()));
    let mut seen = String::new();
    TENANT.sync_scope("worker".into(), || {
        let context = wire.extract(&carrier).context;
        assert_eq!(context.get(&REQUEST_ID).unwrap(), "worker");
        wire.inject_from(&context, &mut inject_fn(|_, _| seen = TENANT.get()));
    });
    assert_eq!(seen, "worker");
}

#[test]
fn local_values_are_not_sent_from_any_context() {
    let wire = Propagator::builder().header("x-l", text(&LOCAL)).trace_context(&LOCAL_TRACE);
    let wire = wire.build().unwrap().echo("x-l").unwrap().server_timing(true);
    let mut context = Context::new()
        .with_value(&LOCAL, "secret".into())
        .with_value(&LOCAL_TRACE, TraceContext::new_root());
    let mut sent = BTreeMap::new();
    wire.inject_from(&context, &mut sent);
    wire.inject_response_from(&context, &mut sent);
    context.run(|| (wire.inject(&mut sent), wire.inject_response(&mut sent)));
    assert_eq!(sent, BTreeMap::new());
}

#[test]
fn a_local_variable_takes_nothing_from_outside() {
    let wire = Propagator::builder()
        .trace_context(&LOCAL_TRACE)
        .header("x-l", text(&LOCAL))
        .baggage("l", text(&LOCAL))
        .build()
        .unwrap();
    let trace = TraceContext::new_root().to_string();
    let got =
        wire.extract_trusted(&vec![("traceparent", &*trace), ("x-l", "1"), ("baggage", "l=1")]);
    let problems: Vec<_> =
        got.problems.iter().map(|problem| (&*problem.key, problem.rule)).collect();
    assert_eq!(problems, ["traceparent", "x-l", "l"].map(|key| (key, Violation::Local)));
    assert!(got.context.is_empty());
    assert!(wire.extract(&Vec::<(String, String)>::new()).problems.is_empty());
}

#[test]
fn a_value_without_a_text_is_a_problem_and_no_panic() {
    struct Mute;
    static MUTE: ContextVar<Mute> = ContextVar::new("mute");
    impl FromStr for Mute {
        type Err = fmt::Error;
        fn from_str(_: &str) -> Result<Self, fmt::Error> {
            Ok(Self)
        }
    }
    impl fmt::Display for Mute {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    let wire = Propagator::builder().header("x-mute", text(&MUTE)).baggage("mute", text(&MUTE));
    let wire = wire.build().unwrap();
    let got = wire.extract(&vec![("baggage", "mute=1,a=1")]);
    let mut sent = BTreeMap::new();
    let problems = wire.inject_from(&got.context, &mut sent).problems;
    let problems: Vec<_> = problems.iter().map(|problem| (&*problem.key, problem.rule)).collect();
    assert_eq!(problems, [("x-mute", Violation::Refused), ("mute", Violation::Refused)]);
    assert_eq!(sent, BTreeMap::from([("baggage".into(), "a=1".into())]));
}

#[test]
fn a_value_that_its_codec_holds_back_is_no_problem() {
    let positive = Codec::new(
        &ATTEMPT,
        |text| text.parse().ok(),
        |attempt| (*attempt > 0).then(|| attempt.to_string()),
    );
    let mut sent = BTreeMap::from([("x-attempt".to_string(), "9".to_string())]);
    let context = Context::new().with_value(&ATTEMPT, 0);
    assert!(header("x-attempt", positive).inject_from(&context, &mut sent).problems.is_empty());
    assert_eq!(sent, BTreeMap::new());
}

#[test]
fn a_codec_that_panics_leaves_the_context_as_it_was() {
    let wire = header("x-id", Codec::new(&REQUEST_ID, |_| panic!("read"), |_| panic!("write")));
    TENANT.sync_scope("worker".into(), || {
        let context = Context::new().with_value(&REQUEST_ID, "r-7".into());
        let read = AssertUnwindSafe(|| wire.extract(&vec![("x-id", "1")]));
        assert!(catch_unwind(read).is_err());
        let write = AssertUnwindSafe(|| wire.inject_from(&context, &mut BTreeMap::new()));
        assert!(catch_unwind(write).is_err());
        assert_eq!(TENANT.get(), "worker");
    });
}

/// Asserts that a program that changes no value sends the `baggage` header on unchanged.
#[track_caller]
fn passes_on(codec: Codec, header: &str) {
    let wire = Propagator::builder().baggage("k", codec).build().unwrap();
    let got = wire.extract(&vec![("baggage", header)]);
    assert!(got.problems.is_empty(), "{:?}", got.problems);
    let mut sent = BTreeMap::new();
    assert!(wire.inject_from(&got.context, &mut sent).problems.is_empty());
    assert_eq!(sent["baggage"], header);
}

#[test]
fn a_listed_member_is_the_same_however_it_was_written() {
    static NUMBER: ContextVar<f64> = ContextVar::new("number");
    passes_on(text(&ATTEMPT), "k=+2;ttl=60");
    passes_on(text(&ATTEMPT), "k=0%32;ttl=60,a=1");
    // The codec would write three hundred digits.
    passes_on(text(&NUMBER).max_len(16), "k=1e300;ttl=60");
}

#[test]
fn a_listed_member_with_another_value_is_written_anew() {
    let wire = Propagator::builder().baggage("k", text(&ATTEMPT)).build().unwrap();
    let context = wire.extract(&vec![("baggage", "k=+2;ttl=60")]).context.with_value(&ATTEMPT, 3);
    let mut sent = BTreeMap::new();
    wire.inject_from(&context, &mut sent);
    assert_eq!(sent["baggage"], "k=3");
}

#[cfg(feature = "serde")]
#[test]
fn json_in_a_member_is_the_same_however_it_was_written() {
    use contextvars_wire::json;

    static NAMES: ContextVar<Vec<String>> = ContextVar::new("names");
    for header in [
        "k=[%22gr%C3%B6%C3%9Fe%22];ttl=60",
        "k=[%22gr%5Cu00f6%C3%9Fe%22];ttl=60",
        "k=[%22a%22%2C%20%22b%22];ttl=60",
    ] {
        passes_on(json(&NAMES), header);
    }
    passes_on(json(&NAMES), &format!("k=[%22{}%22]", "%C3%B6".repeat(1000)));
}
