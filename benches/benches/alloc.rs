//! Counts the allocations and allocated bytes of each operation, and the memory that a live context holds.
//!
//! This is not a timing: every allocation is counted, so one run is enough. `requested` is the size passed to the allocator;
//! `chunk` is the size that glibc reserves for it (8 bytes of its own, rounded up to a multiple of 16, at least 32).
#![expect(unsafe_code, reason = "a global allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{self, Waker};

use contextvars::{Context, ContextExt, Token, WithContext, copy_context};
use contextvars_benches::lines::{COMPACT, JSON, LOG, Row, VISIT};
use contextvars_benches::peers::{self, ImblHash, Key, Never, StdMap};
use contextvars_benches::wire;
use contextvars_benches::{Var, context_of, measured, unbound};

struct Counting;

// Relaxed: these are plain sums, read by the thread that added to them.
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static REQUESTED: AtomicUsize = AtomicUsize::new(0);
static CHUNKS: AtomicUsize = AtomicUsize::new(0);
static FREED_REQUESTED: AtomicUsize = AtomicUsize::new(0);
static FREED_CHUNKS: AtomicUsize = AtomicUsize::new(0);

/// Returns the number of bytes that glibc reserves for a block of `size` bytes.
fn chunk(size: usize) -> usize {
    (size + 8).next_multiple_of(16).max(32)
}

// SAFETY: each method passes its arguments to `System` unchanged and returns its result unchanged; the counters neither
// allocate nor unwind. `realloc` is the provided method, which calls these two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        REQUESTED.fetch_add(layout.size(), Relaxed);
        CHUNKS.fetch_add(chunk(layout.size()), Relaxed);
        // SAFETY: the caller upholds the contract of `alloc`: `layout` has a non-zero size.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        FREED_REQUESTED.fetch_add(layout.size(), Relaxed);
        FREED_CHUNKS.fetch_add(chunk(layout.size()), Relaxed);
        // SAFETY: the caller passes a block from `alloc` above with its layout, and those blocks come from `System`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns the memory in use: requested bytes and bytes of chunks.
fn in_use() -> [usize; 2] {
    [
        REQUESTED.load(Relaxed) - FREED_REQUESTED.load(Relaxed),
        CHUNKS.load(Relaxed) - FREED_CHUNKS.load(Relaxed),
    ]
}

/// Prints the number and the size of the allocations of `operation`, averaged over `ROUNDS` after a warm-up, and returns their
/// number.
///
/// The goal is the largest permitted number of allocations.
fn count(what: &str, goal: Option<usize>, mut operation: impl FnMut(usize)) -> usize {
    const WARM_UP: usize = 64;
    const ROUNDS: usize = 800;
    (0..WARM_UP).for_each(&mut operation);
    let counters = [&ALLOCATIONS, &REQUESTED, &CHUNKS];
    let before = counters.map(|counter| counter.load(Relaxed));
    (0..ROUNDS).for_each(&mut operation);
    let after = counters.map(|counter| counter.load(Relaxed));
    let [allocations, requested, chunks] =
        [0, 1, 2].map(|at| quotient(after[at] - before[at], ROUNDS));
    let verdict = verdict(goal, after[0] - before[0], ROUNDS);
    println!("| {what} | {allocations:.2} | {requested:.1} | {chunks:.1} | {verdict} |");
    (after[0] - before[0]) / ROUNDS
}

fn quotient(total: usize, parts: usize) -> f64 {
    let whole = u32::try_from(total).expect("the benchmark is smaller than 4 GiB");
    f64::from(whole) / f64::from(u32::try_from(parts).expect("a number of rounds"))
}

fn verdict(goal: Option<usize>, total: usize, parts: usize) -> String {
    match goal {
        None => String::new(),
        Some(goal) if total <= goal * parts => format!("≤ {goal}: reached"),
        Some(goal) => format!("≤ {goal}: **missed**"),
    }
}

fn set_and_reset(var: Var) {
    let token = var.set(black_box(7));
    assert!(var.reset(token).is_ok(), "the token belongs to this variable and this context");
}

fn operations() {
    println!(
        "| operation | allocations | requested bytes | chunk bytes | goal |\n|---|--:|--:|--:|---|"
    );
    for n in [1, 8, 1000] {
        let (vars, others) = (measured(n), unbound(n));
        context_of(n).run(|| {
            let name = format!("set + reset, {n} variables, bound");
            count(&name, Some(1), |at| set_and_reset(vars[at % 8]));
            let name = format!("set + reset, {n} variables, unset");
            count(&name, Some(1), |at| set_and_reset(others[at % 8]));
        });
    }
    let [var, ..] = measured(8);
    context_of(8).run(|| {
        count("get, 8 variables", Some(0), |_| assert!(black_box(var.get()) < 8));
        count("copy_context + drop, 8 variables", Some(0), |_| drop(black_box(copy_context())));
    });
    let mut context = context_of(8);
    count("run, 8 variables", Some(0), |_| context.run(|| black_box(())));
    let mut future = pin!(Never.in_context(context));
    let task = &mut task::Context::from_waker(Waker::noop());
    count("poll, 8 variables", Some(0), |_| assert!(future.as_mut().poll(task).is_pending()));
    first_sets();
    lines();
}

/// Counts the allocations of log lines. With no bound fields, a line must not allocate more than its logger does alone.
fn lines() {
    let find = |rows: &'static [Row], who: &str, fields: u32| -> &'static Row {
        let row = rows.iter().find(|row| (row.who, row.fields) == (who, fields));
        row.expect("the benchmark of lines has this row")
    };
    for (who, fields) in [("contextvars", 0), ("contextvars", 3), ("contextvars, logged", 3)] {
        let name = format!("visit, {who}, {fields} fields");
        (find(VISIT, who, fields).setting)(&mut |visit| _ = count(&name, Some(0), |_| visit()));
    }
    let kinds = [
        ("JSON", JSON, JSON[0].who),
        ("compact", COMPACT, COMPACT[0].who),
        ("log", LOG, LOG[0].who),
    ];
    for (kind, rows, bare) in kinds {
        let mut goal = None;
        (find(rows, bare, 0).setting)(&mut |line| {
            goal = Some(count(&format!("{kind} line, {bare}"), None, |_| line()));
        });
        let name = format!("{kind} line, contextvars, nothing bound");
        (find(rows, "contextvars", 0).setting)(&mut |line| _ = count(&name, goal, |_| line()));
        for row in rows.iter().filter(|row| row.fields > 0) {
            let name = format!("{kind} line, {}, {} fields", row.who, row.fields);
            (row.setting)(&mut |line| _ = count(&name, None, |_| line()));
        }
    }
}

fn copy_run_set(var: Var) {
    copy_context().run(|| drop(var.set(black_box(7))));
}

fn first_sets() {
    for n in [1, 8, 32, 1000] {
        let (vars, others) = (measured(n), unbound(n));
        context_of(n).run(|| {
            let name = format!("first set after a copy, {n} variables, replaced");
            count(&name, None, |at| copy_run_set(vars[at % 8]));
            let name = format!("first set after a copy, {n} variables, added");
            count(&name, None, |at| copy_run_set(others[at % 8]));
        });
        let (std, hash): (StdMap, ImblHash) = (peers::map_of(n), peers::map_of(n));
        let keys = peers::keys(n);
        count(&format!("the same in a HashMap, {n} replaced"), None, |at| {
            black_box(std.clone()).insert(keys[at % 8], Arc::new(7));
        });
        count(&format!("the same in an imbl::HashMap, {n} replaced"), None, |at| {
            black_box(hash.clone()).insert(keys[at % 8], Arc::new(7));
        });
    }
    let parent = peers::otel_context_of(8);
    count("the same in an OpenTelemetry context, 8 replaced", None, |at| {
        drop(parent.with_value(Key::<3>(at as u64)));
    });
}

/// Prints the memory that each of 100,000 live `T` takes, including its own bytes in the vector that holds it.
fn live<T>(what: &str, goal: Option<usize>, make: impl FnMut(usize) -> T) {
    const CONTEXTS: usize = 100_000;
    let before = in_use();
    let mut all = Vec::with_capacity(CONTEXTS);
    all.extend((0..CONTEXTS).map(make));
    let after = in_use();
    let [requested, chunks] = [0, 1].map(|at| after[at] - before[at]);
    let [each, each_chunk] = [requested, chunks].map(|bytes| quotient(bytes, CONTEXTS));
    let verdicts = [requested, chunks].map(|bytes| verdict(goal, bytes, CONTEXTS));
    println!("| {what} | {each:.1} | {} | {each_chunk:.1} | {} |", verdicts[0], verdicts[1]);
    drop(black_box(all));
}

fn memory() {
    println!(
        "\n| each of 100,000 live | requested bytes | goal | chunk bytes | goal |\n|---|--:|---|--:|---|"
    );
    let (vars, others) = (measured(8), unbound(8));
    let parent = context_of(8);
    let set = |at: usize, var: Var| parent.clone().with_value(var, at as u64);
    live("copies of 8 variables", None, |_| parent.clone());
    live("copies of 8 variables, one replaced", Some(200), |at| set(at, vars[at % 8]));
    live("copies of 8 variables, a ninth added", Some(280), |at| set(at, others[at % 8]));
    live("contexts of one variable", None, |at| Context::new().with_value(vars[0], at as u64));
    let map: StdMap = peers::map_of(8);
    live("HashMaps of 8, one replaced", None, |at| {
        let mut copy = map.clone();
        copy.insert(at as u64 % 8, Arc::new(7));
        copy
    });
    let map: ImblHash = peers::map_of(8);
    live("imbl::HashMaps of 8, one replaced", None, |at| {
        let mut copy = map.clone();
        copy.insert(at as u64 % 8, Arc::new(7));
        copy
    });
    let parent = peers::otel_context_of(8);
    live("OpenTelemetry contexts of 8, one replaced", None, |at| {
        parent.with_value(Key::<3>(at as u64))
    });
}

fn sizes() {
    fn size<T>(what: &str, beyond: usize, goal: usize) {
        let bytes = size_of::<T>() - beyond;
        println!("| {what} | {bytes} | {} |", verdict(Some(goal), bytes, 1));
    }
    println!("\n| size | bytes | goal |\n|---|--:|---|");
    size::<Context>("`Context`", 0, 24);
    size::<WithContext<()>>("`WithContext<()>` beyond `()`", 0, 32);
    size::<WithContext<u64>>("`WithContext<u64>` beyond `u64`", 8, 32);
    size::<WithContext<Box<u64>>>("`WithContext<Box<u64>>` beyond the box", 8, 32);
    size::<Token<u64>>("`Token<u64>`", 0, size_of::<Option<Token<u64>>>());
    size::<Option<Token<u64>>>("`Option<Token<u64>>`", 0, size_of::<Token<u64>>());
}

/// Counts the allocations for reading a request's headers and sending them on; the goal is to need less than the peer.
fn headers() {
    println!(
        "\n| headers | allocations | requested bytes | chunk bytes | goal |\n|---|--:|--:|--:|---|"
    );
    let request = wire::request();
    for (what, operations) in [("extract", wire::EXTRACTS), ("extract + inject", wire::RELAYS)] {
        for (who, operation) in operations {
            count(&format!("{what}, {who}"), None, |_| operation(&request));
        }
    }
}

fn main() {
    operations();
    headers();
    memory();
    sizes();
}
