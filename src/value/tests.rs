use std::sync::{Arc, Mutex};

use super::*;

fn value<T: Send + Sync + 'static>(sequence: usize, value: T) -> Value {
    Value::new(Key::forge(sequence), Label::opaque("test"), value)
}

#[test]
fn a_value_is_read_by_its_key_or_by_its_type() {
    let seven = value(3, 7_u64);
    assert_eq!(seven.get(Key::<u64>::forge(3)), Some(&7));
    assert_eq!(seven.get(Key::<u64>::forge(4)), None);
    assert_eq!(seven.downcast_ref::<u64>(), Some(&7));
    assert_eq!(seven.downcast_ref::<i64>(), None);
}

#[test]
fn a_value_may_be_aligned_more_than_its_header() {
    #[repr(align(64))]
    struct Wide(u8);
    let wide = value(1, Wide(9));
    let lent = wide.get(Key::<Wide>::forge(1)).unwrap();
    assert_eq!(std::ptr::from_ref(lent).addr() % 64, 0);
    assert_eq!(lent.0, 9);
}

#[test]
fn a_value_is_dropped_with_its_last_owner() {
    let alive = Arc::new(());
    let first = value(1, Arc::clone(&alive));
    let second = first.clone();
    drop(first);
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(second);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_chain_of_values_is_dropped_on_a_small_stack() {
    struct Chain {
        _next: Option<Value>,
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
        next: Option<Value>,
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

/// Regression: what had queued up was dropped by the next value that went, in the middle of the outer drops.
#[test]
fn what_is_queued_waits_for_the_outermost_drop() {
    struct Level {
        next: Option<Value>,
        beside: Option<Value>,
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

#[test]
fn plain_types_are_known() {
    assert!(is_plain::<u64>() && is_plain::<&'static str>() && is_plain::<bool>());
    assert!(!is_plain::<String>() && !is_plain::<Option<u64>>());
}
