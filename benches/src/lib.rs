//! Benchmarks of `contextvars` beside its peers, in the same run on the same machine.
//!
//! One file per question, in `benches/`:
//!
//! | file | question |
//! |---|---|
//! | `read` | what does looking at a variable cost? |
//! | `write` | what does a change that is undone cost? |
//! | `copy` | what does a snapshot cost, and the first change made to it? |
//! | `poll` | what does entering a context cost, for a call and for each poll of a future? |
//! | `spawn` | what does a task that inherits its context cost? |
//! | `growth` | what grows with the number of variables, and with the depth of calls? |
//! | `rayon` | what does it cost to bring the context to rayon's jobs? |
//! | `wire` | what does it cost to take a request's headers, and to send them on? |
//! | `lines` | what does a log line with the fields of the request cost? |
//! | `service` | what does a context for each request cost a service? |
//! | `alloc` | how often and how much does each operation allocate, and what does a live context hold? |
//!
//! ```text
//! cargo bench -p contextvars-benches                              # everything, some minutes
//! cargo bench -p contextvars-benches -- --test                    # does each benchmark still run? seconds
//! cargo run --release -p contextvars-benches --bin table          # the medians of the last run, and the goals
//! cargo run --release -p contextvars-benches --bin instructions   # instructions per operation, and their budget
//! cargo run --release -p contextvars-benches --bin soak           # does the memory of a server grow?
//! ```
//!
//! # How one operation is timed
//!
//! Most operations here take about as long as the loop around them and the `black_box` behind them. So one
//! iteration of a benchmark is a *turn* of [`TURN`] operations, written out by [`each!`] without a loop, and the
//! time reported is that of one. A turn goes over eight different variables, contexts or futures unless its name
//! says `same`: doing one thing to one place again and again measures how fast a store reaches the next load.
//!
//! The clock is the thread's processor time, so that whoever else is using the machine takes caches and clock speed
//! from us, but not time slices. A ratio is to be trusted when two runs agree on it.
//!
//! # Which variables
//!
//! Variables are numbered densely in order of first use, and a map may treat the lowest numbers kindly. The eight
//! that are measured come after three that are not; the one that stands for "one variable" is in their middle.

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

/// Operations in one iteration of a benchmark; see the crate's documentation.
pub const TURN: u32 = 8;

/// A variable as the benchmarks hand it around.
pub type Var = &'static ContextVar<u64>;

static DECLARED: OnceLock<[Var; 8]> = OnceLock::new();

/// Makes the statics of a benchmark the first of [`variables`]; to be called before anything else.
///
/// They are declared where they are named: in another crate than that, a static is an address to the compiler and
/// nothing of what is in it can be known, which costs tokio's keys the inlining.
///
/// # Panics
///
/// If it is called twice.
pub fn declare(eight: [Var; 8]) {
    assert!(DECLARED.set(eight).is_ok(), "the variables are declared once");
}

/// Which of [`variables`] stands for "one variable".
const ONE: usize = 3;

/// Numbers given before the first measured variable.
const UNMEASURED: usize = 3;

/// Variables that a context may have.
const BOUND: usize = 10_000;

/// The eight that were [declared](declare), if any, then leaked ones, numbered in this order: 10,000 to set, eight that
/// stay unset.
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

/// The `n` variables that a context of `n` variables has.
///
/// # Panics
///
/// If `n` is more than 10,000.
pub fn bound(n: usize) -> &'static [Var] {
    assert!(n <= BOUND, "{BOUND} variables are made, {n} were asked for");
    if n == 1 { &variables()[ONE..=ONE] } else { &variables()[..n] }
}

/// A context of `n` variables, each with its position as the value.
pub fn context_of(n: usize) -> Context {
    bound(n).iter().zip(0..).fold(Context::new(), |context, (var, at)| context.with_value(*var, at))
}

/// Eight of the `n` bound variables, spread evenly; one variable is taken eight times.
pub fn measured(n: usize) -> [Var; 8] {
    std::array::from_fn(|at| bound(n)[at * n / 8])
}

/// The eight variables numbered next, which [`context_of`] `n` leaves unset.
pub fn unbound(n: usize) -> [Var; 8] {
    std::array::from_fn(|at| variables()[n.max(8) + at])
}

/// Writes `$body` out once for each item, with a compiler barrier behind every copy.
///
/// The barrier forbids keeping anything that lives in memory, such as the thread's current context, from one copy
/// to the next: two reads in a program have other code between them.
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

/// Drops a value where the compiler has to believe that someone looked at it.
///
/// The value stays where it is: moved through a `black_box`, it would be loaded right after it was stored.
pub fn seen<T>(value: T) {
    black_box(&value);
    drop(value);
}

/// Times `turn`, which does [`TURN`] operations, and reports one of them.
pub fn per_op<R>(bencher: &mut Bencher<'_, WallTime>, turn: impl FnMut() -> R) {
    per(TURN, bencher, turn);
}

/// Times `turn`, which does as many `operations`, and reports one of them.
pub fn per<R>(operations: u32, bencher: &mut Bencher<'_, WallTime>, mut turn: impl FnMut() -> R) {
    bencher.iter_custom(|turns| {
        let start = ThreadTime::now();
        for _ in 0..turns {
            black_box(turn());
        }
        start.elapsed() / operations
    });
}

/// Times `turn` on two threads at once and reports one operation of the slower thread.
///
/// Processor time would not show whether both were running. So this is wall time, in short bursts: both threads
/// spin until the other is there, bursts that did not overlap are left out, and the median of the rest is reported.
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

/// Turns in a burst.
const BURST: u32 = 256;

/// Bursts of which some overlap, even if the machine is busy.
const ENOUGH: u64 = 32;

/// When a thread began and ended a number of turns.
#[derive(Clone, Copy)]
struct Burst(Instant, Instant);

impl Burst {
    /// Does a burst of turns as soon as the other thread has arrived at its own, the same `number`.
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

    /// The median time of the slower thread in the bursts that overlapped; in all of them if none did.
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

/// The settings of every benchmark here: short, because the whole suite is one run.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(50)
        .nresamples(2000)
        .configure_from_args()
}
