//! Sentence 1: a variable's identity is a number that is assigned on first use and never reused, not its name or its address.

use std::sync::{Arc, Barrier};
use std::thread;

use contextvars::{Context, ContextVar};

#[test]
fn variables_of_one_name_are_two_variables() {
    static ONE: ContextVar<u32> = ContextVar::new("twin");
    static OTHER: ContextVar<u32> = ContextVar::new("twin");

    let context = Context::new().with_value(&ONE, 1);
    assert_eq!(context.get(&ONE), Some(&1));
    assert_eq!(context.get(&OTHER), None);

    let context = context.with_value(&OTHER, 2);
    assert_eq!((context.get(&ONE), context.get(&OTHER)), (Some(&1), Some(&2)));
    assert_eq!(context.len(), 2);
}

#[test]
fn variables_of_one_name_and_two_types_do_not_meet() {
    static NUMBER: ContextVar<u32> = ContextVar::new("both");
    static TEXT: ContextVar<&str> = ContextVar::new("both");

    let context = Context::new().with_value(&NUMBER, 1).with_value(&TEXT, "one");
    assert_eq!(context.get(&NUMBER), Some(&1));
    assert_eq!(context.get(&TEXT), Some(&"one"));
}

#[test]
fn variables_without_size_of_value_are_told_apart() {
    static MARKS: [ContextVar<()>; 2] = [ContextVar::new("mark"), ContextVar::new("mark")];

    let context = Context::new().with_value(&MARKS[1], ());
    assert!(!context.contains(&MARKS[0]));
    assert!(context.contains(&MARKS[1]));
}

#[test]
fn a_variable_keeps_its_identity_when_it_moves() {
    Context::new().run(|| {
        let var = ContextVar::new("moving");
        let token = var.set(1);
        let mut moved = Box::new(var);
        assert_eq!(moved.get(), 1);
        assert!(moved.reset(token).is_ok());

        moved.set(2);
        let mut other = ContextVar::new("other");
        std::mem::swap(&mut *moved, &mut other);
        assert_eq!(other.get(), 2, "the value follows the variable");
        assert!(moved.try_get().is_err(), "and does not stay at the address");
    });
}

#[test]
fn an_identity_is_never_reused() {
    let mut context = Context::new();
    for round in 0..200 {
        // The allocator returns the same address again and again.
        let var = Box::new(ContextVar::new("short-lived"));
        context.run(|| {
            assert!(var.try_get().is_err(), "round {round} found the value of a dropped variable");
            var.set(round);
            assert_eq!(var.get(), round);
        });
    }
    assert_eq!(context.len(), 200, "every variable was a key of its own");
}

#[test]
fn a_dropped_variable_does_not_lend_its_identity_to_another_type() {
    let mut context = Context::new();
    {
        let var = Box::new(ContextVar::new("short-lived"));
        context.run(|| var.set(String::from("text")));
    }
    let var: Box<ContextVar<u64>> = Box::new(ContextVar::new("short-lived"));
    assert_eq!(context.get(&var), None);
}

#[test]
fn the_identity_is_given_once_when_threads_race_for_the_first_use() {
    const THREADS: usize = 8;
    for _ in 0..100 {
        let var = Arc::new(ContextVar::new("raced"));
        let start = Arc::new(Barrier::new(THREADS));
        let threads: Vec<_> = (0..THREADS)
            .map(|n| {
                let (var, start) = (Arc::clone(&var), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    Context::new().with_value(&var, n)
                })
            })
            .collect();
        for (n, thread) in threads.into_iter().enumerate() {
            let context = thread.join().expect("no thread panics");
            assert_eq!(context.get(&var), Some(&n));
        }
    }
}

#[test]
fn a_thousand_variables_are_a_thousand_keys() {
    let vars: Vec<_> = (0..1000).map(|_| ContextVar::new("one of many")).collect();
    let context = (0..).zip(&vars).fold(Context::new(), |c, (n, var)| c.with_value(var, n));
    assert_eq!(context.len(), 1000);
    for (n, var) in (0..).zip(&vars) {
        assert_eq!(context.get(var), Some(&n));
    }
}

#[test]
fn reading_first_gives_the_same_identity_as_setting_first() {
    static READ_FIRST: ContextVar<u32> = ContextVar::new("read first");
    Context::new().run(|| {
        assert!(READ_FIRST.try_get().is_err());
        READ_FIRST.set(3);
        assert_eq!(READ_FIRST.get(), 3);
    });
}
