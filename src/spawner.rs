//! [`ContextSpawner`]: executors behind the `Spawn` traits of the futures crate.

use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};

use crate::ContextExt as _;

/// A spawner whose tasks run in a copy of the context that is current when they are spawned.
///
/// Use it for code that is generic over [`futures::task::Spawn`](https://docs.rs/futures/latest/futures/task/trait.Spawn.html) or
/// [`LocalSpawn`](https://docs.rs/futures/latest/futures/task/trait.LocalSpawn.html) and spawns tasks that you cannot
/// wrap. If you spawn the task yourself, wrap it with [`in_current_context`](crate::ContextExt::in_current_context), which
/// saves one allocation.
///
/// ```
/// use contextvars::{ContextSpawner, ContextVar};
/// use futures::executor::LocalPool;
/// use futures::task::LocalSpawnExt as _;
///
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let mut pool = LocalPool::new();
/// let spawner = ContextSpawner::new(pool.spawner());
/// let task = USER.sync_scope("ann", || spawner.spawn_local_with_handle(async { USER.get() })).unwrap();
/// assert_eq!(pool.run_until(task), "ann");
/// ```
#[derive(Clone, Debug, Default)]
pub struct ContextSpawner<S> {
    spawner: S,
}

impl<S> ContextSpawner<S> {
    /// Creates a spawner that spawns on `spawner`.
    ///
    /// See [`ContextSpawner`] for an example.
    pub const fn new(spawner: S) -> Self {
        Self { spawner }
    }

    /// Returns the wrapped spawner, for a task that should not inherit the current context.
    ///
    /// ```
    /// # use contextvars::{ContextSpawner, ContextVar};
    /// # use futures::{executor::LocalPool, task::LocalSpawnExt as _};
    /// # static USER: ContextVar<&str> = ContextVar::new("user");
    /// # let mut pool = LocalPool::new();
    /// let spawner = ContextSpawner::new(pool.spawner());
    /// let task = USER.sync_scope("ann", || {
    ///     spawner.get_ref().spawn_local_with_handle(async { USER.try_get().is_err() })
    /// });
    /// assert!(pool.run_until(task.unwrap()));
    /// ```
    pub const fn get_ref(&self) -> &S {
        &self.spawner
    }
}

impl<S: Spawn> Spawn for ContextSpawner<S> {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.spawner.spawn_obj(Box::new(future.in_current_context()).into())
    }

    fn status(&self) -> Result<(), SpawnError> {
        self.spawner.status()
    }
}

impl<S: LocalSpawn> LocalSpawn for ContextSpawner<S> {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.spawner.spawn_local_obj(Box::new(future.in_current_context()).into())
    }

    fn status_local(&self) -> Result<(), SpawnError> {
        self.spawner.status_local()
    }
}
