//! The primitives that the protocols use, built from loom's types.

use std::sync::atomic::Ordering;

use loom::cell::UnsafeCell;
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, AtomicUsize};

use crate::once;

pub(crate) type AtomicWord = AtomicUsize;

impl once::AtomicWord for AtomicUsize {
    fn load(&self, order: Ordering) -> usize {
        self.load(order)
    }

    fn store(&self, value: usize, order: Ordering) {
        self.store(value, order);
    }

    fn replace_if(&self, current: usize, new: usize, order: Ordering) -> Result<usize, usize> {
        self.compare_exchange(current, new, order, Ordering::Relaxed)
    }
}

/// A cell with the guarantees of std's `OnceLock`, and no others.
pub(crate) struct Cell<T: 'static> {
    filled: AtomicBool,
    filling: Mutex<()>,
    value: UnsafeCell<Option<&'static T>>,
}

#[expect(unsafe_code, reason = "loom checks the accesses")]
// SAFETY: the value is written under the lock before `filled` is set, and read only after `filled` is seen.
unsafe impl<T: Send + Sync + 'static> Sync for Cell<T> {}

impl<T: 'static> Cell<T> {
    pub(crate) fn new() -> Self {
        let (filled, filling) = (AtomicBool::new(false), Mutex::new(()));
        Self { filled, filling, value: UnsafeCell::new(None) }
    }
}

#[expect(unsafe_code, reason = "loom checks the accesses")]
impl<T: 'static> once::InitCell<T> for Cell<T> {
    fn get(&self) -> Option<&T> {
        if self.filled.load(Ordering::Acquire) {
            // SAFETY: the value is never written again once `filled` is set.
            self.value.with(|value| unsafe { *value })
        } else {
            None
        }
    }

    fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        let filling = self.filling.lock().expect("loom's locks are not poisoned");
        if !self.filled.load(Ordering::Relaxed) {
            let value: &'static T = Box::leak(Box::new(init()));
            // SAFETY: the lock excludes other writers, and the value is not read before `filled` is set.
            self.value.with_mut(|place| unsafe { *place = Some(value) });
            self.filled.store(true, Ordering::Release);
        }
        drop(filling);
        self.get().expect("it is filled now")
    }
}
