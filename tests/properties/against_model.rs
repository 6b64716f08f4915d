//! Random programs report the events that the model predicts, and drop every value that they made.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestCaseError;

use crate::draw::programs;
use crate::program::{Event, Op, Program};
use crate::{machine, model, runner, seed};

/// Compares the events that the model predicts with those that were seen.
pub(crate) fn compare(expected: &[Event], seen: &[Event]) -> Result<(), TestCaseError> {
    let same = expected.iter().zip(seen).take_while(|(expected, seen)| expected.allows(seen));
    let same = same.count();
    let next = |events: &[Event]| events.get(same).cloned();
    prop_assert!(
        same == expected.len() && same == seen.len(),
        "after {same} events {:?} was expected and {:?} seen, of {expected:?}",
        next(expected),
        next(seen),
    );
    Ok(())
}

#[test]
fn every_program_has_the_events_of_the_model() {
    let cases = if cfg!(miri) { 8 } else { 8000 };
    if let Err(failure) = runner(cases)
        .run(&programs(), |program| compare(&model::run(&program.0), &machine::run(&program.0)))
    {
        panic!("with PROPERTIES_SEED={}: {failure}", seed());
    }
}

/// Draws 600 programs.
fn sample() -> impl Iterator<Item = Program> {
    let (programs, mut runner) = (programs(), runner(1));
    (0..600).map(move |_| {
        programs.new_tree(&mut runner).expect("the strategy refuses nothing").current()
    })
}

#[test]
#[cfg_attr(miri, ignore = "it runs the model only")]
fn the_programs_reach_every_kind_of_event() {
    let mut seen = BTreeMap::new();
    for event in sample().flat_map(|program| model::run(&program.0)) {
        let text = format!("{event:?}");
        let kind = text.split(['(', '[']).next().unwrap_or_default().to_string();
        *seen.entry(kind).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), Event::KINDS, "{seen:?}");
    assert!(seen.values().all(|&times| times >= 50), "{seen:?}");
}

#[test]
#[cfg_attr(miri, ignore = "it runs the model only")]
fn the_programs_use_every_operation() {
    let counts = sample()
        .fold(BTreeMap::new(), |counts, program| model::count_operations(&program.0, counts));
    println!("{counts:#?}");
    assert_eq!(counts.len(), Op::KINDS, "{counts:?}");
    assert!(counts.values().all(|&times| times >= 50), "{counts:?}");
}
