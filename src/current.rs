//! The thread's slot: which context is current, and what of it is lent out.
//!
//! # The one invariant
//! No user code runs while a reference into the slot's contents is live, or while they are anything but whole. Entering
//! swaps them as a whole; a change takes one map out, changes it and puts it back; a read leaves with the address of a
//! value. What a change removes is handed to the caller, to be dropped afterwards.
//!
//! # Who owns what
//! The contents of the current context are in the slot. While another context is entered they are parked in the place
//! that this one came from, exclusively borrowed until it is left again. So a value that was current when it was lent
//! can go away only through [`replace`] while its context is current, and that is where [`Loan`]s are looked after.
//!
//! The slot has no destructor and is there for as long as the thread runs code. A second thread-local, `Ending`, has
//! nothing but a destructor, and releases the thread's own context.
//!
//! A global allocator that reads a variable while one is being set finds the context empty; it must not set one.
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use crate::contents::Contents;
use crate::hamt::Map;
use crate::id::{self, Identity, Key, Number, Numbers};
use crate::sync::thread_local;
use crate::value::{Address, Value, is_plain};

struct Slot {
    contents: Cell<ManuallyDrop<Contents>>,
    /// The innermost loan, or null.
    loans: Cell<*const Loan>,
    numbers: Numbers,
    /// Zero until it is asked for.
    thread: Cell<usize>,
    rule: Cell<Rule>,
}

/// Where a plain `set` is allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Anywhere,
    /// Not in the thread's own context.
    InContexts,
    /// The thread's destructors are running: anywhere, for good.
    Ending,
}

thread_local! {
    static SLOT: Slot = const {
        Slot {
            contents: Cell::new(ManuallyDrop::new(Contents::new(Identity::UNASKED_THREAD))),
            loans: Cell::new(ptr::null()),
            numbers: Numbers::new(),
            thread: Cell::new(0),
            rule: Cell::new(Rule::Anywhere),
        }
    };

    static ENDING: Ending = const { Ending };
}

impl Slot {
    #[inline]
    fn contents(&self) -> *mut Contents {
        self.contents.as_ptr().cast()
    }

    /// Looks at the contents. `look` runs no user code.
    #[inline]
    fn look<R>(&self, look: impl FnOnce(&Contents) -> R) -> R {
        // SAFETY: the slot is of this thread, and by the one invariant nothing writes to the contents during `look`,
        // which is what all callers below see to: none of them runs user code there.
        look(unsafe { &*self.contents() })
    }

    #[inline]
    fn identity(&self) -> Identity {
        self.look(|contents| contents.identity)
    }

    #[inline]
    fn set_identity(&self, identity: Identity) {
        // SAFETY: no reference into the contents is live, by the one invariant.
        unsafe { (*self.contents()).identity = identity }
    }

    /// Exchanges the map that holds the variable `number`.
    #[inline]
    fn exchange(&self, number: Number, map: Map) -> Map {
        // SAFETY: no reference into the contents is live, by the one invariant, and this one ends here.
        let held = unsafe { &mut *self.contents() };
        std::mem::replace(held.map_mut(number), map)
    }

    /// Exchanges the contents as a whole.
    #[inline]
    fn swap(&self, contents: &mut Contents) {
        let entering = std::mem::replace(contents, Contents::new(Identity::UNASKED));
        let leaving = self.contents.replace(ManuallyDrop::new(entering));
        std::mem::forget(std::mem::replace(contents, ManuallyDrop::into_inner(leaving)));
    }
}

/// Runs `f` with `contents` current: what it sets is in them afterwards, and the thread is as it was, panics included.
#[inline]
pub(crate) fn enter<R>(contents: &mut Contents, f: impl FnOnce() -> R) -> R {
    struct Exit<'a> {
        slot: &'a Slot,
        parked: &'a mut Contents,
    }

    impl Drop for Exit<'_> {
        #[inline]
        fn drop(&mut self) {
            self.slot.swap(self.parked);
        }
    }

    SLOT.with(|slot| {
        slot.swap(contents);
        let _exit = Exit { slot, parked: contents };
        f() // user code
    })
}

/// A copy of the current context, without `local` variables.
#[inline]
pub(crate) fn copy() -> Contents {
    SLOT.with(|slot| slot.look(Contents::copy_without_local))
}

/// The current value of a plain type.
#[inline]
pub(crate) fn get_plain<T: Clone + 'static>(key: Key<T>) -> Option<T> {
    assert!(is_plain::<T>());
    // Cloning it runs no user code, as `look` demands.
    SLOT.with(|slot| slot.look(|contents| contents.get(key).cloned()))
}

/// Runs `f` on the current value, which stays valid whatever `f` does; gives `f` back if there is none.
#[inline]
pub(crate) fn lend<T, R, F: FnOnce(&T) -> R>(key: Key<T>, f: F) -> Result<R, F> {
    SLOT.with(|slot| {
        let found = slot.look(|contents| {
            let value = contents.value(key.number())?;
            Some((value.address(), NonNull::from(value.get(key)?)))
        });
        let Some((address, value)) = found else { return Err(f) };
        let loan = Loan { address, kept: Cell::new(None), outer: slot.loans.get() };
        let _end = loan.begin(slot);
        // SAFETY: the value was current a moment ago. The current context, or what is parked in its place, holds it
        // until `replace` takes it out, and `replace` then gives the loan a share of its own, which lives longer than
        // this reference.
        Ok(f(unsafe { value.as_ref() })) // user code
    })
}

/// A value that is lent out: a frame of [`lend`], in a list from the innermost to the outermost.
struct Loan {
    address: Address,
    /// The loan's share in the value, once the context has none any more.
    kept: Cell<Option<Value>>,
    outer: *const Loan,
}

impl Loan {
    #[inline]
    fn begin<'a>(&'a self, slot: &'a Slot) -> impl Drop + 'a {
        struct End<'a> {
            slot: &'a Slot,
            loan: &'a Loan,
        }

        impl Drop for End<'_> {
            #[inline]
            fn drop(&mut self) {
                self.slot.loans.set(self.loan.outer);
            }
        }

        slot.loans.set(self);
        End { slot, loan: self }
    }

    /// Gives each loan of `value` a share in it.
    #[cold]
    fn keep(mut innermost: *const Self, value: &Value) {
        // SAFETY: a loan is on the list only while its frame is live, and is only ever borrowed shared.
        while let Some(loan) = unsafe { innermost.as_ref() } {
            if value.is(loan.address) {
                // If the loan had a share already, that was not the last.
                loan.kept.set(Some(value.clone()));
            }
            innermost = loan.outer;
        }
    }
}

/// Makes `value` current in place of what is filed under its `number`, or removes that.
///
/// What was there is handed out: dropping it runs user code, and now the slot is whole.
pub(crate) fn replace(number: Number, value: Option<Value>) -> Option<Value> {
    SLOT.with(|slot| {
        let mut map = slot.exchange(number, Map::EMPTY);
        let old = match value {
            Some(value) => map.insert(value),
            None => map.remove(number),
        };
        std::mem::forget(slot.exchange(number, map));
        if let Some(old) = &old {
            if !slot.loans.get().is_null() {
                Loan::keep(slot.loans.get(), old);
            }
        }
        old
    })
}

/// Whether the current context is the one called `identity`.
#[inline]
pub(crate) fn is(identity: Identity) -> bool {
    SLOT.with(|slot| slot.identity() == identity)
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
pub(crate) fn identity_to_bind(bare: Option<&'static str>) -> Identity {
    let identity = SLOT.with(Slot::identity);
    if identity.is_plain() { identity } else { settle(identity, bare) }
}

/// Draws an identity that was not asked for yet, and does what the thread's own context needs.
#[cold]
#[inline(never)]
#[track_caller]
fn settle(identity: Identity, bare: Option<&'static str>) -> Identity {
    SLOT.with(|slot| {
        if let (true, Rule::InContexts, Some(variable)) =
            (identity.is_thread(), slot.rule.get(), bare)
        {
            if !std::thread::panicking() {
                forbidden(variable);
            }
        }
        if identity.is_drawn() {
            return identity;
        }
        let drawn = identity.draw(&slot.numbers);
        slot.set_identity(drawn);
        if drawn.is_thread() {
            // An error says that the destructor ran: what is set now is leaked, as documented.
            let _ = ENDING.try_with(|_| {});
        }
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
         set it inside `Context::run`, in a future wrapped by `in_current_context`, or with `scope` or `bind`",
        thread.name().unwrap_or("<unnamed>"),
    )
}

/// From now on a plain `set` on this thread, in the thread's own context, panics.
pub(crate) fn forbid_bare_set() {
    SLOT.with(|slot| {
        if slot.rule.get() == Rule::Anywhere {
            slot.rule.set(Rule::InContexts);
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

struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        SLOT.with(Slot::end);
    }
}

impl Slot {
    /// Releases the thread's own values.
    fn end(&self) {
        /// Values that set others when they are dropped are dropped too, but not for ever.
        const ROUNDS: usize = 16;

        self.rule.set(Rule::Ending);
        for _ in 0..ROUNDS {
            let identity = self.identity();
            // `std::process::exit` gets here with frames on the stack that will not go on: what they entered is not
            // the thread's own, and what they lent may still be in use on other threads.
            if !identity.is_thread() || !self.loans.get().is_null() {
                return;
            }
            let own = self.contents.replace(ManuallyDrop::new(Contents::new(identity)));
            if own.len() == 0 {
                return;
            }
            drop(ManuallyDrop::into_inner(own)); // user code: T::drop
        }
    }
}
