//! What a variable tells about its values, so that they can be shown, logged and dropped once their type is forgotten.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;

use super::Value;
use super::disposal::{Dispose, dispose};
use crate::field_value::{self, ToValue};

/// What a variable tells about its values, beyond their number. Made for its `T`, and for no other.
#[derive(Debug)]
pub(crate) struct Label<T> {
    pub(super) name: &'static str,
    pub(super) kind: &'static Kind,
    pub(super) field: Option<Field>,
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
pub(super) type Field = fn(&Value) -> Option<field_value::Value>;

/// What must be known of a `T` once it is erased.
pub(super) struct Kind {
    pub(super) dispose: Dispose,
    pub(super) type_id: fn() -> TypeId,
    type_name: fn() -> &'static str,
    pub(super) debug: fn(&Value, &mut fmt::Formatter<'_>) -> fmt::Result,
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
