//! The erased value: one allocation, shared by every snapshot that holds it.
//!
//! # Invariants
//! - A [`Value`] points to a live `Stored<T>` whose header says which variable it is filed under; by the invariant of
//!   [`Key`] the number tells `T`.
//! - Every `T` is `Send + Sync`: thread A drops its snapshot while thread B reads the value through another, and either
//!   may be the one to drop it.
//! - Dropping a value runs user code, which may drop further values. The nesting is bounded: beyond it the dead queue
//!   up in their own memory and the outermost drop works them off, so that a chain of any length needs little stack.

mod disposal;
mod label;
mod memory;

use std::any::TypeId;
use std::fmt;
use std::ptr::NonNull;

use crate::count::RefCount;
use crate::field_value;
use crate::id::{Key, Number};
use crate::sync::Watched;

pub(crate) use self::label::Label;
use self::label::{Field, Kind};

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
        let stored = memory::allocate::<T>();
        // SAFETY: the memory is for just that, and nobody else's.
        unsafe { stored.write(Stored { header, value }) }
        Self(stored.cast())
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
