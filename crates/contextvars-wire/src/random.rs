//! The source of ids: generators that belong to this module alone, so no other crate can make them repeat.
//!
//! Each thread has two, which the operating system seeds independently of each other. One generator has a state of 64
//! bits, which is too small for the number of traces that a large system makes: two of its threads could be expected to
//! have the same state.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use fastrand::Rng;

/// Has no destructor, so destructors of thread-locals can draw ids too.
struct Generators {
    halves: [Rng; 2],
    process: u32,
}

thread_local!(static GENERATORS: Cell<Option<Generators>> = const { Cell::new(None) });

/// Returns this process's id, or zero on targets without processes, where std panics when it is asked.
fn process_id() -> u32 {
    if cfg!(target_family = "wasm") { 0 } else { std::process::id() }
}

impl Generators {
    fn seeded() -> Self {
        // Each `RandomState` of a thread has another key, and the operating system chooses the first one.
        let seed = |half: u32| Rng::with_seed(RandomState::new().hash_one((half, process_id())));
        Self { halves: [0, 1].map(seed), process: process_id() }
    }
}

/// Calls `f` with this thread's generators, after seeding new ones if there are none or `is_good` rejects them.
fn with<R>(is_good: impl Fn(&Generators) -> bool, f: impl FnOnce(&mut Generators) -> R) -> R {
    let taken = GENERATORS.try_with(Cell::take).ok().flatten();
    let mut generators = taken.filter(is_good).unwrap_or_else(Generators::seeded);
    let result = f(&mut generators);
    let _ = GENERATORS.try_with(|slot| slot.set(Some(generators)));
    result
}

/// Draws 128 bits, for an id that starts something new. A system call checks whether this process is a fork of the one
/// that seeded the generators.
pub(super) fn wide() -> u128 {
    let is_ours = |generators: &Generators| generators.process == process_id();
    with(is_ours, |Generators { halves, .. }| {
        let [high, low] = halves.each_mut().map(|half| u128::from(half.u64(..)));
        high << 64 | low
    })
}

/// Draws 64 bits, for a request within a trace. Every request that is sent needs them, so there is no system call.
pub(super) fn narrow() -> u64 {
    with(|_| true, |Generators { halves: [one, _], .. }| one.u64(..))
}
