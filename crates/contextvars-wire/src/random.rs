//! Where ids come from: generators that belong to this module alone, so that no other crate can have them repeat
//! themselves.
//!
//! Each thread has two, seeded independently of each other by the operating system: one has a state of 64 bits, and
//! among as many traces as a large system makes, two with the same state must not be expected.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use fastrand::Rng;

/// Without destructor, so that there are ids in those of thread-locals too.
struct Generators {
    halves: [Rng; 2],
    process: u32,
}

thread_local!(static GENERATORS: Cell<Option<Generators>> = const { Cell::new(None) });

/// Where there are no processes, std panics when it is asked for the id of this one.
fn process_id() -> u32 {
    if cfg!(target_family = "wasm") { 0 } else { std::process::id() }
}

impl Generators {
    fn seeded() -> Self {
        // Keyed anew for each thread, from the operating system, and differently each time.
        let seed = |half: u32| Rng::with_seed(RandomState::new().hash_one((half, process_id())));
        Self { halves: [0, 1].map(seed), process: process_id() }
    }
}

/// Calls `f` with this thread's generators, if they are still good according to `is_good`, or else with new ones.
fn with<R>(is_good: impl Fn(&Generators) -> bool, f: impl FnOnce(&mut Generators) -> R) -> R {
    let taken = GENERATORS.try_with(Cell::take).ok().flatten();
    let mut generators = taken.filter(is_good).unwrap_or_else(Generators::seeded);
    let result = f(&mut generators);
    let _ = GENERATORS.try_with(|slot| slot.set(Some(generators)));
    result
}

/// For a new trace. A system call tells whether this process is a fork of the one that seeded the generators.
pub(super) fn trace_id() -> u128 {
    let is_ours = |generators: &Generators| generators.process == process_id();
    with(is_ours, |Generators { halves, .. }| {
        let [high, low] = halves.each_mut().map(|half| u128::from(half.u64(..)));
        high << 64 | low
    })
}

/// For a request within a trace. There is one for each that is sent, which is too often for a system call.
pub(super) fn parent_id() -> u64 {
    with(|_| true, |Generators { halves: [one, _], .. }| one.u64(..))
}
