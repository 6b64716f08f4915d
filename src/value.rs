//! The erased value: one allocation, shared by every snapshot that holds it.
//!
//! # Invariants
//! - An [`ErasedValue`] points to a live `ValueInner<T>` whose header holds the id of its variable. By the invariant of
//!   [`VarKey`], the id determines `T`.
//! - Every `T` is `Send + Sync`, because one thread may drop its snapshot while another reads the value through its own, and
//!   either may be the thread that drops the value.
//! - A live value is never written to, except for its atomic reference count.
//!
//! # Dropping
//! Dropping a value runs user code, which may drop further values. The module `disposal` bounds the nesting: beyond it, values
//! wait in a queue that is kept in their own memory, and the outermost drop works the queue off. So a chain of any length
//! needs little stack.

mod disposal;
mod memory;
mod meta;
mod name;

use std::any::TypeId;
use std::fmt;
use std::panic::Location;
use std::ptr::NonNull;

use crate::count::RefCount;
use crate::id::{VarId, VarKey};
use crate::sync::LoomAccess;

pub(crate) use self::meta::{Field, Logging, VarMeta};
use self::meta::{ToField, VTable};
pub(crate) use self::name::Name;

/// The first part of every value. The vtable was made for the value's type, because [`VarMeta<T>`] is the only source of one.
#[repr(C)]
struct Header {
    count: RefCount,
    access: LoomAccess,
    name: &'static str,
    vtable: &'static VTable,
    /// The line that bound the variable to this value.
    set_at: &'static Location<'static>,
    id: VarId,
}

#[repr(C)]
struct ValueInner<T> {
    header: Header,
    to_field: Option<ToField<T>>,
    value: T,
}

/// An owning pointer to a value of some variable.
#[repr(transparent)]
pub(crate) struct ErasedValue(NonNull<Header>);

// SAFETY: `new` is the only constructor, and it takes a `T: Send + Sync`; the reference count is atomic.
unsafe impl Send for ErasedValue {}
// SAFETY: as above.
unsafe impl Sync for ErasedValue {}

impl ErasedValue {
    #[inline]
    pub(crate) fn new<T: Send + Sync + 'static>(
        key: VarKey<T>,
        meta: VarMeta<T>,
        set_at: &'static Location<'static>,
        value: T,
    ) -> Self {
        let VarMeta { name, vtable, to_field, .. } = meta;
        let (count, access) = (RefCount::one(), LoomAccess::new());
        let header = Header { count, access, name, vtable, set_at, id: key.id() };
        let inner = memory::allocate::<T>();
        // SAFETY: `allocate` returned memory of this layout, and nothing else points to it.
        unsafe { inner.write(ValueInner { header, to_field, value }) }
        Self(inner.cast())
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: `self` owns the value, so it is alive; a live value is not written to, except for its atomic count.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn id(&self) -> VarId {
        self.header().id
    }

    pub(crate) fn name(&self) -> &'static str {
        self.header().name
    }

    /// Returns the line that bound the variable to this value.
    pub(crate) fn set_at(&self) -> &'static Location<'static> {
        self.header().set_at
    }

    /// Returns how the value becomes a log field.
    #[inline]
    pub(crate) fn logging(&self) -> Logging {
        self.header().vtable.logging
    }

    /// Returns the value as a log field, or `None` if its variable is not logged.
    pub(crate) fn to_field(&self) -> Option<Field> {
        (self.header().vtable.to_field)(self) // user code: T::to_value
    }

    /// Returns the value if it is stored under `key`.
    #[inline]
    pub(crate) fn get<T>(&self, key: VarKey<T>) -> Option<&T> {
        // SAFETY: the value is stored under `key`, and `self` keeps it alive for the lifetime of the reference.
        (self.id() == key.id()).then(|| unsafe { self.as_ptr().get(key) })
    }

    /// Returns the value if it is a `T`, whichever variable it belongs to.
    pub(crate) fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        Some(&self.inner::<T>()?.value)
    }

    /// Returns the whole allocation if the value is a `T`.
    fn inner<T: 'static>(&self) -> Option<&ValueInner<T>> {
        if (self.header().vtable.type_id)() != TypeId::of::<T>() {
            return None;
        }
        self.header().access.read();
        // SAFETY: the vtable was made for the type of the value, which is `T`. `self` keeps the value alive, and a live value
        // is not written to, except for its atomic count.
        Some(unsafe { self.0.cast::<ValueInner<T>>().as_ref() })
    }

    /// Returns `true` if both point to the same allocation.
    #[inline]
    pub(crate) fn ptr_eq(&self, other: ValuePtr) -> bool {
        self.0 == other.0
    }

    /// Returns a pointer to the value that does not keep it alive.
    #[inline]
    pub(crate) fn as_ptr(&self) -> ValuePtr {
        ValuePtr(self.0)
    }

    /// Turns the owning pointer into a raw one, for the map's links. The raw pointer is one to the value's reference count.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<()> {
        std::mem::ManuallyDrop::new(self).0.cast()
    }

    /// Turns a raw pointer back into the owning one.
    ///
    /// # Safety
    /// `raw` was returned by [`ErasedValue::into_raw`], and this is the only call for it.
    #[inline]
    pub(crate) unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self(raw.cast())
    }

    /// Drops a value that has no owner left, and frees its memory.
    ///
    /// # Safety
    /// `raw` was returned by [`ErasedValue::into_raw`], or is the pointer of an `ErasedValue`. The release of the value's count
    /// returned `true`, and the value is not used after this call.
    #[inline]
    pub(crate) unsafe fn dispose(raw: NonNull<()>) {
        let value = raw.cast::<Header>();
        // SAFETY: the caller promises a value that nothing else uses, so it is alive until `dispose` below.
        let header = unsafe { value.as_ref() };
        header.access.write();
        let dispose = header.vtable.dispose;
        // SAFETY: the caller promises that no owner is left, so nothing else reads or drops the value, and the vtable's
        // `dispose` was made for the value's type.
        unsafe { dispose(value) }
    }
}

/// A pointer to a value that does not keep it alive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValuePtr(NonNull<Header>);

impl ValuePtr {
    /// Returns the value.
    ///
    /// # Safety
    /// The value is stored under `key`, and has an owner for all of `'a`.
    #[inline]
    pub(crate) unsafe fn get<'a, T>(self, _key: VarKey<T>) -> &'a T {
        // SAFETY: the caller promises an owner, so the value is alive; a live value is not written to, except for its count.
        unsafe { self.0.as_ref() }.access.read();
        let inner = self.0.cast::<ValueInner<T>>().as_ptr();
        // SAFETY: by the invariant of `VarKey`, the value that is stored under `key` is a `T`, so the pointer is to a
        // `ValueInner<T>`. The caller promises that it is alive, so the field is in bounds.
        let value = unsafe { &raw const (*inner).value };
        // SAFETY: the caller promises an owner for all of `'a`, and a live value is not written to.
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
            // SAFETY: this was the last owner.
            unsafe { Self::dispose(self.0.cast()) }
        }
    }
}

impl fmt::Debug for ErasedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.header().vtable.debug)(self, f)
    }
}

/// Returns `true` if cloning a `T` cannot run user code, so `get` can clone it in place.
#[inline]
pub(crate) fn is_plain<T: 'static>() -> bool {
    macro_rules! any_of {
        ($($plain:ty)*) => { ($(TypeId::of::<T>() == TypeId::of::<$plain>())||*) };
    }
    // The first condition is known at compile time, also in debug builds.
    !std::mem::needs_drop::<T>()
        && any_of!(bool char u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 &'static str)
}

#[cfg(test)]
mod tests;
