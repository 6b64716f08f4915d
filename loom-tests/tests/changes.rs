//! The changes of a copy: found on one thread while the context that they refer to is changed on another, and applied on one
//! thread while the contexts that they came from are dropped on another.

use contextvars::{Changes, Context, ContextVar};
use loom_tests::{Live, Value, model_within, thread};

static ONE: ContextVar<Value> = ContextVar::new("one");
static TWO: ContextVar<Value> = ContextVar::new("two");

fn numbers(context: &Context) -> [Option<u32>; 2] {
    [&ONE, &TWO].map(|var| context.get(var).map(Value::number))
}

fn base(live: &Live) -> Context {
    Context::new().with_value(&ONE, live.value(1)).with_value(&TWO, live.value(2))
}

/// Returns the changes of a copy of `base` in which `ONE` is set and `TWO` is removed.
fn change(base: &Context, one: Value) -> Changes {
    let mut copy = base.clone();
    copy.run(|| drop(ONE.set(one)));
    assert!(copy.remove(&TWO));
    copy.changes_since(base)
}

// sabotage: src/count.rs: self.0.fetch_sub(1, Ordering::Release) => self.0.fetch_sub(1, Ordering::Relaxed)
// sabotage: src/hamt/diff.rs: now.is_none_or(|now| !now.ptr_eq(value.as_ptr())) => now.is_some_and(|now| !now.ptr_eq(value.as_ptr()))
#[test]
fn changes_are_found_while_their_base_is_changed_in_another_copy() {
    model_within(3, "changes are found", || {
        let live = Live::new();
        let base = base(&live);
        let mut mine = base.clone();
        let ten = live.value(10);
        let other = thread::spawn(move || change(&base, ten));
        assert!(mine.remove(&ONE));
        let changes = other.join().unwrap();
        changes.apply_to(&mut mine);
        drop(changes);
        assert_eq!((numbers(&mine), live.count()), ([Some(10), None], 1));
        drop(mine);
        assert_eq!(live.count(), 0);
    });
}

// sabotage: src/count.rs: self.0.fetch_sub(1, Ordering::Release) => self.0.fetch_sub(1, Ordering::Relaxed)
// sabotage: src/changes.rs: current::replace(id, after.clone()) => current::replace(id, before.clone())
#[test]
fn changes_are_applied_while_the_contexts_that_they_came_from_go() {
    model_within(3, "changes are applied", || {
        let live = Live::new();
        let base = base(&live);
        let mut mine = base.clone();
        let changes = change(&base, live.value(10));
        let also = changes.clone();
        let other = thread::spawn(move || drop((base, also)));
        mine.run(|| changes.apply());
        assert_eq!(numbers(&mine), [Some(10), None]);
        drop(changes);
        other.join().unwrap();
        assert_eq!(live.count(), 1);
        drop(mine);
        assert_eq!(live.count(), 0);
    });
}
