//! The records of running tasks, by task id.
//!
//! # Invariant
//! No record is dropped while the lock is held: its drop may run user code, which may spawn tasks and so come back here. Each
//! function returns the record that it takes out, and the caller drops it.
//!
//! # Order
//! A runtime that shuts down may end a task before the hook of the task's spawn has run. So the end of an unknown task is
//! remembered, and a record that arrives after it is returned instead of stored. The end of a task whose spawn is never reported
//! looks the same, so only the last [`MAX_ENDS`] of these ends are remembered, and the table stays bounded.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::PoisonError;

use super::{Mutex, MutexGuard};

/// The number of ends without a record that are remembered. The hook of a spawn that is overtaken runs a few instructions after
/// the end of its task, unless the thread is suspended; meanwhile this many blocking closures would have to end.
pub(crate) const MAX_ENDS: usize = 4096;

/// The records of running tasks, by task id.
pub(crate) struct Table<K, V>(Mutex<Tasks<K, V>>);

struct Tasks<K, V> {
    /// The record of each running task, or `None` if the task ended before its record arrived.
    records: HashMap<K, Option<V>>,
    /// The ids of the tasks that ended without a record, the oldest first. Some may have been removed from `records` since.
    ends: VecDeque<K>,
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Tasks { records: HashMap::new(), ends: VecDeque::new() }))
    }

    /// Stores the record of a task that is being spawned. Returns the record if the task has ended already.
    #[must_use = "the record is dropped where user code may run"]
    pub(crate) fn insert(&self, task: K, record: V) -> Option<V> {
        let records = &mut self.lock().records;
        if let Some(None) = records.get(&task) {
            records.remove(&task);
            return Some(record);
        }
        records.insert(task, Some(record)).flatten()
    }

    /// Removes the record of a task that has ended.
    #[must_use = "the record is dropped where user code may run"]
    pub(crate) fn remove(&self, task: K) -> Option<V> {
        let mut tasks = self.lock();
        let record = tasks.records.remove(&task).flatten();
        if record.is_none() {
            tasks.remember_end(task);
        }
        record
    }

    /// Returns a clone of a task's record. The clone is made while the lock is held, so it must not run user code.
    pub(crate) fn get(&self, task: K) -> Option<V>
    where
        V: Clone,
    {
        self.lock().records.get(&task).cloned().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Tasks<K, V>> {
        // No code of a user runs while the lock is held, so a panic cannot have left the tasks half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, V> Tasks<K, V> {
    fn remember_end(&mut self, task: K) {
        self.records.insert(task, None);
        self.ends.push_back(task);
        if self.ends.len() > MAX_ENDS {
            let oldest = self.ends.pop_front();
            if let Some((oldest, None)) = oldest.and_then(|id| self.records.get_key_value(&id)) {
                let oldest = *oldest;
                self.records.remove(&oldest);
            }
        }
    }
}
