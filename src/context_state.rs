//! The state of a context, wherever it is kept: in a `Context`, or in a thread's slot while the context is current.

use crate::hamt::{self, Map};
use crate::id::{ContextId, VarId, VarKey};
use crate::value::ErasedValue;

/// The values of the variables, and the context's id, which moves with the state and is not copied.
pub(crate) struct ContextState {
    /// The values that a copy of the context inherits.
    pub(crate) inherited: Map,
    /// The values of `local` variables. They have a map of their own, so that a copy without them costs one reference count.
    pub(crate) local: Map,
    pub(crate) id: ContextId,
}

impl ContextState {
    #[inline]
    pub(crate) const fn new(id: ContextId) -> Self {
        Self { inherited: Map::EMPTY, local: Map::EMPTY, id }
    }

    #[inline]
    pub(crate) fn get<T>(&self, key: VarKey<T>) -> Option<&T> {
        self.value(key.id())?.get(key)
    }

    #[inline]
    pub(crate) fn value(&self, id: VarId) -> Option<&ErasedValue> {
        if id.is_local() { self.local.get(id) } else { self.inherited.get(id) }
    }

    /// Returns the map that holds the variable `id`.
    #[inline]
    pub(crate) fn map_mut(&mut self, id: VarId) -> &mut Map {
        if id.is_local() { &mut self.local } else { &mut self.inherited }
    }

    /// Creates a state with the same values and no id.
    #[inline]
    pub(crate) fn copy(&self) -> Self {
        let (inherited, local) = (self.inherited.clone(), self.local.clone());
        Self { inherited, local, id: ContextId::UNASSIGNED }
    }

    /// Returns the number of variables that have a value, without the hidden variable.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let hidden = usize::from(self.inherited.get(VarId::HIDDEN).is_some());
        self.inherited.len() + self.local.len() - hidden
    }

    /// Returns `true` if there is no value, not even that of the hidden variable.
    #[inline]
    pub(crate) fn is_vacant(&self) -> bool {
        self.inherited.is_empty() && self.local.is_empty()
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter {
            now: self.inherited.iter(),
            next: Some(&self.local).filter(|map| !map.is_empty()),
            left: self.len(),
        }
    }

    #[inline]
    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        self.inherited.ptr_eq(&other.inherited) && self.local.ptr_eq(&other.local)
    }
}

/// An iterator over the values of a context, in no particular order, without the hidden variable's value.
#[derive(Clone)]
pub(crate) struct Iter<'a> {
    now: hamt::Iter<'a>,
    next: Option<&'a Map>,
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a ErasedValue;

    fn next(&mut self) -> Option<&'a ErasedValue> {
        loop {
            match self.now.next() {
                Some(value) if value.id().is_hidden() => {}
                Some(value) => {
                    self.left -= 1;
                    return Some(value);
                }
                None => self.now = self.next.take()?.iter(),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
