//! The persistent map of a context: from a variable's id to its value.
//!
//! The map is a hash array mapped trie whose hash is the id itself. Ids are dense, so their low digits are distributed as well
//! as those of any hash. Different ids differ in some digit, so there are no collisions. A branch has one child for each digit,
//! and a value is a child of the first branch at which no other id shares its path:
//!
//! ```text
//! 0 values: an empty link        1 value: the value itself, without a branch        more values:
//!
//!   digit    0    1    2    3            (ids 1, 2, 5 in base 4: 01, 02, 11)
//!          [    |  • |  2 |    ]
//!                 └─[ 1 | 5 |   |   ]
//! ```
//!
//! # Invariants
//! 1. A value lies on the path that the digits of its id spell, the lowest digit first.
//! 2. No branch is empty, and the root branch has the number of values in the map.
//! 3. A branch is written to only while it has a single owner, and so have all branches on the path to it.
//!
//! A branch that is left with a single value stays. A variable that is bound for the length of a call is removed again at its
//! end, and merging the branch would free and rebuild it in each call.
//!
//! # User code
//! No user code runs in this module. A value that leaves the map is returned to the caller. Freeing a superseded branch drops
//! no value, because its successor or the caller has another reference to each of its values.

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

/// A persistent map from variables to values. Cloning it costs one reference count.
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

    /// Tries to insert `value` under its `id` by overwriting one link, so that nothing is allocated, copied, freed or dropped.
    /// Returns the previous value, or `value` as an error if more than that is needed: then the caller uses
    /// [`insert`](Self::insert).
    #[inline]
    pub(crate) fn insert_in_place(
        &mut self,
        id: VarId,
        value: ErasedValue,
    ) -> Result<Option<ErasedValue>, ErasedValue> {
        let mut link = &mut self.0;
        let mut digits = id.digits();
        loop {
            if link.is_nothing() {
                *link = Link::value(value);
                self.0.add_to_len(1);
                return Ok(None);
            }
            match link.get_mut() {
                Mut::Unique(branch) => link = branch.child_mut(digit(digits)),
                Mut::Value(held) if held.id() == id => {
                    return Ok(Some(std::mem::replace(held, value)));
                }
                Mut::Value(_) | Mut::Nothing | Mut::Shared => return Err(value),
            }
            digits >>= node::BITS;
        }
    }

    /// Tries to swap `value` with the value that is stored under the same `id`, by overwriting one link. Returns `false`, and leaves
    /// both as they are, if there is no such value or if a branch on the path has other owners.
    #[inline]
    pub(crate) fn swap_in_place(&mut self, id: VarId, value: &mut ErasedValue) -> bool {
        let mut link = &mut self.0;
        let mut digits = id.digits();
        loop {
            match link.get_mut() {
                Mut::Unique(branch) => link = branch.child_mut(digit(digits)),
                Mut::Value(held) if held.id() == id => {
                    std::mem::swap(held, value);
                    return true;
                }
                Mut::Value(_) | Mut::Nothing | Mut::Shared => return false,
            }
            digits >>= node::BITS;
        }
    }

    /// Tries to remove the value of `id` by emptying one link. Returns `None` if there is no value or if more than that is needed:
    /// the caller then uses [`remove`](Self::remove).
    #[expect(
        clippy::inline_always,
        reason = "of the two functions that `Slot::remove` calls, the compiler inlines the rare one otherwise"
    )]
    #[inline(always)]
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
        self.take_single(id)
    }

    /// Removes and returns the value of `id` if it is the only value and has no branch above it.
    fn take_single(&mut self, id: VarId) -> Option<ErasedValue> {
        let is_single = matches!(self.0.get(), Ref::Value(held) if held.id() == id);
        if is_single { self.0.take().into_value() } else { None }
    }

    /// Inserts `value` under its id, and returns the previous value.
    pub(crate) fn insert(&mut self, value: ErasedValue) -> Option<ErasedValue> {
        let old = insert(&mut self.0, value, 0);
        if old.is_none() {
            self.0.add_to_len(1);
        }
        old
    }

    /// Removes and returns the value of `id`.
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

    /// Returns `true` if the map has no value; unlike `len`, without a look at the root.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_nothing()
    }

    #[inline]
    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter::new(&self.0)
    }
}

/// Inserts `value`, and returns the previous value of its id. Branches are changed in place down to the first one that has
/// other owners; from there on, the path is copied.
fn insert(link: &mut Link, value: ErasedValue, depth: u32) -> Option<ErasedValue> {
    match link.get_mut() {
        // A tail call, which the compiler turns into a loop.
        Mut::Unique(branch) => {
            let place = child_index(value.id(), depth);
            insert(branch.child_mut(place), value, depth + 1)
        }
        Mut::Shared => insert_into_copy(link, value, depth),
        Mut::Value(_) | Mut::Nothing => insert_at_end(link, value, depth),
    }
}

/// Replaces the shared branch of `link` and the branches below it, down to the place of `value`, by copies that have `value`.
/// Returns the previous value of its id.
#[inline(never)]
fn insert_into_copy(link: &mut Link, value: ErasedValue, mut depth: u32) -> Option<ErasedValue> {
    // Keeps the originals alive until they are copied.
    let original = link.take();
    let (mut from, mut to) = (&original, link);
    while let Ref::Branch(branch) = from.get() {
        let place = child_index(value.id(), depth);
        to = to.fill_with_copy(branch, place);
        from = branch.child(place);
        depth += 1;
    }
    *to = from.clone();
    insert_at_end(to, value, depth)
}

/// Inserts `value` into a link that does not lead to a branch. Returns the previous value of its id.
#[inline]
fn insert_at_end(link: &mut Link, value: ErasedValue, depth: u32) -> Option<ErasedValue> {
    match link.get_mut() {
        Mut::Value(held) if held.id() == value.id() => Some(std::mem::replace(held, value)),
        Mut::Value(held) => {
            let held = held.clone();
            *link = fork(held, value, depth);
            None
        }
        _ => {
            *link = Link::value(value);
            None
        }
    }
}

/// Creates the branches down to the first digit in which the ids of two values differ.
fn fork(one: ErasedValue, other: ErasedValue, depth: u32) -> Link {
    let (first, second) = (child_index(one.id(), depth), child_index(other.id(), depth));
    // If the new branch is the root, `one` was the only value of the map, and the caller adds one for `other`.
    let mut branch = Branch::new(1);
    if first == second {
        *branch.child_mut(first) = fork(one, other, depth + 1);
    } else {
        *branch.child_mut(first) = Link::value(one);
        *branch.child_mut(second) = Link::value(other);
    }
    Link::branch(|| branch)
}

/// Removes and returns the value of `id`. Branches are changed in place down to the first one that has other owners; from there
/// on, the path is copied.
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

/// Returns a copy of `link` without the value of `id`, and that value; `None` if there is no such value. The branches that
/// `link` leads to are not changed.
fn without(link: &Link, id: VarId, depth: u32) -> Option<(Link, ErasedValue)> {
    match link.get() {
        Ref::Nothing => None,
        Ref::Value(held) => (held.id() == id).then(|| (Link::EMPTY, held.clone())),
        Ref::Branch(branch) => {
            let place = child_index(id, depth);
            let (child, old) = without(branch.child(place), id, depth + 1)?;
            let without = branch.with_child(place, child);
            Some((if without.is_empty() { Link::EMPTY } else { Link::branch(|| without) }, old))
        }
    }
}

/// Returns the digit of `id` that selects the child of a branch at `depth`.
#[inline]
fn child_index(id: VarId, depth: u32) -> usize {
    digit(id.digits() >> (depth * node::BITS))
}
