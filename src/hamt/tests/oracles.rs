//! Compares the map with an ordered map and with another persistent map.
//!
//! The file is longer than others because all groups of tests use [`Checked`].

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use proptest::prelude::*;

use super::{id, value};
use crate::hamt::node::{BITS, MAX_DEPTH, Ref, WIDTH};
use crate::hamt::{Map, child_index};
use crate::value::ErasedValue;

/// The distance between the bits or digits of an id that a test covers. Miri is slow, so it covers a part of them.
const STRIDE: usize = if cfg!(miri) { 10 } else { 1 };

/// A map, and two reference maps that hold the same values.
#[derive(Clone)]
struct Checked {
    map: Map,
    ordered: BTreeMap<usize, ErasedValue>,
    persistent: imbl::HashMap<usize, ErasedValue>,
    /// How the last change was made: two of three were first tried in place, as the slot does.
    way: u8,
}

impl Checked {
    fn new() -> Self {
        Self { map: Map::EMPTY, ordered: BTreeMap::new(), persistent: imbl::HashMap::new(), way: 0 }
    }

    fn turn(&mut self) -> u8 {
        self.way = (self.way + 1) % 3;
        self.way
    }

    fn insert(&mut self, sequence: usize, alive: &Arc<()>) {
        let value = value(sequence, alive);
        let mut mine = value.clone();
        let old = match self.turn() {
            0 => self.map.insert(mine),
            1 if self.map.swap_in_place(id(sequence), &mut mine) => Some(mine),
            _ => {
                let in_place = self.map.insert_in_place(id(sequence), mine);
                in_place.unwrap_or_else(|mine| self.map.insert(mine))
            }
        };
        same(old.as_ref(), self.ordered.insert(sequence, value.clone()).as_ref());
        same(old.as_ref(), self.persistent.insert(sequence, value).as_ref());
    }

    fn remove(&mut self, sequence: usize) {
        let in_place = if self.turn() > 0 { self.map.remove_in_place(id(sequence)) } else { None };
        let old = in_place.or_else(|| self.map.remove(id(sequence)));
        same(old.as_ref(), self.ordered.remove(&sequence).as_ref());
        same(old.as_ref(), self.persistent.remove(&sequence).as_ref());
    }

    /// Removes all values one by one. The root link is empty afterwards, because no branch may be.
    fn drain(&mut self) {
        while let Some(&sequence) = self.ordered.keys().next() {
            self.remove(sequence);
        }
        assert!(matches!(self.map.0.get(), Ref::Nothing));
    }

    /// Checks the invariants, the values of all ids in the map, and the values of ids that differ from them in one bit.
    fn check(&self) {
        self.map.check();
        assert_eq!(self.map.len(), self.ordered.len());
        assert_eq!(self.map.len(), self.persistent.len());
        for (&sequence, value) in &self.ordered {
            same(self.map.get(id(sequence)), Some(value));
            same(self.map.get(id(sequence)), self.persistent.get(&sequence));
            for bit in (0..usize::BITS - 1).step_by(STRIDE) {
                let Some(near) = NonZeroUsize::new(sequence ^ 1 << bit) else { continue };
                same(self.map.get(id(near.get())), self.ordered.get(&near.get()));
            }
        }
    }
}

#[track_caller]
fn same(one: Option<&ErasedValue>, other: Option<&ErasedValue>) {
    match (one, other) {
        (None, None) => {}
        (Some(one), Some(other)) => assert!(one.ptr_eq(other.as_ptr())),
        _ => panic!("one of the maps has no value"),
    }
}

// === random operations ===

/// Generates sequence numbers: many that share a common prefix of any length, and some that share none.
fn sequence() -> impl Strategy<Value = usize> {
    const BITS: u32 = usize::BITS - 1;
    const PREFIX: usize = 0x1B1B_1B1B;

    prop_oneof![
        1..20_usize,
        (0..BITS).prop_map(|bit| 1 << bit),
        (0..BITS).prop_map(|bit| 1 << bit | 1),
        (0..BITS, 1..32_usize).prop_map(|(length, rest)| {
            let prefix = PREFIX & ((1 << length) - 1);
            ((rest << length) & (usize::MAX >> 1) | prefix).max(1)
        }),
        1..usize::MAX >> 1,
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Insert(usize),
    Remove(usize),
    /// Replaces the value of an id that the map holds.
    Replace(usize),
    /// Removes an id that the map holds.
    RemoveHeld(usize),
    /// Copies the current map, and continues with the copy.
    Snapshot,
    /// Continues with another map.
    Switch(usize),
    /// Drops the first map of the list.
    Drop,
    Drain,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => sequence().prop_map(Step::Insert),
        2 => sequence().prop_map(Step::Remove),
        4 => any::<usize>().prop_map(Step::Replace),
        6 => any::<usize>().prop_map(Step::RemoveHeld),
        4 => Just(Step::Snapshot),
        4 => (0..8_usize).prop_map(Step::Switch),
        2 => Just(Step::Drop),
        1 => Just(Step::Drain),
    ]
}

/// Runs `steps` on a list of maps that share branches, and checks all of them at the end.
fn run(steps: Vec<Step>, alive: &Arc<()>) {
    let mut maps = vec![Checked::new()];
    for step in steps {
        let last = maps.len() - 1;
        let map = &mut maps[last];
        let held = |pick: usize| {
            let place = pick.checked_rem(map.ordered.len())?;
            map.ordered.keys().nth(place).copied()
        };
        match step {
            Step::Insert(sequence) => map.insert(sequence, alive),
            Step::Remove(sequence) => map.remove(sequence),
            Step::Replace(pick) => map.insert(held(pick).unwrap_or(1), alive),
            Step::RemoveHeld(pick) => map.remove(held(pick).unwrap_or(1)),
            Step::Drain => map.drain(),
            Step::Snapshot => maps.push(maps[last].clone()),
            Step::Switch(other) => maps.swap(other % (last + 1), last),
            Step::Drop if last > 0 => drop(maps.remove(0)),
            Step::Drop => {}
        }
        maps.last().expect("the last map is never dropped").map.check();
    }
    maps.iter().for_each(Checked::check);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn snapshots_behave_like_copies_of_two_other_maps(
        steps in prop::collection::vec(step(), 0..if cfg!(miri) { 20 } else { 200 })
    ) {
        let alive = Arc::new(());
        run(steps, &alive);
        prop_assert_eq!(Arc::strong_count(&alive), 1, "every value is dropped with its last map");
    }
}

// === collisions ===

/// Returns the number of branches on the path to a value.
fn depth(map: &Map, sequence: usize) -> u32 {
    let (mut link, mut depth) = (&map.0, 0);
    while let Ref::Branch(branch) = link.get() {
        link = branch.child(child_index(id(sequence), depth));
        depth += 1;
    }
    assert!(matches!(link.get(), Ref::Value(value) if value.id() == id(sequence)));
    depth
}

#[test]
fn ids_are_separated_at_the_first_digit_that_differs() {
    let alive = Arc::new(());
    let all_but_one_digit = |shift: u32| usize::MAX >> 1 & !((WIDTH - 1) << shift);
    for shared in (0..u32::try_from(MAX_DEPTH).unwrap()).rev().step_by(STRIDE) {
        let shift = shared * BITS;
        // The last digit may have fewer bits than the others.
        let digits = (0..WIDTH).filter(|digit| digit << shift >> shift == *digit);
        let digits: Vec<_> = digits.filter(|digit| (digit << shift) <= usize::MAX >> 1).collect();
        let mut checked = Checked::new();
        for digit in &digits {
            checked.insert(all_but_one_digit(shift) | digit << shift, &alive);
        }
        checked.check();
        assert!(digits.len() > 1);
        for digit in &digits {
            let sequence = all_but_one_digit(shift) | digit << shift;
            assert_eq!(depth(&checked.map, sequence), shared + 1);
        }
        let snapshot = checked.clone();
        checked.drain();
        snapshot.check();
    }
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn numbers_with_prefixes_of_every_length_lie_in_one_map() {
    let alive = Arc::new(());
    let mut checked = Checked::new();
    // Each number differs from the first one, and from all numbers after it, at another bit.
    let bits = (1..usize::BITS - 1).rev().step_by(STRIDE);
    let sequences: Vec<_> = std::iter::once(1).chain(bits.map(|bit| 1 | 1 << bit)).collect();
    for &sequence in &sequences {
        checked.insert(sequence, &alive);
        checked.check();
    }
    assert_eq!(depth(&checked.map, 1) as usize, MAX_DEPTH);
    let snapshot = checked.clone();
    for &sequence in &sequences {
        checked.remove(sequence);
        checked.check();
    }
    snapshot.check();
    assert!(matches!(checked.map.0.get(), Ref::Nothing));
}

// === many values ===

/// Three mappings of sequence numbers: consecutive, as the crate assigns them; all in one part of the tree, below a long path;
/// and spread over the whole tree.
const ORDERS: [fn(usize) -> usize; 3] =
    [|id| id, |id| id.reverse_bits() >> 1, |id| id.wrapping_mul(0x9E37_79B9) & (usize::MAX >> 1)];

#[test]
fn twenty_thousand_values_come_and_go_and_snapshots_stay() {
    let last = if cfg!(miri) { 40 } else { 20_000 };
    for order in ORDERS {
        let alive = Arc::new(());
        let (mut checked, mut snapshots) = (Checked::new(), Vec::new());
        for sequence in 1..=last {
            checked.insert(order(sequence), &alive);
            if sequence % (last / 8) == 0 {
                snapshots.push(checked.clone());
            }
        }
        checked.check();
        for sequence in 1..=last {
            // The value is replaced before it is removed, so the snapshots must still have the previous one.
            if sequence % 2 == 0 {
                checked.insert(order(sequence), &alive);
            }
            checked.remove(order(last + 1 - sequence));
            checked.remove(order(sequence));
            if sequence % (last / 8) == 0 {
                checked.map.check();
                snapshots.push(checked.clone());
            }
        }
        checked.drain();
        for mut snapshot in snapshots {
            snapshot.map.check();
            assert!(snapshot.ordered.iter().all(|(&at, value)| {
                snapshot.map.get(id(at)).is_some_and(|found| found.ptr_eq(value.as_ptr()))
            }));
            snapshot.drain();
        }
        drop(checked);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[test]
fn a_snapshot_that_is_drained_takes_nothing_from_the_others() {
    let alive = Arc::new(());
    let mut checked = Checked::new();
    let last = if cfg!(miri) { 20 } else { 500 };
    for sequence in 1..=last {
        checked.insert(sequence, &alive);
    }
    let (mut first, mut second) = (checked.clone(), checked.clone());
    first.drain();
    assert_eq!(Arc::strong_count(&alive), last + 1, "the other maps have the values");
    second.drain();
    checked.check();
    assert_eq!(Arc::strong_count(&alive), last + 1);
    checked.drain();
    assert_eq!(Arc::strong_count(&alive), 1);
}
