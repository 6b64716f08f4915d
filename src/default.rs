//! A variable's default: computed when first needed, once per process, and then shared by reference.

use std::sync::OnceLock;

use crate::contents::Contents;
use crate::current;
use crate::id::Identity;
use crate::sync::Ordering;

// Part of the statics that users declare, so std's whatever `sync` offers.
use std::sync::atomic::AtomicUsize;

pub(crate) struct Default<T> {
    make: fn() -> T,
    made: OnceLock<T>,
    /// The number of the thread that is making the value, or zero.
    maker: AtomicUsize,
}

impl<T> Default<T> {
    pub(crate) const fn new(make: fn() -> T) -> Self {
        Self { make, made: OnceLock::new(), maker: AtomicUsize::new(0) }
    }

    /// The value, made now if it is not there yet; after a panic of `make`, made again.
    ///
    /// # Panics
    /// If this thread is making it, on behalf of the variable `name`.
    #[inline]
    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> &T {
        match self.made.get() {
            Some(made) => made,
            None => self.make(name),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn make(&self, name: &str) -> &T {
        let me = current::thread_number();
        // Relaxed: only this thread writes its own number, and reads back what it wrote.
        assert!(
            self.maker.load(Ordering::Relaxed) != me,
            "the default of context variable `{name}` reads `{name}` itself"
        );
        self.made.get_or_init(|| {
            struct Made<'a>(&'a AtomicUsize);

            impl Drop for Made<'_> {
                fn drop(&mut self) {
                    self.0.store(0, Ordering::Relaxed);
                }
            }

            self.maker.store(me, Ordering::Relaxed);
            let _made = Made(&self.maker);
            // An empty context: nothing of a request may be baked into the process.
            let mut empty = Contents::new(Identity::UNASKED);
            let made = current::enter(&mut empty, self.make); // user code
            drop(empty); // user code: T::drop; should it panic, `made` is dropped too
            made
        })
    }
}
