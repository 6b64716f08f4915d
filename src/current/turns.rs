//! Entering equal contexts one after the other, for a loop that starts each of its turns from the same values.
//!
//! [`enter`](super::enter) moves the state into the slot and back, so a loop that enters one context waits, in each turn, for the
//! stores of the turn before. Here a state that a turn did not change stays where it is, and nothing is stored to it.

use std::mem::ManuallyDrop;
use std::ptr;

use super::borrow::BorrowFrame;
use super::{Slot, with_slot};
use crate::context_state::ContextState;
use crate::id::ContextId;

/// The context that the turns of one loop start from. It is a local variable of [`in_turns`], so it cannot be dropped while a turn
/// runs, not even if the turn is suspended for ever on a stack that is leaked.
pub(crate) struct Turns<'a> {
    origin: &'a ContextState,
    /// A copy of `origin` without an id. It is replaced only after a turn that changed it.
    working: ContextState,
}

/// Calls `body`, which may run any number of turns, each in a context with the values of `origin`. `working` is a copy of `origin`, or
/// a state that an earlier call returned for it. Returns the result of `body` and the state for the next call.
///
/// `body` runs its turns on its own stack, and neither keeps nor swaps the [`Turns`].
#[inline]
pub(crate) fn in_turns<R>(
    origin: &ContextState,
    working: ContextState,
    body: impl FnOnce(&mut Turns<'_>) -> R,
) -> (R, ContextState) {
    assert!(working.id == ContextId::UNASSIGNED);
    let mut turns = Turns { origin, working };
    let result = body(&mut turns);
    (result, turns.working)
}

/// Returns `true` if a state that began as a copy of `origin` without an id was changed. Each change assigns an id. The maps are
/// compared all the same, so that memory safety does not depend on that: a changed map has another root than `origin`, which keeps
/// the root alive.
#[inline]
fn is_modified(origin: &ContextState, state: &ContextState) -> bool {
    state.id != ContextId::UNASSIGNED || !state.ptr_eq(origin)
}

impl Turns<'_> {
    /// Runs `f` in a context with the values of the origin. Values that `f` sets are dropped afterwards. The previous context is
    /// current again, also after a panic.
    #[inline]
    pub(crate) fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let result = self.enter(f);
        if is_modified(self.origin, &self.working) {
            self.working = self.origin.copy(); // user code: T::drop
        }
        result
    }

    #[inline]
    fn enter<R>(&mut self, f: impl FnOnce() -> R) -> R {
        struct Exit<'a> {
            slot: &'a Slot,
            outer: ManuallyDrop<ContextState>,
            outer_borrows: *const BorrowFrame,
            working: &'a mut ContextState,
        }

        impl Drop for Exit<'_> {
            #[inline]
            fn drop(&mut self) {
                if self.slot.borrows.get() != BorrowFrame::sentinel(self.working) {
                    BorrowFrame::out_of_order();
                }
                self.slot.borrows.set(self.outer_borrows);
                let outer =
                    std::mem::replace(&mut *self.outer, ContextState::new(ContextId::UNASSIGNED));
                let entered = self.slot.swap(outer);
                // If the context was not changed, `working` is equal to the slot's state, bit by bit. Otherwise it is outdated,
                // and its references are gone. Either way one of the two is forgotten.
                if is_modified(self.working, &entered) {
                    std::mem::forget(std::mem::replace(self.working, entered));
                } else {
                    std::mem::forget(entered);
                }
            }
        }

        let working = &mut self.working;
        with_slot(|slot| {
            // SAFETY: `working` is a valid, aligned state. Until `Exit` forgets either this copy or `working`, no code uses or drops
            // `working`, because it is borrowed mutably and is a local variable of `in_turns`, further out on this stack. If the
            // stack is leaked inside of `f`, `working` is leaked with it. That no stack is freed, reused or copied without
            // unwinding it is a premise of the module `current`.
            let entered = unsafe { ptr::read(working) };
            let outer = ManuallyDrop::new(slot.swap(entered));
            let outer_borrows = slot.borrows.replace(BorrowFrame::sentinel(working));
            let _exit = Exit { slot, outer, outer_borrows, working };
            f() // user code
        })
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, Location, catch_unwind};
    use std::sync::Arc;

    use super::*;
    use crate::{Context, ContextVar};

    type Counted = Arc<u32>;

    static ONE: ContextVar<Counted> = ContextVar::new("one");
    static TWO: ContextVar<Counted> = ContextVar::new("two");
    static THREE: ContextVar<Counted> = ContextVar::new("three");
    static LOCAL: ContextVar<Counted> = ContextVar::new("local").local();
    static VARS: [&ContextVar<Counted>; 4] = [&ONE, &TWO, &THREE, &LOCAL];

    /// Calls `test` with a context of so many variables, for no variable up to all, and counts the owners of each value afterwards.
    fn with_contexts(test: impl Fn(&Context)) {
        for len in 0..=VARS.len() {
            let values: Vec<_> = (0..).map(Arc::new).take(len).collect();
            let mut context = Context::new();
            for (var, value) in VARS.iter().zip(&values) {
                context.insert(var, Arc::clone(value));
            }
            test(&context);
            drop(context);
            assert!(values.iter().all(|value| Arc::strong_count(value) == 1));
        }
    }

    fn turns<R>(context: &Context, body: impl FnOnce(&mut Turns<'_>) -> R) -> R {
        in_turns(context.state(), context.state().copy(), body).0
    }

    fn assert_has_values_of(context: &Context) {
        for var in VARS {
            assert_eq!(var.try_get().ok().as_ref(), context.get(var));
        }
    }

    #[test]
    fn a_turn_that_changes_nothing_leaves_the_working_copy() {
        with_contexts(|context| {
            turns(context, |turns| {
                for _ in 0..3 {
                    turns.run(|| assert_has_values_of(context));
                    assert!(!is_modified(context.state(), &turns.working));
                }
            });
        });
    }

    #[test]
    fn changes_end_with_their_turn() {
        with_contexts(|context| {
            turns(context, |turns| {
                for var in VARS {
                    turns.run(|| {
                        assert_has_values_of(context);
                        drop(var.set(Arc::new(7)));
                        drop(ONE.unset());
                        let token = TWO.set(Arc::new(8));
                        TWO.reset(token).unwrap();
                    });
                }
                turns.run(|| assert_has_values_of(context));
            });
        });
    }

    #[test]
    fn a_panic_in_a_turn_ends_the_turns() {
        with_contexts(|context| {
            for change in [false, true] {
                let panics = || {
                    turns(context, |turns| {
                        turns.run(|| {
                            if change {
                                drop(TWO.set(Arc::new(7)));
                            }
                            panic!("in a turn");
                        });
                    });
                };
                catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
                assert!(TWO.try_get().is_err());
            }
        });
    }

    #[test]
    fn a_panic_in_the_drop_of_a_value_of_a_turn_ends_the_turns() {
        struct Panics;

        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("a destructor failed");
            }
        }

        static PANICS: ContextVar<Panics> = ContextVar::new("panics");

        with_contexts(|context| {
            let panics = || turns(context, |turns| turns.run(|| drop(PANICS.set(Panics))));
            catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
            assert!(PANICS.try_with(|_| ()).is_err());
        });
    }

    #[test]
    fn turns_nest() {
        with_contexts(|context| {
            turns(context, |outer| {
                outer.run(|| {
                    drop(ONE.set(Arc::new(7)));
                    let changed = Context::current();
                    turns(&changed, |inner| {
                        for _ in 0..2 {
                            inner.run(|| {
                                assert_eq!(*ONE.get(), 7);
                                drop(ONE.set(Arc::new(8)));
                            });
                        }
                    });
                    assert_eq!(*ONE.get(), 7);
                });
                outer.run(|| assert_has_values_of(context));
            });
        });
    }

    #[test]
    fn a_change_that_assigned_no_id_is_found() {
        with_contexts(|context| {
            turns(context, |turns| {
                for var in VARS {
                    turns.run(|| {
                        assert_has_values_of(context);
                        let value = var.erase(Arc::new(7), Location::caller());
                        drop(crate::current::replace(value.id(), Some(value)));
                    });
                }
                turns.run(|| assert_has_values_of(context));
            });
        });
    }
}
