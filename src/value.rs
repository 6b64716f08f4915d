//! The erased value: one allocation, shared by every snapshot that holds it.
//!
//! # Invariants
//! - A [`Value`] points to a live `Stored<T>` whose header says which variable it is filed under; by the invariant of
//!   [`Key`] the number tells `T`.
//! - Every `T` is `Send + Sync`: thread A drops its snapshot while thread B reads the value through another, and either
//!   may be the one to drop it.
//! - Dropping a value runs user code, which may drop further values. The nesting is bounded: beyond it the dead queue
//!   up in their own memory and the outermost drop works them off, so that a chain of any length needs little stack.

use std::any::TypeId;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::count::RefCount;
use crate::field_value::{self, ToValue};
use crate::id::{Key, Number};
use crate::sync::{Watched, thread_local};

/// What a variable tells about its values, beyond their number. Made for its `T`, and for no other.
#[derive(Debug)]
pub(crate) struct Label<T> {
    name: &'static str,
    kind: &'static Kind,
    field: Option<Field>,
    of: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Label<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Label<T> {}

impl<T: Send + Sync + 'static> Label<T> {
    /// Values that show as their type's name only.
    pub(crate) const fn opaque(name: &'static str) -> Self {
        Self { name, kind: Kind::opaque::<T>(), field: None, of: PhantomData }
    }

    /// The same, for values that show as they show themselves.
    pub(crate) const fn shown(self) -> Self
    where
        T: fmt::Debug,
    {
        Self { kind: Kind::shown::<T>(), ..self }
    }

    /// The same, for values that are log fields.
    pub(crate) const fn logged(self) -> Self
    where
        T: ToValue,
    {
        Self {
            field: Some(|value| value.downcast_ref::<T>().map(field_value::of_variable)),
            ..self
        }
    }

    #[inline]
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }
}

/// A value as a log field; made for its type.
type Field = fn(&Value) -> Option<field_value::Value>;

/// Ends a value without owners; made for its type.
type Dispose = unsafe fn(NonNull<Header>);

/// What must be known of a `T` once it is erased.
struct Kind {
    dispose: Dispose,
    type_id: fn() -> TypeId,
    type_name: fn() -> &'static str,
    debug: fn(&Value, &mut fmt::Formatter<'_>) -> fmt::Result,
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((self.type_name)())
    }
}

impl Kind {
    const fn opaque<T: Send + Sync + 'static>() -> &'static Self {
        const {
            &Self {
                dispose: dispose::<T>,
                type_id: TypeId::of::<T>,
                type_name: std::any::type_name::<T>,
                debug: |value, f| f.write_str((value.header().kind.type_name)()),
            }
        }
    }

    const fn shown<T: fmt::Debug + Send + Sync + 'static>() -> &'static Self {
        const {
            &Self {
                debug: |value, f| match value.downcast_ref::<T>() {
                    Some(value) => value.fmt(f), // user code: T::fmt
                    None => Err(fmt::Error),
                },
                ..*Self::opaque::<T>()
            }
        }
    }
}

/// What every value starts with. `kind` was made for its type, as only [`Label<T>`] brings one.
struct Header {
    count: RefCount,
    watched: Watched,
    name: &'static str,
    kind: &'static Kind,
    /// Not part of `kind`: a type that can be shown and logged is known to be both only where it is known to be one.
    field: Option<Field>,
    // Last, beside the value: a read looks at both.
    number: Number,
}

#[repr(C)]
struct Stored<T> {
    header: Header,
    value: T,
}

/// An owning pointer to a value of some variable.
#[repr(transparent)]
pub(crate) struct Value(NonNull<Header>);

// SAFETY: a value is made of a `T: Send + Sync` only, and its count is atomic.
unsafe impl Send for Value {}
// SAFETY: as above.
unsafe impl Sync for Value {}

impl Value {
    #[inline]
    pub(crate) fn new<T: Send + Sync + 'static>(key: Key<T>, label: Label<T>, value: T) -> Self {
        let Label { name, kind, field, .. } = label;
        let header = Header {
            count: RefCount::one(),
            watched: Watched::new(),
            name,
            kind,
            field,
            number: key.number(),
        };
        let stored = Box::into_raw(Box::new(Stored { header, value }));
        // SAFETY: a box is never null.
        Self(unsafe { NonNull::new_unchecked(stored.cast()) })
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the value is alive while one owner is (`self`), and the header of a live value is never written to
        // but for its count.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn number(&self) -> Number {
        self.header().number
    }

    pub(crate) fn name(&self) -> &'static str {
        self.header().name
    }

    /// The value as a log field, if its variable says that it is one.
    pub(crate) fn field(&self) -> Option<field_value::Value> {
        self.header().field?(self) // user code: T::to_value
    }

    /// The value, if it is filed under `key`.
    #[inline]
    pub(crate) fn get<T>(&self, key: Key<T>) -> Option<&T> {
        // SAFETY: by the invariant of `Key`, what bears its number is a `T`; `self` keeps it alive.
        (self.number() == key.number()).then(|| unsafe { self.address().get(key) })
    }

    /// The value, if it is a `T`, whatever variable it is of.
    pub(crate) fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        if (self.header().kind.type_id)() == TypeId::of::<T>() {
            // SAFETY: the kind was made for the type of the value, which is `T`; `self` keeps it alive.
            Some(unsafe { self.address().cast() })
        } else {
            None
        }
    }

    /// Whether both are the same allocation.
    #[inline]
    pub(crate) fn is(&self, other: Address) -> bool {
        self.0 == other.0
    }

    /// What `is` compares with.
    #[inline]
    pub(crate) fn address(&self) -> Address {
        Address(self.0)
    }

    /// The pointer itself, for the map's links.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<()> {
        std::mem::ManuallyDrop::new(self).0.cast()
    }

    /// # Safety
    /// `raw` came from [`Value::into_raw`], and is given back at most once.
    #[inline]
    pub(crate) unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self(raw.cast())
    }
}

/// Where a value lies, without a share in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address(NonNull<Header>);

impl Address {
    /// The value.
    ///
    /// # Safety
    /// The value is filed under `key`, and has an owner for all of `'a`.
    #[inline]
    pub(crate) unsafe fn get<'a, T>(self, _key: Key<T>) -> &'a T {
        // SAFETY: by the invariant of `Key`, what is filed under it is a `T`; it is alive, as promised.
        unsafe { self.cast() }
    }

    /// # Safety
    /// The value is a `T`, and has an owner for all of `'a`.
    #[inline]
    unsafe fn cast<'a, T>(self) -> &'a T {
        // SAFETY: the header of a live value is never written to but for its count.
        unsafe { self.0.as_ref() }.watched.read();
        let stored = self.0.cast::<Stored<T>>().as_ptr();
        // SAFETY: the pointer came from a box of `Stored<T>` that is alive, so the field is in bounds.
        let value = unsafe { &raw const (*stored).value };
        // SAFETY: nobody writes to a value while it has an owner.
        unsafe { &*value }
    }
}

impl Clone for Value {
    #[inline]
    fn clone(&self) -> Self {
        self.header().count.acquire();
        Self(self.0)
    }
}

impl Drop for Value {
    #[inline]
    fn drop(&mut self) {
        if self.header().count.release() {
            self.header().watched.write();
            let dispose = self.header().kind.dispose;
            // SAFETY: this was the last owner, and `dispose` was made for the type of the value.
            unsafe { dispose(self.0) }
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.header().kind.debug)(self, f)
    }
}

/// Drops and frees a dead value, now or, too deep inside of other drops, after them.
///
/// # Safety
/// `dead` points to a `Stored<T>` without owners.
unsafe fn dispose<T>(dead: NonNull<Header>) {
    if std::mem::needs_drop::<T>() {
        // SAFETY: as promised; `free::<T>` is made for what `dead` points to.
        unsafe { dispose_in_turn(dead, free::<T>) }
    } else {
        // SAFETY: as promised.
        unsafe { free::<T>(dead) }
    }
}

/// # Safety
/// `dead` points to a `Stored<T>` without owners; its header may be overwritten.
unsafe fn free<T>(dead: NonNull<Header>) {
    // SAFETY: the pointer came from `Box::into_raw` in `Value::new`, and no owner is left. The header needs no drop.
    drop(unsafe { Box::from_raw(dead.cast::<Stored<T>>().as_ptr()) }); // user code: T::drop
}

/// How deep values may be dropped inside of one another's drop before they queue up.
///
/// Code that drops a context in the destructor of a value sees its values go at once; a chain does not eat the stack.
const NESTING: u32 = 16;

struct Disposals {
    nesting: Cell<u32>,
    queue: Cell<Option<NonNull<Dead>>>,
}

/// A queued value: written over the header, which nobody reads any more.
struct Dead {
    free: Dispose,
    next: Option<NonNull<Dead>>,
}

const _: () = assert!(size_of::<Dead>() <= size_of::<Header>());
const _: () = assert!(align_of::<Dead>() <= align_of::<Header>());
const _: () = assert!(!std::mem::needs_drop::<Header>());

thread_local! {
    // Without `Drop`, so that it is there for the destructors of other thread-locals too. Whoever raised the nesting
    // from zero leaves the queue empty.
    static DISPOSALS: Disposals =
        const { Disposals { nesting: Cell::new(0), queue: Cell::new(None) } };
}

/// # Safety
/// `free(dead)` may be called once.
unsafe fn dispose_in_turn(dead: NonNull<Header>, free: Dispose) {
    DISPOSALS.with(|disposals| {
        let nesting = disposals.nesting.get();
        if nesting == NESTING {
            // SAFETY: as promised; it is called when the queue is worked off.
            return unsafe { disposals.push(dead, free) };
        }
        disposals.nesting.set(nesting + 1);
        let _nesting = Nesting { disposals, outer: nesting };
        let _queue = (nesting == 0).then(|| Queue(disposals));
        // SAFETY: as promised.
        unsafe { free(dead) }
    });
}

/// Gives the nesting back, also when a destructor panics.
struct Nesting<'a> {
    disposals: &'a Disposals,
    outer: u32,
}

impl Drop for Nesting<'_> {
    fn drop(&mut self) {
        self.disposals.nesting.set(self.outer);
    }
}

/// Works the queue off, also when a destructor panics.
struct Queue<'a>(&'a Disposals);

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        if self.0.queue.get().is_some() {
            let _rest_on_unwind = Queue(self.0);
            while let Some((dead, free)) = self.0.pop() {
                // SAFETY: `push` was promised that this may be called once, and `pop` returns each once.
                unsafe { free(dead) }
            }
        }
    }
}

impl Disposals {
    /// # Safety
    /// `free(dead)` may be called once, later and on this thread.
    unsafe fn push(&self, dead: NonNull<Header>, free: Dispose) {
        let entry = dead.cast::<Dead>();
        // SAFETY: the header has no readers left, is large and aligned enough, and needs no drop.
        unsafe { entry.write(Dead { free, next: self.queue.get() }) }
        self.queue.set(Some(entry));
    }

    fn pop(&self) -> Option<(NonNull<Header>, Dispose)> {
        let entry = self.queue.get()?;
        // SAFETY: `push` wrote it, and only `pop` takes it off the queue.
        let Dead { free, next } = unsafe { entry.read() };
        self.queue.set(next);
        Some((entry.cast(), free))
    }
}

/// Whether cloning a `T` is known to run nobody's code, so that it need not be lent for that.
#[inline]
pub(crate) fn is_plain<T: 'static>() -> bool {
    macro_rules! any_of {
        ($($plain:ty)*) => { ($(TypeId::of::<T>() == TypeId::of::<$plain>())||*) };
    }
    // First what the compiler can tell at once, also in debug builds.
    !std::mem::needs_drop::<T>()
        && any_of!(bool char u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 &'static str)
}

#[cfg(test)]
mod tests;
