//! What a context holds, wherever it is kept: in a `Context`, or in a thread's slot while it is current.

use crate::hamt::{self, Map};
use crate::id::{Identity, Key, Number};
use crate::value::Value;

/// The variables' values and the identity that goes with them. The identity moves with the contents, and is not copied.
pub(crate) struct Contents {
    /// One for each family of variables, so that a copy without the `local` ones is a matter of one reference count.
    pub(crate) maps: [Map; Number::FAMILIES],
    pub(crate) identity: Identity,
}

impl Contents {
    #[inline]
    pub(crate) const fn new(identity: Identity) -> Self {
        Self { maps: [const { Map::EMPTY }; Number::FAMILIES], identity }
    }

    #[inline]
    pub(crate) fn get<T>(&self, key: Key<T>) -> Option<&T> {
        self.value(key.number())?.get(key)
    }

    #[inline]
    pub(crate) fn value(&self, number: Number) -> Option<&Value> {
        self.maps[number.family()].get(number)
    }

    /// The map that holds the variable `number`.
    #[inline]
    pub(crate) fn map_mut(&mut self, number: Number) -> &mut Map {
        &mut self.maps[number.family()]
    }

    /// Another context with the same values.
    pub(crate) fn copy(&self) -> Self {
        Self { maps: self.maps.clone(), identity: Identity::UNASKED }
    }

    /// How many variables have a value. The bound log fields are none.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let fields = usize::from(self.value(Number::FIELDS).is_some());
        self.maps.iter().map(Map::len).sum::<usize>() - fields
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        let [travelling, local] = &self.maps;
        Iter {
            now: travelling.iter(),
            next: Some(local).filter(|map| map.len() > 0),
            left: self.len(),
        }
    }

    #[inline]
    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        self.maps.iter().zip(&other.maps).all(|(one, other)| one.ptr_eq(other))
    }
}

/// The values of a context's variables, in no particular order.
#[derive(Clone)]
pub(crate) struct Iter<'a> {
    now: hamt::Iter<'a>,
    next: Option<&'a Map>,
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Value;

    fn next(&mut self) -> Option<&'a Value> {
        loop {
            match self.now.next() {
                Some(value) if value.number() == Number::FIELDS => {}
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
