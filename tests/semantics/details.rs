//! Details of the public interface that sentences 10, 14 and 60 do not spell out.

use std::error::Error;
use std::fmt::Debug;
use std::future;

use contextvars::{
    Context, ContextExt as _, ContextVar, LookupError, ResetError, ResetErrorKind, Token,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

use crate::support::{Counted, Counter};

/// A value without `Debug`.
struct Secret(u32);

static NUMBER: ContextVar<u32> = ContextVar::new("the-number").debug();
static SECRET: ContextVar<Secret> = ContextVar::new("the-secret");

#[test]
fn debug_of_a_variable_and_a_token_names_the_variable() {
    assert!(format!("{NUMBER:?}").contains("the-number"));
    assert!(format!("{SECRET:?}").contains("the-secret"));
    Context::new().run(|| {
        let token = SECRET.set(Secret(1));
        assert!(format!("{token:?}").contains("the-secret"));
    });
    assert_eq!((NUMBER.name(), SECRET.name()), ("the-number", "the-secret"));
}

#[test]
fn debug_of_a_wrapper_names_its_variable_or_shows_its_future() {
    let wrapped = future::ready(41_592).in_context(Context::new().with_value(&NUMBER, 7));
    let text = format!("{wrapped:?}");
    assert!(text.contains("41592") && text.contains("the-number"), "{text}");
    let scoped = NUMBER.scope(65_358, future::ready(41_592));
    let text = format!("{scoped:?}");
    assert!(text.contains("41592") && !text.contains("65358"), "{text}");
    Context::new().run(|| {
        let binding = SECRET.bind(Secret(1));
        assert!(format!("{binding:?}").contains("the-secret"));
    });
}

#[test]
fn errors_are_errors_whatever_the_value_is() {
    assert_impl_all!(LookupError: Error, Clone, Send, Sync);
    assert_impl_all!(ResetError<u32>: Error, Send, Sync);
    assert_impl_all!(ResetError<Secret>: Error, Debug);
    assert_impl_all!(ResetErrorKind: Copy, Eq, Debug);
    let mut home = Context::new();
    let token = home.run(|| SECRET.set(Secret(1)));
    let error = SECRET.reset(token).expect_err("not the thread's token");
    assert!(format!("{error:?}").contains("WrongContext"), "{error:?}");
    let boxed: Box<dyn Error + Send + Sync> = Box::new(error);
    assert!(boxed.to_string().contains("context"));
}

#[test]
fn a_token_is_sent_but_never_copied() {
    assert_impl_all!(Token<u32>: Send, Sync);
    assert_not_impl_any!(Token<u32>: Clone, Copy);
    assert_not_impl_any!(ContextVar<u32>: Clone, Copy);
}

#[test]
fn debug_of_a_context_shows_values_of_debug_variables_and_types_of_others() {
    let context = Context::new().with_value(&NUMBER, 41_592).with_value(&SECRET, Secret(65_358));
    assert_eq!(context.get(&SECRET).map(|secret| secret.0), Some(65_358));
    let text = format!("{context:?}");
    assert!(text.contains("the-number") && text.contains("41592"), "{text}");
    assert!(text.contains("the-secret") && text.contains("Secret"), "{text}");
    assert!(!text.contains("65358"), "{text}");
}

#[test]
fn debug_of_a_context_shows_no_value_that_was_not_asked_for() {
    static PASSWORD: ContextVar<&str> = ContextVar::new("password");
    let text = format!("{:#?}", Context::new().with_value(&PASSWORD, "hunter2"));
    assert!(text.contains("password") && text.contains("str"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn two_copies_with_no_change_between_them_are_the_same_snapshot() {
    Context::new().run(|| {
        NUMBER.set(1);
        let one = Context::current();
        let two = Context::current();
        assert!(one.ptr_eq(&two) && two.ptr_eq(&one));
        assert!(one.clone().ptr_eq(&two));

        NUMBER.set(2);
        let three = Context::current();
        assert!(!one.ptr_eq(&three));
        assert_eq!((one.get(&NUMBER), three.get(&NUMBER)), (Some(&1), Some(&2)));
    });
}

#[test]
fn two_copies_beside_a_local_variable_are_the_same_snapshot() {
    static LOCAL: ContextVar<u32> = ContextVar::new("local").local();
    Context::new().run(|| {
        NUMBER.set(1);
        LOCAL.set(2);
        assert!(Context::current().ptr_eq(&Context::current()));
    });
}

#[test]
fn contexts_that_were_made_apart_are_not_the_same_snapshot() {
    let one = Context::new().with_value(&NUMBER, 1);
    let two = Context::new().with_value(&NUMBER, 1);
    assert!(!one.ptr_eq(&two));
    let (clone, changed) = (one.clone(), one.clone().with_value(&NUMBER, 1));
    assert!(clone.ptr_eq(&one));
    assert!(!changed.ptr_eq(&one));
}

#[test]
fn get_contains_len_and_iter_see_explicit_values_only() {
    static DEFAULTED: ContextVar<u32> = ContextVar::with_default("defaulted", || 1);
    let mut context = Context::new();
    context.run(|| DEFAULTED.get());
    assert_eq!((context.get(&DEFAULTED), context.contains(&DEFAULTED)), (None, false));
    assert!(context.is_empty() && context.iter().next().is_none());

    let context = context.with_value(&DEFAULTED, 2);
    assert_eq!((context.get(&DEFAULTED), context.contains(&DEFAULTED)), (Some(&2), true));
    assert_eq!((context.len(), context.iter().len(), context.is_empty()), (1, 1, false));
}

#[test]
fn with_value_replaces_and_remove_says_whether_there_was_something() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let context = Context::new().with_value(&VALUE, Counted::numbered(&counter, 1));
    let mut context = context.with_value(&VALUE, Counted::numbered(&counter, 2));
    assert_eq!((context.len(), counter.live()), (1, 1));
    assert_eq!(context.get(&VALUE).map(Counted::number), Some(2));
    assert!(context.remove(&VALUE));
    assert_eq!(counter.live(), 0);
    assert!(!context.remove(&VALUE));
}

#[test]
fn a_change_in_a_copy_changes_one_value_of_one_context() {
    let vars: Vec<_> = (0..100).map(|_| ContextVar::new("many")).collect();
    let original = (0..).zip(&vars).fold(Context::new(), |c, (n, var)| c.with_value(var, n));
    let seen = |context: &Context| vars.iter().map(|var| context.get(var).copied()).collect();
    let expected: Vec<Option<usize>> = (0..100).map(Some).collect();
    for (n, var) in vars.iter().enumerate() {
        let mut copy = original.clone();
        let mut changed = expected.clone();

        let token = copy.run(|| var.set(1000));
        changed[n] = Some(1000);
        assert_eq!((seen(&copy), copy.len()), (changed.clone(), 100));

        let mut copy_of_copy = copy.clone();
        assert!(copy_of_copy.remove(var));
        changed[n] = None;
        assert_eq!((seen(&copy_of_copy), copy_of_copy.len()), (changed, 99));

        copy.run(|| assert!(var.reset(token).is_ok()));
        assert_eq!((seen(&copy), copy.len()), (expected.clone(), 100));
        assert_eq!((seen(&original), original.len()), (expected.clone(), 100));
    }
}

#[test]
fn retain_keeps_the_chosen_entries() {
    let vars: Vec<_> = (0..100).map(|_| ContextVar::new("many")).collect();
    let mut context = (0..).zip(&vars).fold(Context::new(), |c, (n, var)| c.with_value(var, n));
    let untouched = context.clone();
    let mut shown = 0;
    context.retain(|entry| {
        shown += 1;
        entry.downcast_ref::<i32>().is_some_and(|n| n % 3 == 0)
    });
    assert_eq!((shown, context.len(), untouched.len()), (100, 34, 100));
    for (n, var) in (0..).zip(&vars) {
        assert_eq!(context.contains(var), n % 3 == 0);
    }
}

#[test]
fn retain_by_variable_is_how_a_background_job_is_captured() {
    static REQUEST: ContextVar<u32> = ContextVar::new("request");
    let mut context = Context::new().with_value(&REQUEST, 1).with_value(&NUMBER, 2);
    context.retain(|entry| entry.is(&NUMBER));
    assert_eq!((context.get(&REQUEST), context.get(&NUMBER)), (None, Some(&2)));
}

#[test]
fn a_retain_that_panics_leaves_a_context_that_can_be_used() {
    let vars: Vec<_> = (0..20).map(|_| ContextVar::new("many")).collect();
    let mut context = (0..).zip(&vars).fold(Context::new(), |c, (n, var)| c.with_value(var, n));
    let mut left = 10;
    let text = crate::support::panic_text(|| {
        context.retain(|_| {
            left -= 1;
            assert!(left > 0, "enough");
            false
        });
    });
    assert_eq!(text, "enough");
    let present = vars.iter().filter(|var| context.contains(var)).count();
    assert_eq!((context.len(), context.iter().count()), (present, present));
    context.run(|| vars[0].set(5));
    assert_eq!(context.get(&vars[0]), Some(&5));
}

#[test]
fn an_entry_tells_its_variable_and_lends_its_value() {
    let context = Context::new().with_value(&NUMBER, 1).with_value(&SECRET, Secret(2));
    let entry = context.iter().find(|entry| entry.is(&NUMBER)).expect("it is there");
    let copy = entry;
    assert_eq!((entry.name(), copy.name()), ("the-number", "the-number"));
    assert!(!entry.is(&SECRET));
    assert_eq!(copy.downcast_ref::<u32>(), Some(&1));
    assert_eq!(copy.downcast_ref::<i32>(), None);

    let lent: &u32 = { entry }.downcast_ref().expect("a u32");
    assert_eq!(lent, &1, "it lives as long as the context, not the entry");
}

#[test]
fn iter_knows_its_length_and_shows_every_entry_once() {
    let vars: Vec<_> = (0..50).map(|_| ContextVar::new("many")).collect();
    let context = (0_usize..).zip(&vars).fold(Context::new(), |c, (n, var)| c.with_value(var, n));
    let mut entries = context.iter();
    let mut seen = Vec::new();
    for left in (0..50).rev() {
        seen.extend(entries.next().and_then(|entry| entry.downcast_ref::<usize>()).copied());
        assert_eq!((entries.len(), entries.size_hint()), (left, (left, Some(left))));
    }
    assert!(entries.next().is_none());
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..50));
}

#[test]
fn new_is_const_and_empty() {
    static EMPTY: Context = Context::new();
    assert!(EMPTY.is_empty() && Context::default().is_empty());
    assert_eq!(EMPTY.len(), 0);
    assert_eq!(EMPTY.clone().run(|| Context::current().len()), 0);
}

#[test]
fn a_variable_needs_no_static() {
    let var = ContextVar::new("on the stack");
    let name = Context::new().run(|| {
        let token = var.set(vec![1, 2]);
        assert_eq!(var.with(Vec::len), 2);
        token.name()
    });
    assert_eq!(name, "on the stack");
}
