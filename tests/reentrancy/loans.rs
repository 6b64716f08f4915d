//! When a borrowed value is dropped: at the end of its last borrow, unless a context or a token holds it longer.

use std::sync::atomic::Ordering;
use std::thread;

use contextvars::{Context, ContextVar, copy_context};

use crate::lending::{LENT, TEXT, Watched, assert_valid};
use crate::support::{Counted, Counter};

static COUNTED: ContextVar<Counted> = ContextVar::new("counted");

#[test]
fn a_replaced_value_is_dropped_when_its_last_loan_ends_and_not_before() {
    let counter = Counter::new();
    Context::new().run(|| {
        drop(COUNTED.set(Counted::numbered(&counter, 1)));
        COUNTED.with(|outer| {
            COUNTED.with(|inner| {
                drop(COUNTED.set(Counted::numbered(&counter, 2)));
                assert_eq!((inner.number(), counter.dropped()), (1, 0));
            });
            assert_eq!((outer.number(), counter.dropped()), (1, 0));
        });
        assert_eq!(counter.dropped(), 1);
    });
    assert_eq!((counter.made(), counter.dropped()), (2, 2));
}

#[test]
fn a_replaced_value_that_a_token_holds_outlives_its_loan() {
    let counter = Counter::new();
    Context::new().run(|| {
        drop(COUNTED.set(Counted::numbered(&counter, 1)));
        let token = COUNTED.with(|_| COUNTED.set(Counted::numbered(&counter, 2)));
        assert_eq!(token.old_value().map(Counted::number), Some(1));
        assert_eq!(counter.dropped(), 0);
        drop(token);
        assert_eq!(counter.dropped(), 1);
    });
    assert_eq!(counter.live(), 0);
}

#[test]
fn a_replaced_value_that_a_copy_holds_outlives_its_loan() {
    let counter = Counter::new();
    Context::new().run(|| {
        drop(COUNTED.set(Counted::numbered(&counter, 1)));
        let copy = COUNTED.with(|_| {
            let copy = copy_context();
            drop(COUNTED.set(Counted::numbered(&counter, 2)));
            copy
        });
        assert_eq!(copy.get(&COUNTED).map(Counted::number), Some(1));
        drop(copy);
        assert_eq!(counter.dropped(), 1);
    });
    assert_eq!(counter.live(), 0);
}

/// Each level borrows the current value and sets another one.
#[test]
fn each_of_many_nested_loans_keeps_its_own_value() {
    const LEVELS: u32 = 50;
    fn lend(level: u32, counter: &Counter) {
        drop(COUNTED.set(Counted::numbered(counter, level)));
        COUNTED.with(|lent| {
            if level < LEVELS {
                lend(level + 1, counter);
                assert_eq!(COUNTED.with(Counted::number), LEVELS);
            }
            assert_eq!(lent.number(), level);
            let released = (LEVELS - level).saturating_sub(1);
            assert_eq!(counter.dropped(), released as usize, "at level {level}");
        });
    }
    let counter = Counter::new();
    Context::new().run(|| lend(1, &counter));
    assert_eq!((counter.made(), counter.live()), (LEVELS as usize, 0));
}

/// The last of many borrows of one value drops it.
#[test]
fn many_nested_loans_of_one_value_give_it_back_once() {
    fn lend(level: u32, counter: &Counter) {
        COUNTED.with(|lent| {
            if level == 0 {
                drop(COUNTED.set(Counted::numbered(counter, 2)));
            } else {
                lend(level - 1, counter);
            }
            assert_eq!((lent.number(), counter.dropped()), (1, 0));
        });
    }
    let counter = Counter::new();
    Context::new().run(|| {
        drop(COUNTED.set(Counted::numbered(&counter, 1)));
        lend(50, &counter);
        assert_eq!(counter.dropped(), 1);
    });
    assert_eq!(counter.live(), 0);
}

/// The same value is borrowed in a context and in its copy. Both contexts replace it, and the copy is dropped.
#[test]
fn a_value_lent_in_a_context_and_in_its_copy_survives_both_changes() {
    let (value, drops) = Watched::new(TEXT);
    let mut context = Context::new().with_value(&LENT, value);
    context.run(|| {
        LENT.with(|outer| {
            let mut copy = copy_context();
            copy.run(|| {
                LENT.with(|inner| {
                    drop(LENT.set(Watched::other()));
                    assert_valid(inner);
                });
                assert_valid(outer);
            });
            drop(LENT.set(Watched::other()));
            drop(copy);
            assert_valid(outer);
        });
        assert_eq!(drops.load(Ordering::Acquire), 1);
    });
}

/// A context that was entered during the borrow is dropped during the borrow.
#[test]
fn a_value_borrowed_in_a_run_survives_changes_of_other_contexts() {
    let (value, drops) = Watched::new(TEXT);
    let mut context = Context::new().with_value(&LENT, value);
    let second = context.clone();
    context.run(|| {
        LENT.with(|lent| {
            let mut third = second.clone();
            drop(second);
            third.run(|| LENT.sync_scope(Watched::other(), || assert_valid(lent)));
            assert!(third.remove(&LENT));
            drop(LENT.set(Watched::other()));
            drop(third);
            assert_valid(lent);
        });
    });
    assert_eq!(drops.load(Ordering::Acquire), 1);
}

#[test]
fn a_lent_default_survives_a_set() {
    static DEFAULTED: ContextVar<String> =
        ContextVar::with_default("defaulted", || TEXT.to_owned());
    Context::new().run(|| {
        DEFAULTED.with(|lent| {
            let token = DEFAULTED.set("another".to_owned());
            DEFAULTED.with(|set| assert_eq!(set, "another"));
            DEFAULTED.reset(token).unwrap();
            assert_eq!(lent, TEXT);
        });
    });
}

/// `get` borrows the value for its `Clone`, which may replace it.
#[test]
fn get_lends_the_value_to_its_own_clone() {
    struct Replacing(Box<u32>);
    static REPLACING: ContextVar<Replacing> = ContextVar::new("replacing");
    impl Clone for Replacing {
        fn clone(&self) -> Self {
            drop(REPLACING.set(Self(Box::new(2))));
            Self(self.0.clone())
        }
    }
    Context::new().run(|| {
        drop(REPLACING.set(Replacing(Box::new(1))));
        assert_eq!(*REPLACING.get().0, 1);
        assert_eq!(*REPLACING.get_or(Replacing(Box::new(3))).0, 2);
        assert_eq!(*REPLACING.try_get().unwrap().0, 2);
    });
}

/// Several threads borrow one value, and each replaces it during its borrow.
#[test]
fn threads_lend_one_value_and_let_go_of_it() {
    let (value, drops) = Watched::new(TEXT);
    let context = Context::new().with_value(&LENT, value);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let mut copy = context.clone();
            thread::spawn(move || {
                copy.run(|| {
                    LENT.with(|lent| {
                        drop(LENT.set(Watched::other()));
                        assert_eq!(lent.text, TEXT);
                    });
                });
            })
        })
        .collect();
    drop(context);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(drops.load(Ordering::Acquire), 1);
}

/// The destructor that runs at the end of the borrow borrows and replaces again.
#[test]
fn a_value_dropped_at_the_end_of_a_loan_may_lend_and_replace() {
    struct Chained(u32, Counted);
    static CHAINED: ContextVar<Chained> = ContextVar::new("chained");
    impl Drop for Chained {
        fn drop(&mut self) {
            if self.0 > 0 {
                let chained = |number| Self(number, self.1.clone());
                let _ = CHAINED.try_with(|lent| {
                    drop(CHAINED.set(chained(self.0 - 1)));
                    drop(CHAINED.set(chained(0)));
                    assert_eq!(lent.0, 0);
                });
            }
        }
    }
    let counter = Counter::new();
    Context::new().run(|| {
        drop(CHAINED.set(Chained(5, Counted::new(&counter))));
        CHAINED.with(|_| drop(CHAINED.set(Chained(0, Counted::new(&counter)))));
        assert_eq!(CHAINED.with(|now| now.0), 0);
    });
    assert_eq!(counter.live(), 0);
    assert!(counter.made() > 5);
}

/// Values of several sizes and alignments are borrowed at valid addresses.
#[test]
fn values_of_any_layout_are_lent() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(128))]
    struct Aligned(u8);
    static NOTHING: ContextVar<()> = ContextVar::new("nothing");
    static ALIGNED: ContextVar<Aligned> = ContextVar::new("aligned");
    static LARGE: ContextVar<[u8; 10_000]> = ContextVar::new("large");
    static CAREFUL: ContextVar<(Aligned, Counted)> = ContextVar::new("careful");

    let counter = Counter::new();
    let mut context = Context::new()
        .with_value(&NOTHING, ())
        .with_value(&ALIGNED, Aligned(1))
        .with_value(&LARGE, [2; 10_000])
        .with_value(&CAREFUL, (Aligned(3), Counted::numbered(&counter, 4)));
    context.run(|| {
        NOTHING.with(|()| ());
        ALIGNED.with(|lent| {
            drop(ALIGNED.set(Aligned(5)));
            assert_eq!((std::ptr::from_ref(lent).addr() % 128, lent.0), (0, 1));
        });
        LARGE.with(|lent| {
            drop(LARGE.set([6; 10_000]));
            assert!(lent.iter().all(|byte| *byte == 2));
        });
        CAREFUL.with(|lent| {
            drop(CAREFUL.set((Aligned(7), Counted::new(&counter))));
            assert_eq!((lent.0, lent.1.number(), counter.live()), (Aligned(3), 4, 2));
        });
    });
    drop(context);
    assert_eq!(counter.live(), 0);
}
