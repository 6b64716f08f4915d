//! Where a run keeps what its program made: tokens, contexts, tasks and the like.

use std::cell::RefCell;

/// Things in the order in which they were put there, with gaps where some were taken out.
pub(crate) struct Shelf<T>(RefCell<Vec<Option<T>>>);

impl<T> Shelf<T> {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    pub(crate) fn add(&self, thing: T) {
        self.0.borrow_mut().push(Some(thing));
    }

    /// Takes out the thing that `pick` tells, counting round those that are there; also where it stood.
    pub(crate) fn take(&self, pick: usize) -> Option<(usize, T)> {
        let place = self.find(pick)?;
        let thing = self.0.borrow_mut()[place].take()?;
        Some((place, thing))
    }

    pub(crate) fn put_back(&self, place: usize, thing: T) {
        self.0.borrow_mut()[place] = Some(thing);
    }

    /// Shows the thing to `f`, which must not touch the shelf.
    pub(crate) fn look<R>(&self, pick: usize, f: impl FnOnce(&T) -> R) -> Option<R> {
        let place = self.find(pick)?;
        self.0.borrow()[place].as_ref().map(f)
    }

    fn find(&self, pick: usize) -> Option<usize> {
        let things = self.0.borrow();
        let there: Vec<_> = (0..things.len()).filter(|&place| things[place].is_some()).collect();
        there.get(pick.checked_rem(there.len())?).copied()
    }
}
