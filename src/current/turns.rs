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

/// Calls `body`, which may run any number of turns, each in a context with the values of `origin`. `working` is a copy of `origin` or
/// a state that an earlier call returned for it. Returns the result of `body` and the state for the next call.
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

impl Turns<'_> {
    /// Runs `f` in a context with the values of the origin. Values that `f` sets are dropped afterwards. The previous context is
    /// current again, also after a panic.
    #[inline]
    pub(crate) fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let result = self.enter(f);
        if self.working.id != ContextId::UNASSIGNED {
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
                let is_modified = self.slot.id.0.get() != ContextId::UNASSIGNED;
                let outer =
                    std::mem::replace(&mut *self.outer, ContextState::new(ContextId::UNASSIGNED));
                let entered = self.slot.swap(outer);
                // Without an id the context was not changed, so `working` is still equal to the slot's state, bit by bit.
                // Otherwise it is outdated. Either way one of the two is forgotten.
                if is_modified {
                    std::mem::forget(std::mem::replace(self.working, entered));
                } else {
                    std::mem::forget(entered);
                }
            }
        }

        let working = &mut self.working;
        with_slot(|slot| {
            // SAFETY: `working` is a valid state, and is neither used nor dropped until `Exit` forgets either this copy or
            // `working`: it is borrowed mutably, and it is a local variable of `in_turns`, which is further out on this stack.
            let entered = unsafe { ptr::read(working) };
            let outer = ManuallyDrop::new(slot.swap(entered));
            let outer_borrows = slot.borrows.replace(BorrowFrame::sentinel(working));
            let _exit = Exit { slot, outer, outer_borrows, working };
            f() // user code
        })
    }
}
