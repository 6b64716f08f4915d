//! `ContextVar::unset`, `Context::insert`, and the source lines that these and similar functions record.

use std::panic::Location;

use contextvars::{Context, ContextVar, copy_context, forbid_bare_set};

use crate::support::{Counted, Counter, on_thread, panic_text};

static A: ContextVar<u32> = ContextVar::new("a");
static B: ContextVar<u32> = ContextVar::with_default("b", || 7);

fn fresh<R>(f: impl FnOnce() -> R) -> R {
    Context::new().run(f)
}

#[test]
fn unset_uncovers_the_default_and_its_token_restores_the_value() {
    fresh(|| {
        B.set(1);
        let token = B.unset();
        assert_eq!((B.get(), token.old_value(), token.name()), (7, Some(&1), "b"));
        B.reset(token).unwrap();
        assert_eq!(B.get(), 1);
    });
}

#[test]
fn unset_of_an_unset_variable_restores_that_it_was_unset() {
    fresh(|| {
        let token = A.unset();
        assert_eq!(token.old_value(), None);
        A.set(1);
        A.reset(token).unwrap();
        assert!(A.try_get().is_err());
    });
}

#[test]
fn unset_keeps_the_rest_of_the_context_and_sets_made_meanwhile() {
    fresh(|| {
        A.set(1);
        let token = A.unset();
        B.set(2);
        A.reset(token).unwrap();
        assert_eq!((A.get(), B.get()), (1, 2));
    });
}

#[test]
fn unset_is_a_bare_set_where_those_are_forbidden() {
    on_thread(|| {
        forbid_bare_set();
        assert!(panic_text(|| A.unset()).contains("`a`"));
        let binding = A.bind(1);
        assert!(panic_text(|| A.unset()).contains("`a`"));
        drop(binding);
    });
}

#[test]
fn insert_tells_whether_it_replaced_a_value_and_keeps_the_identity() {
    let mut context = Context::new();
    let token = context.run(|| A.set(1));
    assert!(context.insert(&A, 2));
    assert!(!context.insert(&B, 3));
    context.run(|| A.reset(token)).expect("the identity was kept");
    assert_eq!((context.get(&A), context.get(&B)), (None, Some(&3)));
}

#[test]
fn insert_on_a_clone_does_not_touch_the_entered_context() {
    let mut context = Context::new().with_value(&A, 1);
    context.run(|| {
        let mut clone = copy_context();
        clone.insert(&A, 2);
        assert_eq!((A.get(), clone.get(&A)), (1, Some(&2)));
    });
}

#[test]
fn insert_drops_the_replaced_value() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let mut context = Context::new().with_value(&VALUE, Counted::new(&counter));
    assert!(context.insert(&VALUE, Counted::new(&counter)));
    assert_eq!((counter.made(), counter.dropped()), (2, 1));
}

// === the lines that set a value ===

#[track_caller]
fn set_at(context: &Context) -> &'static Location<'static> {
    context.iter().next().expect("one variable").set_at()
}

#[test]
fn each_way_of_setting_remembers_its_line() {
    fresh(|| {
        let here = |line: u32| {
            assert_eq!(
                (set_at(&copy_context()).line(), file!()),
                (line, set_at(&copy_context()).file())
            );
        };
        let token = A.set(1);
        here(line!() - 1);
        A.reset(token).unwrap();
        let binding = A.bind(1);
        here(line!() - 1);
        drop(binding);
        A.sync_scope(1, || here(line!()));
        let scope = A.scope(1, async { here(line!()) });
        futures::executor::block_on(scope);
        let (context, line) = (Context::new().with_value(&A, 1), line!());
        assert_eq!(set_at(&context).line(), line);
        let mut context = Context::new();
        context.insert(&A, 1);
        assert_eq!(set_at(&context).line(), line!() - 1);
    });
}

#[test]
fn a_reset_brings_the_old_line_back() {
    fresh(|| {
        A.set(1);
        let line = line!() - 1;
        let token = A.set(2);
        A.reset(token).unwrap();
        assert_eq!(set_at(&copy_context()).line(), line);
    });
}

#[test]
fn an_inserted_value_may_name_another_place() {
    let place = Location::caller();
    let mut context = Context::new();
    context.insert_at(&A, 1, place);
    assert!(std::ptr::eq(set_at(&context), place));
}

#[test]
fn the_alternate_debug_form_shows_the_lines() {
    static SHOWN: ContextVar<&str> = ContextVar::new("user").debug();
    let (context, line) = (Context::new().with_value(&SHOWN, "ann"), line!());
    assert_eq!(format!("{context:?}"), r#"Context {"user": "ann"}"#);
    let text = format!("{context:#?}");
    let place = format!("\"user\": \"ann\" (set at {}:{line}:", file!());
    assert!(text.contains(&place), "{text}");
}
