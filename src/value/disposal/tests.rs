use std::sync::{Arc, Mutex};

use super::super::ErasedValue;
use super::super::tests::value;
use super::{DISPOSALS, NESTING};

#[test]
fn a_chain_of_values_is_dropped_on_a_small_stack() {
    struct Chain {
        _next: Option<ErasedValue>,
        _alive: Arc<()>,
    }
    let alive = Arc::new(());
    let mut chain = None;
    for _ in 0..if cfg!(miri) { 200 } else { 1_000_000 } {
        chain = Some(value(1, Chain { _next: chain, _alive: Arc::clone(&alive) }));
    }
    let thread = std::thread::Builder::new().stack_size(64 << 10);
    thread.spawn(move || drop(chain)).unwrap().join().unwrap();
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn the_queue_is_worked_off_when_a_destructor_panics() {
    struct Panics {
        next: Option<ErasedValue>,
        left: u32,
        _alive: Arc<()>,
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            drop(self.next.take());
            // The first one of the queue to run to its end; a second panic would abort.
            assert!(self.left != NESTING + 1, "a destructor failed");
        }
    }
    let alive = Arc::new(());
    let mut chain = None;
    for left in 0..3 * NESTING {
        chain = Some(value(1, Panics { next: chain, left, _alive: Arc::clone(&alive) }));
    }
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(chain))).unwrap_err();
    assert_eq!(Arc::strong_count(&alive), 1);
    DISPOSALS.with(|disposals| {
        assert_eq!(disposals.nesting.get(), 0);
        assert!(disposals.queue.get().is_none());
    });
}

/// Regression: the next value that was dropped also dropped all queued values, in the middle of the outer drops.
#[test]
fn queued_values_wait_for_the_outermost_drop() {
    struct Level {
        next: Option<ErasedValue>,
        beside: Option<ErasedValue>,
        depth: u32,
        ended: Arc<Mutex<Vec<u32>>>,
    }
    impl Drop for Level {
        fn drop(&mut self) {
            drop(self.next.take());
            drop(self.beside.take());
            self.ended.lock().unwrap().push(self.depth);
        }
    }
    let ended = Arc::<Mutex<Vec<u32>>>::default();
    let mut chain = None;
    for depth in (0..2 * NESTING).rev() {
        let beside = Some(value(2, Arc::clone(&ended)));
        chain = Some(value(1, Level { next: chain, beside, depth, ended: Arc::clone(&ended) }));
    }
    drop(chain);
    let ended = Arc::into_inner(ended).unwrap().into_inner().unwrap();
    assert_eq!(ended.len(), 2 * NESTING as usize);
    assert!(ended[..NESTING as usize].iter().all(|&depth| depth < NESTING), "{ended:?}");
}
