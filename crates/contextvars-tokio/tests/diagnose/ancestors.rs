//! A value that was lost some spawns before the read.

use std::future::Future;
use std::pin::Pin;

use contextvars::{Context, ContextExt as _, ContextVar};
use contextvars_tokio::{diagnose, spawn};

use crate::{USER, lost, text_of, traced, traced_on_this_thread};

/// Spawns a chain of `tasks` tasks, every second of which carries the context, and returns the result of `read` in the last one.
fn chain<R: Send + 'static>(
    tasks: usize,
    read: fn() -> R,
) -> Pin<Box<dyn Future<Output = R> + Send>> {
    Box::pin(async move {
        if tasks == 0 {
            return read();
        }
        let rest = chain(tasks - 1, read);
        let task = if tasks % 2 == 0 { spawn(rest) } else { tokio::spawn(rest) };
        task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    })
}

/// Loses `USER` and returns the result of `read`, which runs in the task of the given generation.
fn lose<R: Send + 'static>(generation: usize, read: fn() -> R) -> (u32, R) {
    let line = line!() + 1;
    let request = async move { tokio::spawn(chain(generation - 1, read)).await.expect("no panic") };
    (line, traced().block_on(USER.scope("ann", request)))
}

#[test]
fn the_spawn_that_lost_the_value_is_found_up_to_sixteen_generations_away() {
    for generation in [1, 2, 3, 15, 16] {
        let (line, found) = lose(generation, lost);
        assert_eq!(found, Some((generation, line)));
    }
    for generation in [17, 18, 40] {
        assert_eq!(lose(generation, lost).1, None);
    }
}

#[test]
fn the_nearest_of_several_losses_is_named() {
    let line = line!() + 2;
    let inner = async {
        let request = async { tokio::spawn(chain(1, lost)).await };
        USER.scope("bob", request).await
    };
    let outer = async { tokio::spawn(inner).await.expect("no panic") };
    let found = traced().block_on(USER.scope("ann", outer)).expect("no panic");
    assert_eq!(found, Some((2, line)));
}

#[test]
fn the_text_says_how_far_away_the_spawn_is() {
    let text =
        |generation| lose(generation, || diagnose::explain(&USER).map(|loss| loss.to_string()));
    let begin = |generation| {
        let (line, text) = text(generation);
        let text = text.expect("a loss");
        let end = text.find(&format!(", at {}:{line}:", file!())).expect("the place");
        text[..end].to_owned()
    };
    assert_eq!(begin(1), "`user` was lost where this task was spawned");
    assert_eq!(begin(2), "`user` was lost where the task that spawned this one was spawned");
    assert_eq!(begin(5), "`user` was lost where an ancestor of this task, 4 tasks up, was spawned");
}

#[test]
fn the_text_of_a_value_that_no_kept_spawn_had_names_the_first_of_them() {
    static NEVER: ContextVar<u32> = ContextVar::new("never");
    let runtime = traced_on_this_thread();
    let line = line!() + 1;
    let task = runtime.spawn(async { tokio::spawn(async { NEVER.get() }).await });
    let text = text_of(runtime.block_on(task).expect("no panic"));
    let expected = "\n`never` had no value at any of the 2 spawns that led to this task, the first of which is at ";
    assert!(text.contains(&format!("{expected}{}:{line}:", file!())), "{text}");
}

#[test]
fn a_wrapped_task_that_removes_its_value_did_not_lose_it_at_its_spawn() {
    let runtime = traced();
    let removed = || async {
        drop(USER.unset());
        (lost(), tokio::spawn(async { lost() }).await.expect("no panic"))
    };
    let request = async { spawn(removed()).await.expect("no panic") };
    assert_eq!(runtime.block_on(USER.scope("ann", request)), (None, None));
    let request = async {
        spawn(async {
            drop(USER.unset());
            USER.get()
        })
        .await
    };
    let text = text_of(runtime.block_on(USER.scope("ann", request)));
    assert!(
        text.contains("and `contextvars_tokio` carried it over. Since then that task unset"),
        "{text}"
    );
}

#[test]
fn in_an_entered_context_the_text_is_careful() {
    let runtime = traced();
    let explain = || diagnose::explain(&USER).map(|loss| loss.to_string());
    let request = async move {
        let own_context = async move { explain() }.in_context(Context::new());
        tokio::spawn(own_context).await.expect("no panic")
    };
    let text = runtime.block_on(USER.scope("ann", request)).expect("a loss");
    assert!(text.starts_with("`user` had a value where this task was spawned, at "), "{text}");
    assert!(text.contains("Unless that task unset `user` or entered another context"), "{text}");
}

#[test]
fn a_value_that_is_there_is_not_lost() {
    let request =
        async { tokio::spawn(async { (lost().is_some(), USER.sync_scope("bob", lost)) }).await };
    let found = traced().block_on(USER.scope("ann", request)).expect("no panic");
    assert_eq!(found, (true, None));
}
