//! Benchmarks of `contextvars` beside its peers, in the same run on the same machine.
//!
//! Each file in `benches/` measures one thing:
//!
//! | file | measures |
//! |---|---|
//! | `read` | reading a variable |
//! | `write` | a change that is undone |
//! | `copy` | a snapshot, and the first change made to it |
//! | `poll` | entering a context, for a call and for each poll of a future |
//! | `spawn` | a task that inherits its context |
//! | `diagnose` | the task hooks that find lost values; with `--cfg tokio_unstable` only |
//! | `growth` | growth with the number of variables, and with the depth of calls |
//! | `rayon` | propagating the context to rayon's jobs |
//! | `wire` | extracting a context from a request's headers, and injecting it |
//! | `spans` | the ids of OpenTelemetry's active span on lines and in requests |
//! | `lines` | a log line with the fields of the request |
//! | `service` | a context for each request of a service |
//! | `alloc` | allocations of each operation, and the memory of a live context |
//!
//! ```text
//! cargo bench -p contextvars-benches                              # everything, some minutes
//! cargo bench -p contextvars-benches -- --test                    # runs each benchmark once; seconds
//! cargo run --release -p contextvars-benches --bin table          # the medians of the last run, and the goals
//! cargo run --release -p contextvars-benches --bin instructions   # instructions per operation, and their budget
//! cargo run --release -p contextvars-benches --bin soak           # checks that the memory of a server does not grow
//! ```
//!
//! # How one operation is timed
//!
//! Most operations here take about as long as the loop around them and the `black_box` behind them. Therefore one iteration of
//! a benchmark is a *turn* of [`TURN`] operations, unrolled by [`each!`], and the reported time is that of one operation. A
//! turn goes over eight different variables, contexts or futures unless its name says `same`: repeating an operation on one
//! location mostly measures store-to-load forwarding.
//!
//! The clock is the thread's processor time, so other processes on the machine affect caches and clock speed, but do not take
//! time slices from the measurement. Trust a ratio only if two runs agree on it.
//!
//! # Which variables
//!
//! Variables are numbered densely in order of first use, and a map may be faster for the lowest ids. The eight measured
//! variables therefore follow three others, and the variable that stands for "one variable" is in their middle.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

use contextvars::{Context, ContextVar};
use cpu_time::ThreadTime;
use criterion::measurement::WallTime;
use criterion::{Bencher, Criterion};

pub mod lines;
pub mod peers;
pub mod svg;
pub mod wire;

/// Number of operations in one iteration of a benchmark; see the crate's documentation.
pub const TURN: u32 = 8;

/// A reference to a variable, in the form that the benchmarks use.
pub type Var = &'static ContextVar<u64>;

static DECLARED: OnceLock<[Var; 8]> = OnceLock::new();

/// Makes the statics of a benchmark the first of [`variables`]. Call it before any other function of this crate.
///
/// The statics are declared in the benchmark that names them. For a static of another crate, the compiler knows the address
/// but not the contents, which prevents the inlining of tokio's keys.
///
/// # Panics
///
/// Panics if it is called twice.
pub fn declare(eight: [Var; 8]) {
    assert!(DECLARED.set(eight).is_ok(), "the variables are declared once");
}

/// Index in [`variables`] of the variable that stands for "one variable".
const ONE: usize = 3;

/// Number of variables that get an id before the first measured one.
const UNMEASURED: usize = 3;

/// Number of variables that a context may have.
const BOUND: usize = 10_000;

/// Returns the eight [declared](declare) variables, if any, then leaked ones, numbered in this order: 10,000 to set, and eight
/// that stay unset.
pub fn variables() -> &'static [Var] {
    static ALL: LazyLock<Vec<Var>> = LazyLock::new(|| {
        let leaked = || -> Var { Box::leak(Box::new(ContextVar::new("leaked"))) };
        let declared = DECLARED.get().into_iter().flatten().copied();
        let mut numbered = Context::new();
        for _ in 0..UNMEASURED {
            numbered = numbered.with_value(leaked(), 0);
        }
        let all: Vec<Var> =
            declared.chain(std::iter::repeat_with(leaked)).take(BOUND + 8).collect();
        let _: Context = all.iter().fold(numbered, |context, var| context.with_value(*var, 0));
        all
    });
    &ALL
}

/// Returns the `n` variables that a context of `n` variables binds.
///
/// # Panics
///
/// Panics if `n` is more than 10,000.
pub fn bound(n: usize) -> &'static [Var] {
    assert!(n <= BOUND, "at most {BOUND} variables exist, but {n} were requested");
    if n == 1 { &variables()[ONE..=ONE] } else { &variables()[..n] }
}

/// Returns a context of `n` variables; the value of each is its position.
pub fn context_of(n: usize) -> Context {
    bound(n).iter().zip(0..).fold(Context::new(), |context, (var, at)| context.with_value(*var, at))
}

/// Returns eight of the `n` bound variables, spread evenly; if `n` is one, the same variable eight times.
pub fn measured(n: usize) -> [Var; 8] {
    std::array::from_fn(|at| bound(n)[at * n / 8])
}

/// Returns the eight variables with the next ids, which [`context_of`] `n` leaves unset.
pub fn unbound(n: usize) -> [Var; 8] {
    std::array::from_fn(|at| variables()[n.max(8) + at])
}

/// Repeats `$body` for each item, with a compiler barrier after every copy.
///
/// The barrier keeps the compiler from carrying values in memory, such as the thread's current context, from one copy to the
/// next: in a program, two reads have other code between them.
#[macro_export]
macro_rules! each {
    ([$($item:expr),* $(,)?] $name:ident => $body:expr) => {
        {
            $({
                let $name = $item;
                $body;
                std::hint::black_box(());
            })*
        }
    };
    ($name:ident => $body:expr) => {
        $crate::each!([0_usize, 1, 2, 3, 4, 5, 6, 7] $name => $body)
    };
}

/// Drops a value that the compiler must assume to be used.
///
/// The value stays in place: moved through a `black_box`, it would be loaded right after it was stored.
pub fn seen<T>(value: T) {
    black_box(&value);
    drop(value);
}

/// Times `turn`, which does [`TURN`] operations, and reports the time of one operation.
pub fn per_op<R>(bencher: &mut Bencher<'_, WallTime>, turn: impl FnMut() -> R) {
    per(TURN, bencher, turn);
}

/// Times `turn`, which does the given number of `operations`, and reports the time of one operation.
pub fn per<R>(operations: u32, bencher: &mut Bencher<'_, WallTime>, mut turn: impl FnMut() -> R) {
    bencher.iter_custom(|turns| {
        let start = ThreadTime::now();
        for _ in 0..turns {
            black_box(turn());
        }
        start.elapsed() / operations
    });
}

/// Times `turn` on two threads at once and reports the time of one operation on the slower thread.
///
/// Processor time would not show whether both threads were running. Therefore this measures wall time, in short bursts: each
/// thread spins until the other is ready, bursts that did not overlap are discarded, and the median of the rest is reported.
pub fn per_op_on_two_threads(bencher: &mut Bencher<'_, WallTime>, turn: impl Fn() + Sync) {
    bencher.iter_custom(|turns| {
        let bursts = turns.div_ceil(u64::from(BURST)).max(ENOUGH);
        let arrivals = AtomicU64::new(0);
        let work = || -> Vec<Burst> {
            (1..=bursts).map(|number| Burst::together(&arrivals, number, &turn)).collect()
        };
        let (mine, theirs) = std::thread::scope(|scope| {
            let other = scope.spawn(work);
            (work(), other.join().expect("the other thread does the same as this one"))
        });
        let typical = Burst::median(&mine, &theirs);
        let turns = u32::try_from(turns).expect("a sample takes a second, not an hour");
        typical.mul_f64(f64::from(turns) / f64::from(BURST * TURN))
    });
}

/// Number of turns in a burst.
const BURST: u32 = 256;

/// Number of bursts that is large enough for some of them to overlap, even if the machine is busy.
const ENOUGH: u64 = 32;

/// The times at which a thread began and ended a burst of turns.
#[derive(Clone, Copy)]
struct Burst(Instant, Instant);

impl Burst {
    /// Runs a burst of turns as soon as the other thread has arrived at its burst with the same `number`.
    fn together(arrivals: &AtomicU64, number: u64, turn: impl Fn()) -> Self {
        // Relaxed: the count is the whole message; nothing else is published with it.
        arrivals.fetch_add(1, Relaxed);
        while arrivals.load(Relaxed) < 2 * number {
            std::hint::spin_loop();
        }
        let start = Instant::now();
        (0..BURST).for_each(|_| turn());
        Self(start, Instant::now())
    }

    /// Returns the median time of the slower thread in the bursts that overlapped, or in all bursts if none did.
    fn median(mine: &[Self], theirs: &[Self]) -> Duration {
        let mut together = Vec::new();
        let mut all = Vec::new();
        for (Self(start, end), Self(their_start, their_end)) in mine.iter().zip(theirs) {
            let slower = (*end - *start).max(*their_end - *their_start);
            let overlap = (*end.min(their_end)).duration_since(*start.max(their_start));
            all.push(slower);
            if overlap > slower * 3 / 4 {
                together.push(slower);
            }
        }
        let times = if together.is_empty() { &mut all } else { &mut together };
        times.sort_unstable();
        times[times.len() / 2]
    }
}

/// Returns the settings of every benchmark here. Measurements are short because the whole suite is one run.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(50)
        .nresamples(2000)
        .configure_from_args()
}
