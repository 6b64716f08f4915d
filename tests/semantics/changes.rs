//! Sentences 61 and 62: `Context::changes_since` and `Changes`.

use std::sync::{Arc, Mutex};

use contextvars::fields::{self, Fields, kv};
use contextvars::{Change, Changes, Context, ContextVar, forbid_bare_set};

use crate::support::{Counted, Counter, on_thread, panic_text};

static A: ContextVar<u32> = ContextVar::new("a");
static B: ContextVar<u32> = ContextVar::new("b");
static C: ContextVar<u32> = ContextVar::new("c");

/// Returns each change as text, in the order of the names.
fn shown(changes: &Changes) -> String {
    let value = |entry: Option<contextvars::Entry<'_>>| {
        entry.map_or("-".to_string(), |entry| entry.downcast_ref::<u32>().unwrap().to_string())
    };
    let show = |change: Change<'_>| {
        format!("{} {}->{}", change.name(), value(change.before()), value(change.after()))
    };
    let mut shown: Vec<_> = changes.iter().map(show).collect();
    shown.sort_unstable();
    shown.join(", ")
}

#[test]
fn sets_replacements_and_removals_are_changes() {
    let base = Context::new().with_value(&A, 1).with_value(&B, 2);
    let mut context = base.clone();
    context.run(|| {
        A.set(10);
        B.unset();
        C.set(3);
    });
    let changes = context.changes_since(&base);
    assert_eq!(shown(&changes), "a 1->10, b 2->-, c -->3");
    assert_eq!((changes.len(), changes.is_empty()), (3, false));
    assert!(changes.iter().any(|change| change.is(&C)));
    assert_eq!(shown(&base.changes_since(&context)), "a 10->1, b -->2, c 3->-");
}

#[test]
fn a_set_and_its_reset_are_no_change() {
    let base = Context::new().with_value(&A, 1);
    let mut context = base.clone();
    context.run(|| {
        let (a, b) = (A.set(2), B.set(3));
        A.reset(a).unwrap();
        B.reset(b).unwrap();
        C.sync_scope(4, || A.get());
    });
    assert!(context.changes_since(&base).is_empty());
    assert!(base.changes_since(&base).is_empty());
}

#[test]
fn an_equal_value_that_was_set_again_is_a_change() {
    let base = Context::new().with_value(&A, 1);
    assert_eq!(shown(&base.clone().with_value(&A, 1).changes_since(&base)), "a 1->1");
}

#[test]
fn local_variables_are_left_out() {
    static LOCAL: ContextVar<u32> = ContextVar::new("local").local();
    let changes = Context::new().with_value(&LOCAL, 1).changes_since(&Context::new());
    assert!(changes.is_empty());
}

#[test]
fn fields_are_compared_key_by_key() {
    let set = |context: &mut Context, kv: [(&'static str, u32); 2]| context.run(|| fields::set(kv));
    let (mut base, mut context) = (Context::new(), Context::new());
    set(&mut base, [("kept", 1), ("gone", 2)]);
    set(&mut context, [("kept", 1), ("new", 3)]);
    let changes = context.changes_since(&base);
    let seen: Vec<_> =
        changes.fields().map(|(key, value)| (key, value.map(ToString::to_string))).collect();
    assert_eq!(seen, [("gone", None), ("new", Some("3".to_string()))]);
    assert_eq!((changes.len(), changes.is_empty()), (0, false));
    changes.apply_to(&mut base);
    assert_eq!(base.run(fields::get), Fields::from_iter(kv! { kept = 1, new = 3 }));
}

#[test]
fn apply_brings_sets_and_removals_and_the_later_one_wins() {
    let base = Context::new().with_value(&A, 1).with_value(&B, 2);
    let mut worker = base.clone();
    worker.run(|| {
        A.set(10);
        B.unset();
        fields::set(kv! { rows = 7 });
    });
    let changes = worker.changes_since(&base);
    base.clone().run(|| {
        let token = A.set(5);
        C.set(6);
        changes.apply();
        assert_eq!((A.get(), B.try_get().is_err(), C.get()), (10, true, 6));
        assert_eq!(fields::get(), Fields::from_iter(kv! { rows = 7 }));
        A.reset(token).expect("the identity is kept");
        assert_eq!(A.get(), 1, "a token restores its own old value");
    });
}

#[test]
fn changes_may_be_applied_twice_and_to_a_context_that_is_not_entered() {
    let base = Context::new();
    let changes = base.clone().with_value(&A, 1).changes_since(&base);
    let (mut one, mut other) = (Context::new().with_value(&B, 2), Context::new());
    let token = one.run(|| B.set(3));
    changes.apply_to(&mut one);
    changes.clone().apply_to(&mut other);
    assert_eq!((one.get(&A), other.get(&A)), (Some(&1), Some(&1)));
    one.run(|| B.reset(token)).expect("the identity is kept");
}

#[test]
fn applied_values_keep_their_own_lines() {
    let (context, line) = (Context::new().with_value(&A, 1), line!());
    let changes = context.changes_since(&Context::new());
    let mut other = Context::new();
    changes.apply_to(&mut other);
    assert_eq!(other.iter().next().unwrap().set_at().line(), line);
    Context::new().run(|| {
        changes.apply();
        assert_eq!(Context::current().iter().next().unwrap().set_at().line(), line);
    });
}

#[test]
fn apply_is_a_bare_set_where_those_are_forbidden_also_when_there_are_no_changes() {
    on_thread(|| {
        forbid_bare_set();
        let changes = Context::new().changes_since(&Context::new());
        let text = panic_text(|| changes.apply());
        assert!(text.contains("outside of any entered context"), "{text}");
        Context::new().run(|| changes.apply());
    });
}

#[test]
fn changes_own_their_values() {
    static VALUE: ContextVar<Counted> = ContextVar::new("value");
    let counter = Counter::new();
    let base = Context::new();
    let changes = base.clone().with_value(&VALUE, Counted::new(&counter)).changes_since(&base);
    assert_eq!(counter.dropped(), 0);
    let change = changes.iter().next().unwrap();
    assert!(change.after().unwrap().downcast_ref::<Counted>().is_some());
    drop(changes);
    assert_eq!(counter.dropped(), 1);
}

/// Compares contexts of many shapes, so that a branch of one map meets a single value of the other at each depth.
#[test]
fn the_changes_between_any_two_contexts_lead_from_one_to_the_other() {
    static VARS: [ContextVar<u32>; 40] = [const { ContextVar::new("many") }; 40];
    let mut random = fastrand::Rng::with_seed(7);
    for var in &VARS {
        let _ = Context::new().with_value(var, 0); // assigns the ids in this order
    }
    for _ in 0..300 {
        let mut base = Context::new();
        let dense = random.u32(1..10);
        for (number, var) in (0..).zip(&VARS) {
            if random.u32(..10) < dense {
                base.insert(var, number);
            }
        }
        let mut context = if random.bool() { base.clone() } else { Context::new() };
        for _ in 0..random.u32(..12) {
            let at = random.usize(..VARS.len());
            if random.bool() {
                context.insert(&VARS[at], random.u32(..));
            } else {
                context.remove(&VARS[at]);
            }
        }
        let changes = context.changes_since(&base);
        let mut applied = base.clone();
        changes.apply_to(&mut applied);
        let expected = VARS.iter().filter(|var| {
            base.get(var).map(std::ptr::from_ref) != context.get(var).map(std::ptr::from_ref)
        });
        assert_eq!(changes.len(), expected.count());
        for var in &VARS {
            let of = |context: &Context| context.get(var).map(std::ptr::from_ref);
            assert_eq!(of(&applied), of(&context));
        }
    }
}

#[test]
fn debug_shows_names_and_no_values() {
    let changes = Context::new().with_value(&A, 1).changes_since(&Context::new());
    assert_eq!(format!("{changes:?}"), r#"Changes { variables: {"a"}, fields: {} }"#);
    let change = changes.iter().next().unwrap();
    assert_eq!(format!("{change:?}"), r#"Change { var: "a", before: None, after: Some(u32) }"#);
}

#[test]
fn all_changes_are_made_before_a_replaced_value_is_dropped() {
    /// Writes down, when it is dropped, whether the other variable still has its value.
    struct Watches(&'static ContextVar<Watches>, Arc<Mutex<Vec<bool>>>);

    impl Drop for Watches {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0.try_with(|_| ()).is_ok());
        }
    }

    static ONE: ContextVar<Watches> = ContextVar::new("one");
    static TWO: ContextVar<Watches> = ContextVar::new("two");

    let both = |found: &Arc<Mutex<Vec<bool>>>| {
        let one = Context::new().with_value(&ONE, Watches(&TWO, Arc::clone(found)));
        one.with_value(&TWO, Watches(&ONE, Arc::clone(found)))
    };
    let removals = Context::new().changes_since(&both(&Arc::default()));
    let found = Arc::default();
    both(&found).run(|| removals.apply());
    assert_eq!(*found.lock().unwrap(), [false, false]);
}
