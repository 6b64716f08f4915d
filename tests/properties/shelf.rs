//! The place where a run keeps the tokens, contexts, tasks and the like that its program made.

use std::cell::RefCell;

/// Things in the order in which they were added. A thing that is taken out leaves a gap.
pub(crate) struct Shelf<T>(RefCell<Vec<Option<T>>>);

impl<T> Shelf<T> {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    pub(crate) fn add(&self, thing: T) {
        self.0.borrow_mut().push(Some(thing));
    }

    /// Takes out the thing that `pick` chooses among those on the shelf. Returns its place too.
    pub(crate) fn take(&self, pick: usize) -> Option<(usize, T)> {
        let place = self.find(pick)?;
        let thing = self.0.borrow_mut()[place].take()?;
        Some((place, thing))
    }

    pub(crate) fn put_back(&self, place: usize, thing: T) {
        self.0.borrow_mut()[place] = Some(thing);
    }

    /// Calls `f` with the thing. `f` must not use the shelf.
    pub(crate) fn look<R>(&self, pick: usize, f: impl FnOnce(&T) -> R) -> Option<R> {
        let place = self.find(pick)?;
        self.0.borrow()[place].as_ref().map(f)
    }

    fn find(&self, pick: usize) -> Option<usize> {
        let things = self.0.borrow();
        let present = things.iter().filter(|thing| thing.is_some()).count();
        let nth = pick.checked_rem(present)?;
        (0..things.len()).filter(|&place| things[place].is_some()).nth(nth)
    }
}
