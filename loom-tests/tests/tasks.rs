//! Two threads record the spawn and the end of one task: the table of `contextvars_tokio::diagnose`.
//!
//! tokio does not run under loom together with this crate. The table is generic over the ids, so this test compiles its file with
//! loom's lock.

#[path = "../../crates/contextvars-tokio/src/diagnose/table.rs"]
mod table;

use std::sync::Arc;

use loom_tests::sync::{Arc as ModelArc, Mutex, MutexGuard};
use loom_tests::{Live, Value, model, thread};
use table::Table;

type Tasks<V> = ModelArc<Table<u32, V>>;

/// Runs `f` with the table on another thread.
fn beside<V: Send + 'static>(
    tasks: &Tasks<V>,
    f: impl FnOnce(&Table<u32, V>) + Send + 'static,
) -> thread::JoinHandle<()> {
    let tasks = ModelArc::clone(tasks);
    thread::spawn(move || f(&tasks))
}

// sabotage: crates/contextvars-tokio/src/diagnose/table.rs: tasks.remember_end(task); => let _ = Tasks::<K, V>::remember_end;
// sabotage: crates/contextvars-tokio/src/diagnose/table.rs: records.remove(&task); => records.insert(task, None);
#[test]
fn no_record_stays_whether_the_spawn_or_the_end_is_recorded_first() {
    model("spawn and end", || {
        let (live, tasks) = (Live::new(), Tasks::new(Table::new()));
        let end = beside(&tasks, |tasks| drop(tasks.remove(1)));
        drop(tasks.insert(1, Arc::new(live.value(1))));
        end.join().expect("no panic");
        assert_eq!(live.count(), 0);
        // Nothing is remembered of the task either: another one with its id would be recorded.
        assert!(tasks.insert(1, Arc::new(live.value(2))).is_none());
        assert_eq!(tasks.remove(1).expect("its record").number(), 2);
    });
}

/// A record whose drop records another task, as a value does that spawns a task in its drop.
struct Spawns {
    tasks: Tasks<Arc<Spawns>>,
    value: Value,
}

impl Drop for Spawns {
    fn drop(&mut self) {
        assert!(self.tasks.get(self.value.number() + 1).is_none());
    }
}

// sabotage: crates/contextvars-tokio/src/diagnose/table.rs: return Some(record); => { drop(record); return None; }
// sabotage: crates/contextvars-tokio/src/diagnose/table.rs: records.remove(&task).flatten(); => records.remove(&task).flatten().and_then(|_| None);
#[test]
fn no_record_is_dropped_under_the_lock() {
    model("drop of a record", || {
        let (live, tasks) = (Live::new(), Tasks::new(Table::new()));
        let end = beside(&tasks, |tasks| drop(tasks.remove(1)));
        let read = beside(&tasks, |tasks| drop(tasks.get(1)));
        let record = Spawns { tasks: ModelArc::clone(&tasks), value: live.value(1) };
        drop(tasks.insert(1, Arc::new(record)));
        end.join().expect("no panic");
        read.join().expect("no panic");
        assert_eq!(live.count(), 0);
    });
}
