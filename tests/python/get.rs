//! Clauses G: `get`.

use contextvars::{Context, ContextVar, copy_context};

use crate::support::{on_thread, panic_text};

#[test]
fn g1_value_beats_fallback_beats_default_beats_error() {
    static DEFAULTED: ContextVar<&str> = ContextVar::with_default("defaulted", || "default");
    static BARE: ContextVar<&str> = ContextVar::new("bare");
    Context::new().run(|| {
        assert_eq!(BARE.get_or("fallback"), "fallback");
        assert!(BARE.try_get().is_err());
        assert!(panic_text(|| BARE.get()).contains("bare"));

        assert_eq!(DEFAULTED.get_or("fallback"), "fallback");
        assert_eq!(DEFAULTED.get(), "default");

        for var in [&BARE, &DEFAULTED] {
            var.set("value");
            assert_eq!(var.get_or("fallback"), "value");
            assert_eq!(var.get(), "value");
            assert_eq!(var.try_get().ok(), Some("value"));
        }
    });
}

#[test]
fn g1_a_stored_none_is_a_value() {
    static VAR: ContextVar<Option<u32>> = ContextVar::with_default("var", || Some(1));
    Context::new().run(|| {
        VAR.set(None);
        assert_eq!(VAR.get(), None);
        assert_eq!(VAR.get_or(Some(2)), None);
    });
}

#[test]
fn g2_a_fallback_of_none_beats_the_default() {
    static VAR: ContextVar<Option<u32>> = ContextVar::with_default("var", || Some(1));
    Context::new().run(|| assert_eq!(VAR.get_or(None), None));
}

#[test]
fn g3_the_lookup_error_carries_the_variable() {
    static VAR: ContextVar<u32> = ContextVar::new("which one");
    let error = Context::new().run(|| VAR.try_get()).expect_err("unset");
    assert_eq!(error.name(), VAR.name());
    assert!(error.to_string().contains("which one"));
}

#[test]
fn g4_get_never_creates_anything() {
    static DEFAULTED: ContextVar<u32> = ContextVar::with_default("defaulted", || 1);
    static BARE: ContextVar<u32> = ContextVar::new("bare");
    on_thread(|| {
        assert_eq!((DEFAULTED.get(), BARE.get_or(2)), (1, 2));
        assert!(BARE.try_get().is_err());
        assert!(copy_context().is_empty());
        assert!(copy_context().ptr_eq(&Context::new()), "nothing was made");
    });
}

#[test]
fn g5_no_cache_can_be_seen() {
    static VAR: ContextVar<u32> = ContextVar::with_default("var", || 0);
    let mut contexts: Vec<_> = (1..=3).map(|n| Context::new().with_value(&VAR, n)).collect();
    for round in 0..3 {
        for (n, context) in (1..).zip(&mut contexts) {
            context.run(|| {
                assert_eq!(VAR.get(), n + 10 * round);
                let token = VAR.set(99);
                assert_eq!(VAR.get(), 99);
                assert!(VAR.reset(token).is_ok());
                assert_eq!(VAR.get(), n + 10 * round);
                VAR.set(n + 10 * (round + 1));
            });
            assert_eq!(Context::new().run(|| VAR.get()), 0);
        }
    }
}
