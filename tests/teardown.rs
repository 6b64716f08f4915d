//! Calls of the crate from thread-local destructors, and while the thread or the process ends.
//!
//! A user's destructor runs before or after the crate's own, depending on which thread-local was used first. Each test tries
//! both orders, and on Linux, where the order is known, it checks that both occurred.

#[path = "reentrancy/operations/mod.rs"]
mod operations;
#[path = "reentrancy/probe.rs"]
mod probe;
mod support;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use contextvars::{
    Context, ContextExt as _, ContextVar, Token, copy_context, forbid_bare_set, propagate,
};

use operations::OPERATIONS;
use probe::{At, OTHER, Operation, Probe, SUBJECT, State, arm, disarm};
use support::{ByHand, Counted, Counter, OnDrop, on_thread, text_of, yield_once};

const NOTHING: State = State { len: 0, subject: None, other: None, local: None };

/// Keeps values that were set too late to be dropped reachable, so that leak checkers do not report them.
static LEAKED: Mutex<Vec<Context>> = Mutex::new(Vec::new());

// === running code in a thread-local destructor ===

/// Runs its closure in the destructor of a thread-local.
type AtEnd = RefCell<Option<OnDrop<Box<dyn FnMut()>>>>;

thread_local! {
    static AT_END: AtEnd = const { RefCell::new(None) };
    /// Registered before all others, so its destructor runs last.
    static AT_THE_VERY_END: AtEnd = const { RefCell::new(None) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    BeforeTheCrate,
    AfterTheCrate,
}

use Order::{AfterTheCrate, BeforeTheCrate};

/// Runs `start` on a new thread and `end` in one of its thread-local destructors, before or after the crate's own destructor as
/// `order` says. Panics if either closure panicked, or if `end` did not run.
fn at_end(
    order: Order,
    start: impl FnOnce() + Send + 'static,
    end: impl FnOnce() + Send + 'static,
) {
    let outcome = Arc::new(Mutex::new(None));
    let report = Arc::clone(&outcome);
    on_thread(move || {
        let mut end = Some(end);
        let run = move || {
            let result = catch_unwind(AssertUnwindSafe(end.take().expect("destructors run once")));
            *report.lock().unwrap() = Some(result.map_err(|payload| text_of(&*payload)));
        };
        if order == AfterTheCrate {
            AT_END.set(Some(OnDrop(Box::new(run))));
            start();
        } else {
            start();
            AT_END.set(Some(OnDrop(Box::new(run))));
        }
    });
    let outcome = outcome.lock().unwrap().take().expect("the destructor did not run");
    outcome.unwrap_or_else(|text| panic!("in a destructor {order:?}: {text}"));
}

fn in_both_orders(start: fn(), end: fn()) {
    at_end(BeforeTheCrate, start, end);
    at_end(AfterTheCrate, start, end);
}

/// Returns `true` if the thread's root context still has the value that `set_own` set.
fn own_values_are_there() -> bool {
    OTHER.try_get().is_ok()
}

fn set_own() {
    drop(OTHER.set(1));
    drop(SUBJECT.set(Probe::new(2)));
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the order of the destructors is not known here")]
fn both_orders_occur() {
    at_end(BeforeTheCrate, set_own, || assert!(own_values_are_there()));
    at_end(AfterTheCrate, set_own, || assert!(!own_values_are_there()));
}

// === everything may be called ===

fn each_operation(run: impl Fn(&'static Operation)) {
    for operation in OPERATIONS.iter().flat_map(|group| group.iter()) {
        println!("{}", operation.name);
        run(operation);
    }
}

/// Runs the operation and checks that it kept its promises.
fn run_checked(operation: &Operation) {
    let (before, live) = (State::now(), probe::live());
    (operation.run)();
    if operation.keeps {
        assert_eq!((State::now(), probe::live()), (before, live));
    } else {
        // The thread may never drop this value, because its values are already released.
        LEAKED.lock().unwrap().push(copy_context());
    }
}

#[test]
fn a_destructor_before_the_crates_own_may_call_everything() {
    each_operation(|operation| at_end(BeforeTheCrate, set_own, || run_checked(operation)));
}

#[test]
fn a_destructor_after_the_crates_own_may_call_everything() {
    each_operation(|operation| at_end(AfterTheCrate, set_own, || run_checked(operation)));
}

/// The crate's own destructor, if any, is registered while the thread's destructors run.
#[test]
fn a_destructor_of_a_thread_that_never_used_the_crate_may_call_everything() {
    each_operation(|operation| at_end(BeforeTheCrate, || (), || run_checked(operation)));
}

#[test]
fn a_destructor_of_a_thread_that_only_read_may_call_everything() {
    let read = || assert!(!own_values_are_there());
    each_operation(|operation| at_end(AfterTheCrate, read, || run_checked(operation)));
}

/// The destructor of a value in the root context runs each operation.
#[test]
fn a_value_may_call_everything_when_its_thread_ends() {
    each_operation(|operation| {
        let check = || {
            disarm().unwrap();
            assert_eq!(probe::at_entry(), NOTHING);
            assert_eq!(probe::live(), 0, "not all of the thread's own values were released");
        };
        let start = || {
            arm(*operation);
            drop(OTHER.set(1));
            drop(SUBJECT.set(Probe::firing(At::Drop, 2)));
        };
        at_end(AfterTheCrate, start, check);
    });
}

// === values of the root context ===

static COUNTED: ContextVar<Counted> = ContextVar::new("counted");

#[test]
fn the_threads_own_values_are_released_when_it_ends() {
    let counter = Counter::new();
    let variables: Vec<ContextVar<Counted>> = (0..20).map(|_| ContextVar::new("many")).collect();
    let local = ContextVar::new("local").local();
    on_thread({
        let counter = counter.clone();
        move || {
            for variable in &variables {
                drop(variable.set(Counted::new(&counter)));
            }
            drop(local.set(Counted::new(&counter)));
            std::mem::forget(COUNTED.bind(Counted::new(&counter)));
            assert_eq!(counter.live(), 22);
        }
    });
    assert_eq!(counter.live(), 0);
}

#[test]
fn the_threads_own_values_are_released_when_it_panics() {
    let counter = Counter::new();
    let value = Counted::new(&counter);
    let outcome = thread::spawn(move || {
        drop(COUNTED.set(value));
        panic!("the thread panics")
    });
    assert!(outcome.join().is_err());
    assert_eq!(counter.live(), 0);
}

#[test]
fn values_set_by_a_destructor_before_the_crates_own_are_released_too() {
    let counter = Counter::new();
    let (first, second) = (Counted::new(&counter), Counted::new(&counter));
    at_end(BeforeTheCrate, || drop(COUNTED.set(first)), || drop(COUNTED.set(second)));
    assert_eq!(counter.live(), 0);
}

#[test]
fn a_copy_made_in_a_destructor_outlives_the_thread() {
    let (sender, receiver) = std::sync::mpsc::channel();
    at_end(BeforeTheCrate, set_own, move || sender.send(copy_context()).unwrap());
    assert_eq!(receiver.recv().unwrap().get(&OTHER), Some(&1));
}

/// A value that sets the variable again when it is dropped, `times` times.
struct Again {
    times: u32,
    _counted: Counted,
    counter: Counter,
}

static AGAIN: ContextVar<Again> = ContextVar::new("again");

impl Again {
    fn new(times: u32, counter: &Counter) -> Self {
        Self { times, _counted: Counted::new(counter), counter: counter.clone() }
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        if self.times > 0 {
            drop(AGAIN.set(Self::new(self.times - 1, &self.counter)));
        }
    }
}

#[test]
fn a_value_that_sets_variables_again_when_its_thread_ends_is_released() {
    let counter = Counter::new();
    let value = Again::new(5, &counter);
    on_thread(move || drop(AGAIN.set(value)));
    assert_eq!((counter.made(), counter.live()), (6, 0));
}

/// Checks that a value that always sets the variable again does not keep its thread from ending.
#[test]
fn a_value_that_sets_variables_again_for_ever_does_not_keep_its_thread() {
    struct Endless(Counted);
    static ENDLESS: ContextVar<Endless> = ContextVar::new("endless");
    static LAST: Mutex<Option<Token<Endless>>> = Mutex::new(None);
    thread_local!(static STOPPED: Cell<bool> = const { Cell::new(false) });
    impl Drop for Endless {
        fn drop(&mut self) {
            if !STOPPED.get() {
                let token = ENDLESS.set(Self(self.0.clone()));
                *LAST.lock().unwrap() = Some(token);
            }
        }
    }
    let counter = Counter::new();
    let value = Endless(Counted::new(&counter));
    at_end(
        AfterTheCrate,
        || drop(ENDLESS.set(value)),
        || {
            STOPPED.set(true);
            // The last value is still set, because the crate stopped releasing values.
            let token = LAST.lock().unwrap().take().expect("set at least once more");
            ENDLESS.reset(token).unwrap();
        },
    );
    assert!(counter.made() > 1);
    assert_eq!(counter.live(), 0);
}

// === after the crate's own destructor ===

/// The value is never dropped, and everything else works as usual. The documentation of `set` says so.
#[test]
fn a_plain_set_after_the_crates_own_destructor_works() {
    let counter = Counter::new();
    let value = Counted::numbered(&counter, 7);
    at_end(AfterTheCrate, set_own, move || {
        assert_eq!(State::now(), NOTHING);
        let token = COUNTED.set(value);
        assert!(token.old_value().is_none());
        drop(token);
        assert_eq!(COUNTED.get().number(), 7);
        assert_eq!(COUNTED.with(Counted::number), 7);
        LEAKED.lock().unwrap().push(copy_context());
    });
    assert_eq!(counter.live(), 1);
    counter.forgets(1);
}

#[test]
fn values_restored_after_the_crates_own_destructor_are_released() {
    let counter = Counter::new();
    let make = counter.clone();
    at_end(AfterTheCrate, set_own, move || {
        let value = || Counted::new(&make);
        COUNTED.sync_scope(value(), || assert_eq!(make.live(), 1));
        drop(COUNTED.bind(value()));
        COUNTED.reset(COUNTED.set(value())).unwrap();
        Context::new().run(|| drop(COUNTED.set(value())));
        drop(propagate(|| ()));
        ByHand::new(async { drop(COUNTED.set(value())) }.in_current_context()).last_step();
        assert_eq!((make.made(), make.live()), (5, 0));
    });
}

// === tokens, contexts and futures in thread-locals ===

thread_local! {
    static KEPT_TOKEN: RefCell<Option<Token<u64>>> = const { RefCell::new(None) };
}

/// Resets, in a destructor, a variable that was set before the thread began to end.
fn reset_the_kept_token() {
    let token = KEPT_TOKEN.take().expect("kept by the thread");
    OTHER.reset(token).expect("the context of this token is current");
    assert_eq!(OTHER.try_get().ok(), None);
}

#[test]
fn a_token_made_before_is_good_in_a_destructor() {
    // The token must outlive the destructor that uses it, so its thread-local is registered first.
    let start = || {
        KEPT_TOKEN.set(None);
        KEPT_TOKEN.set(Some(OTHER.set(1)));
    };
    at_end(BeforeTheCrate, start, reset_the_kept_token);
    let (sender, receiver) = std::sync::mpsc::channel();
    let start = move || sender.send(OTHER.set(1)).unwrap();
    at_end(AfterTheCrate, start, move || {
        let token = receiver.recv().unwrap();
        OTHER.reset(token).expect("the context of this token is current");
        assert_eq!(OTHER.try_get().ok(), None);
    });
}

/// Drops a future, a context, a token and a closure in both orders. Each has a value or a capture whose destructor reads the
/// context in which it is dropped.
#[test]
fn values_dropped_by_a_destructor_are_dropped_in_its_context() {
    for order in [BeforeTheCrate, AfterTheCrate] {
        for polled in [false, true] {
            let seen = Arc::new(Mutex::new(None));
            let look = Arc::clone(&seen);
            let guard = OnDrop(move || *look.lock().unwrap() = OTHER.try_get().ok());
            let future = async move {
                let _guard = guard;
                yield_once().await;
            };
            let context = Context::new().with_value(&OTHER, 5);
            let mut future = ByHand::new(future.in_context(context));
            if polled {
                future.step();
            }
            at_end(order, set_own, move || drop(future));
            assert_eq!(*seen.lock().unwrap(), Some(5), "{order:?}, polled: {polled}");
        }
    }
}

#[test]
fn a_future_goes_on_in_a_destructor() {
    for order in [BeforeTheCrate, AfterTheCrate] {
        let future = async {
            drop(OTHER.set(6));
            yield_once().await;
            OTHER.get()
        };
        let mut future = ByHand::new(future.in_context(Context::new()));
        future.step();
        at_end(order, set_own, move || assert_eq!(future.last_step(), 6));
    }
}

#[test]
fn a_propagated_closure_is_called_or_dropped_in_a_destructor() {
    for order in [BeforeTheCrate, AfterTheCrate] {
        let mut context = Context::new().with_value(&OTHER, 7);
        let called = context.run(|| propagate(|| assert_eq!(OTHER.get(), 7)));
        at_end(order, set_own, called);
        let guard = OnDrop(|| assert_eq!(OTHER.get(), 7));
        let dropped = context.run(|| propagate(move || drop(guard)));
        at_end(order, set_own, move || drop(dropped));
    }
}

#[test]
fn contexts_and_tokens_are_dropped_in_a_destructor() {
    for order in [BeforeTheCrate, AfterTheCrate] {
        let drops = Arc::new(AtomicUsize::new(0));
        let value = |drops: &Arc<AtomicUsize>| {
            let drops = Arc::clone(drops);
            OnDrop(Box::new(move || {
                OTHER.sync_scope(8, || drops.fetch_add(1, Ordering::AcqRel));
            }) as Box<dyn FnMut() + Send + Sync>)
        };
        let variable = ContextVar::new("looks around when dropped");
        let mut context = Context::new().with_value(&variable, value(&drops));
        let token = context.run(|| variable.set(value(&drops)));
        at_end(order, set_own, move || drop((token, context)));
        assert_eq!(drops.load(Ordering::Acquire), 2, "{order:?}");
    }
}

/// The destructor of a thread-local that a destructor creates runs even later.
#[test]
fn a_destructor_of_a_thread_local_that_a_destructor_made() {
    in_both_orders(set_own, || {
        AT_THE_VERY_END.set(Some(OnDrop(Box::new(|| {
            assert_eq!(OTHER.get_or(9), OTHER.try_get().unwrap_or(9));
            OTHER.sync_scope(10, || assert_eq!(OTHER.get(), 10));
            drop(copy_context());
        }))));
    });
}

// === forbidden bare sets ===

fn set_and_reset() {
    let token = OTHER.set(11);
    assert_eq!(OTHER.get(), 11);
    OTHER.reset(token).unwrap();
}

#[test]
fn a_forbidding_thread_does_not_enforce_the_rule_after_the_crates_own_destructor() {
    let start = || {
        forbid_bare_set();
        OTHER.sync_scope(1, || ());
        assert!(catch_unwind(|| OTHER.set(2)).is_err(), "the rule is in force");
    };
    at_end(AfterTheCrate, start, set_and_reset);
}

/// The crate's own destructor has no values to release, and the rule must still end with it.
#[test]
fn a_forbidding_thread_that_never_set_does_not_enforce_the_rule_in_a_later_destructor() {
    at_end(AfterTheCrate, forbid_bare_set, set_and_reset);
}

#[test]
fn a_forbidding_thread_does_not_enforce_the_rule_on_its_own_values_destructors() {
    let counter = Counter::new();
    let value = Again::new(3, &counter);
    on_thread(move || {
        forbid_bare_set();
        std::mem::forget(AGAIN.bind(value));
    });
    assert_eq!((counter.made(), counter.live()), (4, 0));
}

#[test]
fn a_forbidding_thread_does_not_enforce_the_rule_while_unwinding() {
    on_thread(|| {
        forbid_bare_set();
        let outcome = catch_unwind(|| {
            let _guard = OnDrop(set_and_reset);
            panic!("unwinding")
        });
        assert_eq!(text_of(&*outcome.unwrap_err()), "unwinding");
        assert!(catch_unwind(|| OTHER.set(12)).is_err(), "the rule is in force again");
        assert_eq!(State::now(), NOTHING);
    });
}

#[test]
fn a_forbidding_thread_allows_the_rest_in_destructors() {
    let start = || {
        forbid_bare_set();
        OTHER.sync_scope(1, || ());
    };
    in_both_orders(start, || {
        OTHER.sync_scope(2, || assert_eq!(OTHER.get(), 2));
        drop(OTHER.bind(3));
        Context::new().run(|| drop(OTHER.set(4)));
        ByHand::new(async { drop(OTHER.set(5)) }.in_current_context()).last_step();
    });
}

// === the end of the process ===

const EXIT_IN: &str = "CONTEXTVARS_EXIT_IN";
const CODE: i32 = 7;

const DROPPED_IN_USE: &str = "a value was dropped while it was in use";

thread_local!(static IN_USE: Cell<bool> = const { Cell::new(false) });

/// Returns a value whose destructor uses the crate, and prints a message if the value is borrowed or in an entered context.
fn watchful() -> OnDrop<fn()> {
    OnDrop(|| {
        if IN_USE.get() {
            eprintln!("{DROPPED_IN_USE}");
        }
        OTHER.sync_scope(1, || assert_eq!(OTHER.get(), 1));
        drop(copy_context());
    })
}

static WATCHFUL: ContextVar<OnDrop<fn()>> = ContextVar::new("watchful");

/// Exits while the value is borrowed. `on_the_way` runs inside the borrow and ends the process.
fn exit_while_lent(on_the_way: fn() -> !) {
    WATCHFUL.with(|_| {
        IN_USE.set(true);
        on_the_way()
    });
}

fn exit() -> ! {
    std::process::exit(CODE)
}

/// The places in which the child process exits, by name.
const EXITS: &[(&str, fn())] = &[
    ("own", || exit()),
    ("run", || {
        Context::new().run(|| {
            drop(WATCHFUL.set(watchful()));
            IN_USE.set(true);
            exit()
        });
    }),
    ("with", || exit_while_lent(exit)),
    ("with, replaced", || {
        exit_while_lent(|| {
            IN_USE.set(false);
            drop(WATCHFUL.set(OnDrop(|| ())));
            IN_USE.set(true);
            exit()
        });
    }),
    ("with, in a run", || {
        Context::new().with_value(&WATCHFUL, watchful()).run(|| exit_while_lent(exit));
    }),
    ("run, in a with", || exit_while_lent(|| Context::new().run(|| exit()))),
    ("scope", || WATCHFUL.sync_scope(watchful(), || exit())),
    ("poll", || ByHand::new(async { exit() }.in_current_context()).last_step()),
    ("drop", || drop(Context::new().with_value(&WATCHFUL, OnDrop(|| exit())))),
    ("default", || {
        static EXITING: ContextVar<u8> = ContextVar::with_default("exiting", || exit());
        EXITING.get();
    }),
    ("propagate", || propagate(|| exit())()),
];

/// The child process of the next test. Without the environment variable it does nothing.
#[test]
fn exiting_child() {
    let Ok(place) = std::env::var(EXIT_IN) else { return };
    AT_THE_VERY_END.set(Some(OnDrop(Box::new(use_everything))));
    drop(WATCHFUL.set(watchful()));
    AT_END.set(Some(OnDrop(Box::new(use_everything))));
    let (_, exit_there) = EXITS.iter().find(|(name, _)| *name == place).expect("a known place");
    exit_there();
    unreachable!("the process should have exited");
}

fn use_everything() {
    for operation in OPERATIONS.iter().flat_map(|group| group.iter()) {
        (operation.run)();
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no processes")]
fn a_process_may_exit_anywhere() {
    let this_binary = std::env::current_exe().unwrap();
    for (place, _) in EXITS {
        let child = Command::new(&this_binary)
            .args(["exiting_child", "--exact", "--nocapture", "--test-threads=1"])
            .env(EXIT_IN, place)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stderr);
        assert_eq!(child.status.code(), Some(CODE), "exit in {place}: {}, {said}", child.status);
        assert!(!said.contains("fatal"), "exit in {place}: {said}");
        assert!(!said.contains(DROPPED_IN_USE), "exit in {place}: {said}");
    }
}
