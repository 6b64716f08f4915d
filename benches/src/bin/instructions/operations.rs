//! The operations whose instructions are counted, each as in the benchmark that times it.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{self, Waker};

use contextvars::{Context, ContextExt, copy_context};
use contextvars_benches::lines::{BESIDE_A_SPAN, COMPACT, JSON, LOG, Row, VISIT};
use contextvars_benches::peers::Never;
use contextvars_benches::{Var, context_of, each, measured, seen, unbound, wire};

/// An operation to count: its name, and a function that runs it for a number of turns.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) run: fn(u64),
}

const fn operation(name: &'static str, run: fn(u64)) -> Operation {
    Operation { name, run }
}

/// All operations, in the order of the budget. The first is not this crate's: if it grows, the machine's C library changed.
pub(crate) const OPERATIONS: &[Operation] = &[
    operation("malloc + free, 48 bytes", malloc),
    operation("get, 1 variable", |turns| get(1, turns)),
    operation("get, 8 variables", |turns| get(8, turns)),
    operation("get, 1000 variables", |turns| get(1000, turns)),
    operation("with, 8 variables", with),
    operation("set + reset, bound, 1 variable", |turns| set(1, measured(1), turns)),
    operation("set + reset, bound, 8 variables", |turns| set(8, measured(8), turns)),
    operation("set + reset, unset, 1 variable", |turns| set(1, unbound(1), turns)),
    operation("set + reset, unset, 8 variables", |turns| set(8, unbound(8), turns)),
    operation("unset + reset, 8 variables", unset),
    operation("sync_scope, bound, 8 variables", sync_scope),
    operation("bind, bound, 8 variables", bind),
    operation("copy_context + drop, 8 variables", copy),
    operation("run, 8 variables", run),
    operation("poll, 8 variables", poll),
    operation("poll of a scope, 8 variables", poll_scope),
    operation("insert into a held context, 8 variables", insert),
    operation("changes_since, 1 of 1000 variables", changes),
    operation("first set after a copy, 1 variable", |turns| first_set(1, turns)),
    operation("first set after a copy, 8 variables", |turns| first_set(8, turns)),
    operation("first set after a copy, 32 variables", |turns| first_set(32, turns)),
    operation("visit, nothing bound", |turns| row(VISIT, "contextvars", 0, turns)),
    operation("visit, 3 fields", |turns| row(VISIT, "contextvars", 3, turns)),
    operation("visit, 3 logged variables", |turns| row(VISIT, "contextvars, logged", 3, turns)),
    operation("JSON line, bare", |turns| row(JSON, "tracing-subscriber", 0, turns)),
    operation("JSON line, nothing bound", |turns| row(JSON, "contextvars", 0, turns)),
    operation("JSON line, 3 fields", |turns| row(JSON, "contextvars", 3, turns)),
    operation("JSON line, 3 fields of a span", |turns| row(JSON, "tracing span", 3, turns)),
    operation("JSON line beside a span", |turns| row(BESIDE_A_SPAN, "no ids", 3, turns)),
    operation("JSON line with its ids", |turns| row(BESIDE_A_SPAN, "trace_fields", 3, turns)),
    operation("compact line, bare", |turns| row(COMPACT, "tracing-subscriber", 0, turns)),
    operation("compact line, nothing bound", |turns| row(COMPACT, "contextvars", 0, turns)),
    operation("compact line, 3 fields", |turns| row(COMPACT, "contextvars", 3, turns)),
    operation("extract + inject", |turns| relay(0, turns)),
    operation("extract + inject, with a request id", |turns| relay(1, turns)),
    operation("extract + inject, opentelemetry", |turns| relay(2, turns)),
    operation("env_logger line, bare", |turns| row(LOG, "env_logger", 0, turns)),
    operation("env_logger line, nothing bound", |turns| row(LOG, "contextvars", 0, turns)),
    operation("env_logger line, 3 fields", |turns| row(LOG, "contextvars", 3, turns)),
];

fn repeat(turns: u64, mut turn: impl FnMut()) {
    for _ in 0..turns {
        turn();
    }
}

/// Runs a row of the benchmark `wire, extract + inject`.
fn relay(crate_: usize, turns: u64) {
    let headers = black_box(wire::request());
    let (_, relay) = wire::RELAYS[crate_];
    repeat(turns, || each!(_at => relay(&headers)));
}

/// Runs a row of the benchmark `lines`.
fn row(rows: &[Row], who: &str, fields: u32, turns: u64) {
    let row = rows.iter().find(|row| (row.who, row.fields) == (who, fields));
    let setting = row.expect("the benchmark has this row").setting;
    setting(&mut |operation| repeat(turns, || each!(_at => operation())));
}

fn malloc(turns: u64) {
    repeat(turns, || each!(_at => drop(black_box(Box::new(black_box([7_u64; 6]))))));
}

fn get(n: usize, turns: u64) {
    let vars = black_box(measured(n));
    context_of(n).run(|| repeat(turns, || each!(at => black_box(vars[at].get()))));
}

fn with(turns: u64) {
    let vars = black_box(measured(8));
    context_of(8).run(|| {
        repeat(turns, || each!(at => black_box(vars[at].with(|value| *value))));
    });
}

fn set_and_reset(var: Var) {
    let token = var.set(black_box(7));
    assert!(var.reset(token).is_ok(), "the token belongs to this variable and this context");
}

fn set(n: usize, vars: [Var; 8], turns: u64) {
    let vars = black_box(vars);
    context_of(n).run(|| repeat(turns, || each!(at => set_and_reset(vars[at]))));
}

fn unset_and_reset(var: Var) {
    let token = var.unset();
    assert!(var.reset(token).is_ok(), "the token belongs to this variable and this context");
}

fn unset(turns: u64) {
    let vars = black_box(measured(8));
    context_of(8).run(|| repeat(turns, || each!(at => unset_and_reset(vars[at]))));
}

fn sync_scope(turns: u64) {
    let vars = black_box(measured(8));
    context_of(8).run(|| {
        repeat(turns, || each!(at => vars[at].sync_scope(black_box(7), || black_box(()))));
    });
}

fn bind(turns: u64) {
    let vars = black_box(measured(8));
    context_of(8).run(|| repeat(turns, || each!(at => drop(vars[at].bind(black_box(7))))));
}

fn copy(turns: u64) {
    context_of(8).run(|| repeat(turns, || each!(_at => seen(copy_context()))));
}

fn run(turns: u64) {
    let mut contexts: [Context; 8] = std::array::from_fn(|_| context_of(8));
    let contexts = black_box(&mut contexts);
    repeat(turns, || each!(at => contexts[at].run(|| black_box(()))));
}

fn poll(turns: u64) {
    let mut future = pin!(Never.in_context(context_of(8)));
    let task = &mut task::Context::from_waker(Waker::noop());
    repeat(turns, || each!(_at => black_box(future.as_mut().poll(task).is_pending())));
}

fn poll_scope(turns: u64) {
    let mut future = pin!(measured(8)[3].scope(7, Never));
    let task = &mut task::Context::from_waker(Waker::noop());
    context_of(8).run(|| {
        repeat(turns, || each!(_at => black_box(future.as_mut().poll(task).is_pending())));
    });
}

fn insert(turns: u64) {
    let vars = black_box(measured(8));
    let mut context = context_of(8);
    let context = black_box(&mut context);
    repeat(turns, || each!(at => black_box(context.insert(vars[at], black_box(7)))));
}

fn changes(turns: u64) {
    let base = context_of(1000);
    let context = base.clone().with_value(measured(1000)[3], 7);
    let (base, context) = black_box((&base, &context));
    repeat(turns, || each!(_at => drop(black_box(context.changes_since(base)))));
}

fn copy_run_set(var: Var) {
    let mut copy = copy_context();
    copy.run(|| seen(var.set(black_box(7))));
    seen(copy);
}

fn first_set(n: usize, turns: u64) {
    let vars = black_box(measured(n));
    context_of(n).run(|| repeat(turns, || each!(at => copy_run_set(vars[at]))));
}
