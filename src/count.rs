//! The reference count of values and branches.
//!
//! # Invariant
//! The count is the number of owning pointers. It is at least one until `release` tells the last owner that it was the last; from
//! then on the count is not read. There is no unsafe code in this file, but all unsafe code that frees or changes shared objects
//! relies on it.
//!
//! # Orderings
//! They are those of `std::sync::Arc`. Taking a reference publishes nothing (Relaxed). Giving one up publishes the owner's
//! accesses to the object (Release), and the last owner sees them before it frees or changes the object (Acquire).

use crate::sync::{AtomicU32, Ordering};

/// The largest number of owners. Beyond it, an overflow by other threads could not be told apart.
const LIMIT: u32 = u32::MAX / 2;

#[derive(Debug)]
pub(crate) struct RefCount(AtomicU32);

impl RefCount {
    /// Creates the count of an object with one owner.
    #[inline]
    pub(crate) fn one() -> Self {
        Self(AtomicU32::new(1))
    }

    /// Adds an owner. The caller is an owner, so the object is alive.
    ///
    /// Aborts the process beyond 2³¹ owners, which only forgotten copies can reach, because the count must not wrap.
    #[inline]
    pub(crate) fn acquire(&self) {
        // Relaxed: the new owner learns of the object through the owner that it copies from.
        if self.0.fetch_add(1, Ordering::Relaxed) > LIMIT {
            abort("more than 2^31 references to one part of a context");
        }
    }

    /// Removes an owner, and returns `true` if it was the last one, which may now free the object.
    #[inline]
    pub(crate) fn release(&self) -> bool {
        // A sole owner needs no read-modify-write, because no other owner is left that could change the count.
        if self.is_unique() {
            return true;
        }
        // Release: this owner's accesses to the object happen before the object is freed.
        if self.0.fetch_sub(1, Ordering::Release) != 1 {
            return false;
        }
        // Acquire: the other owners' accesses to the object happened before this. A load rather than a fence, which
        // ThreadSanitizer does not see.
        self.0.load(Ordering::Acquire);
        true
    }

    /// Returns `true` if the caller is the only owner, so that it may change the object in place.
    #[inline]
    pub(crate) fn is_unique(&self) -> bool {
        // Acquire: the accesses of owners that have left happened before the change.
        self.0.load(Ordering::Acquire) == 1
    }
}

/// Aborts the process, because continuing would corrupt a count or free a borrowed value. Never unwinds, and never waits.
#[cold]
#[inline(never)]
pub(crate) fn abort(why: &str) -> ! {
    print_last_words(why);
    std::process::abort()
}

/// Writes the reason to standard error, past the lock of std: another thread may hold that lock and wait for this one. The file
/// is opened for appending, because standard error may be a file with earlier messages.
#[cfg(unix)]
fn print_last_words(why: &str) {
    use std::io::Write as _;

    if let Ok(mut stderr) = std::fs::OpenOptions::new().append(true).open("/dev/stderr") {
        let _ = writeln!(stderr, "contextvars: {why}; aborting");
    }
}

/// Writes nothing, because there is no way past the lock of std's standard error.
#[cfg(not(unix))]
fn print_last_words(_why: &str) {}

/// Aborts the process when it is dropped by a panic; forgotten if there was none.
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
        RefCount(AtomicU32::new(LIMIT)).acquire();
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

    /// Regression: the message waited for std's lock of standard error, whose owner waited for the aborting thread.
    #[test]
    #[cfg(unix)]
    #[cfg_attr(miri, ignore = "starts a process")]
    fn an_abort_does_not_wait_for_a_thread_that_holds_standard_error() {
        aborts(
            "count::tests::an_abort_does_not_wait_for_a_thread_that_holds_standard_error",
            || {
                let stderr = std::io::stderr().lock();
                let aborting = std::thread::spawn(|| abort("on another thread"));
                let _ = aborting.join();
                drop(stderr);
            },
        );
    }

    #[test]
    #[cfg(unix)]
    #[cfg_attr(miri, ignore = "starts a process")]
    fn an_abort_writes_its_reason() {
        let test = "count::tests::an_abort_writes_its_reason";
        let child = again(test, std::process::Stdio::piped(), || abort("a reason"));
        let stderr = String::from_utf8(child.stderr).unwrap();
        assert!(stderr.contains("contextvars: a reason; aborting\n"), "{stderr}");
    }

    /// Runs `test` again, in a process whose standard error is full: there `f` must end the process.
    #[cfg(unix)]
    pub(crate) fn aborts(test: &str, f: impl FnOnce()) {
        use std::os::unix::process::ExitStatusExt as _;

        const SIGABRT: i32 = 6;

        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let stderr = full.map_or_else(|_| std::process::Stdio::null(), Into::into);
        let status = again(test, stderr, f).status;
        assert_eq!(status.signal(), Some(SIGABRT), "{status}");
    }

    /// Runs `test` again, in a process of its own, which runs `f` instead of the test.
    #[cfg(unix)]
    fn again(test: &str, stderr: std::process::Stdio, f: impl FnOnce()) -> std::process::Output {
        use std::process::{Command, Stdio};

        const CHILD: &str = "CONTEXTVARS_TEST_ABORTS";

        if std::env::var_os(CHILD).is_some() {
            std::panic::set_hook(Box::new(|_| {}));
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
            std::process::exit(0);
        }
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", test, "--nocapture"]).env(CHILD, "1");
        child.stdout(Stdio::null()).stderr(stderr).output().unwrap()
    }
}
