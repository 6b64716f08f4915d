use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::id::Key;
use crate::value::Label;

/// A value of the variable `sequence`, which counts while it is alive.
fn value(sequence: usize, alive: &Arc<()>) -> Value {
    Value::new(Key::forge(sequence), Label::opaque("test"), Arc::clone(alive))
}

fn number(sequence: usize) -> Number {
    Key::<Arc<()>>::forge(sequence).number()
}

/// The invariants of the module's documentation; returns how many values there are.
fn walk(link: &Link, path: usize, depth: u32) -> u32 {
    match link.get() {
        Ref::Nothing => 0,
        Ref::Value(value) => {
            let mask = 1_usize.checked_shl(depth * node::BITS).map_or(usize::MAX, |bit| bit - 1);
            assert_eq!(value.number().digits() & mask, path, "a value lies on its number's path");
            1
        }
        Ref::Branch(branch) => {
            assert!((depth as usize) < node::MAX_DEPTH, "no path is longer than a number");
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
            assert!(self.get(value.number()).is_some_and(|found| found.is(value.address())));
        }
    }
}

/// A map and what it should hold: for each number the address of the value.
#[derive(Clone)]
struct Checked {
    map: Map,
    model: BTreeMap<usize, Value>,
}

impl Checked {
    fn new() -> Self {
        Self { map: Map::EMPTY, model: BTreeMap::new() }
    }

    fn insert(&mut self, sequence: usize, alive: &Arc<()>) {
        let value = value(sequence, alive);
        let old = self.map.insert(value.clone());
        same(old.as_ref(), self.model.insert(sequence, value).as_ref());
        self.check();
    }

    fn remove(&mut self, sequence: usize) {
        let old = self.map.remove(number(sequence));
        same(old.as_ref(), self.model.remove(&sequence).as_ref());
        self.check();
    }

    fn check(&self) {
        self.map.check();
        assert_eq!(self.map.len(), self.model.len());
        for (&sequence, value) in &self.model {
            same(self.map.get(number(sequence)), Some(value));
        }
    }
}

fn same(one: Option<&Value>, other: Option<&Value>) {
    match (one, other) {
        (None, None) => {}
        (Some(one), Some(other)) => assert!(one.is(other.address())),
        _ => panic!("one of them is missing"),
    }
}

/// Numbers that share prefixes of every length, and some that share none.
fn sequence() -> impl Strategy<Value = usize> {
    prop_oneof![
        1..20_usize,
        (0..usize::BITS - 1).prop_map(|bit| 1 << bit),
        (0..usize::BITS - 1).prop_map(|bit| 1 << bit | 1),
        1..usize::MAX >> 1,
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Insert(usize),
    Remove(usize),
    /// Keeps a snapshot of one of the maps.
    Snapshot,
    /// Goes on with another one.
    Switch(usize),
    /// Drops the oldest.
    Drop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => sequence().prop_map(Step::Insert),
        4 => sequence().prop_map(Step::Remove),
        2 => Just(Step::Snapshot),
        2 => (0..8_usize).prop_map(Step::Switch),
        1 => Just(Step::Drop),
    ]
}

/// Runs `steps` on a family of maps that share structure; every one of them is checked at the end.
fn run(steps: Vec<Step>, alive: &Arc<()>) {
    let mut maps = vec![Checked::new()];
    for step in steps {
        let last = maps.len() - 1;
        match step {
            Step::Insert(sequence) => maps[last].insert(sequence, alive),
            Step::Remove(sequence) => maps[last].remove(sequence),
            Step::Snapshot => maps.push(maps[last].clone()),
            Step::Switch(other) => maps.swap(other % (last + 1), last),
            Step::Drop if last > 0 => drop(maps.remove(0)),
            Step::Drop => {}
        }
    }
    maps.iter().for_each(Checked::check);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn snapshots_behave_like_copies_of_an_ordered_map(
        steps in prop::collection::vec(step(), 0..if cfg!(miri) { 40 } else { 200 })
    ) {
        let alive = Arc::new(());
        run(steps, &alive);
        prop_assert_eq!(Arc::strong_count(&alive), 1, "every value is dropped with its last map");
    }
}

#[test]
fn a_map_of_one_value_has_no_branch() {
    let mut map = Map::EMPTY;
    map.insert(value(5, &Arc::new(())));
    assert!(matches!(map.0.get(), Ref::Value(_)));
    map.remove(number(5));
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
    map.remove(number(9));
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
fn twenty_thousand_variables_come_and_go() {
    let alive = Arc::new(());
    let last = if cfg!(miri) { 200 } else { 20_000 };
    let mut map = Map::EMPTY;
    for sequence in 1..=last {
        assert!(map.insert(value(sequence, &alive)).is_none());
    }
    map.check();
    let snapshot = map.clone();
    for sequence in 1..=last {
        assert!(map.remove(number(sequence)).is_some());
    }
    assert_eq!(map.len(), 0);
    assert!(matches!(map.0.get(), Ref::Nothing));
    snapshot.check();
    assert_eq!(Arc::strong_count(&alive), last + 1);
    drop(snapshot);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn removing_what_is_not_there_copies_nothing() {
    let alive = Arc::new(());
    let mut map = Map::EMPTY;
    for sequence in 1..=9 {
        map.insert(value(sequence, &alive));
    }
    let snapshot = map.clone();
    assert!(map.remove(number(1 << 40)).is_none());
    assert!(map.ptr_eq(&snapshot));
}

#[test]
fn numbers_that_differ_in_the_last_digit_only_part_there() {
    let alive = Arc::new(());
    let (low, high) = (1, 1 | 1 << (usize::BITS - 2));
    let mut map = Map::EMPTY;
    map.insert(value(low, &alive));
    map.insert(value(high, &alive));
    map.check();
    assert!(map.remove(number(low)).is_some());
    map.check();
    assert!(map.remove(number(high)).is_some());
    assert_eq!(map.len(), 0);
}

#[test]
fn iterating_takes_no_reference_count() {
    let alive = Arc::new(());
    let mut map = Map::EMPTY;
    for sequence in 1..=30 {
        map.insert(value(sequence, &alive));
    }
    let before = Arc::strong_count(&alive);
    assert_eq!(map.iter().count(), 30);
    assert_eq!(Arc::strong_count(&alive), before);
    // The values are unique still: inserting in place hands the very same ones out.
    let address = map.get(number(3)).unwrap().address();
    assert!(map.remove(number(3)).unwrap().is(address));
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
                    mine.remove(number(last + 1 - sequence));
                }
                mine.check();
            });
        }
        drop(map);
    });
    assert_eq!(Arc::strong_count(&alive), 1);
}
