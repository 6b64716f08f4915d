//! The difference of two maps.

use super::node::{Link, Ref};
use super::{Iter, Map};
use crate::value::ErasedValue;

impl Map {
    /// Calls `f` with each variable whose values in `base` and in this map are not the same allocation: the value in `base`, and
    /// the value in this map.
    ///
    /// Branches that the two maps share are skipped, so the cost is that of the changed paths if one map is a modified copy of
    /// the other.
    pub(crate) fn diff<'a>(
        &'a self,
        base: &'a Self,
        f: &mut impl FnMut(Option<&'a ErasedValue>, Option<&'a ErasedValue>),
    ) {
        diff(&base.0, &self.0, f);
    }
}

fn diff<'a>(
    before: &'a Link,
    after: &'a Link,
    f: &mut impl FnMut(Option<&'a ErasedValue>, Option<&'a ErasedValue>),
) {
    if before.ptr_eq(after) {
        return;
    }
    match (before.get(), after.get()) {
        (Ref::Branch(one), Ref::Branch(other)) => {
            for (one, other) in one.children().iter().zip(other.children()) {
                diff(one, other, f);
            }
        }
        // At most one side is a branch, and the other side holds at most one value. A branch may hold a single value, because
        // a branch that lost its other values stays, so the two sides may hold the same variable at different depths.
        _ => diff_small(before, after, f),
    }
}

/// The difference of two links, one of which leads to at most one value.
fn diff_small<'a>(
    before: &'a Link,
    after: &'a Link,
    f: &mut impl FnMut(Option<&'a ErasedValue>, Option<&'a ErasedValue>),
) {
    let find = |link: &'a Link, wanted: &ErasedValue| {
        Iter::new(link).find(|value| value.id() == wanted.id())
    };
    for value in Iter::new(before) {
        let now = find(after, value);
        if now.is_none_or(|now| !now.ptr_eq(value.as_ptr())) {
            f(Some(value), now);
        }
    }
    for value in Iter::new(after).filter(|value| find(before, value).is_none()) {
        f(None, Some(value));
    }
}
