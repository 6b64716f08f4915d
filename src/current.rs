//! The thread's slot: which context is current, and what of it is lent out.
//!
//! # The one invariant
//! No user code runs while a reference into the slot's contents is live, or while they are anything but whole. Entering
//! swaps them as a whole; a change exchanges one value, or takes a map out, rebuilds it and puts it back; a read leaves
//! with the address of a value. What a change removes is handed to the caller, to be dropped afterwards.
//!
//! # Who owns what
//! The contents of the current context are in the slot. While another context is entered they are kept by the frame
//! that entered it, out of reach for everybody else, and come back when it is left. So a value that was current when it
//! was lent can go away only by [`replace`], while its context is current, which looks after the [`Loan`]s; and by the
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

use crate::contents::Contents;
use crate::count::{AbortOnUnwind, abort};
use crate::hamt::Map;
use crate::id::{self, Identity, Key, Number, Numbers};
use crate::sync::{at_thread_end, thread_local};
use crate::value::{Address, Value, is_plain};

/// The contents of the current context, word by word, and what goes with them.
struct Slot {
    maps: [Apart<ManuallyDrop<Map>>; Number::FAMILIES],
    identity: Apart<Identity>,
    /// The innermost loan of the current context, or where the list of its loans ends.
    loans: Cell<*const Loan>,
    numbers: Numbers,
    /// Zero until it is asked for.
    thread: Cell<usize>,
    rule: Cell<Rule>,
}

/// A cell that is not moved together with its neighbour.
///
/// Side by side, two words are moved by one vector instruction, and what was just stored like that is slow to load
/// again: entering a context took five times as long.
#[repr(align(16))]
struct Apart<T>(Cell<T>);

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
            maps: [const { Apart(Cell::new(ManuallyDrop::new(Map::EMPTY))) }; Number::FAMILIES],
            identity: Apart(Cell::new(Identity::UNASKED_THREAD)),
            loans: Cell::new(Loan::end_of(ptr::null())),
            numbers: Numbers::new(),
            thread: Cell::new(0),
            rule: Cell::new(Rule::Anywhere),
        }
    };
}

at_thread_end!(SLOT: Slot);

impl Slot {
    /// Where the value of a variable lies.
    #[inline]
    fn find(&self, number: Number) -> Option<Address> {
        let map = self.maps[number.family()].0.as_ptr();
        // SAFETY: the slot is of this thread, and searching a map runs no user code that could write to it.
        let map: &Map = unsafe { &*map };
        map.get(number).map(Value::address)
    }

    /// Another owner for the current values of a family.
    #[inline]
    fn share(&self, family: usize) -> Map {
        let map = self.maps[family].0.as_ptr();
        // SAFETY: as in `find`; copying a map counts, and runs no user code.
        let map: &Map = unsafe { &*map };
        map.clone()
    }

    /// Exchanges the map of a family. What comes out may be lent, so it is never just dropped.
    #[inline]
    fn exchange(&self, family: usize, map: Map) -> Map {
        ManuallyDrop::into_inner(self.maps[family].0.replace(ManuallyDrop::new(map)))
    }

    /// Exchanges the contents as a whole.
    #[inline]
    fn swap(&self, Contents { maps: [travelling, local], identity }: Contents) -> Contents {
        Contents {
            maps: [self.exchange(0, travelling), self.exchange(1, local)],
            identity: self.identity.0.replace(identity),
        }
    }
}

/// Runs `f` with `contents` current: what it sets is in them afterwards, and the thread is as it was, panics included.
#[inline]
pub(crate) fn enter<R>(contents: &mut Contents, f: impl FnOnce() -> R) -> R {
    struct Exit<'a> {
        slot: &'a Slot,
        outer: ManuallyDrop<Contents>,
        outer_loans: *const Loan,
        contents: &'a mut Contents,
    }

    impl Drop for Exit<'_> {
        #[inline]
        fn drop(&mut self) {
            if self.slot.loans.get() != Loan::end_of(self.contents) {
                Loan::out_of_order();
            }
            self.slot.loans.set(self.outer_loans);
            let outer = std::mem::replace(&mut *self.outer, Contents::new(Identity::UNASKED));
            std::mem::forget(std::mem::replace(self.contents, self.slot.swap(outer)));
        }
    }

    SLOT.with(|slot| {
        let entered = std::mem::replace(contents, Contents::new(Identity::UNASKED));
        let outer = ManuallyDrop::new(slot.swap(entered));
        let outer_loans = slot.loans.replace(Loan::end_of(contents));
        let _exit = Exit { slot, outer, outer_loans, contents };
        f() // user code
    })
}

/// A copy of the current context, without `local` variables.
#[inline]
pub(crate) fn copy() -> Contents {
    SLOT.with(|slot| Contents { maps: [slot.share(0), Map::EMPTY], identity: Identity::UNASKED })
}

/// A copy of the current context, `local` variables included.
#[inline]
pub(crate) fn copy_whole() -> Contents {
    SLOT.with(|slot| Contents {
        maps: [0, 1].map(|family| slot.share(family)),
        identity: Identity::UNASKED,
    })
}

/// The current value of a plain type.
#[inline]
pub(crate) fn get_plain<T: Clone + 'static>(key: Key<T>) -> Option<T> {
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
pub(crate) fn lend<T, R, F: FnOnce(&T) -> R>(key: Key<T>, f: F) -> Result<R, F> {
    SLOT.with(|slot| {
        let Some(address) = slot.find(key.number()) else { return Err(f) };
        let outer = Cell::new(slot.loans.get());
        let loan = Loan { address, kept: Cell::new(None), outer };
        let end = loan.begin(slot);
        // SAFETY: it was found under `key`. The current context owns it, and is not left before the loan ends; so does the
        // frame that keeps the contents while another context is entered. `replace` gives the loan a share when it takes
        // the value out, and the end of the thread takes nothing that is lent. `loan` lives longer than this reference,
        // which `f` cannot keep.
        let value = unsafe { address.get(key) };
        let result = f(value); // user code
        drop(end);
        drop(loan); // user code: T::drop; should it panic, the result is dropped too
        Ok(result)
    })
}

/// A value that is lent out: a frame of [`lend`], in a list of those of one context, from the innermost to the outermost.
struct Loan {
    address: Address,
    /// The loan's share in the value, once the context has none any more.
    kept: Cell<Option<Value>>,
    outer: Cell<*const Loan>,
}

impl Loan {
    /// What ends the list of the context that was entered by these contents, and of no other: an address that no loan has.
    #[inline]
    const fn end_of(contents: *const Contents) -> *const Self {
        contents.cast::<Self>().wrapping_byte_add(1)
    }

    #[inline]
    fn is_end(loan: *const Self) -> bool {
        loan.addr() % 2 == 1
    }

    #[inline]
    fn begin<'a>(&'a self, slot: &'a Slot) -> impl Drop + 'a {
        struct End<'a> {
            slot: &'a Slot,
            loan: &'a Loan,
        }

        impl Drop for End<'_> {
            #[inline]
            fn drop(&mut self) {
                if ptr::eq(self.slot.loans.get(), self.loan) {
                    self.slot.loans.set(self.loan.outer.get());
                } else {
                    self.loan.unlink(self.slot);
                }
            }
        }

        slot.loans.set(self);
        End { slot, loan: self }
    }

    /// The loans of the current context, from the innermost outwards. None may begin or end meanwhile.
    fn list(slot: &Slot) -> impl Iterator<Item = &Self> {
        let next = |loan: *const Self| {
            // SAFETY: a loan is on the list only while its frame is live, and is only ever borrowed shared.
            (!Self::is_end(loan)).then(|| unsafe { &*loan })
        };
        std::iter::successors(next(slot.loans.get()), move |loan| next(loan.outer.get()))
    }

    /// Takes a loan off the list that is not the innermost: those further in are of other stacks.
    #[cold]
    fn unlink(&self, slot: &Slot) {
        let inner = Self::list(slot).find(|inner| ptr::eq(inner.outer.get(), self));
        inner.unwrap_or_else(|| Self::out_of_order()).outer.set(self.outer.get());
    }

    /// Gives each loan of `value` a share in it.
    #[cold]
    fn keep(slot: &Slot, value: &Value) {
        for loan in Self::list(slot).filter(|loan| value.is(loan.address)) {
            // If the loan had a share already, that was not the last.
            loan.kept.set(Some(value.clone()));
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
pub(crate) fn replace(number: Number, value: Option<Value>) -> Option<Value> {
    // Closures of one call, so that the slot's address is known where they are inlined.
    match value {
        Some(value) => SLOT.with(|slot| slot.insert(number, value)),
        None => SLOT.with(|slot| slot.remove(number)),
    }
}

impl Slot {
    #[inline(never)]
    fn insert(&self, number: Number, value: Value) -> Option<Value> {
        let map = self.maps[number.family()].0.as_ptr();
        // SAFETY: the slot is of this thread, and nobody keeps a reference into its maps: reads leave with the address of
        // a value. A change in place neither unwinds nor runs code, not even the allocator's, that could make one.
        let map: &mut Map = unsafe { &mut *map };
        let old = match map.insert_in_place(number, value) {
            Ok(old) => old,
            Err(value) => self.rebuild(number.family(), |map| map.insert(value)),
        };
        self.let_go(old)
    }

    #[inline(never)]
    fn remove(&self, number: Number) -> Option<Value> {
        let map = self.maps[number.family()].0.as_ptr();
        // SAFETY: as in `insert`.
        let map: &mut Map = unsafe { &mut *map };
        let old = match map.remove_in_place(number) {
            None => self.rebuild(number.family(), |map| map.remove(number)),
            old => old,
        };
        self.let_go(old)
    }

    /// A change that may build, copy and free branches: those may run a global allocator's code, which finds the context
    /// empty.
    #[inline(never)]
    fn rebuild(
        &self,
        family: usize,
        change: impl FnOnce(&mut Map) -> Option<Value>,
    ) -> Option<Value> {
        // Between the exchanges the slot is not whole: nothing may unwind.
        let whole = AbortOnUnwind;
        let mut map = self.exchange(family, Map::EMPTY);
        let old = change(&mut map);
        std::mem::forget(self.exchange(family, map));
        std::mem::forget(whole);
        old
    }

    /// What has left the map, with a share in it for each of its loans.
    #[inline]
    fn let_go(&self, old: Option<Value>) -> Option<Value> {
        if let (Some(old), false) = (&old, Loan::is_end(self.loans.get())) {
            Loan::keep(self, old);
        }
        old
    }
}

/// Whether nothing has a value in the current context.
#[inline]
pub(crate) fn is_empty() -> bool {
    SLOT.with(|slot| {
        (0..Number::FAMILIES).all(|family| {
            let map = slot.maps[family].0.as_ptr();
            // SAFETY: as in `find`; to ask a map for its length runs no user code.
            let map: &Map = unsafe { &*map };
            map.len() == 0
        })
    })
}

/// Whether the current context is the one called `identity`.
#[inline]
pub(crate) fn is(identity: Identity) -> bool {
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
pub(crate) fn identity_to_bind(bare: Option<&'static str>) -> Identity {
    let identity = SLOT.with(|slot| slot.identity.0.get());
    if identity.is_plain() { identity } else { settle(identity, bare) }
}

/// Draws an identity that was not asked for yet, and does what the thread's own context needs.
#[cold]
#[inline(never)]
#[track_caller]
fn settle(identity: Identity, bare: Option<&'static str>) -> Identity {
    if let (Some(variable), true) = (bare, identity.is_thread()) {
        if SLOT.with(|slot| slot.rule.get()) == Rule::InContexts && !std::thread::panicking() {
            forbidden(variable);
        }
    }
    if identity.is_drawn() {
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
         with `fields::bound`",
        thread.name().unwrap_or("<unnamed>"),
    )
}

/// From now on a plain `set` on this thread, in the thread's own context, panics.
pub(crate) fn forbid_bare_set() {
    expect_end();
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

impl Slot {
    /// Releases the thread's own values.
    fn end(&self) {
        /// Values that set others when they are dropped are dropped too, but not for ever.
        const ROUNDS: usize = 16;

        self.rule.set(Rule::Ending);
        for _ in 0..ROUNDS {
            let identity = self.identity.0.get();
            // `std::process::exit` gets here with frames on the stack that will not go on: what they entered is not
            // the thread's own, and what they lent may still be in use on other threads.
            if !identity.is_thread() || !Loan::is_end(self.loans.get()) {
                return;
            }
            let own = self.swap(Contents::new(identity));
            if own.len() == 0 {
                return;
            }
            drop(own); // user code: T::drop
        }
    }
}
