//! Stackful coroutines: frames of `with` and `run` that do not end in the reverse order of their beginning.
#![cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]

#[path = "support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::env;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;

use contextvars::{Context, ContextVar};
use corosensei::{Coroutine, Yielder};
use support::OnDrop;

static NAME: ContextVar<String> = ContextVar::new("name");

type Suspend = Yielder<(), ()>;

fn name(name: &str) -> String {
    format!("{name}, and long enough for memory of its own")
}

/// Returns a coroutine that is suspended inside of `with`, and checks afterwards that the borrowed value is unchanged.
fn lent_and_suspended() -> Coroutine<(), (), ()> {
    let mut coroutine = Coroutine::new(|suspend: &Suspend, ()| {
        NAME.with(|lent| {
            let before = lent.clone();
            suspend.suspend(());
            assert_eq!(*lent, before);
        });
    });
    assert!(coroutine.resume(()).as_yield().is_some());
    coroutine
}

/// Regression: the end of the first borrow removed the second, later one from the list, and the borrowed value was freed when
/// it was replaced.
#[test]
fn loans_end_in_any_order() {
    Context::new().run(|| {
        drop(NAME.set(name("first")));
        let mut coroutines: Vec<_> = (0..5).map(|_| lent_and_suspended()).collect();
        NAME.with(|last| {
            for at in [2, 0, 1] {
                assert!(coroutines.remove(at).resume(()).as_return().is_some());
                drop(NAME.set(name("second")));
                assert_eq!(*last, name("first"));
            }
            drop(coroutines.remove(0)); // unwinds
            drop(NAME.set(name("third")));
            assert_eq!(*last, name("first"));
        });
        assert!(coroutines.remove(0).resume(()).as_return().is_some());
    });
}

#[test]
fn a_lent_value_is_dropped_with_its_last_loan_in_any_order() {
    static COUNTED: ContextVar<Arc<()>> = ContextVar::new("counted");
    Context::new().run(|| {
        let counted = Arc::new(());
        drop(COUNTED.set(Arc::clone(&counted)));
        let coroutine = || {
            let mut coroutine = Coroutine::new(|suspend: &Suspend, ()| {
                COUNTED.with(|_lent| suspend.suspend(()));
            });
            coroutine.resume(());
            coroutine
        };
        let (mut first, mut second) = (coroutine(), coroutine());
        drop(COUNTED.set(Arc::default()));
        first.resume(());
        assert_eq!(Arc::strong_count(&counted), 2);
        second.resume(());
        assert_eq!(Arc::strong_count(&counted), 1);
    });
}

/// The scope's value changes places with the one outside, or with none, without a change of the map around it.
#[test]
fn a_lent_value_outlives_the_scope_that_bound_it() {
    static COUNTED: ContextVar<Arc<u8>> = ContextVar::new("counted");
    for outer in [None, Some(Arc::new(0))] {
        let mut context = Context::new();
        if let Some(outer) = outer {
            context.insert(&COUNTED, outer);
        }
        context.run(|| {
            let counted = Arc::new(7);
            let mut coroutine = Coroutine::new(|suspend: &Suspend, ()| {
                COUNTED.with(|lent| {
                    suspend.suspend(());
                    assert_eq!(**lent, 7);
                });
            });
            let scope = COUNTED.scope(Arc::clone(&counted), async { coroutine.resume(()) });
            assert!(futures::executor::block_on(scope).as_yield().is_some());
            assert_eq!(Arc::strong_count(&counted), 2, "the value is lent");
            assert!(coroutine.resume(()).as_return().is_some());
            assert_eq!(Arc::strong_count(&counted), 1);
        });
    }
}

#[test]
fn a_coroutine_that_leaves_its_contexts_before_it_is_suspended_sees_and_does_no_harm() {
    drop(NAME.set(name("thread")));
    let mut coroutine = Coroutine::new(|suspend: &Suspend, ()| {
        let mut context = Context::new().with_value(&NAME, name("coroutine"));
        for _ in 0..3 {
            assert_eq!(context.run(|| NAME.get()), name("coroutine"));
            suspend.suspend(());
        }
    });
    while coroutine.resume(()).as_yield().is_some() {
        assert_eq!(NAME.get(), name("thread"));
    }
}

/// Regression: the contents of the contexts were swapped, and freed while values in them were borrowed.
#[test]
fn a_context_that_was_not_entered_last_is_not_left() {
    aborts("a_context_that_was_not_entered_last_is_not_left", || {
        let mut one = Context::new().with_value(&NAME, name("one"));
        let mut coroutine =
            Coroutine::new(move |suspend: &Suspend, ()| one.run(|| suspend.suspend(())));
        coroutine.resume(());
        let mut two = Context::new().with_value(&NAME, name("two"));
        two.run(|| coroutine.resume(()));
    });
}

/// Regression: the value that a suspended coroutine had borrowed was freed with the context.
#[test]
fn a_context_of_which_something_is_lent_is_not_left() {
    aborts("a_context_of_which_something_is_lent_is_not_left", || {
        let mut context = Context::new().with_value(&NAME, name("one"));
        let coroutine = context.run(lent_and_suspended);
        eprintln!("{WENT_ON}");
        drop(context);
        drop(coroutine);
    });
}

#[test]
fn a_loan_does_not_end_inside_another_context() {
    aborts("a_loan_does_not_end_inside_another_context", || {
        drop(NAME.set(name("thread")));
        let mut coroutine = lent_and_suspended();
        Context::new().run(|| coroutine.resume(()));
    });
}

/// Regression: the depth of nested drops was restored to an earlier depth, which another stack had changed meanwhile, so later
/// values stayed in the queue for ever.
#[test]
fn drops_that_are_suspended_on_several_stacks_delay_no_later_drop() {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    thread_local! {
        static YIELDER: Cell<*const Suspend> = const { Cell::new(std::ptr::null()) };
    }

    struct Suspends;

    impl Drop for Suspends {
        fn drop(&mut self) {
            let yielder = YIELDER.get();
            #[expect(unsafe_code, reason = "a destructor takes no argument")]
            // SAFETY: the coroutine below set the pointer to its own yielder just before it dropped this value.
            unsafe { &*yielder }.suspend(());
        }
    }

    static SUSPENDS: ContextVar<Suspends> = ContextVar::new("suspends");
    struct Nested(Option<Context>);

    static NESTED: ContextVar<Nested> = ContextVar::new("nested");
    static DROPPED: AtomicUsize = AtomicUsize::new(0);

    impl Drop for Nested {
        fn drop(&mut self) {
            drop(self.0.take());
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }

    let suspended = || {
        let mut coroutine = Coroutine::new(|suspend: &Suspend, ()| {
            let context = Context::new().with_value(&SUSPENDS, Suspends);
            YIELDER.set(suspend);
            drop(context);
        });
        assert!(coroutine.resume(()).as_yield().is_some());
        coroutine
    };
    for _ in 0..15 {
        let (mut first, mut second) = (suspended(), suspended());
        assert!(first.resume(()).as_return().is_some());
        assert!(second.resume(()).as_return().is_some());
    }

    let nest = |inner| Some(Context::new().with_value(&NESTED, Nested(inner)));
    drop((0..20).fold(None, |inner, _| nest(inner)));
    assert_eq!(DROPPED.load(Ordering::Relaxed), 20);
}

// === threads that end with a coroutine suspended ===

/// Starts a thread that suspends and leaks a coroutine, which owns a value. Returns the number of references to the value after
/// the thread has ended.
fn count_after_leak(coroutine: fn(Arc<()>) -> Coroutine<(), (), ()>) -> usize {
    let counted = Arc::new(());
    let value = Arc::clone(&counted);
    let thread = thread::spawn(move || {
        let mut coroutine = coroutine(value);
        assert!(coroutine.resume(()).as_yield().is_some());
        std::mem::forget(coroutine);
    });
    thread.join().unwrap();
    Arc::strong_count(&counted)
}

static COUNTED: ContextVar<Arc<()>> = ContextVar::new("counted");

#[test]
fn a_thread_that_ends_leaves_a_value_alone_that_a_leaked_coroutine_borrows() {
    let count = count_after_leak(|value| {
        drop(COUNTED.set(value));
        Coroutine::new(|suspend: &Suspend, ()| COUNTED.with(|_lent| suspend.suspend(())))
    });
    assert_eq!(count, 2);
}

#[test]
fn a_thread_that_ends_leaves_a_context_alone_that_a_leaked_coroutine_has_entered() {
    let count = count_after_leak(|value| {
        let mut context = Context::new().with_value(&COUNTED, value);
        Coroutine::new(move |suspend: &Suspend, ()| context.run(|| suspend.suspend(())))
    });
    assert_eq!(count, 2);
}

/// The two orders are those of the thread-local and the first set on the thread.
#[test]
fn a_coroutine_in_a_thread_local_is_unwound_with_its_borrowed_value_intact() {
    thread_local! {
        static KEPT: RefCell<Option<Coroutine<(), (), ()>>> = const { RefCell::new(None) };
    }

    for kept_first in [false, true] {
        let (sender, seen) = mpsc::channel();
        let thread = thread::spawn(move || {
            if kept_first {
                KEPT.set(None);
            }
            drop(NAME.set(name("thread")));
            let mut coroutine = Coroutine::new(move |suspend: &Suspend, ()| {
                NAME.with(|lent| {
                    let _unwound = OnDrop(|| sender.send(lent.clone()).unwrap());
                    suspend.suspend(());
                });
            });
            coroutine.resume(());
            KEPT.set(Some(coroutine));
        });
        thread.join().unwrap();
        assert_eq!(seen.iter().collect::<Vec<_>>(), [name("thread")]);
    }
}

#[test]
fn a_coroutine_that_is_unwound_inside_a_context_leaves_it() {
    drop(NAME.set(name("thread")));
    let mut context = Context::new().with_value(&NAME, name("one"));
    let mut coroutine =
        Coroutine::new(move |suspend: &Suspend, ()| context.run(|| suspend.suspend(())));
    coroutine.resume(());
    assert_eq!(NAME.get(), name("one"));
    drop(coroutine);
    assert_eq!(NAME.get(), name("thread"));
}

// === processes ===

/// Printed if the process did not end where it should have.
const WENT_ON: &str = "went on";

/// Runs `test` again in a child process, which `f` must abort.
fn aborts(test: &str, f: impl FnOnce()) {
    const CHILD: &str = "CONTEXTVARS_TEST_ABORTS";
    const SIGABRT: i32 = 6;

    if env::var_os(CHILD).is_some() {
        return f();
    }
    let mut child = Command::new(env::current_exe().unwrap());
    let output = child.args(["--exact", test, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(SIGABRT), "{}, {said}", output.status);
    assert!(said.contains("a coroutine was suspended inside a context, or in `with`"), "{said}");
    assert!(!said.contains(WENT_ON), "{said}");
}
