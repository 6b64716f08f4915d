//! Borrowed values: references to current values that stay valid whatever user code does meanwhile, without a reference count
//! for the usual case.

use std::cell::Cell;
use std::ptr;

use super::{Slot, with_slot};
use crate::context_state::ContextState;
use crate::count::abort;
use crate::id::VarKey;
use crate::value::{ErasedValue, ValuePtr};

/// Runs `f` on the current value, which stays valid whatever `f` does. Returns `f` if there is no value.
#[inline]
pub(crate) fn with_borrowed<T, R, F: FnOnce(&T) -> R>(key: VarKey<T>, f: F) -> Result<R, F> {
    with_slot(|slot| {
        let Some(value) = slot.find(key.id()) else { return Err(f) };
        let outer = Cell::new(slot.borrows.get());
        let frame = BorrowFrame { value, keepalive: Cell::new(None), outer };
        let end = frame.begin(slot);
        // SAFETY: the value is stored under `key`, and it has an owner until `end` is dropped. That is the current context, or,
        // while another context is entered, the frame that keeps the outer state. If `replace` takes the value out of the
        // context, it first gives `frame` a strong reference; the end of the thread leaves borrowed values alone. `frame`
        // outlives the reference, which `f` cannot keep, because stacks are unwound before they are freed or reused.
        let value = unsafe { value.get(key) };
        let result = f(value); // user code
        drop(end);
        drop(frame); // user code: T::drop; should it panic, the result is dropped too
        Ok(result)
    })
}

/// One borrow, in the list of the borrows of one context, from the innermost to the outermost.
pub(super) struct BorrowFrame {
    value: ValuePtr,
    /// A strong reference to the value, once the context has none.
    keepalive: Cell<Option<ErasedValue>>,
    outer: Cell<*const BorrowFrame>,
}

impl BorrowFrame {
    /// Returns the address that ends the list of the context whose state was entered from `state`. No frame has this address,
    /// and no other context's list ends with it.
    #[inline]
    pub(super) const fn sentinel(state: *const ContextState) -> *const Self {
        state.cast::<Self>().wrapping_byte_add(1)
    }

    #[inline]
    pub(super) fn is_sentinel(frame: *const Self) -> bool {
        frame.addr() % 2 == 1
    }

    #[inline]
    fn begin<'a>(&'a self, slot: &'a Slot) -> impl Drop + 'a {
        struct End<'a> {
            slot: &'a Slot,
            frame: &'a BorrowFrame,
        }

        impl Drop for End<'_> {
            #[inline]
            fn drop(&mut self) {
                if ptr::eq(self.slot.borrows.get(), self.frame) {
                    self.slot.borrows.set(self.frame.outer.get());
                } else {
                    self.frame.unlink(self.slot);
                }
            }
        }

        slot.borrows.set(self);
        End { slot, frame: self }
    }

    /// Returns an iterator over the borrows in the current context, from the innermost outwards. No borrow may begin or end
    /// meanwhile.
    fn list(slot: &Slot) -> impl Iterator<Item = &Self> {
        let next = |frame: *const Self| {
            // SAFETY: `End` takes a frame off the list before the frame's stack memory goes away, also on unwind, and frames
            // are only ever borrowed shared. The premises are that no stack is freed, reused or copied without unwinding it, and
            // that no frame outlives the slot: see the module documentation of `current`.
            (!Self::is_sentinel(frame)).then(|| unsafe { &*frame })
        };
        std::iter::successors(next(slot.borrows.get()), move |frame| next(frame.outer.get()))
    }

    /// Takes a frame off the list that is not the innermost one. The frames further in belong to other stacks.
    #[cold]
    fn unlink(&self, slot: &Slot) {
        let inner = Self::list(slot).find(|inner| ptr::eq(inner.outer.get(), self));
        inner.unwrap_or_else(|| Self::out_of_order()).outer.set(self.outer.get());
    }

    /// Gives each borrow of `value` a strong reference to it.
    #[cold]
    pub(super) fn retain(slot: &Slot, value: &ErasedValue) {
        for frame in Self::list(slot).filter(|frame| value.ptr_eq(frame.value)) {
            // A strong reference that is replaced here is not the last one, because `value` is another.
            frame.keepalive.set(Some(value.clone()));
        }
    }

    /// Aborts the process, because continuing could free a borrowed value.
    #[cold]
    #[inline(never)]
    pub(super) fn out_of_order() -> ! {
        abort(
            "a coroutine was suspended inside a context, or in `with`, and left it while another was current",
        )
    }
}
