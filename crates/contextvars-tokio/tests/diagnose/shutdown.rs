//! A runtime that shuts down while tasks are spawned on it ends them before the hook of their spawn has run.

use std::thread;

use contextvars::{Context, ContextVar};
use tokio::runtime::{Builder, Handle};

use crate::support::{Counted, Counter};

static HELD: ContextVar<Counted> = ContextVar::new("held");

const SHUTDOWNS: usize = 2000;
const SPAWNS: usize = 30;

/// Spawns tasks, each from a context whose value its record keeps alive.
fn spawn_many(handle: &Handle, counter: &Counter) {
    for at in 0..SPAWNS {
        let mut context = Context::new().with_value(&HELD, Counted::new(counter));
        context.run(|| {
            if at % 2 == 0 {
                drop(handle.spawn(std::future::pending::<()>()));
            } else {
                drop(handle.spawn(async {}));
            }
        });
    }
}

#[test]
fn two_thousand_shutdowns_under_load_leave_no_record() {
    let counter = Counter::new();
    for at in 0..SHUTDOWNS {
        let mut builder = if at % 4 == 0 {
            Builder::new_current_thread()
        } else {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(1);
            builder
        };
        let runtime =
            contextvars_tokio::diagnose::install(&mut builder).build().expect("a runtime");
        thread::scope(|scope| {
            let handle = runtime.handle().clone();
            scope.spawn({
                let counter = counter.clone();
                move || spawn_many(&handle, &counter)
            });
            thread::yield_now();
            drop(runtime);
        });
    }
    assert_eq!((counter.made(), counter.live()), (SHUTDOWNS * SPAWNS, 0));
}
