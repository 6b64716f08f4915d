//! The erased value: one allocation, shared by every snapshot that holds it.
//!
//! # Invariants
//! - A [`ErasedValue`] points to a live `ValueInner<T>` whose header says which variable it is filed under; by the invariant of
//!   [`VarKey`] the number tells `T`.
//! - Every `T` is `Send + Sync`: thread A drops its snapshot while thread B reads the value through another, and either
//!   may be the one to drop it.
//! - Dropping a value runs user code, which may drop further values. The nesting is bounded: beyond it the dead queue
//!   up in their own memory and the outermost drop works them off, so that a chain of any length needs little stack.

mod disposal;
mod memory;
mod meta;

use std::any::TypeId;
use std::fmt;
use std::ptr::NonNull;

use crate::count::RefCount;
use crate::id::{VarId, VarKey};
use crate::sync::LoomAccess;

pub(crate) use self::meta::Field;
pub(crate) use self::meta::VarMeta;
use self::meta::{ToField, VTable};

/// What every value starts with. `vtable` was made for its type, as only [`VarMeta<T>`] brings one.
struct Header {
    count: RefCount,
    /// Whether the value's `to_field` neither panics nor recurses.
    guards_itself: bool,
    access: LoomAccess,
    name: &'static str,
    vtable: &'static VTable,
    // Last, near the value: a read looks at both.
    number: VarId,
}

#[repr(C)]
struct ValueInner<T> {
    header: Header,
    /// Makes the value a log field. Not part of `vtable`: a type that can be shown and logged is known to be both only where
    /// it is known to be one.
    to_field: Option<ToField<T>>,
    value: T,
}

/// An owning pointer to a value of some variable.
#[repr(transparent)]
pub(crate) struct ErasedValue(NonNull<Header>);

// SAFETY: a value is made of a `T: Send + Sync` only, and its count is atomic.
unsafe impl Send for ErasedValue {}
// SAFETY: as above.
unsafe impl Sync for ErasedValue {}

impl ErasedValue {
    #[inline]
    pub(crate) fn new<T: Send + Sync + 'static>(
        key: VarKey<T>,
        meta: VarMeta<T>,
        value: T,
    ) -> Self {
        let VarMeta { name, vtable, to_field, guards_itself, .. } = meta;
        let header = Header {
            count: RefCount::one(),
            guards_itself,
            access: LoomAccess::new(),
            name,
            vtable,
            number: key.number(),
        };
        let stored = memory::allocate::<T>();
        // SAFETY: the memory is for just that, and nobody else's.
        unsafe { stored.write(ValueInner { header, to_field, value }) }
        Self(stored.cast())
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the value is alive while one owner is (`self`), and the header of a live value is never written to
        // but for its count.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn number(&self) -> VarId {
        self.header().number
    }

    pub(crate) fn name(&self) -> &'static str {
        self.header().name
    }

    /// The value as a log field, if its variable says that it is one.
    pub(crate) fn to_field(&self) -> Option<Field> {
        (self.header().vtable.to_field)(self) // user code: T::to_value
    }

    /// Whether `to_field` neither panics nor recurses.
    pub(crate) fn guards_itself(&self) -> bool {
        self.header().guards_itself
    }

    /// The value, if it is filed under `key`.
    #[inline]
    pub(crate) fn get<T>(&self, key: VarKey<T>) -> Option<&T> {
        // SAFETY: by the invariant of `VarKey`, what bears its number is a `T`; `self` keeps it alive.
        (self.number() == key.number()).then(|| unsafe { self.address().get(key) })
    }

    /// The value, if it is a `T`, whatever variable it is of.
    pub(crate) fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        Some(&self.stored::<T>()?.value)
    }

    /// The whole allocation, if the value is a `T`.
    fn stored<T: 'static>(&self) -> Option<&ValueInner<T>> {
        if (self.header().vtable.type_id)() == TypeId::of::<T>() {
            self.header().access.read();
            // SAFETY: the vtable was made for the type of the value, which is `T`; `self` keeps it alive, and nobody writes to
            // it but for its count, which is atomic.
            Some(unsafe { self.0.cast::<ValueInner<T>>().as_ref() })
        } else {
            None
        }
    }

    /// Whether both are the same allocation.
    #[inline]
    pub(crate) fn ptr_eq(&self, other: ValuePtr) -> bool {
        self.0 == other.0
    }

    /// What `is` compares with.
    #[inline]
    pub(crate) fn address(&self) -> ValuePtr {
        ValuePtr(self.0)
    }

    /// The pointer itself, for the map's links.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<()> {
        std::mem::ManuallyDrop::new(self).0.cast()
    }

    /// # Safety
    /// `raw` came from [`ErasedValue::into_raw`], and is given back at most once.
    #[inline]
    pub(crate) unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self(raw.cast())
    }
}

/// Where a value lies, without a share in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValuePtr(NonNull<Header>);

impl ValuePtr {
    /// The value.
    ///
    /// # Safety
    /// The value is filed under `key`, and has an owner for all of `'a`.
    #[inline]
    pub(crate) unsafe fn get<'a, T>(self, _key: VarKey<T>) -> &'a T {
        // SAFETY: the header of a live value is never written to but for its count.
        unsafe { self.0.as_ref() }.access.read();
        let stored = self.0.cast::<ValueInner<T>>().as_ptr();
        // SAFETY: by the invariant of `VarKey`, the value is a `T`, and so the pointer is to a `ValueInner<T>`; that is alive, as
        // promised, so the field is in bounds.
        let value = unsafe { &raw const (*stored).value };
        // SAFETY: nobody writes to a value while it has an owner.
        unsafe { &*value }
    }
}

impl Clone for ErasedValue {
    #[inline]
    fn clone(&self) -> Self {
        self.header().count.acquire();
        Self(self.0)
    }
}

impl Drop for ErasedValue {
    #[inline]
    fn drop(&mut self) {
        if self.header().count.release() {
            self.header().access.write();
            let dispose = self.header().vtable.dispose;
            // SAFETY: this was the last owner, and `dispose` was made for the type of the value.
            unsafe { dispose(self.0) }
        }
    }
}

impl fmt::Debug for ErasedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.header().vtable.debug)(self, f)
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
