//! What a context holds, wherever it is kept: in a `Context`, or in a thread's slot while it is current.

use crate::hamt::{self, Map};
use crate::id::{ContextId, VarId, VarKey};
use crate::value::ErasedValue;

/// The variables' values and the identity that goes with them. The identity moves with the contents, and is not copied.
pub(crate) struct ContextState {
    /// The values that a copy of the context inherits.
    pub(crate) inherited: Map,
    /// The values of `local` variables. They have a map of their own, so that a copy without them costs one reference
    /// count.
    pub(crate) local: Map,
    pub(crate) identity: ContextId,
}

impl ContextState {
    #[inline]
    pub(crate) const fn new(identity: ContextId) -> Self {
        Self { inherited: Map::EMPTY, local: Map::EMPTY, identity }
    }

    #[inline]
    pub(crate) fn get<T>(&self, key: VarKey<T>) -> Option<&T> {
        self.value(key.number())?.get(key)
    }

    #[inline]
    pub(crate) fn value(&self, number: VarId) -> Option<&ErasedValue> {
        if number.is_local() { self.local.get(number) } else { self.inherited.get(number) }
    }

    /// The map that holds the variable `number`.
    #[inline]
    pub(crate) fn map_mut(&mut self, number: VarId) -> &mut Map {
        if number.is_local() { &mut self.local } else { &mut self.inherited }
    }

    /// Another context with the same values.
    #[inline]
    pub(crate) fn copy(&self) -> Self {
        let (inherited, local) = (self.inherited.clone(), self.local.clone());
        Self { inherited, local, identity: ContextId::UNASSIGNED }
    }

    /// How many variables have a value. The hidden variable does not count.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let hidden = usize::from(self.inherited.get(VarId::HIDDEN).is_some());
        self.inherited.len() + self.local.len() - hidden
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter {
            now: self.inherited.iter(),
            next: Some(&self.local).filter(|map| map.len() > 0),
            left: self.len(),
        }
    }

    #[inline]
    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        self.inherited.ptr_eq(&other.inherited) && self.local.ptr_eq(&other.local)
    }
}

/// The values of a context's variables, in no particular order, without that of the hidden variable.
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
                Some(value) if value.number() == VarId::HIDDEN => {}
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
