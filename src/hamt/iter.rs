//! Iteration over a map. It takes no reference count and allocates nothing.

use super::node::{Branch, Link, MAX_DEPTH, Ref};
use crate::value::ErasedValue;

/// An iterator over the values of a map, in no particular order.
#[derive(Clone)]
pub(crate) struct Iter<'a> {
    /// The branches from the root down to the current one.
    path: [Option<&'a Branch>; MAX_DEPTH],
    /// For each branch on the path, the index of the child that comes next.
    places: [u8; MAX_DEPTH],
    depth: usize,
    /// The value of a map that has a single value and no branch.
    only: Option<&'a ErasedValue>,
}

impl<'a> Iter<'a> {
    pub(super) fn new(root: &'a Link) -> Self {
        let mut iter =
            Self { path: [None; MAX_DEPTH], places: [0; MAX_DEPTH], depth: 0, only: None };
        match root.get() {
            Ref::Nothing => {}
            Ref::Value(value) => iter.only = Some(value),
            Ref::Branch(branch) => iter.descend(branch),
        }
        iter
    }

    fn descend(&mut self, branch: &'a Branch) {
        self.path[self.depth] = Some(branch);
        self.places[self.depth] = 0;
        self.depth += 1;
    }

    /// Returns the next value of the branches on the path.
    fn step(&mut self) -> Option<&'a ErasedValue> {
        loop {
            let top = self.depth.checked_sub(1)?;
            let place = usize::from(self.places[top]);
            let Some(child) = self.path[top]?.children().get(place) else {
                self.depth = top;
                continue;
            };
            self.places[top] += 1;
            match child.get() {
                Ref::Nothing => {}
                Ref::Value(value) => return Some(value),
                Ref::Branch(branch) => self.descend(branch),
            }
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a ErasedValue;

    fn next(&mut self) -> Option<&'a ErasedValue> {
        self.only.take().or_else(|| self.step())
    }
}
