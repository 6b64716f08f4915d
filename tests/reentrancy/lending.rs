//! A value that `with` borrows stays valid and unchanged until the closure returns, whatever the closure does.
//!
//! The value is dropped exactly once, and not before its last borrow has ended. Here every change of the current context is
//! tried in every shape of borrow; `loans` tests when the value is dropped.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use contextvars::{Context, ContextExt as _, ContextVar, Token, copy_context};

use crate::support::{ByHand, on_thread, panic_text};

/// A text on the heap, and the number of its drops.
pub(crate) struct Watched {
    pub(crate) text: String,
    pub(crate) drops: Arc<AtomicUsize>,
}

impl Watched {
    pub(crate) fn new(text: &str) -> (Self, Arc<AtomicUsize>) {
        let drops = Arc::new(AtomicUsize::new(0));
        (Self { text: text.to_owned(), drops: Arc::clone(&drops) }, drops)
    }

    pub(crate) fn other() -> Self {
        Self::new("another").0
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.text.clear();
        self.drops.fetch_add(1, Ordering::AcqRel);
    }
}

pub(crate) static LENT: ContextVar<Watched> = ContextVar::new("lent");
static OTHER: ContextVar<u32> = ContextVar::new("other");

pub(crate) const TEXT: &str = "a text that is too long to be anywhere but on the heap";

// === every change, in every shape of loan ===

/// Removes the borrowed value from the current context, given the token of its `set`.
///
/// The result is kept until the borrow has ended.
type Change = fn(Token<Watched>) -> Box<dyn Any>;

const CHANGES: &[(&str, Change)] = &[
    ("set, token dropped at once", |_first| {
        drop(LENT.set(Watched::other()));
        Box::new(())
    }),
    ("set, tokens kept", |first| Box::new((first, LENT.set(Watched::other())))),
    ("reset", |first| {
        LENT.reset(first).unwrap();
        assert!(LENT.try_with(|_| ()).is_err());
        Box::new(())
    }),
    ("set, then reset of both in the order of their making", |first| {
        let second = LENT.set(Watched::other());
        LENT.reset(first).unwrap();
        LENT.reset(second).unwrap();
        assert!(LENT.with(|again| again.text == TEXT));
        drop(LENT.set(Watched::other()));
        Box::new(())
    }),
    ("reset, and set again", |first| {
        LENT.reset(first).unwrap();
        Box::new(LENT.set(Watched::other()))
    }),
    ("a scope, then set", |_first| {
        LENT.sync_scope(Watched::other(), || {
            assert_eq!(LENT.with(|now| now.text.clone()), "another");
        });
        assert!(LENT.with(|again| again.text == TEXT));
        drop(LENT.set(Watched::other()));
        Box::new(())
    }),
    ("a set inside a scope", |first| {
        LENT.sync_scope(Watched::other(), || LENT.reset(first).unwrap());
        assert!(LENT.with(|again| again.text == TEXT));
        drop(LENT.set(Watched::other()));
        Box::new(())
    }),
    ("a binding, then set", |_first| {
        drop(LENT.bind(Watched::other()));
        assert!(LENT.with(|again| again.text == TEXT));
        drop(LENT.set(Watched::other()));
        Box::new(())
    }),
    ("a binding that is forgotten by a later set", |_first| {
        let binding = LENT.bind(Watched::other());
        Context::new().run(|| drop(binding));
        Box::new(())
    }),
    ("a hundred sets", |_first| {
        for _ in 0..100 {
            drop(LENT.set(Watched::other()));
        }
        Box::new(())
    }),
    ("a set while a copy has it, and the copy's end", |_first| {
        let copy = copy_context();
        drop(LENT.set(Watched::other()));
        assert!(copy.get(&LENT).is_some_and(|held| held.text == TEXT));
        drop(copy);
        Box::new(())
    }),
    ("a reset while a copy has it, and the copy's removal of it", |first| {
        let mut copy = copy_context();
        LENT.reset(first).unwrap();
        assert!(copy.remove(&LENT));
        Box::new(copy)
    }),
    ("a set while a copy has it, which retains nothing, on another thread", |_first| {
        let mut copy = copy_context();
        drop(LENT.set(Watched::other()));
        on_thread(move || copy.retain(|_| false));
        Box::new(())
    }),
];

/// Borrows [`LENT`] in some way, makes the change meanwhile, and reads the borrowed value again.
type Shape = fn(&mut dyn FnMut());

pub(crate) fn assert_valid(lent: &Watched) {
    assert_eq!(lent.text, TEXT);
    assert_eq!(lent.drops.load(Ordering::Acquire), 0);
}

const SHAPES: &[(&str, Shape)] = &[
    ("with", |change| {
        LENT.with(|lent| {
            change();
            assert_valid(lent);
        });
    }),
    ("try_with", |change| {
        let lent = LENT.try_with(|lent| {
            change();
            assert_valid(lent);
        });
        assert!(lent.is_ok());
    }),
    ("two loans, changed in the inner one", |change| {
        LENT.with(|outer| {
            LENT.with(|inner| {
                change();
                assert_valid(inner);
                assert!(std::ptr::eq(inner, outer));
            });
            assert_valid(outer);
        });
    }),
    ("two loans, changed after the inner one", |change| {
        LENT.with(|outer| {
            LENT.with(assert_valid);
            change();
            assert_valid(outer);
        });
    }),
    ("two loans, changed before the inner one", |change| {
        LENT.with(|outer| {
            change();
            let _ = LENT.try_with(|inner| assert_eq!(inner.text, "another"));
            assert_valid(outer);
        });
    }),
    ("loans of two variables", |change| {
        OTHER.sync_scope(1, || {
            OTHER.with(|before| {
                LENT.with(|lent| {
                    OTHER.with(|after| {
                        change();
                        drop(OTHER.set(2));
                        assert_eq!((*before, *after), (1, 1));
                        assert_valid(lent);
                    });
                    assert_valid(lent);
                });
                assert_eq!(*before, 1);
            });
        });
    }),
    ("with, while a context is entered and left", |change| {
        LENT.with(|lent| {
            copy_context().run(|| drop(LENT.set(Watched::other())));
            Context::new().run(|| drop(LENT.set(Watched::other())));
            change();
            Context::new().run(|| assert_valid(lent));
        });
    }),
    ("with, while a future is polled and dropped", |change| {
        LENT.with(|lent| {
            let future = async { drop(LENT.set(Watched::other())) };
            ByHand::new(future.in_current_context()).last_step();
            change();
            drop(async {}.in_current_context());
            assert_valid(lent);
        });
    }),
    ("with, whose closure panics", |change| {
        let text = panic_text(|| {
            LENT.with(|lent| {
                change();
                assert_valid(lent);
                panic!("lent: {}", lent.text);
            })
        });
        assert_eq!(text, format!("lent: {TEXT}"));
    }),
    ("with, and an inner loan whose closure panics", |change| {
        LENT.with(|outer| {
            let text = panic_text(|| {
                LENT.with(|inner| {
                    change();
                    panic!("lent: {}", inner.text);
                })
            });
            assert_eq!(text, format!("lent: {TEXT}"));
            assert_valid(outer);
        });
    }),
];

/// Tries one pair in the current context. The result of the change may or may not keep the value alive.
fn lend_and_change(shape: Shape, change: Change) {
    let (value, drops) = Watched::new(TEXT);
    let mut token = Some(LENT.set(value));
    let mut kept = None;
    shape(&mut || kept = token.take().map(change));
    drop(kept);
    assert_eq!(drops.load(Ordering::Acquire), 1, "dropped once, with its last owner");
}

fn each_pair(run: impl Fn(Shape, Change)) {
    for (shape_name, shape) in SHAPES {
        for (change_name, change) in CHANGES {
            println!("{shape_name}: {change_name}");
            run(*shape, *change);
        }
    }
}

#[test]
fn a_lent_value_survives_every_change_in_the_threads_own_context() {
    each_pair(|shape, change| on_thread(move || lend_and_change(shape, change)));
}

#[test]
fn a_lent_value_survives_every_change_in_an_entered_context() {
    each_pair(|shape, change| Context::new().run(|| lend_and_change(shape, change)));
}

#[test]
fn a_lent_value_survives_every_change_beside_a_local_variable() {
    static LOCAL: ContextVar<u32> = ContextVar::new("local").local();
    each_pair(|shape, change| {
        Context::new().with_value(&LOCAL, 1).run(|| lend_and_change(shape, change));
    });
}

#[test]
fn a_lent_value_survives_every_change_in_a_future() {
    each_pair(|shape, change| {
        let future = async { lend_and_change(shape, change) };
        ByHand::new(future.in_context(Context::new())).last_step();
    });
}
