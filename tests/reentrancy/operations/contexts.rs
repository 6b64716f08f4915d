//! `Context`: copies, `run`, reading and removing values.

use contextvars::{Context, ContextVar, copy_context};

use super::operations;
use crate::probe::{LOCAL, OTHER, Operation, Probe, SUBJECT, State};
use crate::support::panic_text;

pub(super) const ALL: &[Operation] = operations![
    keeps: true,
    two_copies_are_the_same_snapshot,
    a_copy_leaves_local_variables_out,
    a_copy_is_not_changed_by_a_set,
    run_keeps_changes_inside,
    run_of_an_empty_context_hides_everything,
    run_restores_after_a_panic,
    runs_inside_runs,
    a_token_works_when_its_context_is_entered_again,
    iter_shows_the_current_values,
    debug_formats_the_current_values,
    remove_takes_the_subject_out_of_a_copy,
    retain_takes_all_but_one_out_of_a_copy,
    with_value_adds_to_a_copy,
    contexts_are_swapped_and_dropped,
    a_context_of_many_values_is_dropped,
];

fn subject() -> Option<u64> {
    SUBJECT.try_with(Probe::number).ok()
}

fn two_copies_are_the_same_snapshot() {
    let (first, second) = (copy_context(), Context::current());
    assert!(first.ptr_eq(&second));
    assert!(first.clone().ptr_eq(&first));
    assert_eq!(first.len(), second.len());
    assert_eq!(first.is_empty(), first.iter().next().is_none());
}

fn a_copy_leaves_local_variables_out() {
    LOCAL.sync_scope(1, || {
        assert!(!copy_context().contains(&LOCAL));
        assert_eq!(LOCAL.get(), 1);
    });
}

fn a_copy_is_not_changed_by_a_set() {
    let before = OTHER.try_get().ok();
    let copy = copy_context();
    OTHER.sync_scope(2, || assert_eq!(copy.get(&OTHER).copied(), before));
    assert_eq!(copy.get(&SUBJECT).map(Probe::number), subject());
}

fn run_keeps_changes_inside() {
    let before = State::now();
    let mut context = copy_context();
    let seen = context.run(|| {
        drop(SUBJECT.set(Probe::new(3)));
        drop(OTHER.set(4));
        State::now()
    });
    assert_eq!((seen.subject, seen.other), (Some(3), Some(4)));
    assert_eq!(context.get(&SUBJECT).map(Probe::number), Some(3));
    assert_eq!(context.get(&OTHER), Some(&4));
    assert_eq!(State::now(), before);
}

fn run_of_an_empty_context_hides_everything() {
    let nothing = State { len: 0, subject: None, other: None, local: None };
    Context::new().run(|| assert_eq!(State::now(), nothing));
}

fn run_restores_after_a_panic() {
    let before = State::now();
    let mut context = copy_context();
    let text = panic_text(|| {
        context.run(|| {
            drop(SUBJECT.set(Probe::new(5)));
            panic!("in the run");
        })
    });
    assert_eq!(text, "in the run");
    assert_eq!(context.get(&SUBJECT).map(Probe::number), Some(5));
    assert_eq!(State::now(), before);
}

fn runs_inside_runs() {
    fn go_down(depth: u64) {
        if depth > 0 {
            drop(OTHER.set(depth));
            copy_context().run(|| go_down(depth - 1));
            assert_eq!(OTHER.get(), depth);
        }
    }
    Context::current().run(|| go_down(8));
}

fn a_token_works_when_its_context_is_entered_again() {
    let mut context = copy_context();
    let before = OTHER.try_get().ok();
    let token = context.run(|| OTHER.set(6));
    assert_eq!(context.get(&OTHER), Some(&6));
    context.run(|| OTHER.reset(token)).unwrap();
    assert_eq!(context.get(&OTHER).copied(), before);
}

fn iter_shows_the_current_values() {
    OTHER.sync_scope(7, || {
        let current = Context::current();
        let entries = current.iter();
        assert_eq!(entries.len(), current.len());
        let mine: Vec<_> = entries.filter(|entry| entry.is(&OTHER)).collect();
        assert_eq!(mine.len(), 1);
        assert_eq!((mine[0].name(), mine[0].downcast_ref::<u64>()), ("other", Some(&7)));
    });
}

fn debug_formats_the_current_values() {
    SUBJECT.sync_scope(Probe::new(8), || {
        let text = format!("{:?}", Context::current());
        assert!(text.contains("subject") && text.contains("Probe(8)"), "{text}");
    });
    assert!(format!("{SUBJECT:?}").contains("subject"));
}

fn remove_takes_the_subject_out_of_a_copy() {
    let mut copy = copy_context();
    assert_eq!(copy.remove(&SUBJECT), subject().is_some());
    assert!(!copy.contains(&SUBJECT));
    assert!(!copy.remove(&SUBJECT));
    copy.run(|| assert_eq!(subject(), None));
}

fn retain_takes_all_but_one_out_of_a_copy() {
    let mut copy = copy_context().with_value(&OTHER, 9).with_value(&SUBJECT, Probe::new(10));
    copy.retain(|entry| entry.is(&OTHER));
    assert_eq!((copy.len(), copy.get(&OTHER)), (1, Some(&9)));
}

fn with_value_adds_to_a_copy() {
    let before = State::now();
    let copy = copy_context().with_value(&SUBJECT, Probe::new(11)).with_value(&OTHER, 12);
    assert_eq!(copy.get(&SUBJECT).map(Probe::number), Some(11));
    assert_eq!(copy.get(&OTHER), Some(&12));
    let again = copy.with_value(&SUBJECT, Probe::new(13));
    assert_eq!(again.get(&SUBJECT).map(Probe::number), Some(13));
    assert_eq!(State::now(), before);
}

fn contexts_are_swapped_and_dropped() {
    let mut first = copy_context().with_value(&SUBJECT, Probe::new(14));
    let mut second = Context::new().with_value(&SUBJECT, Probe::new(15));
    first.run(|| drop(std::mem::take(&mut second)));
    std::mem::swap(&mut first, &mut second);
    assert!(first.is_empty());
    assert_eq!(second.run(subject), Some(14));
    second = Context::default();
    assert!(second.is_empty());
}

fn a_context_of_many_values_is_dropped() {
    let variables: Vec<ContextVar<Probe>> = (0..20).map(|_| ContextVar::new("many")).collect();
    let full = variables
        .iter()
        .fold(copy_context(), |context, var| context.with_value(var, Probe::new(16)));
    let copy = full.clone();
    assert_eq!(copy.len(), Context::current().len() + 20);
    drop(full);
    assert!(variables.iter().all(|var| copy.get(var).map(Probe::number) == Some(16)));
}
