//! Sentence 18: after `forbid_bare_set()`, a bare set panics, so that a leaked value cannot go unnoticed.

use std::panic::catch_unwind;
use std::sync::mpsc::channel;
use std::thread;

use contextvars::{Context, ContextExt, ContextVar, copy_context, forbid_bare_set, propagate};

use crate::support::{
    ByHand, Counted, Counter, OnDrop, at_exit, on_thread, panic_text, text_of, yield_once,
};

static A: ContextVar<u32> = ContextVar::new("the-variable");

/// Runs `f` on a thread that forbids bare sets.
fn on_forbidding_thread<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    on_thread(|| {
        forbid_bare_set();
        f()
    })
}

#[test]
fn a_bare_set_panics_naming_variable_thread_and_fix() {
    let thread = thread::Builder::new().name(String::from("the-worker"));
    let text = thread.spawn(|| {
        forbid_bare_set();
        panic_text(|| A.set(1))
    });
    let text = text.expect("a thread").join().expect("the panic was caught");
    assert!(text.contains("the-variable"), "the variable: {text}");
    assert!(text.contains("the-worker"), "the thread: {text}");
    assert!(text.contains("in_current_context") || text.contains("run"), "the fix: {text}");
}

#[test]
fn a_bare_set_changes_nothing_and_drops_the_value() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let on_that_thread = counter.clone();
    on_forbidding_thread(move || {
        panic_text(|| VALUE.set(Counted::new(&on_that_thread)));
        assert_eq!((on_that_thread.made(), on_that_thread.live()), (1, 0));
        assert!(VALUE.try_with(|_| ()).is_err());
        assert!(copy_context().is_empty());
    });
    assert_eq!(counter.live(), 0);
}

#[test]
fn scope_bind_and_reset_are_allowed() {
    on_thread(|| {
        let token = A.set(1);
        forbid_bare_set();
        assert_eq!(A.sync_scope(2, || A.get()), 2);
        let binding = A.bind(3);
        assert_eq!(A.get(), 3);
        drop(binding);
        assert_eq!(A.get(), 1);
        assert!(A.reset(token).is_ok());
        assert!(A.try_get().is_err());
    });
}

#[test]
fn a_set_in_somebodys_context_is_allowed() {
    on_forbidding_thread(|| {
        let mut context = Context::new();
        context.run(|| A.set(1));
        assert_eq!(context.get(&A), Some(&1));
        context.run(|| Context::new().run(|| A.set(2)));

        let mut future = ByHand::new(
            async {
                A.set(3);
                yield_once().await;
                A.set(A.get() + 1);
                A.get()
            }
            .in_current_context(),
        );
        future.step();
        assert_eq!(future.last_step(), 4);

        propagate(|| A.set(5))();
    });
}

#[test]
fn a_set_after_leaving_somebodys_context_panics_again() {
    on_forbidding_thread(|| {
        Context::new().run(|| A.set(1));
        panic_text(|| A.set(2));
        let mut future = ByHand::new(async { yield_once().await }.in_current_context());
        future.step();
        panic_text(|| A.set(3));
        panic_text(|| Context::new().run(|| panic!("out by unwinding")));
        panic_text(|| A.set(4));
    });
}

#[test]
fn a_set_in_the_drop_of_a_wrapped_future_is_allowed() {
    let (done, seen) = channel();
    on_forbidding_thread(move || {
        let guard = OnDrop(move || {
            A.set(1);
            done.send(A.get()).expect("the test is listening");
        });
        drop(async move { drop(guard) }.in_current_context());
    });
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_scope_is_no_context() {
    on_forbidding_thread(|| {
        let text = panic_text(|| A.sync_scope(1, || A.set(2)));
        assert!(text.contains("the-variable"), "{text}");
        assert!(A.try_get().is_err(), "the scope was left in order");
        let _binding = A.bind(3);
        panic_text(|| A.set(4));
        assert_eq!(A.get(), 3);
    });
}

#[test]
fn only_the_thread_that_called_it_forbids() {
    on_forbidding_thread(|| {
        on_thread(|| A.set(1));
        Context::new().run(|| on_thread(|| A.set(2)));
    });
    on_thread(|| A.set(3));
}

#[test]
fn calling_it_twice_or_inside_a_context_is_the_same() {
    on_forbidding_thread(|| {
        forbid_bare_set();
        panic_text(|| A.set(1));
    });
    on_thread(|| {
        Context::new().run(|| {
            forbid_bare_set();
            A.set(1);
        });
        panic_text(|| A.set(2));
    });
}

#[test]
fn the_rule_is_not_enforced_while_unwinding() {
    let (done, seen) = channel();
    on_forbidding_thread(move || {
        let text = panic_text(|| {
            let _guard = OnDrop(|| {
                let token = A.set(1);
                done.send(A.get()).expect("the test is listening");
                assert!(A.reset(token).is_ok());
            });
            panic!("the first and only panic");
        });
        assert_eq!(text, "the first and only panic");
    });
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [1]);
}

/// Sets `A` in a thread-local destructor of a new thread, and returns the value that the destructor reads, or the text of its
/// panic. The thread runs `prepare`, which registers the destructor by calling its argument.
fn set_in_a_destructor(prepare: impl FnOnce(Register) + Send + 'static) -> Result<u32, String> {
    let (done, seen) = channel();
    on_thread(move || {
        prepare(Box::new(move || {
            at_exit(move || {
                // The panic is caught because a panic in a thread-local destructor aborts the process.
                let result = catch_unwind(|| drop(A.set(1))).map(|()| A.get());
                done.send(result.map_err(|panic| text_of(&*panic))).expect("the test is listening");
            });
        }));
    });
    seen.try_recv().expect("the destructor ran")
}

type Register = Box<dyn FnOnce()>;

#[test]
fn the_rule_is_not_enforced_in_a_destructor_registered_before_the_rule() {
    let seen = set_in_a_destructor(|register| {
        register();
        forbid_bare_set();
    });
    assert_eq!(seen, Ok(1));
}

#[test]
fn the_rule_is_not_enforced_in_a_destructor_registered_before_the_first_set() {
    let seen = set_in_a_destructor(|register| {
        register();
        A.set(0);
        forbid_bare_set();
    });
    assert_eq!(seen, Ok(1));
}

#[test]
#[ignore = "such a destructor runs before the crate's own and cannot be told from ordinary code"]
fn the_rule_is_not_enforced_in_a_destructor_registered_after_the_rule() {
    let seen = set_in_a_destructor(|register| {
        forbid_bare_set();
        register();
    });
    assert_eq!(seen, Ok(1));
}

#[test]
#[cfg(not(target_family = "wasm"))] // tokio has no pools there
fn an_unwrapped_task_of_a_forbidding_pool_panics_and_a_wrapped_one_does_not() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_start(forbid_bare_set)
        .build()
        .expect("a runtime");
    let bare = runtime.spawn(async { A.set(1) });
    let error = runtime.block_on(bare).expect_err("a bare set");
    let text = text_of(&*error.into_panic());
    assert!(text.contains("the-variable"), "{text}");

    let wrapped = runtime.spawn(async { A.set(1).name() }.in_current_context());
    assert_eq!(runtime.block_on(wrapped).expect("no panic"), "the-variable");
}
