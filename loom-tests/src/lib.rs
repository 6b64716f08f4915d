//! Shared code of the models: running a model, and values that detect leaks and double drops.
//!
//! Under `--cfg loom` a model runs in every interleaving. Without it, the body runs repeatedly on real threads, for debugging
//! and for Miri and the sanitizers.

#[cfg(loom)]
pub use loom::{sync, thread};
#[cfg(not(loom))]
pub use std::{sync, thread};

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The number of runs of `body` on real threads.
const TURNS: usize = if cfg!(miri) { 1 } else { 200 };

/// Runs a model in all of its interleavings, and prints their number.
pub fn model(name: &str, body: impl Fn() + Send + Sync + 'static) {
    model_within(None, name, body);
}

/// Runs a model only in the interleavings with at most `preemptions` preemptions. Use it for a model that has too many
/// interleavings.
///
/// Most bugs need two preemptions (Musuvathi and Qadeer, "Iterative context bounding", PLDI 2007). `LOOM_MAX_PREEMPTIONS`
/// overrides the bound.
pub fn model_within(
    preemptions: impl Into<Option<usize>>,
    name: &str,
    body: impl Fn() + Send + Sync + 'static,
) {
    let preemptions = preemptions.into();
    let turns = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let counted = {
        let turns = Arc::clone(&turns);
        move || {
            turns.fetch_add(1, Ordering::Relaxed);
            body();
        }
    };
    run(preemptions, counted);
    let (turns, seconds) = (turns.load(Ordering::Relaxed), begun.elapsed().as_secs_f64());
    println!("{name}: {turns} iterations, {seconds:.1} s");
}

#[cfg(loom)]
fn run(preemptions: Option<usize>, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    builder.max_branches = 100_000;
    builder.check(body);
}

#[cfg(not(loom))]
fn run(_preemptions: Option<usize>, body: impl Fn() + Send + Sync + 'static) {
    (0..TURNS).for_each(|_| body());
}

#[cfg(loom)]
const _: usize = TURNS;

/// Counts the live [`Value`]s that were made with it. Panics in its drop if a value is still alive.
#[derive(Clone, Debug, Default)]
pub struct Live(Arc<AtomicUsize>);

impl Live {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    pub fn value(&self, number: u32) -> Value {
        self.0.fetch_add(1, Ordering::AcqRel);
        Value { number, live: self.clone(), track: Track::new(number) }
    }
}

/// A value that fails the model if it is leaked, and panics if it is dropped twice.
#[derive(Debug)]
pub struct Value {
    number: u32,
    live: Live,
    track: Track,
}

impl Value {
    pub fn number(&self) -> u32 {
        assert_eq!(self.number, self.track.number(), "a value that was dropped is read");
        self.number
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let live = self.live.0.fetch_sub(1, Ordering::AcqRel);
        assert!(live > 0 && self.number == self.track.number(), "a value is dropped twice");
        self.number = u32::MAX;
    }
}

#[cfg(loom)]
#[derive(Debug)]
struct Track(loom::alloc::Track<u32>);

#[cfg(loom)]
impl Track {
    fn new(number: u32) -> Self {
        Self(loom::alloc::Track::new(number))
    }

    fn number(&self) -> u32 {
        *self.0.get_ref()
    }
}

#[cfg(not(loom))]
#[derive(Debug)]
struct Track(u32);

#[cfg(not(loom))]
impl Track {
    fn new(number: u32) -> Self {
        Self(number)
    }

    fn number(&self) -> u32 {
        self.0
    }
}
