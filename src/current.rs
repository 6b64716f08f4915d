//! The thread's slot: which context is current, and what of it is lent out.
//!
//! # The one invariant
//! No user code runs while a reference into the slot's contents is live, or while they are anything but whole. Entering
//! swaps them as a whole; a change exchanges one value, or takes a map out, rebuilds it and puts it back; a read leaves
//! with the address of a value. What a change removes is handed to the caller, to be dropped afterwards.
//!
//! # Who owns what
//! The contents of the current context are in the slot. While another context is entered they are keepalive by the frame
//! that entered it, out of reach for everybody else, and come back when it is left. So a value that was current when it
//! was lent can go away only by [`replace`], while its context is current, which looks after the [`BorrowFrame`]s; and by the
//! end of the thread, which leaves alone what is lent.
//!
//! Frames end in the reverse order of their beginning, unless they are on several stacks: those of coroutines that are
//! suspended in the middle. So each frame looks whether it is the innermost one when it ends. Loans of one context may
//! end in any order; where anything else would be mixed up, the process is aborted.
//!
//! The slot has no destructor, so on targets with native thread-locals it is there for as long as the thread runs code.
//! A second thread-local, behind `at_thread_end`, has nothing but a destructor, and releases the thread's own context.
//!
//! A global allocator that reads a variable while one is being set finds the context empty; what it sets is lost.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr;

use crate::context_state::ContextState;
use crate::count::{AbortOnUnwind, abort};
use crate::hamt::Map;
use crate::id::{self, ContextId, ContextIdBlock, VarId, VarKey};
use crate::sync::{at_thread_end, thread_local};
use crate::value::{ErasedValue, ValuePtr, is_plain};

/// The contents of the current context, word by word, and what goes with them.
struct Slot {
    inherited: PaddedCell<ManuallyDrop<Map>>,
    local: PaddedCell<ManuallyDrop<Map>>,
    identity: PaddedCell<ContextId>,
    /// The innermost frame of the current context, or where the list of its borrows ends.
    borrows: Cell<*const BorrowFrame>,
    numbers: ContextIdBlock,
    /// Zero until it is asked for.
    thread: Cell<usize>,
    bare_set_policy: Cell<BareSetPolicy>,
}

/// A cell that is not moved together with its neighbour.
///
/// Side by side, two words are moved by one vector instruction, and what was just stored like that is slow to load
/// again: entering a context took five times as long.
#[repr(align(16))]
struct PaddedCell<T>(Cell<T>);

/// Where a plain `set` is allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BareSetPolicy {
    Allow,
    /// Not in the thread's own context.
    Forbid,
    /// The thread's destructors are running: anywhere, for good.
    Teardown,
}

thread_local! {
    static SLOT: Slot = const {
        Slot {
            inherited: PaddedCell(Cell::new(ManuallyDrop::new(Map::EMPTY))),
            local: PaddedCell(Cell::new(ManuallyDrop::new(Map::EMPTY))),
            identity: PaddedCell(Cell::new(ContextId::UNASSIGNED_ROOT)),
            borrows: Cell::new(BorrowFrame::sentinel(ptr::null())),
            numbers: ContextIdBlock::new(),
            thread: Cell::new(0),
            bare_set_policy: Cell::new(BareSetPolicy::Allow),
        }
    };
}

at_thread_end!(SLOT: Slot);

impl Slot {
    /// The map that holds the variable `number`.
    #[inline]
    fn map(&self, number: VarId) -> &PaddedCell<ManuallyDrop<Map>> {
        if number.is_local() { &self.local } else { &self.inherited }
    }

    /// Where the value of a variable lies.
    #[inline]
    fn find(&self, number: VarId) -> Option<ValuePtr> {
        let map = self.map(number).0.as_ptr();
        // SAFETY: the slot is of this thread, and searching a map runs no user code that could write to it.
        let map: &Map = unsafe { &*map };
        map.get(number).map(ErasedValue::address)
    }

    /// Exchanges the contents as a whole.
    #[inline]
    fn swap(&self, ContextState { inherited, local, identity }: ContextState) -> ContextState {
        ContextState {
            inherited: self.inherited.exchange(inherited),
            local: self.local.exchange(local),
            identity: self.identity.0.replace(identity),
        }
    }
}

impl PaddedCell<ManuallyDrop<Map>> {
    /// Returns another owner of the map.
    #[inline]
    fn share(&self) -> Map {
        // SAFETY: the cell is of this thread, and cloning a map counts and runs no user code that could write to it.
        let map: &Map = unsafe { &*self.0.as_ptr() };
        map.clone()
    }

    /// Exchanges the map. What comes out may be lent, so it is never just dropped.
    #[inline]
    fn exchange(&self, map: Map) -> Map {
        ManuallyDrop::into_inner(self.0.replace(ManuallyDrop::new(map)))
    }
}

/// Runs `f` with `contents` current: what it sets is in them afterwards, and the thread is as it was, panics included.
#[inline]
pub(crate) fn enter<R>(contents: &mut ContextState, f: impl FnOnce() -> R) -> R {
    struct Exit<'a> {
        slot: &'a Slot,
        outer: ManuallyDrop<ContextState>,
        outer_borrows: *const BorrowFrame,
        contents: &'a mut ContextState,
    }

    impl Drop for Exit<'_> {
        #[inline]
        fn drop(&mut self) {
            if self.slot.borrows.get() != BorrowFrame::sentinel(self.contents) {
                BorrowFrame::out_of_order();
            }
            self.slot.borrows.set(self.outer_borrows);
            let outer =
                std::mem::replace(&mut *self.outer, ContextState::new(ContextId::UNASSIGNED));
            std::mem::forget(std::mem::replace(self.contents, self.slot.swap(outer)));
        }
    }

    SLOT.with(|slot| {
        let entered = std::mem::replace(contents, ContextState::new(ContextId::UNASSIGNED));
        let outer = ManuallyDrop::new(slot.swap(entered));
        let outer_borrows = slot.borrows.replace(BorrowFrame::sentinel(contents));
        let _exit = Exit { slot, outer, outer_borrows, contents };
        f() // user code
    })
}

/// A copy of the current context, without `local` variables.
#[inline]
pub(crate) fn copy() -> ContextState {
    SLOT.with(|slot| ContextState {
        inherited: slot.inherited.share(),
        local: Map::EMPTY,
        identity: ContextId::UNASSIGNED,
    })
}

/// A copy of the current context, `local` variables included.
#[inline]
pub(crate) fn copy_with_locals() -> ContextState {
    SLOT.with(|slot| ContextState {
        inherited: slot.inherited.share(),
        local: slot.local.share(),
        identity: ContextId::UNASSIGNED,
    })
}

/// The current value of a plain type.
#[inline]
pub(crate) fn get_plain<T: Clone + 'static>(key: VarKey<T>) -> Option<T> {
    assert!(is_plain::<T>());
    SLOT.with(|slot| {
        let address = slot.find(key.number())?;
        // SAFETY: it was found under `key`, and the current context owns it until user code runs, which cloning a plain
        // type does not.
        Some(unsafe { address.get(key) }.clone())
    })
}

/// Runs `f` on the current value, which stays valid whatever `f` does; gives `f` back if there is none.
#[inline]
pub(crate) fn with_borrowed<T, R, F: FnOnce(&T) -> R>(key: VarKey<T>, f: F) -> Result<R, F> {
    SLOT.with(|slot| {
        let Some(address) = slot.find(key.number()) else { return Err(f) };
        let outer = Cell::new(slot.borrows.get());
        let frame = BorrowFrame { address, keepalive: Cell::new(None), outer };
        let end = frame.begin(slot);
        // SAFETY: it was found under `key`. The current context owns it, and is not left before the frame ends; so does the
        // frame that keeps the contents while another context is entered. `replace` gives the frame a share when it takes
        // the value out, and the end of the thread takes nothing that is lent. `frame` lives longer than this reference,
        // which `f` cannot keep.
        let value = unsafe { address.get(key) };
        let result = f(value); // user code
        drop(end);
        drop(frame); // user code: T::drop; should it panic, the result is dropped too
        Ok(result)
    })
}

/// A value that is lent out: a frame of [`with_borrowed`], in a list of those of one context, from the innermost to the outermost.
struct BorrowFrame {
    address: ValuePtr,
    /// The frame's share in the value, once the context has none any more.
    keepalive: Cell<Option<ErasedValue>>,
    outer: Cell<*const BorrowFrame>,
}

impl BorrowFrame {
    /// What ends the list of the context that was entered by these contents, and of no other: an address that no frame has.
    #[inline]
    const fn sentinel(contents: *const ContextState) -> *const Self {
        contents.cast::<Self>().wrapping_byte_add(1)
    }

    #[inline]
    fn is_sentinel(frame: *const Self) -> bool {
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

    /// The borrows of the current context, from the innermost outwards. None may begin or end meanwhile.
    fn list(slot: &Slot) -> impl Iterator<Item = &Self> {
        let next = |frame: *const Self| {
            // SAFETY: a frame is on the list only while its frame is live, and is only ever borrowed shared.
            (!Self::is_sentinel(frame)).then(|| unsafe { &*frame })
        };
        std::iter::successors(next(slot.borrows.get()), move |frame| next(frame.outer.get()))
    }

    /// Takes a frame off the list that is not the innermost: those further in are of other stacks.
    #[cold]
    fn unlink(&self, slot: &Slot) {
        let inner = Self::list(slot).find(|inner| ptr::eq(inner.outer.get(), self));
        inner.unwrap_or_else(|| Self::out_of_order()).outer.set(self.outer.get());
    }

    /// Gives each frame of `value` a share in it.
    #[cold]
    fn keep(slot: &Slot, value: &ErasedValue) {
        for frame in Self::list(slot).filter(|frame| value.ptr_eq(frame.address)) {
            // If the frame had a share already, that was not the last.
            frame.keepalive.set(Some(value.clone()));
        }
    }

    /// Ends the process: going on could free what is lent.
    #[cold]
    #[inline(never)]
    fn out_of_order() -> ! {
        abort(
            "a coroutine was suspended inside a context, or in `with`, and left it while another was current",
        )
    }
}

/// Makes `value` current in place of what is filed under its `number`, or removes that.
///
/// What was there is handed out: dropping it runs user code, and now the slot is whole.
#[inline]
pub(crate) fn replace(number: VarId, value: Option<ErasedValue>) -> Option<ErasedValue> {
    // Closures of one call, so that the slot's address is known where they are inlined.
    match value {
        Some(value) => SLOT.with(|slot| slot.insert(number, value)),
        None => SLOT.with(|slot| slot.remove(number)),
    }
}

impl Slot {
    #[inline(never)]
    fn insert(&self, number: VarId, value: ErasedValue) -> Option<ErasedValue> {
        let map = self.map(number).0.as_ptr();
        // SAFETY: the slot is of this thread, and nobody keeps a reference into its maps: reads leave with the address of
        // a value. A change in place neither unwinds nor runs code, not even the allocator's, that could make one.
        let map: &mut Map = unsafe { &mut *map };
        let old = match map.insert_in_place(number, value) {
            Ok(old) => old,
            Err(value) => rebuild(self.map(number), |map| map.insert(value)),
        };
        self.retain_if_borrowed(old)
    }

    #[inline(never)]
    fn remove(&self, number: VarId) -> Option<ErasedValue> {
        let map = self.map(number).0.as_ptr();
        // SAFETY: as in `insert`.
        let map: &mut Map = unsafe { &mut *map };
        let old = match map.remove_in_place(number) {
            None => rebuild(self.map(number), |map| map.remove(number)),
            old => old,
        };
        self.retain_if_borrowed(old)
    }

    /// What has left the map, with a share in it for each of its borrows.
    #[inline]
    fn retain_if_borrowed(&self, old: Option<ErasedValue>) -> Option<ErasedValue> {
        if let (Some(old), false) = (&old, BorrowFrame::is_sentinel(self.borrows.get())) {
            BorrowFrame::keep(self, old);
        }
        old
    }
}

/// A change that may build, copy and free branches: those may run a global allocator's code, which finds the context
/// empty.
#[inline(never)]
fn rebuild(
    slot: &PaddedCell<ManuallyDrop<Map>>,
    change: impl FnOnce(&mut Map) -> Option<ErasedValue>,
) -> Option<ErasedValue> {
    // Between the exchanges the slot is not whole: nothing may unwind.
    let whole = AbortOnUnwind;
    let mut map = slot.exchange(Map::EMPTY);
    let old = change(&mut map);
    std::mem::forget(slot.exchange(map));
    std::mem::forget(whole);
    old
}

/// Whether the current context is the one called `identity`.
#[inline]
pub(crate) fn is_current(identity: ContextId) -> bool {
    SLOT.with(|slot| slot.identity.0.get() == identity)
}

/// The identity of the current context, which is about to be given a value.
///
/// `bare` names the variable of a plain `set`, whose value stays until it is reset; `None` is for values that are taken
/// back by themselves.
///
/// # Panics
/// If `bare` is given on the thread's own context, and [`forbid_bare_set`] was called on the thread.
#[inline]
#[track_caller]
pub(crate) fn identity_to_bind(bare: Option<&'static str>) -> ContextId {
    let identity = SLOT.with(|slot| slot.identity.0.get());
    if identity.is_plain() { identity } else { assign_identity(identity, bare) }
}

/// Draws an identity that was not asked for yet, and does what the thread's own context needs.
#[cold]
#[inline(never)]
#[track_caller]
fn assign_identity(identity: ContextId, bare: Option<&'static str>) -> ContextId {
    if let (Some(variable), true) = (bare, identity.is_thread()) {
        if SLOT.with(|slot| slot.bare_set_policy.get()) == BareSetPolicy::Forbid
            && !std::thread::panicking()
        {
            forbidden(variable);
        }
    }
    if identity.is_assigned() {
        return identity;
    }
    if identity.is_thread() {
        expect_end();
    }
    SLOT.with(|slot| {
        let drawn = identity.draw(&slot.numbers);
        slot.identity.0.set(drawn);
        drawn
    })
}

#[cold]
#[inline(never)]
#[track_caller]
fn forbidden(variable: &str) -> ! {
    let thread = std::thread::current();
    panic!(
        "context variable `{variable}` was set on thread `{}` in nobody's context, where unrelated tasks would see it: \
         set it inside `Context::run`, in a future wrapped by `in_current_context`, or with `scope` or `bind`; log fields \
         with `fields::scope` or `fields::bind`",
        thread.name().unwrap_or("<unnamed>"),
    )
}

/// From now on a plain `set` on this thread, in the thread's own context, panics.
pub(crate) fn forbid_bare_set() {
    expect_end();
    SLOT.with(|slot| {
        if slot.bare_set_policy.get() == BareSetPolicy::Allow {
            slot.bare_set_policy.set(BareSetPolicy::Forbid);
        }
    });
}

/// A number that no other thread has or had.
pub(crate) fn thread_number() -> usize {
    SLOT.with(|slot| match slot.thread.get() {
        0 => {
            let number = id::draw_thread();
            slot.thread.set(number);
            number
        }
        number => number,
    })
}

impl Slot {
    /// Releases the thread's own values.
    fn end(&self) {
        /// Values that set others when they are dropped are dropped too, but not for ever.
        const ROUNDS: usize = 16;

        self.bare_set_policy.set(BareSetPolicy::Teardown);
        for _ in 0..ROUNDS {
            let identity = self.identity.0.get();
            // `std::process::exit` gets here with frames on the stack that will not go on: what they entered is not
            // the thread's own, and what they lent may still be in use on other threads.
            if !identity.is_thread() || !BorrowFrame::is_sentinel(self.borrows.get()) {
                return;
            }
            let own = self.swap(ContextState::new(identity));
            if own.len() == 0 {
                return;
            }
            drop(own); // user code: T::drop
        }
    }
}
