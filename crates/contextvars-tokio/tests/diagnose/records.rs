//! The values that records keep alive, and the drop of records, which runs user code.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use contextvars::{Context, ContextVar};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::support::{Counted, Counter};
use crate::{USER, lost, traced, traced_on_this_thread};

static HELD: ContextVar<Counted> = ContextVar::new("held");

#[test]
fn the_values_of_a_request_live_until_the_tasks_that_it_spawned_have_ended() {
    let counter = Counter::new();
    let runtime = traced();
    let (end, ended) = oneshot::channel::<()>();
    let mut request = Context::new().with_value(&HELD, Counted::new(&counter));
    let task = request.run(|| runtime.spawn(ended));
    drop(request);
    assert_eq!(counter.live(), 1, "the record of the bare task holds it");
    end.send(()).expect("the task waits");
    runtime.block_on(task).expect("no panic").expect("it was sent");
    drop(runtime);
    assert_eq!(counter.live(), 0);
}

#[test]
fn the_record_of_a_task_outlives_it_while_a_descendant_runs() {
    let counter = Counter::new();
    let runtime = traced();
    let (end, ended) = oneshot::channel::<()>();
    let mut request = Context::new().with_value(&HELD, Counted::new(&counter));
    let parent = request.run(|| runtime.spawn(async { Some(tokio::spawn(ended)) }));
    drop(request);
    let child = runtime.block_on(parent).expect("no panic").expect("a child");
    assert_eq!(counter.live(), 1, "the record of the child holds that of its parent");
    end.send(()).expect("the child waits");
    runtime.block_on(child).expect("no panic").expect("it was sent");
    drop(runtime);
    assert_eq!(counter.live(), 0);
}

/// Ends after it has spawned its successor from a context with a value of its own.
fn successor(counter: Arc<Counter>, left: u32, most: Sender<usize>) {
    let mut context = Context::new().with_value(&HELD, Counted::new(&counter));
    context.run(|| {
        tokio::spawn(async move {
            most.send(counter.live()).expect("the test listens");
            if left > 0 {
                successor(counter, left - 1, most);
            }
        })
    });
}

#[test]
fn a_task_that_spawns_its_successor_forever_keeps_sixteen_spawns() {
    let counter = Arc::new(Counter::new());
    let runtime = traced_on_this_thread();
    let (most, numbers) = channel();
    runtime.block_on(async {
        successor(Arc::clone(&counter), 1000, most);
        while Arc::strong_count(&counter) > 1 {
            tokio::task::yield_now().await;
        }
    });
    drop(runtime);
    assert_eq!(numbers.iter().max(), Some(16));
    assert_eq!(counter.live(), 0);
}

/// Spawns a task that reports, when it is dropped.
struct SpawnsInDrop(Handle, Sender<Option<(usize, u32)>>);

impl Drop for SpawnsInDrop {
    fn drop(&mut self) {
        let report = self.1.clone();
        let read = async move { report.send(lost()).expect("the test listens") };
        USER.sync_scope("ann", || self.0.spawn(read));
    }
}

#[test]
fn a_value_that_spawns_in_its_drop_finds_the_table_unlocked() {
    static SPAWNS: ContextVar<SpawnsInDrop> = ContextVar::new("spawns");
    let runtime = traced();
    let (report, reported) = channel();
    let barrier = Arc::new(Barrier::new(2));
    let value = SpawnsInDrop(runtime.handle().clone(), report);
    let mut request = Context::new().with_value(&SPAWNS, value);
    request.run(|| {
        let barrier = Arc::clone(&barrier);
        runtime.spawn(async move { _ = barrier.wait() })
    });
    drop(request); // the record is the last holder
    barrier.wait();
    let found = reported.recv_timeout(Duration::from_secs(60)).expect("no deadlock");
    assert_eq!(found.map(|(generation, _)| generation), Some(1));
}

struct PanicsInDrop(Option<Sender<()>>);

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        drop(self.0.take());
        panic!("in the drop of a value");
    }
}

#[test]
fn a_value_that_panics_in_its_drop_harms_neither_the_runtime_nor_the_records() {
    static PANICS: ContextVar<PanicsInDrop> = ContextVar::new("panics");
    let runtime = traced();
    for _ in 0..8 {
        let (dropped, waits) = channel::<()>();
        let barrier = Arc::new(Barrier::new(2));
        let mut request = Context::new().with_value(&PANICS, PanicsInDrop(Some(dropped)));
        request.run(|| {
            let barrier = Arc::clone(&barrier);
            runtime.spawn(async move { _ = barrier.wait() })
        });
        drop(request);
        barrier.wait();
        waits.recv_timeout(Duration::from_secs(60)).expect_err("the value is dropped");
        let task = USER.sync_scope("ann", || runtime.spawn(async { lost() }));
        assert_eq!(
            runtime.block_on(task).expect("no panic").map(|(generation, _)| generation),
            Some(1)
        );
    }
}
