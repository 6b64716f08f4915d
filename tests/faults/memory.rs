//! The memory that a thread keeps for its next values.

use contextvars::{Context, ContextVar};

use crate::allocations::left_by_thread;

static USER: ContextVar<String> = ContextVar::new("user");
static PAIR: ContextVar<(u64, u64)> = ContextVar::new("pair");
static NUMBERS: [ContextVar<u64>; 12] = [const { ContextVar::new("number") }; 12];

/// The crate keeps freed blocks in lists of the thread: one for each of the sizes that the test uses, and one for branches.
#[test]
fn a_thread_leaves_no_memory_behind() {
    let nothing = left_by_thread(|| drop(Context::new()));
    let work = || {
        for var in &NUMBERS {
            Context::new().run(|| {
                USER.set("ann".to_owned());
                PAIR.set((1, 2));
                var.set(7);
            });
        }
    };
    assert_eq!(left_by_thread(work), nothing);
}
