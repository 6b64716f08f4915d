//! The reference count of values and branches.
//!
//! # Invariant
//! The count is the number of owning pointers, of which there is at least one until `release` says that the last one
//! gave up; from then on nobody reads the count. There is no unsafe code in here, but all unsafe code that frees or
//! changes what is shared rests on it.
//!
//! # Orderings
//! As for `std::sync::Arc`: taking a reference publishes nothing (Relaxed); giving one up releases what its holder did
//! with the object, and the last holder acquires that before it frees or changes it.

use std::io::Write as _;

use crate::sync::{AtomicU32, Ordering};

/// More owners than this cannot be told apart from an overflow in flight on other threads.
const LIMIT: u32 = u32::MAX / 2;

#[derive(Debug)]
pub(crate) struct RefCount(AtomicU32);

impl RefCount {
    /// The count of an object with a single owner.
    #[inline]
    pub(crate) fn one() -> Self {
        Self(AtomicU32::new(1))
    }

    /// Adds an owner. The caller is one, so the object is alive.
    ///
    /// Aborts the process beyond 2³¹ owners, which only forgotten copies can reach: the count must not wrap.
    #[inline]
    pub(crate) fn acquire(&self) {
        // Relaxed: the new owner learns of the object through the owner it copies from.
        if self.0.fetch_add(1, Ordering::Relaxed) > LIMIT {
            abort("more than 2^31 references to one part of a context");
        }
    }

    /// Takes an owner away; `true` if that was the last one, who may now free the object.
    #[inline]
    pub(crate) fn release(&self) -> bool {
        // A sole owner needs no read-modify-write: nobody else is left to change the count.
        if self.is_unique() {
            return true;
        }
        // Release: what this owner did to the object happens before it is freed.
        if self.0.fetch_sub(1, Ordering::Release) != 1 {
            return false;
        }
        // Acquire: what the other owners did to the object happened before this. A load rather than a fence, which
        // ThreadSanitizer does not see.
        self.0.load(Ordering::Acquire);
        true
    }

    /// Whether the caller is the only owner, and may change the object in place.
    #[inline]
    pub(crate) fn is_unique(&self) -> bool {
        // Acquire: the reads of owners that have left happened before the change.
        self.0.load(Ordering::Acquire) == 1
    }
}

/// Ends the process where going on would corrupt a count. Never unwinds, not even when nothing can be printed.
#[cold]
#[inline(never)]
pub(crate) fn abort(why: &str) -> ! {
    // Not `eprintln!`, which panics when it cannot print.
    let _ = writeln!(std::io::stderr(), "contextvars: {why}; aborting");
    std::process::abort()
}

/// Turns a panic into an abort for as long as it lives; to be forgotten where all went well.
pub(crate) struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    #[inline]
    fn drop(&mut self) {
        abort("a panic inside a change of a context");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn only_the_last_owner_frees() {
        let count = RefCount::one();
        assert!(count.is_unique());
        count.acquire();
        assert!(!count.is_unique());
        assert!(!count.release());
        assert!(count.is_unique());
        assert!(count.release());
    }

    /// Regression: the abort wrote to standard error with `eprintln!`, which panics where that cannot be written to, and
    /// the panic unwound through a count that was wrong.
    #[test]
    #[cfg(unix)]
    #[cfg_attr(miri, ignore = "starts a process")]
    fn a_count_beyond_its_limit_aborts() {
        aborts("count::tests::a_count_beyond_its_limit_aborts", || {
            RefCount(AtomicU32::new(LIMIT + 1)).acquire();
        });
    }

    #[test]
    #[cfg(unix)]
    #[cfg_attr(miri, ignore = "starts a process")]
    fn a_panic_inside_a_change_aborts() {
        aborts("count::tests::a_panic_inside_a_change_aborts", || {
            let _whole = AbortOnUnwind;
            panic!("inside a change");
        });
    }

    /// Runs `test` again, in a process whose standard error is full: there `f` must end the process.
    #[cfg(unix)]
    pub(crate) fn aborts(test: &str, f: impl FnOnce()) {
        use std::os::unix::process::ExitStatusExt as _;
        use std::process::{Command, Stdio};

        const CHILD: &str = "CONTEXTVARS_TEST_ABORTS";
        const SIGABRT: i32 = 6;

        if std::env::var_os(CHILD).is_some() {
            std::panic::set_hook(Box::new(|_| {}));
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
            std::process::exit(0);
        }
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(CHILD, "1")
            .stdout(Stdio::null())
            .stderr(full.map_or_else(|_| Stdio::null(), Stdio::from))
            .status()
            .unwrap();
        assert_eq!(status.signal(), Some(SIGABRT), "{status}");
    }
}
