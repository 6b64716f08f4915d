//! The facts that a variable gives each of its values, so that the value can be shown, logged and dropped once its type is
//! erased.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;

use super::disposal::{Dispose, dispose};
use super::{ErasedValue, ValueInner};

/// A value as a log field. This is the one thing that the foundation knows about log fields.
pub(crate) type Field = crate::fields::Value;

pub(super) type ToField<T> = fn(&T) -> Field;

/// Facts about the values of a variable of type `T`.
#[derive(Debug)]
pub(crate) struct VarMeta<T> {
    pub(super) name: &'static str,
    pub(super) vtable: &'static VTable,
    vtables: &'static VTables,
    pub(super) to_field: Option<ToField<T>>,
    // Invariant in `T`, as the variable's key is.
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
    /// Creates the facts about values that `Debug` shows by the name of their type only, and that are not logged.
    pub(crate) const fn opaque(name: &'static str) -> Self {
        let vtables = VTable::opaque::<T>();
        Self { name, vtable: &vtables.unlogged, vtables, to_field: None, of: PhantomData }
    }

    /// Shows the values by their own `Debug`.
    pub(crate) const fn shown(self) -> Self
    where
        T: fmt::Debug,
    {
        let vtables = VTable::shown::<T>();
        let vtable = match self.vtable.logging {
            Logging::Off => &vtables.unlogged,
            Logging::Guarded => &vtables.guarded,
            Logging::Trusted => &vtables.trusted,
        };
        Self { vtable, vtables, ..self }
    }

    /// Logs the values as the fields that `to_field` makes of them. `to_field` is user code, so its caller must guard
    /// against panics and recursion.
    pub(crate) const fn logged_guarded(self, to_field: ToField<T>) -> Self {
        Self { to_field: Some(to_field), vtable: &self.vtables.guarded, ..self }
    }

    /// Logs the values as the fields that `to_field` makes of them. `to_field` neither panics nor recurses.
    pub(crate) const fn logged_trusted(self, to_field: ToField<T>) -> Self {
        Self { to_field: Some(to_field), vtable: &self.vtables.trusted, ..self }
    }

    #[inline]
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }
}

/// The setting by which a value becomes a log field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Logging {
    /// The value is not logged.
    Off,
    /// User code makes the field, so its panics are caught.
    Guarded,
    /// Code of this crate makes the field, and cannot panic.
    Trusted,
}

/// The operations on a `T` that are needed once its type is erased.
///
/// The function that makes a log field is beside the value instead, because a type that can be both shown and logged is
/// known to be both only where the two are known together. So there is one table for each way of logging.
#[derive(Clone, Copy)]
pub(super) struct VTable {
    pub(super) dispose: Dispose,
    pub(super) type_id: fn() -> TypeId,
    type_name: fn() -> &'static str,
    pub(super) debug: fn(&ErasedValue, &mut fmt::Formatter<'_>) -> fmt::Result,
    pub(super) to_field: fn(&ErasedValue) -> Option<Field>,
    pub(super) logging: Logging,
}

/// The tables of one type, one for each way of logging.
struct VTables {
    unlogged: VTable,
    guarded: VTable,
    trusted: VTable,
}

impl fmt::Debug for VTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((self.type_name)())
    }
}

impl fmt::Debug for VTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.unlogged.fmt(f)
    }
}

impl VTable {
    const fn opaque<T: Send + Sync + 'static>() -> &'static VTables {
        const { &VTables::new(Self::new::<T>()) }
    }

    const fn shown<T: fmt::Debug + Send + Sync + 'static>() -> &'static VTables {
        const {
            &VTables::new(Self {
                debug: |value, f| match value.downcast_ref::<T>() {
                    Some(value) => value.fmt(f), // user code: T::fmt
                    None => Err(fmt::Error),
                },
                ..Self::new::<T>()
            })
        }
    }

    const fn new<T: Send + Sync + 'static>() -> Self {
        Self {
            dispose: dispose::<T>,
            type_id: TypeId::of::<T>,
            type_name: std::any::type_name::<T>,
            debug: |value, f| f.write_str((value.header().vtable.type_name)()),
            to_field: |value| {
                let ValueInner { to_field, value, .. } = value.inner::<T>()?;
                to_field.map(|to_field| to_field(value)) // user code: T::to_value
            },
            logging: Logging::Off,
        }
    }
}

impl VTables {
    const fn new(unlogged: VTable) -> Self {
        let guarded = VTable { logging: Logging::Guarded, ..unlogged };
        let trusted = VTable { logging: Logging::Trusted, ..unlogged };
        Self { unlogged, guarded, trusted }
    }
}
