//! Iteration over [`Fields`].

use std::iter::FusedIterator;
use std::slice;

use super::Fields;
use crate::fields::value::{Text, Value};

/// An iterator over the fields of a [`Fields`]; returned by [`Fields::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a>(pub(super) slice::Iter<'a, (Text, Value)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Text, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}

/// An owning iterator over the fields of a [`Fields`], which clones each of them; returned by `Fields::into_iter`.
#[derive(Clone, Debug)]
pub struct IntoIter {
    fields: Fields,
    next: usize,
}

impl Iterator for IntoIter {
    type Item = (Text, Value);

    fn next(&mut self) -> Option<Self::Item> {
        let field = self.fields.list().get(self.next)?.clone();
        self.next += 1;
        Some(field)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.fields.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for IntoIter {}
impl FusedIterator for IntoIter {}

impl<'a> IntoIterator for &'a Fields {
    type Item = (&'a Text, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl IntoIterator for Fields {
    type Item = (Text, Value);
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter { fields: self, next: 0 }
    }
}
