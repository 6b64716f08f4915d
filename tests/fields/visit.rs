//! `visit`, and typed variables that are marked as logged.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use contextvars::fields::{self, Snapshot, Value, kv};
use contextvars::{Context, ContextVar};

use crate::{fresh, visited};

#[test]
fn logged_variables_come_first_then_bound_fields_in_order() {
    static REQUEST: ContextVar<u64> = ContextVar::new("request").logged();
    static SECRET: ContextVar<u64> = ContextVar::new("secret");
    fresh(|| {
        fields::set(kv! { z = 1, a = 2 });
        REQUEST.set(7);
        SECRET.set(8);
        assert_eq!(visited(), "request=7 z=1 a=2");
    });
    assert_eq!(fresh(visited), "");
}

#[test]
fn a_bound_field_goes_before_a_variable_of_its_name() {
    static USER: ContextVar<&str> = ContextVar::new("user").logged();
    fresh(|| {
        USER.set("ann");
        fields::sync_scope(kv! { user = "bob" }, || assert_eq!(visited(), "user=bob"));
        assert_eq!(visited(), "user=ann");
    });
}

#[test]
fn one_of_several_variables_with_the_same_name_is_seen() {
    static ONE: ContextVar<u8> = ContextVar::new("same").logged();
    static OTHER: ContextVar<u8> = ContextVar::new("same").logged();
    static SILENT: ContextVar<u8> = ContextVar::new("same");
    fresh(|| {
        SILENT.set(0);
        assert_eq!(visited(), "");
        ONE.set(1);
        assert_eq!(visited(), "same=1");
        OTHER.set(2);
        assert!(["same=1", "same=2"].contains(&visited().as_str()));
    });
}

#[test]
fn each_name_of_many_variables_is_seen_once() {
    const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let vars: Vec<ContextVar<u8>> = (0..156)
        .map(|place| {
            let var = ContextVar::new(NAMES[place % NAMES.len()]);
            if place < 120 { var } else { var.logged() }
        })
        .collect();
    fresh(|| {
        for var in &vars {
            var.set(1);
        }
        let mut seen = vec![];
        fields::visit(|key, _| seen.push(key.to_owned()));
        seen.sort();
        assert_eq!(seen, NAMES);
    });
}

#[test]
fn a_default_is_not_seen() {
    static REGION: ContextVar<&str> = ContextVar::with_default("region", || "eu").logged();
    assert_eq!(fresh(visited), "");
    assert_eq!(REGION.sync_scope("us", visited), "region=us");
}

#[test]
fn values_are_resolved_at_each_visit() {
    static N: ContextVar<u8> = ContextVar::new("n").logged();
    fresh(|| {
        N.set(1);
        assert_eq!(visited(), "n=1");
        N.set(2);
        assert_eq!(visited(), "n=2");
    });
}

#[test]
fn debug_and_logged_go_together_in_either_order() {
    static ONE: ContextVar<u8> = ContextVar::new("one").debug().logged();
    static TWO: ContextVar<u8> = ContextVar::new("two").logged().debug();
    static LOGGED: ContextVar<u8> = ContextVar::new("logged").logged();
    static SHOWN: ContextVar<u8> = ContextVar::new("shown").debug();
    let context = |var: &'static ContextVar<u8>| Context::new().with_value(var, 7);
    for (var, field, text) in [
        (&ONE, true, r#"Context {"one": 7}"#),
        (&TWO, true, r#"Context {"two": 7}"#),
        (&LOGGED, true, r#"Context {"logged": u8}"#),
        (&SHOWN, false, r#"Context {"shown": 7}"#),
    ] {
        let context = context(var);
        let entry = context.iter().next().unwrap();
        assert_eq!(entry.field(), field.then(|| Value::from(7)));
        assert_eq!(format!("{context:?}"), text);
    }
}

#[test]
fn local_variables_are_logged_where_they_are() {
    static HERE: ContextVar<u8> = ContextVar::new("here").local().logged();
    HERE.sync_scope(1, || {
        assert_eq!(visited(), "here=1");
        assert_eq!(Context::current().run(visited), "");
    });
}

#[test]
fn nothing_is_allocated_for_bound_fields_scalars_and_static_text() {
    static NUMBER: ContextVar<u64> = ContextVar::new("number").logged();
    static FLAG: ContextVar<Option<bool>> = ContextVar::new("flag").logged();
    static STATIC: ContextVar<&str> = ContextVar::new("static").logged();
    let count = || {
        let (mut seen, before) = (0, allocations());
        fields::visit(|_, _| seen += 1);
        (seen, allocations() - before)
    };
    assert_eq!(fresh(count), (0, 0));
    fresh(|| {
        fields::set(kv! { user = String::from("ann"), n = 3, path = %"/" });
        NUMBER.set(1);
        FLAG.set(Some(true));
        STATIC.set("text");
        assert_eq!(count(), (6, 0));
    });
}

/// Counts the allocations of each thread.
struct Counting;

thread_local!(static ALLOCATIONS: Cell<usize> = const { Cell::new(0) });

fn allocations() -> usize {
    ALLOCATIONS.get()
}

#[expect(unsafe_code, reason = "an allocator")]
// SAFETY: the system's allocator does all of the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller upholds the contract of this method, which is the contract of the called one.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds the contract of this method, which is the contract of the called one.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_snapshot_is_empty_if_it_shows_nothing() {
    static LOGGED: ContextVar<u8> = ContextVar::new("logged").logged();
    static HIDDEN: ContextVar<u8> = ContextVar::new("hidden");
    fresh(|| {
        assert!(Snapshot::now().is_empty());
        HIDDEN.sync_scope(1, || assert_eq!(visited(), ""));
        LOGGED.sync_scope(1, || assert!(!Snapshot::now().is_empty()));
        fields::sync_scope(kv! { a = 1 }, || assert!(!Snapshot::now().is_empty()));
    });
}
