//! `T::drop` of values that are dropped with a context, or removed from a context that is not current.

use contextvars::{Context, ContextExt as _, ContextVar, copy_context};

use super::hooks;
use crate::probe::{At, OTHER, Probe, SUBJECT, State, at_entry, at_exit};
use crate::support::ByHand;

fn armed() -> Context {
    copy_context().with_value(&SUBJECT, Probe::firing(At::Drop, 70))
}

/// Drops the armed value through `drop_it`. The surrounding context stays current.
fn drop_armed(drop_it: fn(Context)) {
    let before = State::now();
    drop_it(armed());
    assert_eq!(at_entry(), before);
    assert_eq!(State::now(), at_exit());
}

hooks! {
    fn drop_of_a_context() {
        drop_armed(drop);
    }

    fn drop_of_a_value_that_is_removed() {
        drop_armed(|mut context| {
            assert!(context.remove(&SUBJECT));
            let _ = at_exit();
            assert!(!context.contains(&SUBJECT));
            assert_eq!(context.iter().count(), context.len());
        });
    }

    fn drop_of_a_value_that_is_not_retained() {
        drop_armed(|mut context| {
            context.retain(|entry| !entry.is(&SUBJECT));
            let _ = at_exit();
            assert!(!context.contains(&SUBJECT));
            assert_eq!(context.get(&OTHER), Some(&crate::matrix::OTHER_WAS));
            assert_eq!(context.iter().count(), context.len());
        });
    }

    fn drop_of_a_value_when_nothing_is_retained() {
        drop_armed(|mut context| {
            context.retain(|_| false);
            let _ = at_exit();
            assert!(context.is_empty());
        });
    }

    fn drop_of_a_value_that_with_value_replaces() {
        drop_armed(|context| {
            let context = context.with_value(&SUBJECT, Probe::new(71));
            let _ = at_exit();
            assert_eq!(context.get(&SUBJECT).map(Probe::number), Some(71));
        });
    }

    fn drop_of_a_value_that_insert_replaces() {
        drop_armed(|mut context| {
            assert!(context.insert(&SUBJECT, Probe::new(71)));
            let _ = at_exit();
            assert_eq!(context.get(&SUBJECT).map(Probe::number), Some(71));
        });
    }

    fn drop_of_a_context_by_assignment() {
        drop_armed(|mut context| {
            assert!(context.contains(&SUBJECT));
            context = Context::new().with_value(&OTHER, 72);
            let _ = at_exit();
            assert_eq!(context.len(), 1);
        });
    }

    fn drop_of_a_context_among_many_values() {
        drop_armed(|context| {
            let crowd: Vec<ContextVar<Probe>> = (0..20).map(|_| ContextVar::new("crowd")).collect();
            let full =
                crowd.iter().fold(context, |full, var| full.with_value(var, Probe::new(73)));
            drop(full);
        });
    }

    fn drop_of_the_last_of_two_contexts() {
        drop_armed(|context| {
            let copy = context.clone();
            drop(context);
            assert_eq!(copy.get(&SUBJECT).map(Probe::number), Some(70));
            drop(copy);
        });
    }

    fn drop_of_a_context_inside_a_context() {
        let context = copy_context().with_value(&SUBJECT, Probe::new(74));
        let inner = armed();
        let before = State::now();
        context.clone().run(move || drop(inner));
        assert_eq!(at_entry(), State { subject: Some(74), local: None, ..before });
        assert_eq!(State::now(), before);
    }

    /// The value is dropped in the surrounding context, not in the one that was entered.
    fn drop_of_a_value_set_by_a_run() {
        drop_armed(|mut context| {
            context.run(|| {
                let token = SUBJECT.set(Probe::new(75));
                assert_eq!(token.old_value().map(Probe::number), Some(70));
                SUBJECT.reset(token).unwrap();
            });
        });
    }

    fn drop_of_the_context_of_an_unpolled_future() {
        drop_armed(|context| drop(async {}.in_context(context)));
    }

    fn drop_of_the_context_of_a_completed_future() {
        drop_armed(|context| ByHand::new(async {}.in_context(context)).last_step());
    }

    fn drop_of_a_context_taken_from_a_future() {
        drop_armed(|context| {
            let mut future = ByHand::new(async {}.in_context(context));
            future.last_step();
            drop(future.0.as_mut().take_context());
            let _ = at_exit();
            assert!(future.0.context().is_empty());
        });
    }

    fn drop_of_a_context_taken_apart_from_its_future() {
        drop_armed(|context| drop(async {}.in_context(context).into_parts().1));
    }

    fn drop_of_a_snapshot_that_propagate_took() {
        drop_armed(|mut context| drop(context.run(|| contextvars::propagate(|| ()))));
    }

    fn drop_of_a_snapshot_that_propagate_used() {
        drop_armed(|mut context| {
            let work = context.run(|| contextvars::propagate(|| SUBJECT.with(Probe::number)));
            drop(context);
            assert_eq!(work(), 70);
        });
    }
}
