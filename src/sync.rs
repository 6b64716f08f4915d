//! The atomics and thread-locals that the rest of the crate builds on: std's, or loom's if a program that uses this crate is
//! model-checked.
//!
//! Parts of a user's static use std's atomics in both cases (see `once`), so that the static compiles unchanged.

#[cfg(all(loom, feature = "loom"))]
pub(crate) use modelled::{AtomicU32, Local, LoomAccess, Ordering, at_thread_end, thread_local};
#[cfg(not(all(loom, feature = "loom")))]
pub(crate) use real::{AtomicU32, LoomAccess, Ordering, at_thread_end, thread_local};

#[cfg(not(all(loom, feature = "loom")))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicU32, Ordering};
    pub(crate) use std::thread_local;

    /// Marks memory that threads share by pointer, because a model checker does not see accesses through raw pointers. Without
    /// loom it does nothing.
    pub(crate) struct LoomAccess;

    impl LoomAccess {
        #[inline]
        pub(crate) const fn new() -> Self {
            Self
        }

        /// Records a read of the neighbouring fields.
        #[inline]
        #[expect(clippy::unused_self, reason = "as in the model")]
        pub(crate) const fn read(&self) {}

        /// Records a change or the release of the neighbouring fields.
        #[inline]
        #[expect(clippy::unused_self, reason = "as in the model")]
        pub(crate) const fn write(&self) {}
    }

    /// Defines `expect_end`, which arranges that `$type::end` is called with this thread's `$slot` when the thread ends.
    macro_rules! at_thread_end {
        ($slot:ident: $type:ty) => {
            struct Ending;

            impl Drop for Ending {
                fn drop(&mut self) {
                    $slot.with(<$type>::end);
                }
            }

            fn expect_end() {
                thread_local! {
                    static ENDING: Ending = const { Ending };
                }
                // An error means that `ENDING` was dropped already. Values that are set from now on are leaked, as documented
                // on `set`.
                let _ = ENDING.try_with(|_| {});
            }
        };
    }
    pub(crate) use at_thread_end;
}

#[cfg(all(loom, feature = "loom"))]
mod modelled {
    use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::atomic::{AtomicU32, Ordering};
    use loom::thread::LocalKey;

    pub(crate) struct LoomAccess(UnsafeCell<()>);

    impl LoomAccess {
        pub(crate) fn new() -> Self {
            Self(UnsafeCell::new(()))
        }

        #[track_caller]
        pub(crate) fn read(&self) {
            self.0.with(|_| ());
        }

        #[track_caller]
        pub(crate) fn write(&self) {
            self.0.with_mut(|_| ());
        }
    }

    /// A thread-local of loom that can be used at any time, as one of std without `Drop` can.
    pub(crate) struct Local<T: 'static> {
        pub(crate) key: &'static LocalKey<T>,
        pub(crate) new: fn() -> T,
    }

    impl<T> Local<T> {
        /// Runs `f` on the thread's value, or on a new value if loom has already dropped it at the end of the thread.
        #[track_caller]
        pub(crate) fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
            let mut f = Some(f);
            let mut run = |value: &T| f.take().map(|f| f(value));
            let result = self.key.try_with(&mut run).unwrap_or_else(|_| run(&(self.new)()));
            result.expect("the closure is called once")
        }
    }

    macro_rules! modelled_thread_local {
        ($(#[$attr:meta])* static $name:ident: $type:ty = const $init:block;) => {
            $(#[$attr])*
            static $name: $crate::sync::Local<$type> = {
                loom::thread_local! {
                    static KEY: $type = $init;
                }
                $crate::sync::Local { key: &KEY, new: || $init }
            };
        };
    }
    pub(crate) use modelled_thread_local as thread_local;

    macro_rules! at_thread_end {
        ($slot:ident: $type:ty) => {
            impl Drop for $type {
                fn drop(&mut self) {
                    self.end();
                }
            }

            fn expect_end() {}
        };
    }
    pub(crate) use at_thread_end;
}
