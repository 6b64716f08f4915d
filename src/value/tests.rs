use std::sync::Arc;

use super::*;

pub(super) fn value<T: Send + Sync + 'static>(sequence: usize, value: T) -> ErasedValue {
    ErasedValue::new(VarKey::forge(sequence), VarMeta::opaque("test"), Location::caller(), value)
}

#[test]
fn a_value_is_read_by_its_key_or_by_its_type() {
    let seven = value(3, 7_u64);
    assert_eq!(seven.get(VarKey::<u64>::forge(3)), Some(&7));
    assert_eq!(seven.get(VarKey::<u64>::forge(4)), None);
    assert_eq!(seven.downcast_ref::<u64>(), Some(&7));
    assert_eq!(seven.downcast_ref::<i64>(), None);
}

#[test]
fn a_value_may_be_aligned_more_than_its_header() {
    #[repr(align(64))]
    struct Wide(u8);
    let wide = value(1, Wide(9));
    let lent = wide.get(VarKey::<Wide>::forge(1)).unwrap();
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
fn plain_types_are_known() {
    assert!(is_plain::<u64>() && is_plain::<&'static str>() && is_plain::<bool>());
    assert!(!is_plain::<String>() && !is_plain::<Option<u64>>());
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_value_of_one_word_has_the_size_of_a_cache_line() {
    assert_eq!(size_of::<ValueInner<u64>>(), 64);
}
