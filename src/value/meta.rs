//! What a variable tells about its values, so that they can be shown, logged and dropped once their type is forgotten.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;

use super::disposal::{Dispose, dispose};
use super::{ErasedValue, ValueInner};

/// What a variable tells about its values, beyond their number. Made for its `T`, and for no other.
#[derive(Debug)]
pub(crate) struct VarMeta<T> {
    pub(super) name: &'static str,
    pub(super) vtable: &'static VTable,
    pub(super) to_field: Option<ToField<T>>,
    pub(super) guards_itself: bool,
    of: PhantomData<fn(T) -> T>,
}

impl<T> Clone for VarMeta<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for VarMeta<T> {}

impl<T: Send + Sync + 'static> VarMeta<T> {
    /// Values that show as their type's name only.
    pub(crate) const fn opaque(name: &'static str) -> Self {
        Self {
            name,
            vtable: VTable::opaque::<T>(),
            to_field: None,
            guards_itself: true,
            of: PhantomData,
        }
    }

    /// The same, for values that show as they show themselves.
    pub(crate) const fn shown(self) -> Self
    where
        T: fmt::Debug,
    {
        Self { vtable: VTable::shown::<T>(), ..self }
    }

    /// The same, for values that are log fields, which `to_field` makes. `guards_itself` says that it neither panics nor
    /// recurses.
    pub(crate) const fn logged(self, to_field: ToField<T>, guards_itself: bool) -> Self {
        Self { to_field: Some(to_field), guards_itself, ..self }
    }

    #[inline]
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }
}

/// A value as a log field. Of the log fields, the foundation knows this type and no more.
pub(crate) type Field = crate::fields::Value;

pub(super) type ToField<T> = fn(&T) -> Field;

/// What must be known of a `T` once it is erased.
pub(super) struct VTable {
    pub(super) dispose: Dispose,
    pub(super) type_id: fn() -> TypeId,
    type_name: fn() -> &'static str,
    pub(super) debug: fn(&ErasedValue, &mut fmt::Formatter<'_>) -> fmt::Result,
    pub(super) to_field: fn(&ErasedValue) -> Option<Field>,
}

impl fmt::Debug for VTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((self.type_name)())
    }
}

impl VTable {
    const fn opaque<T: Send + Sync + 'static>() -> &'static Self {
        const {
            &Self {
                dispose: dispose::<T>,
                type_id: TypeId::of::<T>,
                type_name: std::any::type_name::<T>,
                debug: |value, f| f.write_str((value.header().vtable.type_name)()),
                to_field: |value| {
                    let ValueInner { to_field, value, .. } = value.stored::<T>()?;
                    to_field.map(|to_field| to_field(value)) // user code: T::to_value
                },
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
