//! Translations of the thirteen tests of structlog's `TestContextvars`.

use std::future::Future;

use contextvars::fields::{self, Fields, kv};
use contextvars::{Context, ContextExt, ContextVar};

use crate::support::{ByHand, yield_once};
use crate::{fresh, of};

/// Runs a task in an empty context. Child tasks of structlog are wrapped futures here, so they have copies of the context.
fn run<F: Future>(task: F) -> F::Output {
    futures::executor::block_on(task.in_context(Context::new()))
}

#[test]
fn bound_fields_are_merged_into_events() {
    run(async {
        fields::set(kv! { a = 1 });
        let mut event = of(kv! { b = 2 });
        fields::merge_into(&mut event);
        assert_eq!(event, of(kv! { a = 1, b = 2 }));
    });
}

#[test]
fn several_binds_accumulate_and_override() {
    run(async {
        fields::set(kv! { a = 1, c = 3 });
        fields::set(kv! { c = 333, d = 4 });
        let mut event = of(kv! { b = 2 });
        fields::merge_into(&mut event);
        assert_eq!(event, of(kv! { a = 1, b = 2, c = 333, d = 4 }));
    });
}

#[test]
fn reset_in_a_child_task_restores_the_parents_value_and_drops_new_keys() {
    run(async {
        fields::set(kv! { a = 1 });
        assert_eq!(fields::get(), of(kv! { a = 1 }));
        async {
            let tokens = fields::set(kv! { a = 2, b = 3 });
            yield_once().await;
            assert_eq!(fields::get(), of(kv! { a = 2, b = 3 }));
            tokens.reset().unwrap();
            assert_eq!(fields::get(), of(kv! { a = 1 }));
        }
        .in_current_context()
        .await;
        assert_eq!(fields::get(), of(kv! { a = 1 }));
    });
}

#[test]
fn a_nested_task_sees_the_parents_fields_and_its_own() {
    let nested = || async {
        fields::set(kv! { c = 3 });
        fields::get()
    };
    let seen = run(async move {
        fields::set(kv! { a = 1 });
        nested().in_current_context().await
    });
    assert_eq!(seen, of(kv! { a = 1, c = 3 }));
}

#[test]
fn a_merge_without_a_bind_changes_nothing() {
    run(async {
        let mut event = of(kv! { b = 2 });
        fields::merge_into(&mut event);
        assert_eq!(event, of(kv! { b = 2 }));
    });
}

#[test]
fn the_event_overrides_bound_fields() {
    run(async {
        fields::set(kv! { a = 1 });
        let mut event = of(kv! { a = 2 });
        fields::merge_into(&mut event);
        assert_eq!(event, of(kv! { a = 2 }));
    });
}

#[test]
fn clear_removes_bound_fields() {
    run(async {
        fields::set(kv! { a = 1 });
        fields::clear();
        let mut event = of(kv! { b = 2 });
        fields::merge_into(&mut event);
        assert_eq!(event, of(kv! { b = 2 }));
    });
}

#[test]
fn clear_without_a_bind_is_fine() {
    run(async {
        fields::clear();
        assert_eq!(fields::get(), Fields::new());
    });
}

#[test]
fn unbind_removes_its_keys_only() {
    run(async {
        fields::set(kv! { a = 1, b = 2 });
        assert_eq!(fields::unset(["a"]), 1);
        assert_eq!(fields::get(), of(kv! { b = 2 }));
    });
}

#[test]
fn unbind_of_a_key_that_was_never_bound_is_fine() {
    run(async {
        assert_eq!(fields::unset(["a"]), 0);
        assert_eq!(fields::get(), Fields::new());
    });
}

#[test]
fn concurrent_tasks_that_bind_one_key_stay_apart_and_see_the_parents_fields() {
    fresh(|| {
        fields::set(kv! { parent = true });
        let task = |name: &'static str| {
            ByHand::new(
                async move {
                    fields::set(kv! { task = name });
                    yield_once().await;
                    fields::get()
                }
                .in_current_context(),
            )
        };
        let (mut one, mut other) = (task("one"), task("other"));
        one.step();
        other.step();
        assert_eq!(one.last_step(), of(kv! { parent = true, task = "one" }));
        assert_eq!(other.last_step(), of(kv! { parent = true, task = "other" }));
        assert_eq!(fields::get(), of(kv! { parent = true }));
    });
}

#[test]
fn get_ignores_foreign_variables_and_deleted_keys() {
    static FOREIGN: ContextVar<u32> = ContextVar::new("foreign");
    fresh(|| {
        FOREIGN.set(1);
        fields::set(kv! { a = 1, deleted = 2 });
        fields::unset(["deleted"]);
        assert_eq!(fields::get(), of(kv! { a = 1 }));
    });
}

#[test]
fn merged_with_unites_the_loggers_fields_which_win() {
    fresh(|| {
        fields::set(kv! { x = 42, y = 1 });
        let logger = of(kv! { y = 23, z = 3 });
        assert_eq!(fields::get().merged_with(&logger), of(kv! { x = 42, y = 23, z = 3 }));
    });
}
