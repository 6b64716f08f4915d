//! The performance goals, and the measured figures beside them.

use crate::estimates::{Medians, Size};

/// A goal: `ours` divided by `theirs` must be at most `limit`.
struct Goal {
    what: &'static str,
    ours: Figure,
    theirs: Measure,
    limit: f64,
}

/// The divisor of a figure.
enum Measure {
    Other(Figure),
    Nanoseconds(f64),
}

/// One benchmark: operation, crate and variant, number of variables.
type Figure = (&'static str, &'static str, Size);

const fn goal(what: &'static str, ours: Figure, theirs: Figure, limit: f64) -> Goal {
    Goal { what, ours, theirs: Measure::Other(theirs), limit }
}

const fn at_most(what: &'static str, ours: Figure, nanoseconds: f64) -> Goal {
    Goal { what, ours, theirs: Measure::Nanoseconds(nanoseconds), limit: 1.0 }
}

const ARC: Figure = ("copy + drop", "limit: Arc", None);
const ARC_ON_TWO: Figure = ("copy + drop, two threads", "limit: Arc", None);
const MALLOC: Figure = ("malloc + free", "48 bytes", None);
const BARE_SPAWN: Figure = ("spawn + join", "bare", None);

const fn get(who: &'static str, n: u32) -> Figure {
    ("get", who, Some(n))
}

const fn undo(who: &'static str, n: u32) -> Figure {
    ("set + undo", who, Some(n))
}

const fn copy(who: &'static str, n: u32) -> Figure {
    ("copy + drop", who, Some(n))
}

const fn first(who: &'static str, n: u32) -> Figure {
    ("first set", who, Some(n))
}

const fn poll(who: &'static str, n: u32) -> Figure {
    ("poll", who, Some(n))
}

const fn line(kind: &'static str, who: &'static str, fields: u32) -> Figure {
    (kind, who, Some(fields))
}

const OURS: &str = "contextvars";
const BARE: &str = "tracing-subscriber";
const SPAN: &str = "tracing span";
const SPAN_ONCE: &str = "tracing span, shown once";
const LOGGED: &str = "contextvars, logged";
const JSON: &str = "line, JSON";
const COMPACT: &str = "line, compact";
const LOG: &str = "line, env_logger";

/// The smallest ratio that is distinguishable from 1 on a shared machine.
const MEASURABLE: f64 = 1.05;

const GET: &str = "contextvars, opaque";
const NAMED: &str = "contextvars, named";
const BOUND: &str = "contextvars, opaque, bound";
const UNSET: &str = "contextvars, opaque, unset";
const SET: &str = "contextvars, copy, run, set, replaced";
const WITH_VALUE: &str = "contextvars, with_value, replaced";
const DIFFERENT: &str = "contextvars, different";

/// The goals by operation; those of log lines come last.
const GOALS: &[Goal] = &[
    goal("get, 1 variable, opaque: tokio", get(GET, 1), get("tokio, opaque", 1), 1.0),
    goal("get, 8 variables, opaque: tokio", get(GET, 8), get("tokio, opaque", 8), 1.0),
    goal("get, 1 variable: opentelemetry", get(GET, 1), get("opentelemetry", 1), 1.0 / 3.0),
    goal("get, 8 variables: opentelemetry", get(GET, 8), get("opentelemetry", 8), 1.0 / 3.0),
    goal("get, 1 variable: dcontext", get(GET, 1), get("dcontext", 1), 1.0 / 30.0),
    goal("get, 8 variables: dcontext", get(GET, 8), get("dcontext", 8), 1.0 / 30.0),
    goal("aim: get, 1 variable, named: tokio", get(NAMED, 1), get("tokio, named", 1), 2.0),
    goal("aim: get, 8 variables, named: tokio", get(NAMED, 8), get("tokio, named", 8), 2.0),
    goal("get, 1000 variables: 1", get(GET, 1000), get(GET, 1), 3.5),
    goal("aim: get, 1000 variables: 1", get(GET, 1000), get(GET, 1), 2.2),
    goal("set + reset, bound, 1: malloc + free", undo(BOUND, 1), MALLOC, 2.1),
    goal("set + reset, bound, 8: malloc + free", undo(BOUND, 8), MALLOC, 2.1),
    goal("set + reset, unset, 8: malloc + free", undo(UNSET, 8), MALLOC, 2.1),
    goal("aim: set + reset, bound, 8: malloc + free", undo(BOUND, 8), MALLOC, 1.0),
    goal("set + reset, bound, 1: opentelemetry", undo(BOUND, 1), undo("opentelemetry", 1), 0.25),
    goal("set + reset, bound, 8: opentelemetry", undo(BOUND, 8), undo("opentelemetry", 8), 0.25),
    goal("copy_context + drop, 1: Arc", copy("contextvars, copy_context", 1), ARC, 1.2),
    goal("copy_context + drop, 8: Arc", copy("contextvars, copy_context", 8), ARC, 1.2),
    goal(
        "aim: two threads copying: Arc",
        ("copy + drop, two threads", "contextvars, clone", Some(8)),
        ARC_ON_TWO,
        1.25,
    ),
    goal("run, 8 variables: Arc", ("run", DIFFERENT, Some(8)), ARC, 0.30),
    goal("poll, 64 variables: 1", poll(DIFFERENT, 64), poll(DIFFERENT, 1), 1.15),
    goal("poll, different: tokio", poll(DIFFERENT, 1), poll("tokio, different", 1), 0.6),
    goal("poll, same: tokio", poll("contextvars, same", 1), poll("tokio, same", 1), 1.1),
    goal(
        "poll, different: opentelemetry",
        poll(DIFFERENT, 8),
        poll("opentelemetry, different", 8),
        1.0 / 9.0,
    ),
    goal("first set, 1: HashMap + Arc", first(SET, 1), first("HashMap + Arc", 1), 1.25),
    goal("first set, 8: imbl", first(SET, 8), first("imbl::HashMap", 8), 1.0 / 1.5),
    goal("first set, 8: HashMap", first(SET, 8), first("HashMap", 8), 1.0),
    goal("first set, 32: imbl", first(SET, 32), first("imbl::HashMap", 32), 1.0 / 2.5),
    goal("first set, 1000: imbl", first(SET, 1000), first("imbl::HashMap", 1000), 1.0 / 2.5),
    goal("aim: first set, 1000: CPython", first(SET, 1000), first("CPython", 1000), 1.0),
    goal("with_value, 1: HashMap + Arc", first(WITH_VALUE, 1), first("HashMap + Arc", 1), 1.25),
    goal("with_value, 8: imbl", first(WITH_VALUE, 8), first("imbl::HashMap", 8), 1.0 / 1.5),
    goal("with_value, 8: HashMap", first(WITH_VALUE, 8), first("HashMap", 8), 1.0),
    goal("with_value, 32: imbl", first(WITH_VALUE, 32), first("imbl::HashMap", 32), 1.0 / 2.5),
    goal(
        "with_value, 1000: imbl",
        first(WITH_VALUE, 1000),
        first("imbl::HashMap", 1000),
        1.0 / 2.5,
    ),
    goal("spawn with context: bare", ("spawn + join", "contextvars", Some(8)), BARE_SPAWN, 1.1),
    goal("JSON line, 3 fields: of a span", line(JSON, OURS, 3), line(JSON, SPAN, 3), 1.0),
    goal("JSON line, 3 logged variables: a span", line(JSON, LOGGED, 3), line(JSON, SPAN, 3), 1.0),
    goal("JSON line, 3 fields: once", line(JSON, OURS, 3), line(JSON, SPAN_ONCE, 3), 1.0),
    goal("compact line, 3 fields: of a span", line(COMPACT, OURS, 3), line(COMPACT, SPAN, 3), 1.0),
    goal("JSON line, nothing bound", line(JSON, OURS, 0), line(JSON, BARE, 0), MEASURABLE),
    goal("compact line, nothing bound", line(COMPACT, OURS, 0), line(COMPACT, BARE, 0), MEASURABLE),
    goal("log line, nothing bound", line(LOG, OURS, 0), line(LOG, "env_logger", 0), MEASURABLE),
    at_most("visit of 3 fields: 100 ns", line("visit", OURS, 3), 100.0),
    at_most("visit of 3 logged variables: 100 ns", line("visit", LOGGED, 3), 100.0),
];

/// Prints each goal beside its measured figures.
pub(crate) fn print(medians: &Medians) {
    let find = |(operation, who, size): Figure| -> Option<f64> {
        medians.get(operation)?.get(who)?.get(&size).copied()
    };
    println!("\n| goal | ours, ns | theirs, ns | ratio | at most | |\n|---|--:|--:|--:|--:|---|");
    for Goal { what, ours, theirs, limit } in GOALS {
        let theirs = match *theirs {
            Measure::Other(figure) => find(figure),
            Measure::Nanoseconds(limit) => Some(limit),
        };
        let (Some(ours), Some(theirs)) = (find(*ours), theirs) else {
            println!("| {what} | | | | {limit:.3} | not measured |");
            continue;
        };
        let ratio = ours / theirs;
        let verdict = if ratio <= *limit { "reached" } else { "**missed**" };
        println!("| {what} | {ours:.2} | {theirs:.2} | {ratio:.3} | {limit:.3} | {verdict} |");
    }
}
