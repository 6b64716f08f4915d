//! The peers of `contextvars` in the same groups, each used as its documentation shows.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasherDefault, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use imbl::shared_ptr::DefaultSharedPtr;
use tokio::task::LocalKey;

/// Calls `f` with all of `keys` set. Nests one scope per key, because a scope of tokio sets only one.
pub fn within(keys: &[&'static LocalKey<u64>], f: &mut dyn FnMut()) {
    match keys {
        [] => f(),
        [first, rest @ ..] => first.sync_scope(7, || within(rest, f)),
    }
}

/// A reference to a variable of `fluid-let`, in the form that the benchmarks use.
pub type Fluid = &'static fluid_let::DynamicVariable<u64>;

/// Calls `f` with all of `fluids` set; like tokio's, they stay set for the length of a call.
pub fn within_fluids(fluids: &[Fluid], f: &mut dyn FnMut()) {
    match fluids {
        [] => f(),
        [first, rest @ ..] => first.set(7, || within_fluids(rest, f)),
    }
}

/// An OpenTelemetry value. In OpenTelemetry, the type of a value is its key.
#[derive(Clone, Copy, Debug)]
pub struct Key<const N: usize>(pub u64);

/// One of the eight OpenTelemetry keys.
pub trait OtelKey: Copy + Send + Sync + 'static {
    fn value(&self) -> u64;
}

impl<const N: usize> OtelKey for Key<N> {
    fn value(&self) -> u64 {
        self.0
    }
}

/// Reads the value whose type is that of `_key` from the current context.
pub fn otel_get<K: OtelKey>(_key: K) -> u64 {
    opentelemetry::Context::map_current(|context| context.get::<K>().map_or(0, K::value))
}

/// Returns an OpenTelemetry context of `n` values; the first has the key in the middle, as in this crate's contexts.
///
/// # Panics
///
/// Panics if `n` is neither 1 nor 8.
pub fn otel_context_of(n: usize) -> opentelemetry::Context {
    let one = opentelemetry::Context::new().with_value(Key::<3>(3));
    match n {
        1 => one,
        8 => one
            .with_value(Key::<0>(0))
            .with_value(Key::<1>(1))
            .with_value(Key::<2>(2))
            .with_value(Key::<4>(4))
            .with_value(Key::<5>(5))
            .with_value(Key::<6>(6))
            .with_value(Key::<7>(7)),
        _ => panic!("an OpenTelemetry context can have 1 or 8 values here, not {n}"),
    }
}

/// The names of the variables in dcontext, in which the name of a variable is its key.
pub const NAMES: [&str; 8] = ["v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7"];

/// Sets `names`, and no other keys, in dcontext's store of this thread.
pub fn dcontext_of(names: &[&'static str]) {
    dcontext::clear();
    for name in names {
        dcontext::set_context_variable(name, 7_u64);
    }
}

/// A hasher of one multiplication: the cheapest hash that spreads dense numbers over both ends of the word.
///
/// With the standard hasher the maps below would be slower, and the comparison unfair.
#[derive(Clone, Copy, Debug, Default)]
pub struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("the keys are u64")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

type Hash = BuildHasherDefault<Multiply>;

/// The standard library's map, which is copied as a whole.
pub type StdMap = HashMap<u64, Arc<u64>, Hash>;

/// The persistent hash map of `imbl`, the successor of `im`.
pub type ImblHash = imbl::GenericHashMap<u64, Arc<u64>, Hash, DefaultSharedPtr>;

/// The ordered map of `imbl`, a B+ tree.
pub type ImblOrd = imbl::OrdMap<u64, Arc<u64>>;

/// The hash trie of `rpds`, with atomic reference counts like the others.
pub type RpdsHash = rpds::HashTrieMapSync<u64, Arc<u64>, Hash>;

/// Returns a map of `n` entries with the keys 0 to `n - 1`.
pub fn map_of<M: FromIterator<(u64, Arc<u64>)>>(n: usize) -> M {
    (0..n as u64).map(|key| (key, Arc::new(key))).collect()
}

/// Returns eight of the keys 0 to `n - 1`, spread evenly.
pub fn keys(n: usize) -> [u64; 8] {
    std::array::from_fn(|at| (at * n / 8) as u64)
}

/// A future that is never ready. The barrier keeps the compiler from merging a wrapper's work before and after the poll.
#[derive(Clone, Copy, Debug)]
pub struct Never;

impl Future for Never {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        std::hint::black_box(());
        Poll::Pending
    }
}
