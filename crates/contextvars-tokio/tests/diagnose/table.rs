//! The table of records, compiled from the crate's own file, under threads. `loom-tests` has its models.

#[path = "../../src/diagnose/table.rs"]
mod source;

use std::sync::{Mutex, MutexGuard};
use std::thread;

use crate::support::{Counted, Counter};
use source::{MAX_ENDS, Table};

#[test]
fn a_record_goes_when_its_task_ends_in_whichever_order_the_hooks_run() {
    let counter = Counter::new();
    let table = Table::new();
    for task in 0..20_000_u32 {
        thread::scope(|scope| {
            if task % 100 == 0 {
                scope.spawn(|| drop(table.remove(task)));
                scope.spawn(|| drop(table.insert(task, Counted::new(&counter))));
            }
        });
        drop(table.remove(task + 100_000));
        drop(table.insert(task + 100_000, Counted::new(&counter)));
        assert!(table.get(task + 100_000).is_none());
    }
    assert_eq!(counter.live(), 0);
}

#[test]
fn ends_of_tasks_that_were_never_spawned_are_forgotten() {
    let table = Table::new();
    assert!(table.remove(0).is_none());
    assert!(table.insert(0, ()).is_some(), "the end was remembered");
    assert!(table.remove(1).is_none());
    for task in 2..2 + MAX_ENDS {
        assert!(table.remove(task).is_none());
    }
    assert!(table.insert(1, ()).is_none(), "the end was forgotten, so the record stays");
    assert_eq!(table.remove(1), Some(()));
}

#[test]
fn an_end_that_is_forgotten_does_not_remove_a_record_of_the_same_task() {
    let table = Table::new();
    assert!(table.remove(1).is_none());
    assert!(table.insert(1, 'a').is_some());
    assert!(table.insert(1, 'b').is_none());
    for task in 2..2 + 2 * MAX_ENDS {
        assert!(table.remove(task).is_none());
    }
    assert_eq!(table.remove(1), Some('b'));
}
