//! The persistent map of a context: from a variable's id to its value.
//!
//! A hash array mapped trie whose hash is the id itself. ContextIdBlock are dense, so their low digits are as good as any
//! hash, and they differ somewhere, so there are no collisions to keep lists for. A branch has a place for each digit
//! and a value lies at the first branch where its path is its own:
//!
//! ```text
//! 0 values: nothing        1 value: the value itself, no branch at all        more:
//!
//!   digit    0    1    2    3            (numbers 1, 2, 5 in base 4: 01, 02, 11)
//!          [    |  • |  2 |    ]
//!                 └─[ 1 | 5 |   |   ]
//! ```
//!
//! # Invariants
//! 1. A value lies on the path that the digits of its id spell, low ones first.
//! 2. No branch is empty, and the one at the root knows how many values the map holds.
//! 3. What is reached through a link that has other owners is never written to.
//!
//! A branch that is left with a single value stays: whoever binds a variable for the length of a call unbinds it
//! again, and would build and free the branch each time.
//!
//! # User code
//! None runs in here: a value that leaves the map is handed to the caller, and a superseded branch that is freed holds
//! no value but in common with its successor or with the caller.

mod diff;
mod iter;
#[expect(unsafe_code, reason = "links are tagged pointers, branches are shared")]
mod node;
#[cfg(test)]
mod tests;

pub(crate) use iter::Iter;
use node::{Branch, Link, Mut, Ref, digit};

use crate::id::VarId;
use crate::value::ErasedValue;

#[derive(Clone)]
pub(crate) struct Map(Link);

impl Map {
    pub(crate) const EMPTY: Self = Self(Link::EMPTY);

    #[inline]
    pub(crate) fn get(&self, id: VarId) -> Option<&ErasedValue> {
        let mut link = &self.0;
        let mut digits = id.digits();
        loop {
            match link.get() {
                Ref::Branch(branch) => link = branch.child(digit(digits)),
                Ref::Value(value) => return (value.id() == id).then_some(value),
                Ref::Nothing => return None,
            }
            digits >>= node::BITS;
        }
    }

    /// Files `value` under its `id`, and hands out the one that was there, if that is a matter of one link: no branch
    /// is built or copied, nothing is allocated, freed or dropped. Otherwise gives `value` back.
    #[inline]
    pub(crate) fn insert_in_place(
        &mut self,
        id: VarId,
        value: ErasedValue,
    ) -> Result<Option<ErasedValue>, ErasedValue> {
        let mut link = &mut self.0;
        let mut digits = id.digits();
        loop {
            match link.get_mut() {
                Mut::Unique(branch) => link = branch.child_mut(digit(digits)),
                Mut::Value(held) if held.id() == id => {
                    return Ok(Some(std::mem::replace(held, value)));
                }
                Mut::Value(_) | Mut::Nothing | Mut::Shared => return Err(value),
            }
            digits >>= node::BITS;
            if link.is_nothing() {
                *link = Link::value(value);
                self.0.add_to_len(1);
                return Ok(None);
            }
        }
    }

    /// Takes out what is filed under `id`, if it is there and that is a matter of one link.
    #[inline]
    pub(crate) fn remove_in_place(&mut self, id: VarId) -> Option<ErasedValue> {
        let mut link = &mut self.0;
        let mut digits = id.digits();
        while let Mut::Unique(branch) = link.get_mut() {
            let place = digit(digits);
            if let Ref::Value(held) = branch.child(place).get() {
                if held.id() != id || branch.is_empty_but_for(place) {
                    break;
                }
                let old = branch.child_mut(place).take().into_value();
                self.0.add_to_len(-1);
                return old;
            }
            link = branch.child_mut(place);
            digits >>= node::BITS;
        }
        None
    }

    /// Files `value` under its id, and hands out the one that was there.
    pub(crate) fn insert(&mut self, value: ErasedValue) -> Option<ErasedValue> {
        let old = insert(&mut self.0, value, 0);
        if old.is_none() {
            self.0.add_to_len(1);
        }
        old
    }

    /// Takes out what is filed under `id`.
    pub(crate) fn remove(&mut self, id: VarId) -> Option<ErasedValue> {
        let old = remove(&mut self.0, id, 0);
        if old.is_some() {
            self.0.add_to_len(-1);
        }
        old
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len() as usize
    }

    #[inline]
    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter::new(&self.0)
    }
}

/// Inserts in place as far down as this map is the only owner, and into a copy of the path from there.
fn insert(link: &mut Link, value: ErasedValue, depth: u32) -> Option<ErasedValue> {
    match link.get_mut() {
        // Nothing is left to do after this call, which makes it a loop.
        Mut::Unique(branch) => {
            let place = child_index(value.id(), depth);
            insert(branch.child_mut(place), value, depth + 1)
        }
        Mut::Value(held) if held.id() == value.id() => Some(std::mem::replace(held, value)),
        Mut::Nothing => {
            *link = Link::value(value);
            None
        }
        Mut::Value(_) | Mut::Shared => {
            let (with, old) = with_inserted(link, value, depth);
            *link = with;
            old
        }
    }
}

/// `link` with `value` with_inserted; what it links to stays as it is.
fn with_inserted(link: &Link, value: ErasedValue, depth: u32) -> (Link, Option<ErasedValue>) {
    match link.get() {
        Ref::Nothing => (Link::value(value), None),
        Ref::Value(held) if held.id() == value.id() => (Link::value(value), Some(held.clone())),
        Ref::Value(held) => (fork(held.clone(), value, depth), None),
        Ref::Branch(branch) => {
            let place = child_index(value.id(), depth);
            let (child, old) = with_inserted(branch.child(place), value, depth + 1);
            (Link::branch(branch.with_child(place, child)), old)
        }
    }
}

/// The branches down to where two values of different numbers part.
fn fork(one: ErasedValue, other: ErasedValue, depth: u32) -> Link {
    let (first, second) = (child_index(one.id(), depth), child_index(other.id(), depth));
    // `one` was all there was, if this is the root.
    let mut branch = Branch::new(1);
    if first == second {
        *branch.child_mut(first) = fork(one, other, depth + 1);
    } else {
        *branch.child_mut(first) = Link::value(one);
        *branch.child_mut(second) = Link::value(other);
    }
    Link::branch(branch)
}

/// Removes in place as far down as this map is the only owner, and from a copy of the path from there.
fn remove(link: &mut Link, id: VarId, depth: u32) -> Option<ErasedValue> {
    match link.get_mut() {
        Mut::Value(held) if held.id() == id => link.take().into_value(),
        Mut::Nothing | Mut::Value(_) => None,
        Mut::Unique(branch) => {
            let old = remove(branch.child_mut(child_index(id, depth)), id, depth + 1)?;
            if branch.is_empty() {
                *link = Link::EMPTY;
            }
            Some(old)
        }
        Mut::Shared => {
            let (without, old) = without(link, id, depth)?;
            *link = without;
            Some(old)
        }
    }
}

/// `link` without what is filed under `id`, if it was there; what it links to stays as it is.
fn without(link: &Link, id: VarId, depth: u32) -> Option<(Link, ErasedValue)> {
    match link.get() {
        Ref::Nothing => None,
        Ref::Value(held) => (held.id() == id).then(|| (Link::EMPTY, held.clone())),
        Ref::Branch(branch) => {
            let place = child_index(id, depth);
            let (child, old) = without(branch.child(place), id, depth + 1)?;
            let without = branch.with_child(place, child);
            Some((if without.is_empty() { Link::EMPTY } else { Link::branch(without) }, old))
        }
    }
}

/// The digit of `id` that counts at `depth`.
#[inline]
fn child_index(id: VarId, depth: u32) -> usize {
    digit(id.digits() >> (depth * node::BITS))
}
