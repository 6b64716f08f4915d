mod oracles;

use std::sync::Arc;

use super::*;
use crate::id::VarKey;
use crate::value::VarMeta;

/// Creates a value of the variable `sequence`. The strong count of `alive` includes it for as long as it exists.
fn value(sequence: usize, alive: &Arc<()>) -> ErasedValue {
    ErasedValue::new(
        VarKey::forge(sequence),
        VarMeta::opaque("test"),
        std::panic::Location::caller(),
        Arc::clone(alive),
    )
}

fn id(sequence: usize) -> VarId {
    VarKey::<Arc<()>>::forge(sequence).id()
}

/// Checks the invariants of the map's module documentation below `link`, and returns the number of values.
fn walk(link: &Link, path: usize, depth: u32) -> u32 {
    match link.get() {
        Ref::Nothing => 0,
        Ref::Value(value) => {
            let mask = 1_usize.checked_shl(depth * node::BITS).map_or(usize::MAX, |bit| bit - 1);
            assert_eq!(value.id().digits() & mask, path, "a value lies on its id's path");
            1
        }
        Ref::Branch(branch) => {
            assert!((depth as usize) < node::MAX_DEPTH, "no path is longer than an id");
            let len = (0..node::WIDTH)
                .map(|place| {
                    walk(branch.child(place), path | place << (depth * node::BITS), depth + 1)
                })
                .sum();
            assert_ne!(len, 0, "no branch is empty");
            len
        }
    }
}

impl Map {
    fn check(&self) {
        assert_eq!(walk(&self.0, 0, 0) as usize, self.len());
        assert_eq!(self.iter().count(), self.len());
        for value in self.iter() {
            assert!(self.get(value.id()).is_some_and(|found| found.ptr_eq(value.as_ptr())));
        }
    }
}

#[test]
fn a_map_of_one_value_has_no_branch() {
    let mut map = Map::EMPTY;
    map.insert(value(5, &Arc::new(())));
    assert!(matches!(map.0.get(), Ref::Value(_)));
    map.remove(id(5));
    assert!(matches!(map.0.get(), Ref::Nothing));
}

#[test]
fn an_owned_map_is_changed_in_place() {
    let alive = Arc::new(());
    let mut map = Map::EMPTY;
    for sequence in 1..=64 {
        map.insert(value(sequence, &alive));
    }
    let root = map.0.get_branch();
    map.insert(value(7, &alive));
    map.remove(id(9));
    assert_eq!(map.0.get_branch(), root);
    let snapshot = map.clone();
    assert!(snapshot.ptr_eq(&map));
    map.insert(value(7, &alive));
    assert!(!snapshot.ptr_eq(&map));
    assert_eq!(snapshot.0.get_branch(), root);
}

impl Link {
    fn get_branch(&self) -> *const Branch {
        let Ref::Branch(branch) = self.get() else { panic!("the link leads to a branch") };
        branch
    }
}

#[test]
fn removing_an_absent_value_copies_nothing() {
    let alive = Arc::new(());
    let mut map = Map::EMPTY;
    for sequence in 1..=9 {
        map.insert(value(sequence, &alive));
    }
    let snapshot = map.clone();
    assert!(map.remove(id(1 << (usize::BITS - 24))).is_none());
    assert!(map.ptr_eq(&snapshot));
}

#[test]
fn iterating_takes_no_reference_count() {
    let alive = Arc::new(());
    let mut map = Map::EMPTY;
    for sequence in 1..=30 {
        map.insert(value(sequence, &alive));
    }
    let (root, before) = (map.0.get_branch(), Arc::strong_count(&alive));
    assert!(!std::mem::needs_drop::<Iter<'_>>(), "an iterator owns nothing");
    assert_eq!(map.iter().map(ErasedValue::id).count(), 30);
    assert_eq!(map.iter().take(17).count(), 17);
    assert_eq!(Arc::strong_count(&alive), before);
    // Each branch still has one owner, so the map is changed in place.
    let address = map.get(id(3)).unwrap().as_ptr();
    assert!(map.remove(id(3)).unwrap().ptr_eq(address));
    assert_eq!(map.0.get_branch(), root);
    drop(map);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn threads_share_snapshots_and_change_their_own() {
    let alive = Arc::new(());
    let mut map = Map::EMPTY;
    let last = if cfg!(miri) { 12 } else { 300 };
    for sequence in 1..=last {
        map.insert(value(sequence, &alive));
    }
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let mut mine = map.clone();
            let alive = &alive;
            scope.spawn(move || {
                for sequence in 1..=last {
                    mine.insert(value(sequence, alive));
                    mine.remove(id(last + 1 - sequence));
                }
                mine.check();
            });
        }
        drop(map);
    });
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
#[cfg(unix)]
#[cfg_attr(miri, ignore = "starts a process")]
fn a_map_of_too_many_values_aborts() {
    crate::count::tests::aborts("hamt::tests::a_map_of_too_many_values_aborts", || {
        let mut map = Map::EMPTY;
        map.insert(value(1, &Arc::new(())));
        map.insert(value(2, &Arc::new(())));
        // Raises the number of values to its limit, because inserting that many would take too long.
        map.0.add_to_len(i32::MAX);
        map.0.add_to_len(i32::MAX - 1);
        map.insert(value(3, &Arc::new(())));
    });
}
