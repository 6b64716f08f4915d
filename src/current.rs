//! The thread's current context: the slot that holds it, and how values are read, borrowed and replaced.
//!
//! # Invariant
//! User code never runs while a reference into the slot is live, or while the slot is only partly updated. Entering a context
//! swaps the slot's state in one step. Changing a variable replaces one value, or takes the map out, rebuilds it and puts it
//! back. Reading copies the address of a value out of the slot before anything else happens. A value that a change removes is
//! returned to the caller, who drops it once the slot is consistent again.
//!
//! # Ownership
//! The slot owns the state of the current context. While another context is entered, the frame that entered it keeps the outer
//! state; nothing else can reach it, and leaving moves it back. A borrowed value can therefore go away in two ways only:
//! through [`replace`], which first gives every borrow of that value a strong reference, and when the thread ends, which leaves
//! borrowed values alone.
//!
//! Frames usually end in the reverse order of their beginning. Stackful coroutines can break that order from safe code, so each
//! frame checks on exit that it is the innermost one. Borrows of one context may end in any order; any other disorder aborts
//! the process, because continuing could free a borrowed value. This relies on two premises about stacks: a stack is unwound
//! before it is freed or reused, and no stack is copied.
//!
//! # Thread-locals
//! The slot has no destructor, so on targets with native thread-locals it exists for as long as the thread runs code. A second
//! thread-local, which `at_thread_end` declares, has nothing but a destructor, and releases the values of the root context. On
//! other targets std frees the slot when the thread ends, so there a further premise holds: no frame of this module outlives
//! the slot. A coroutine that is suspended inside of `run` or `with` and kept in a thread-local would break it.
//!
//! A global allocator that reads a variable while another variable is set finds the context empty. Values that it sets then
//! are discarded.

mod bare_set;
mod borrow;
#[cfg(any(feature = "rayon", test))]
mod turns;

use std::cell::Cell;
use std::mem::{self, ManuallyDrop};
use std::ptr;

use self::bare_set::BareSetPolicy;
use self::borrow::BorrowFrame;
use crate::context_state::ContextState;
use crate::count::AbortOnUnwind;
use crate::hamt::Map;
use crate::id::{self, ContextId, ContextIdBlock, VarId, VarKey};
use crate::sync::{at_thread_end, thread_local};
use crate::value::{ErasedValue, ValuePtr, is_plain};

pub(crate) use self::bare_set::{
    forbid_bare_set, id_for_apply, id_for_set, id_for_temporary_change, is_teardown,
};
pub(crate) use self::borrow::with_borrowed;
#[cfg(feature = "rayon")]
pub(crate) use self::turns::{Turns, in_turns};

/// The state of the current context, word by word, and the thread's own bookkeeping.
struct Slot {
    inherited: PaddedCell<ManuallyDrop<Map>>,
    local: PaddedCell<ManuallyDrop<Map>>,
    id: PaddedCell<ContextId>,
    /// The innermost borrow in the current context, or the sentinel that ends the list of its borrows.
    borrows: Cell<*const BorrowFrame>,
    ids: ContextIdBlock,
    /// The thread's number, or zero until it is needed.
    thread: Cell<usize>,
    bare_set_policy: Cell<BareSetPolicy>,
}

/// A cell that the compiler does not move together with its neighbour.
///
/// If two words lie side by side, one vector instruction moves both, and loading a word that was just stored that way is slow:
/// entering a context took five times as long.
#[repr(align(16))]
struct PaddedCell<T>(Cell<T>);

thread_local! {
    static SLOT: Slot = const {
        Slot {
            inherited: PaddedCell(Cell::new(ManuallyDrop::new(Map::EMPTY))),
            local: PaddedCell(Cell::new(ManuallyDrop::new(Map::EMPTY))),
            id: PaddedCell(Cell::new(ContextId::UNASSIGNED_ROOT)),
            borrows: Cell::new(BorrowFrame::sentinel(ptr::null())),
            ids: ContextIdBlock::new(),
            thread: Cell::new(0),
            bare_set_policy: Cell::new(BareSetPolicy::Allow),
        }
    };
}

at_thread_end!(SLOT: Slot);

/// Calls `f` with the slot of this thread. `LocalKey::with` does that too, but if the compiler does not inline it with all of `f`, it
/// calls a function for the slot's address each time.
#[cfg(not(all(loom, feature = "loom")))]
#[inline]
fn with_slot<R>(f: impl FnOnce(&Slot) -> R) -> R {
    let slot = SLOT.with(ptr::from_ref);
    // SAFETY: `SLOT` has no destructor, so it exists as long as the thread runs code. On targets without native thread-locals, std
    // frees it at the thread's end, and no frame of this module outlives it: see the module documentation. `f` cannot keep the
    // reference.
    f(unsafe { &*slot })
}

/// Calls `f` with the slot of this thread, or with an empty one once loom has dropped the thread's locals.
#[cfg(all(loom, feature = "loom"))]
fn with_slot<R>(f: impl FnOnce(&Slot) -> R) -> R {
    SLOT.with(f)
}

impl Slot {
    /// Returns the map that holds the variable `id`.
    #[inline]
    fn map(&self, id: VarId) -> &PaddedCell<ManuallyDrop<Map>> {
        if id.is_local() { &self.local } else { &self.inherited }
    }

    /// Returns the address of a variable's value.
    #[inline]
    fn find(&self, id: VarId) -> Option<ValuePtr> {
        let map = self.map(id).0.as_ptr();
        // SAFETY: the cell belongs to this thread, and searching a map runs no user code that could write to the cell.
        let map: &Map = unsafe { &*map };
        map.get(id).map(ErasedValue::as_ptr)
    }

    /// Swaps the whole state of the current context.
    #[inline]
    fn swap(&self, ContextState { inherited, local, id }: ContextState) -> ContextState {
        ContextState {
            inherited: self.inherited.swap(inherited),
            local: if self.has_no_locals(&local) { local } else { self.local.swap(local) },
            id: self.id.0.replace(id),
        }
    }

    /// Moves `state` into the slot, so that an empty one is left, and returns the previous state.
    #[inline]
    fn enter(&self, state: &mut ContextState) -> ContextState {
        let ContextState { inherited, local, id } = state;
        ContextState {
            inherited: self.inherited.swap(mem::replace(inherited, Map::EMPTY)),
            local: if self.has_no_locals(local) {
                Map::EMPTY
            } else {
                self.local.swap(mem::replace(local, Map::EMPTY))
            },
            id: self.id.0.replace(mem::replace(id, ContextId::UNASSIGNED)),
        }
    }

    /// Moves the state that was entered back to where `enter` took it from, and `outer` into the slot.
    #[inline]
    fn leave(&self, outer: ContextState, state: &mut ContextState) {
        let ContextState { inherited, local, id } = outer;
        mem::forget(mem::replace(&mut state.inherited, self.inherited.swap(inherited)));
        if self.has_no_locals(&local) {
            mem::forget(local);
        } else {
            mem::forget(mem::replace(&mut state.local, self.local.swap(local)));
        }
        state.id = self.id.0.replace(id);
    }

    /// Returns `true` if neither the current context nor the one that replaces it has local values, as usual. Then an empty map is
    /// not written over another: stores are most of the time that entering a context takes.
    #[inline]
    fn has_no_locals(&self, other: &Map) -> bool {
        other.is_empty() && self.local.is_empty()
    }
}

impl PaddedCell<ManuallyDrop<Map>> {
    /// Returns another owner of the map.
    #[inline]
    fn share(&self) -> Map {
        // SAFETY: the cell belongs to this thread, and cloning a map runs no user code that could write to the cell.
        let map: &Map = unsafe { &*self.0.as_ptr() };
        map.clone()
    }

    #[inline]
    fn is_empty(&self) -> bool {
        // SAFETY: the cell belongs to this thread, and asking a map whether it is empty runs no user code.
        let map: &Map = unsafe { &*self.0.as_ptr() };
        map.is_empty()
    }

    /// Swaps the map. The returned map may still hold borrowed values, so the caller must not drop it directly.
    #[inline]
    fn swap(&self, map: Map) -> Map {
        ManuallyDrop::into_inner(self.0.replace(ManuallyDrop::new(map)))
    }
}

/// Runs `f` with `state` as the current context. Values that `f` sets are in `state` afterwards, and the previous context is
/// current again, also after a panic.
#[inline]
pub(crate) fn enter<R>(state: &mut ContextState, f: impl FnOnce() -> R) -> R {
    struct Exit<'a> {
        slot: &'a Slot,
        outer: ManuallyDrop<ContextState>,
        outer_borrows: *const BorrowFrame,
        state: &'a mut ContextState,
    }

    impl Drop for Exit<'_> {
        #[inline]
        fn drop(&mut self) {
            if self.slot.borrows.get() != BorrowFrame::sentinel(self.state) {
                BorrowFrame::out_of_order();
            }
            self.slot.borrows.set(self.outer_borrows);
            let outer = mem::replace(&mut *self.outer, ContextState::new(ContextId::UNASSIGNED));
            self.slot.leave(outer, self.state);
        }
    }

    with_slot(|slot| {
        let outer = ManuallyDrop::new(slot.enter(state));
        let outer_borrows = slot.borrows.replace(BorrowFrame::sentinel(state));
        let _exit = Exit { slot, outer, outer_borrows, state };
        f() // user code
    })
}

/// Copies the current context without the values of `local` variables.
#[inline]
pub(crate) fn copy() -> ContextState {
    with_slot(|slot| ContextState {
        inherited: slot.inherited.share(),
        local: Map::EMPTY,
        id: ContextId::UNASSIGNED,
    })
}

/// Copies the current context with the values of `local` variables.
#[inline]
pub(crate) fn copy_with_locals() -> ContextState {
    with_slot(|slot| ContextState {
        inherited: slot.inherited.share(),
        local: slot.local.share(),
        id: ContextId::UNASSIGNED,
    })
}

/// Returns a clone of the current value, whose type is one that [`is_plain`].
#[inline]
pub(crate) fn get_plain<T: Clone + 'static>(key: VarKey<T>) -> Option<T> {
    assert!(is_plain::<T>());
    with_slot(|slot| {
        let value = slot.find(key.id())?;
        // SAFETY: the value is stored under `key`, and the current context owns it until user code runs, which cloning a plain
        // type does not.
        Some(unsafe { value.get(key) }.clone())
    })
}

/// Replaces the value stored under `id` in the current context, or removes it if `value` is `None`. Returns the previous value.
#[inline]
pub(crate) fn replace(id: VarId, value: Option<ErasedValue>) -> Option<ErasedValue> {
    // Each closure is one call, so that the slot's address is known where the closure is inlined.
    match value {
        Some(value) => with_slot(|slot| slot.insert(id, value)),
        None => with_slot(|slot| slot.remove(id)),
    }
}

/// Swaps the value stored under `id` in the current context with `value`, of which either may be `None`.
#[inline]
pub(crate) fn exchange(id: VarId, value: &mut Option<ErasedValue>) {
    let is_done =
        value.as_mut().is_some_and(|value| with_slot(|slot| slot.swap_in_place(id, value)));
    if !is_done {
        *value = replace(id, value.take());
    }
}

impl Slot {
    #[inline]
    fn swap_in_place(&self, id: VarId, value: &mut ErasedValue) -> bool {
        let map = self.map(id).0.as_ptr();
        // SAFETY: the cell belongs to this thread, and no reference into its map is live, because reads leave with the address
        // of a value. The swap neither unwinds nor runs code that could create one: it allocates, frees and drops nothing.
        let map: &mut Map = unsafe { &mut *map };
        let is_done = map.swap_in_place(id, value);
        if is_done && !BorrowFrame::is_sentinel(self.borrows.get()) {
            BorrowFrame::retain(self, value);
        }
        is_done
    }

    #[inline(never)]
    fn insert(&self, id: VarId, value: ErasedValue) -> Option<ErasedValue> {
        let map = self.map(id).0.as_ptr();
        // SAFETY: the cell belongs to this thread, and no reference into its map is live, because reads leave with the address
        // of a value. A change in place neither unwinds nor runs code that could create one, not even the allocator's.
        let map: &mut Map = unsafe { &mut *map };
        let previous = match map.insert_in_place(id, value) {
            Ok(previous) => previous,
            Err(value) => rebuild(self.map(id), |map| map.insert(value)),
        };
        self.retain_if_borrowed(previous)
    }

    #[inline(never)]
    fn remove(&self, id: VarId) -> Option<ErasedValue> {
        let map = self.map(id).0.as_ptr();
        // SAFETY: as in `insert`.
        let map: &mut Map = unsafe { &mut *map };
        let previous = match map.remove_in_place(id) {
            None => rebuild(self.map(id), |map| map.remove(id)),
            previous => previous,
        };
        self.retain_if_borrowed(previous)
    }

    /// Gives each borrow of a value that left the map a strong reference to it.
    #[inline]
    fn retain_if_borrowed(&self, value: Option<ErasedValue>) -> Option<ErasedValue> {
        if let (Some(value), false) = (&value, BorrowFrame::is_sentinel(self.borrows.get())) {
            BorrowFrame::retain(self, value);
        }
        value
    }
}

/// Makes a change that may build, copy or free branches. That can run a global allocator's code, which finds the context empty.
#[inline(never)]
fn rebuild(
    cell: &PaddedCell<ManuallyDrop<Map>>,
    change: impl FnOnce(&mut Map) -> Option<ErasedValue>,
) -> Option<ErasedValue> {
    // The slot is incomplete between the two swaps, so nothing may unwind.
    let incomplete = AbortOnUnwind;
    let mut map = cell.swap(Map::EMPTY);
    let previous = change(&mut map);
    mem::forget(cell.swap(map));
    mem::forget(incomplete);
    previous
}

/// Returns `true` if the current context holds no value, not even that of the hidden variable.
#[inline]
pub(crate) fn is_vacant() -> bool {
    with_slot(|slot| slot.inherited.is_empty() && slot.local.is_empty())
}

/// Returns the number of variables in the current context, or `None` if that is the thread's root context.
pub(crate) fn len_if_entered() -> Option<usize> {
    let is_root = with_slot(|slot| slot.id.0.get()).is_root();
    (!is_root).then(|| copy_with_locals().len())
}

/// Returns `true` if the current context has this id.
#[inline]
pub(crate) fn is_current(id: ContextId) -> bool {
    with_slot(|slot| slot.id.0.get() == id)
}

/// Returns a number that no other thread has or had.
pub(crate) fn thread_number() -> usize {
    with_slot(|slot| match slot.thread.get() {
        0 => {
            let number = id::next_thread_number();
            slot.thread.set(number);
            number
        }
        number => number,
    })
}

impl Slot {
    /// Releases the values of the thread's root context.
    fn end(&self) {
        /// Values may set others when they are dropped, which are dropped too, but not without an end.
        const ROUNDS: usize = 16;

        self.bare_set_policy.set(BareSetPolicy::Teardown);
        for _ in 0..ROUNDS {
            let id = self.id.0.get();
            // `std::process::exit` runs this with frames on the stack that never continue. A context that they entered is not
            // the thread's own, and values that they borrowed may still be in use on other threads.
            if !id.is_root() || !BorrowFrame::is_sentinel(self.borrows.get()) {
                return;
            }
            let own = self.swap(ContextState::new(id));
            if own.len() == 0 {
                return;
            }
            drop(own); // user code: T::drop
        }
    }
}
