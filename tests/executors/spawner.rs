//! `ContextSpawner` over the executors of other crates.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use async_executor::{Executor, LocalExecutor};
use contextvars::{Context, ContextExt, ContextSpawner};
use futures::executor::{LocalPool, ThreadPool, block_on};
use futures::future::{FutureExt, RemoteHandle};
use futures::task::{
    FutureObj, LocalFutureObj, LocalSpawn, LocalSpawnExt, Spawn, SpawnError, SpawnExt,
};

use crate::common::{A, OUTSIDE, all, bound, guard, seen};
use crate::support::yield_once;

/// Returns a pool whose threads have `OUTSIDE` in their root context.
fn marked() -> ThreadPool {
    ThreadPool::builder()
        .pool_size(2)
        .after_start(|_| drop(A.set(OUTSIDE)))
        .create()
        .expect("a pool")
}

/// Spawns a task that reads the variable, binds it and reads it again after an await.
fn start(spawner: &impl Spawn) -> RemoteHandle<(Option<u32>, Option<u32>)> {
    let task = async {
        let first = seen();
        A.set(2);
        yield_once().await;
        (first, seen())
    };
    spawner.spawn_with_handle(task).expect("the pool is open")
}

#[test]
fn tasks_of_a_thread_pool_inherit() {
    let spawner = ContextSpawner::new(marked());
    let mut request = bound(1);
    let task = request.run(|| start(&spawner));
    request.run(|| A.set(3));
    assert_eq!(block_on(task), (Some(1), Some(2)), "the spawning context was captured");
    assert_eq!(request.get(&A), Some(&3), "a task does not change the spawning context");
    assert_eq!(block_on(Context::new().run(|| start(&spawner))), (None, Some(2)));
    for _ in 0..10 {
        let probe = spawner.get_ref().spawn_with_handle(async { seen() });
        assert_eq!(block_on(probe.expect("the pool is open")), Some(OUTSIDE));
    }
}

#[test]
fn tasks_spawned_by_the_inner_spawner_do_not_inherit() {
    let spawner = ContextSpawner::new(marked());
    let task = bound(1).run(|| start(spawner.get_ref()));
    assert_eq!(block_on(task).0, Some(OUTSIDE));
}

#[test]
fn tasks_of_a_local_pool_inherit_both_kinds() {
    let mut pool = LocalPool::new();
    let spawner = ContextSpawner::new(pool.spawner());
    let (send, local) = bound(1).run(|| {
        let send = start(&spawner);
        let not_send = std::rc::Rc::new(5);
        let local = spawner.spawn_local_with_handle(async move { (seen(), *not_send) });
        (send, local.expect("the pool is open"))
    });
    bound(50).run(|| {
        assert_eq!(pool.run_until(local), (Some(1), 5));
        assert_eq!(pool.run_until(send), (Some(1), Some(2)));
        assert_eq!(seen(), Some(50));
    });
}

/// Implements `Spawn` for an executor that lacks it, as a user of this crate would.
#[derive(Clone, Default)]
struct Tasks(Arc<Executor<'static>>);

impl Spawn for Tasks {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.0.spawn(future).detach();
        Ok(())
    }
}

struct LocalTasks<'a>(&'a LocalExecutor<'static>);

impl LocalSpawn for LocalTasks<'_> {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.0.spawn(future).detach();
        Ok(())
    }
}

#[test]
fn tasks_of_an_async_executor_inherit() {
    let tasks = Tasks::default();
    let spawner = ContextSpawner::new(tasks.clone());
    let task = bound(1).run(|| start(&spawner));
    let read = bound(50).run(|| block_on(tasks.0.run(task)));
    assert_eq!(read, (Some(1), Some(2)));
}

#[test]
fn tasks_of_smols_local_executor_inherit() {
    let executor = smol::LocalExecutor::new();
    let spawner = ContextSpawner::new(LocalTasks(&executor));
    let not_send = std::rc::Rc::new(5);
    let task = bound(1).run(|| spawner.spawn_local_with_handle(async move { (seen(), *not_send) }));
    let task = task.expect("it is open");
    assert_eq!(bound(50).run(|| smol::block_on(executor.run(task))), (Some(1), 5));
}

#[test]
fn a_nested_spawn_inherits_the_values_set_by_its_parent() {
    fn descend<S: Spawn + Clone + Send + Sync + 'static>(
        spawner: S,
        depth: u32,
    ) -> futures::future::BoxFuture<'static, u32> {
        let work = async move {
            assert_eq!(seen(), Some(depth));
            A.set(depth + 1);
            yield_once().await;
            if depth < 10 {
                let next = descend(spawner.clone(), depth + 1);
                let task = spawner.spawn_with_handle(next).expect("the pool is open");
                A.set(OUTSIDE);
                assert_eq!(task.await, 10);
            }
            10
        };
        work.boxed()
    }

    let spawner = ContextSpawner::new(marked());
    let task = bound(1).run(|| spawner.spawn_with_handle(descend(spawner.clone(), 1)));
    assert_eq!(block_on(task.expect("the pool is open")), 10);

    let tasks = Tasks::default();
    let spawner = ContextSpawner::new(tasks.clone());
    let task = bound(1).run(|| spawner.spawn_with_handle(descend(spawner.clone(), 1)));
    assert_eq!(block_on(tasks.0.run(task.expect("it is open"))), 10);
}

/// Returns a future with a guard that reads `A` when it is dropped, and the receiver of the value.
fn guarded() -> (impl Future<Output = ()> + Send, Receiver<Option<u32>>) {
    let (guard, dropped) = guard();
    let work = async move {
        let _guard = guard;
        A.set(2);
        std::future::pending::<()>().await;
    };
    (work, dropped)
}

#[test]
fn a_task_that_cannot_be_spawned_is_dropped_inside_the_context() {
    let pool = LocalPool::new();
    let spawner = ContextSpawner::new(pool.spawner());
    drop(pool);
    let (send, send_dropped) = guarded();
    let (local, local_dropped) = guarded();
    bound(1).run(|| {
        assert!(spawner.spawn(send).expect_err("the pool is gone").is_shutdown());
        assert!(spawner.spawn_local(local).expect_err("the pool is gone").is_shutdown());
    });
    assert_eq!(all(&send_dropped), [Some(1)]);
    assert_eq!(all(&local_dropped), [Some(1)]);
}

/// A spawner that is full: it sends each future to the test, which drops it.
struct Full(std::sync::mpsc::Sender<FutureObj<'static, ()>>);

impl Spawn for Full {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.0.send(future).expect("the test is listening");
        Err(SpawnError::shutdown())
    }

    fn status(&self) -> Result<(), SpawnError> {
        A.try_get().map(drop).map_err(|_| SpawnError::shutdown())
    }
}

#[test]
fn a_task_that_is_dropped_later_is_dropped_inside_the_context() {
    let (refuse, refused) = channel();
    let spawner = ContextSpawner::new(Full(refuse));
    let (work, dropped) = guarded();
    assert!(bound(1).run(|| spawner.spawn(work)).is_err());
    assert_eq!(all(&dropped), []);
    bound(50).run(|| drop(refused));
    assert_eq!(all(&dropped), [Some(1)]);
}

#[test]
fn tasks_that_a_pool_leaves_behind_are_dropped_inside_their_contexts() {
    let mut pool = LocalPool::new();
    let spawner = ContextSpawner::new(pool.spawner());
    let (polled, polled_dropped) = guarded();
    let (waiting, waiting_dropped) = guarded();
    bound(1).run(|| spawner.spawn(polled)).expect("the pool is open");
    pool.run_until_stalled();
    bound(1).run(|| spawner.spawn(waiting)).expect("the pool is open");
    bound(50).run(|| drop(pool));
    assert_eq!(all(&polled_dropped), [Some(2)]);
    assert_eq!(all(&waiting_dropped), [Some(1)]);
}

#[test]
fn the_status_is_that_of_the_spawner_underneath() {
    let pool = LocalPool::new();
    let spawner = ContextSpawner::new(pool.spawner());
    assert!(spawner.status().is_ok() && spawner.status_local().is_ok());
    drop(pool);
    assert!(spawner.status().expect_err("the pool is gone").is_shutdown());
    assert!(spawner.status_local().expect_err("the pool is gone").is_shutdown());

    let spawner = ContextSpawner::new(Full(channel().0));
    assert!(Context::new().run(|| spawner.status()).is_err());
    assert!(bound(1).run(|| spawner.status()).is_ok(), "asked in the caller's context");
}

#[test]
fn a_task_that_was_wrapped_already_keeps_its_own_context() {
    let spawner = ContextSpawner::new(marked());
    let task = async { seen() }.in_context(bound(7));
    let task = bound(1).run(|| spawner.spawn_with_handle(task)).expect("the pool is open");
    assert_eq!(block_on(task), Some(7));
}
