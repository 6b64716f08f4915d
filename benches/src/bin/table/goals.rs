//! The performance goals, and the measured figures beside them.

use crate::estimates::{Medians, Size};

/// A goal: `ours` divided by `theirs` must be at most `limit`.
struct Goal {
    what: &'static str,
    ours: Measure,
    theirs: Measure,
    limit: f64,
}

/// A time, in nanoseconds.
enum Measure {
    Of(Figure),
    /// The first less the second.
    Added(Figure, Figure),
    Nanoseconds(f64),
}

impl Measure {
    fn find(&self, medians: &Medians) -> Option<f64> {
        let find = |(operation, who, size): Figure| -> Option<f64> {
            medians.get(operation)?.get(who)?.get(&size).copied()
        };
        match *self {
            Self::Of(figure) => find(figure),
            Self::Added(figure, without) => Some(find(figure)? - find(without)?),
            Self::Nanoseconds(time) => Some(time),
        }
    }
}

/// One benchmark: operation, crate and variant, number of variables.
type Figure = (&'static str, &'static str, Size);

const fn goal(what: &'static str, ours: Figure, theirs: Figure, limit: f64) -> Goal {
    Goal { what, ours: Measure::Of(ours), theirs: Measure::Of(theirs), limit }
}

const fn at_most(what: &'static str, ours: Figure, nanoseconds: f64) -> Goal {
    let theirs = Measure::Nanoseconds(nanoseconds);
    Goal { what, ours: Measure::Of(ours), theirs, limit: 1.0 }
}

const fn adds(what: &'static str, ours: Figure, without: Figure, nanoseconds: f64) -> Goal {
    let theirs = Measure::Nanoseconds(nanoseconds);
    Goal { what, ours: Measure::Added(ours, without), theirs, limit: 1.0 }
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
const OTEL: &str = "opentelemetry";
const BARE: &str = "tracing-subscriber";
const SPAN: &str = "tracing span";
const SPAN_ONCE: &str = "tracing span, shown once";
const LOGGED: &str = "contextvars, logged";
const JSON: &str = "line, JSON";
const COMPACT: &str = "line, compact";
const LOG: &str = "line, env_logger";

const GET: &str = "contextvars, opaque";
const NAMED: &str = "contextvars, named";
const BOUND: &str = "contextvars, opaque, bound";
const UNSET: &str = "contextvars, opaque, unset";
const ROOT: &str = "contextvars, opaque, bound, root context";
const BIND: &str = "contextvars, bind, bound";
const SYNC_SCOPE: &str = "contextvars, sync_scope, bound";
const SET: &str = "contextvars, copy, run, set, replaced";
const DIFFERENT: &str = "contextvars, different";
const SCOPE: &str = "contextvars, scope, different";
const COPY: &str = "contextvars, copy_context";
const CLONE: &str = "contextvars, clone";
const COPY_ON_TWO: &str = "copy + drop, two threads";
const SPLIT: &str = "rayon split";
const SPLIT_ON_TWO: &str = "rayon split, two threads";
const JOIN: &str = "rayon join";
const JOBS: &str = "rayon scope + spawn";
const SPAWN: &str = "rayon spawn";
const ITEM: &str = "rayon item";
const EXTRACT: &str = "wire, extract + inject";
const REQUEST: &str = "request in memory";
const BESIDE: &str = "line beside a span, JSON";
const INJECT: &str = "inject beside a span";

const fn rayon(operation: &'static str) -> (Figure, Figure) {
    ((operation, OURS, Some(8)), (operation, "bare", None))
}

const fn against_bare(what: &'static str, operation: &'static str) -> Goal {
    let (ours, bare) = rayon(operation);
    goal(what, ours, bare, 1.6)
}

/// The goals by operation; those of log lines and requests come last.
const GOALS: &[Goal] = &[
    goal("get, 1 variable: tokio", get(GET, 1), get("tokio, opaque", 1), 1.0),
    goal("get, 8 variables: tokio", get(GET, 8), get("tokio, opaque", 8), 1.0),
    goal("get, 8 variables: opentelemetry", get(GET, 8), get("opentelemetry", 8), 1.0 / 3.0),
    goal("get, 8 variables: dcontext", get(GET, 8), get("dcontext", 8), 1.0 / 30.0),
    goal("aim: get, 1 variable, named: tokio", get(NAMED, 1), get("tokio, named", 1), 2.0),
    goal("get, 8 variables, named: tokio", get(NAMED, 8), get("tokio, named", 8), 2.0),
    goal("get, 1000 variables: 1", get(GET, 1000), get(GET, 1), 2.5),
    goal("set + reset, bound, 1: malloc + free", undo(BOUND, 1), MALLOC, 1.0),
    goal("set + reset, bound, 8: malloc + free", undo(BOUND, 8), MALLOC, 1.0),
    goal("set + reset, unset, 8: malloc + free", undo(UNSET, 8), MALLOC, 1.0),
    goal("set + reset, bound, 8: opentelemetry", undo(BOUND, 8), undo("opentelemetry", 8), 0.25),
    goal("set + reset, 8, root context: entered", undo(ROOT, 8), undo(BOUND, 8), 1.2),
    goal("sync_scope, 8: bind + drop", undo(SYNC_SCOPE, 8), undo(BIND, 8), 1.05),
    goal("poll of scope: tokio", poll(SCOPE, 1), poll("tokio, different", 1), 1.5),
    goal("Context::clone + drop, 8: Arc", copy(CLONE, 8), ARC, 1.15),
    goal("copy_context + drop, 1: Arc", copy(COPY, 1), ARC, 1.1),
    goal("copy_context + drop, 8: Arc", copy(COPY, 8), ARC, 1.1),
    goal("clone + drop, two threads: Arc", (COPY_ON_TWO, CLONE, Some(8)), ARC_ON_TWO, 1.25),
    goal("run, 8: tokio", ("run", DIFFERENT, Some(8)), undo("tokio, opaque, sync_scope", 1), 1.0),
    goal("poll, 64 variables: 1", poll(DIFFERENT, 64), poll(DIFFERENT, 1), 1.15),
    goal("poll: tokio", poll(DIFFERENT, 1), poll("tokio, different", 1), 0.7),
    goal("poll: opentelemetry", poll(DIFFERENT, 8), poll("opentelemetry, different", 8), 0.15),
    goal("first set, 1: HashMap + Arc", first(SET, 1), first("HashMap + Arc", 1), 0.6),
    goal("first set, 8: HashMap", first(SET, 8), first("HashMap", 8), 0.9),
    goal("first set, 32: HashMap", first(SET, 32), first("HashMap", 32), 0.5),
    goal("first set, 1000: HashMap", first(SET, 1000), first("HashMap", 1000), 0.02),
    goal("first set, 8: imbl", first(SET, 8), first("imbl::HashMap", 8), 0.6),
    goal("first set, 32: imbl", first(SET, 32), first("imbl::HashMap", 32), 0.4),
    goal("first set, 1000: imbl", first(SET, 1000), first("imbl::HashMap", 1000), 0.3),
    goal("aim: first set, 1000: CPython", first(SET, 1000), first("CPython", 1000), 1.0),
    goal("spawn with context: bare", ("spawn + join", OURS, Some(8)), BARE_SPAWN, 1.1),
    at_most("rayon, an item: 2 ns", rayon(ITEM).0, 2.0),
    at_most("rayon, an item that reads: 4 ns", (ITEM, "contextvars, and get", Some(8)), 4.0),
    against_bare("rayon, split: bare", SPLIT),
    against_bare("rayon, split, two threads: bare", SPLIT_ON_TWO),
    against_bare("rayon, join: bare", JOIN),
    against_bare("rayon, scope + spawn: bare", JOBS),
    against_bare("rayon, spawn: bare", SPAWN),
    goal("JSON line, 3 fields: bare", line(JSON, OURS, 3), line(JSON, BARE, 0), 1.4),
    goal("compact line, 3 fields: bare", line(COMPACT, OURS, 3), line(COMPACT, BARE, 0), 1.6),
    goal("env_logger line, 3 fields: bare", line(LOG, OURS, 3), line(LOG, "env_logger", 0), 1.6),
    goal("JSON line, nothing bound: bare", line(JSON, OURS, 0), line(JSON, BARE, 0), 1.03),
    goal("compact line, nothing bound: bare", line(COMPACT, OURS, 0), line(COMPACT, BARE, 0), 1.03),
    goal("env_logger, nothing bound: bare", line(LOG, OURS, 0), line(LOG, "env_logger", 0), 1.03),
    goal("JSON line, 3 fields: of a span", line(JSON, OURS, 3), line(JSON, SPAN, 3), 1.0),
    goal("JSON line, 3 logged variables: a span", line(JSON, LOGGED, 3), line(JSON, SPAN, 3), 1.0),
    goal("JSON line, 3 fields: once", line(JSON, OURS, 3), line(JSON, SPAN_ONCE, 3), 1.0),
    goal("compact line, 3 fields: of a span", line(COMPACT, OURS, 3), line(COMPACT, SPAN, 3), 1.0),
    adds(
        "ids of a span on a JSON line: 150 ns",
        line(BESIDE, "trace_fields", 3),
        line(BESIDE, "no ids", 3),
        150.0,
    ),
    adds(
        "the active span in a header: 100 ns",
        (INJECT, "the active span", None),
        (INJECT, "a child of the variable's", None),
        100.0,
    ),
    at_most("visit of 3 fields: 100 ns", line("visit", OURS, 3), 100.0),
    at_most("visit of 3 logged variables: 100 ns", line("visit", LOGGED, 3), 100.0),
    goal("extract + inject: opentelemetry", (EXTRACT, OURS, None), (EXTRACT, OTEL, None), 0.5),
    adds("ContextLayer: 600 ns", (REQUEST, OURS, Some(0)), (REQUEST, "bare", Some(0)), 600.0),
];

/// Prints each goal beside its measured figures.
pub(crate) fn print(medians: &Medians) {
    println!("\n| goal | ours, ns | theirs, ns | ratio | at most | |\n|---|--:|--:|--:|--:|---|");
    for Goal { what, ours, theirs, limit } in GOALS {
        let (Some(ours), Some(theirs)) = (ours.find(medians), theirs.find(medians)) else {
            println!("| {what} | | | | {limit:.3} | not measured |");
            continue;
        };
        let ratio = ours / theirs;
        let verdict = if ratio <= *limit { "reached" } else { "**missed**" };
        println!("| {what} | {ours:.2} | {theirs:.2} | {ratio:.3} | {limit:.3} | {verdict} |");
    }
}
