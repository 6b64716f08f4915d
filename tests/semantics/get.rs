//! Sentence 2: a read returns the value of the current context, or else the default. Without either, it panics or fails.

use std::cell::Cell;
use std::panic::{self, catch_unwind};
use std::sync::Once;

use contextvars::{Context, ContextVar};

use crate::support::{Counted, Counter, on_thread, panic_text, text_of};

#[test]
fn the_value_in_the_current_context_beats_the_default() {
    static LEVEL: ContextVar<u32> = ContextVar::with_default("level", || 1);
    Context::new().run(|| {
        LEVEL.set(2);
        assert_eq!(LEVEL.get(), 2);
        assert_eq!(LEVEL.try_get().ok(), Some(2));
        assert_eq!(LEVEL.get_or(3), 2);
        assert_eq!(LEVEL.with(|v| *v), 2);
        assert_eq!(LEVEL.try_with(|v| *v).ok(), Some(2));
    });
}

#[test]
fn the_default_stands_where_no_value_is() {
    static LEVEL: ContextVar<u32> = ContextVar::with_default("level", || 1);
    Context::new().run(|| {
        assert_eq!(LEVEL.get(), 1);
        assert_eq!(LEVEL.try_get().ok(), Some(1));
        assert_eq!(LEVEL.with(|v| *v), 1);
        assert_eq!(LEVEL.try_with(|v| *v).ok(), Some(1));
    });
}

#[test]
fn get_or_returns_its_argument_before_the_default() {
    static LEVEL: ContextVar<u32> = ContextVar::with_default("level", || 1);
    static BARE: ContextVar<u32> = ContextVar::new("bare");
    Context::new().run(|| {
        assert_eq!(LEVEL.get_or(3), 3, "before the default was computed");
        assert_eq!(LEVEL.get(), 1);
        assert_eq!(LEVEL.get_or(3), 3, "and after");
        assert_eq!(BARE.get_or(4), 4);
    });
}

#[test]
fn get_or_does_not_compute_the_default() {
    static LEVEL: ContextVar<u32> = ContextVar::with_default("level", || panic!("computed"));
    Context::new().run(|| assert_eq!(LEVEL.get_or(3), 3));
}

#[test]
fn get_or_drops_the_argument_it_does_not_need() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let mut context = Context::new().with_value(&VALUE, Counted::numbered(&counter, 1));
    context.run(|| {
        assert_eq!(VALUE.get_or(Counted::numbered(&counter, 2)).number(), 1);
        assert_eq!(counter.live(), 1);
    });
}

#[test]
fn a_missing_value_panics_with_a_string_that_names_the_variable() {
    static NOWHERE: ContextVar<u32> = ContextVar::new("the-exact name/of it");
    Context::new().run(|| {
        for read in [|| NOWHERE.get(), || NOWHERE.with(|v| *v)] {
            let payload = catch_unwind(read).expect_err("nothing to read");
            let text = payload.downcast::<String>().expect("the payload is a String");
            assert!(text.contains("the-exact name/of it"), "{text}");
        }
    });
}

#[test]
fn a_missing_value_is_a_lookup_error_that_names_the_variable() {
    static NOWHERE: ContextVar<u32> = ContextVar::new("the-exact name/of it");
    Context::new().run(|| {
        let error = NOWHERE.try_get().expect_err("nothing to read");
        assert_eq!(error.name(), "the-exact name/of it");
        assert!(error.to_string().contains("the-exact name/of it"), "{error}");
        assert!(format!("{error:?}").contains("the-exact name/of it"), "{error:?}");
        assert_eq!(error.clone().name(), error.name());

        let error = NOWHERE.try_with(|_| unreachable!("nothing to lend")).map(|(): ()| ());
        assert_eq!(error.expect_err("nothing to read").name(), "the-exact name/of it");
    });
}

#[test]
fn a_read_does_not_run_the_closure_without_a_value() {
    static NOWHERE: ContextVar<u32> = ContextVar::new("nowhere");
    let ran = Cell::new(false);
    Context::new().run(|| {
        assert!(NOWHERE.try_with(|_| ran.set(true)).is_err());
        panic_text(|| NOWHERE.with(|_| ran.set(true)));
    });
    assert!(!ran.get());
}

#[test]
fn get_clones_and_with_lends() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let mut context = Context::new().with_value(&VALUE, Counted::new(&counter));
    context.run(|| {
        VALUE.with(|_| assert_eq!(counter.made(), 1, "lending copies nothing"));
        assert!(VALUE.try_with(|_| ()).is_ok());
        assert_eq!(counter.made(), 1);

        let copy = VALUE.get();
        assert_eq!((counter.made(), counter.live()), (2, 2));
        drop(copy);
        assert_eq!(counter.live(), 1);
    });
}

#[test]
fn reads_bind_nothing() {
    static LEVEL: ContextVar<u32> = ContextVar::with_default("level", || 1);
    let mut context = Context::new();
    context.run(|| {
        assert_eq!((LEVEL.get(), LEVEL.get_or(2)), (1, 2));
        assert!(LEVEL.try_get().is_ok());
    });
    assert!(context.is_empty());
    assert!(!context.contains(&LEVEL));
}

#[test]
fn a_read_follows_the_current_context_in_the_moment_it_changes() {
    // If a variable caches its last read, the cache must not outlive an entry or an exit.
    static LEVEL: ContextVar<u32> = ContextVar::with_default("level", || 0);
    let mut one = Context::new().with_value(&LEVEL, 1);
    let mut two = Context::new().with_value(&LEVEL, 2);
    Context::new().run(|| {
        for _ in 0..3 {
            assert_eq!(LEVEL.get(), 0);
            one.run(|| {
                assert_eq!(LEVEL.get(), 1);
                two.run(|| assert_eq!(LEVEL.get(), 2));
                assert_eq!(LEVEL.get(), 1);
            });
            assert_eq!(LEVEL.get(), 0);
        }
    });
}

/// Runs `f`, which must panic, and returns the place that the panic hook reported.
fn place_of_panic(f: impl FnOnce()) -> (String, u32) {
    thread_local! {
        static PLACE: Cell<Option<(String, u32)>> = const { Cell::new(None) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let rest = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PLACE.set(info.location().map(|place| (place.file().to_owned(), place.line())));
            rest(info);
        }));
    });
    PLACE.set(None);
    let _: String = panic_text(f);
    PLACE.take().expect("the hook saw the panic on this thread")
}

#[test]
fn the_panic_of_a_missing_value_points_at_the_caller() {
    static NOWHERE: ContextVar<u32> = ContextVar::new("nowhere");
    Context::new().run(|| {
        let get = place_of_panic(|| assert_eq!(NOWHERE.get(), 0));
        assert_eq!(get, (file!().to_owned(), line!() - 1));
        let with = place_of_panic(|| NOWHERE.with(|_| ()));
        assert_eq!(with, (file!().to_owned(), line!() - 1));
    });
}

#[test]
fn the_panic_of_a_forbidden_set_points_at_the_caller() {
    static VAR: ContextVar<u32> = ContextVar::new("var");
    on_thread(|| {
        contextvars::forbid_bare_set();
        let set = place_of_panic(|| drop(VAR.set(1)));
        assert_eq!(set, (file!().to_owned(), line!() - 1));
    });
}

#[test]
fn a_panic_of_the_callers_closure_passes_through() {
    static LEVEL: ContextVar<u32> = ContextVar::new("level");
    let mut context = Context::new().with_value(&LEVEL, 1);
    context.run(|| {
        assert_eq!(panic_text(|| LEVEL.with(|v| panic!("saw {v}"))), "saw 1");
        let caught = catch_unwind(|| LEVEL.try_with(|v| panic!("tried {v}")).map(|(): ()| ()));
        assert_eq!(text_of(&*caught.expect_err("it panicked")), "tried 1");
        assert_eq!(LEVEL.get(), 1);
    });
}
