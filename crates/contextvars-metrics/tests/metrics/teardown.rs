//! Metrics that are recorded in thread-local destructors.

use std::cell::RefCell;
use std::thread;

use metrics::counter;

use crate::{Calls, TENANT};

/// Records a metric when it is dropped.
struct Records(contextvars_metrics::ContextRecorder<Calls>);

impl Drop for Records {
    fn drop(&mut self) {
        metrics::with_local_recorder(&self.0, || drop(counter!("ended")));
    }
}

thread_local!(static RECORDS: RefCell<Option<Records>> = const { RefCell::new(None) });

#[test]
fn a_metric_in_a_thread_local_destructor_is_recorded() {
    for early in [true, false] {
        let calls = Calls::default();
        let records =
            Records(contextvars_metrics::ContextRecorder::new(calls.clone()).label(&TENANT, 9));
        let set = || drop(TENANT.set("acme".into()));
        let work = move || {
            // The destructors of thread-locals that are used later run earlier, on most targets.
            if early {
                RECORDS.set(Some(records));
                set();
            } else {
                set();
                RECORDS.set(Some(records));
            }
        };
        thread::spawn(work).join().unwrap();
        let recorded = calls.take();
        assert_eq!(recorded.len(), 1, "{recorded:?}");
        assert!(recorded[0].starts_with("counter ended{"), "{recorded:?}");
    }
}
