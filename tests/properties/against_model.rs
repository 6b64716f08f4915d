//! Every program does what the model says, and drops what it made.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestCaseError;

use crate::draw::programs;
use crate::program::{Event, Program};
use crate::{machine, model, runner, seed};

fn compare(program: &Program) -> Result<(), TestCaseError> {
    let (expected, seen) = (model::run(&program.0), machine::run(&program.0));
    let same = expected.iter().zip(&seen).take_while(|(expected, seen)| expected.allows(seen));
    let same = same.count();
    let next = |events: &[Event]| events.get(same).cloned();
    prop_assert!(
        same == expected.len() && same == seen.len(),
        "after {same} events {:?} was expected and {:?} seen, of {expected:?}",
        next(&expected),
        next(&seen),
    );
    Ok(())
}

#[test]
fn every_program_does_what_the_model_says() {
    let cases = if cfg!(miri) { 8 } else { 8000 };
    if let Err(failure) = runner(cases).run(&programs(), |program| compare(&program)) {
        panic!("with PROPERTIES_SEED={}: {failure}", seed());
    }
}

#[test]
#[cfg_attr(miri, ignore = "it looks at the programs only")]
fn the_programs_reach_every_kind_of_event() {
    let programs = programs();
    let mut runner = runner(1);
    let mut seen = BTreeMap::new();
    for _ in 0..500 {
        let program = programs.new_tree(&mut runner).expect("nothing is refused").current();
        for event in model::run(&program.0) {
            let text = format!("{event:?}");
            let kind = text.split(['(', '[']).next().unwrap_or_default().to_string();
            *seen.entry(kind).or_insert(0) += 1;
        }
    }
    assert_eq!(seen.len(), Event::KINDS, "{seen:?}");
    assert!(seen.values().all(|&times| times >= 50), "{seen:?}");
}
