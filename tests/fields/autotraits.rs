//! The auto traits of the types of `fields`, and their sizes.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::{Pending, Ready};
use std::hash::Hash;
use std::iter::FusedIterator;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

use contextvars::fields::{
    Binding, DebugValue, DisplayValue, Fields, IntoIter, Iter, ResetError, Scope, Selection,
    Snapshot, Text, ToValue, Tokens, Value,
};
use static_assertions::{assert_impl_all, assert_not_impl_any, assert_obj_safe};

assert_impl_all!(Value: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Debug, Display, PartialEq, Default);
assert_impl_all!(Text: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Debug, Display, Ord, Hash);
assert_impl_all!(Fields: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Debug, PartialEq, Default);
assert_impl_all!(Iter<'static>: Send, Sync, Clone, Debug, ExactSizeIterator, FusedIterator);
assert_impl_all!(IntoIter: Send, Sync, Clone, Debug, ExactSizeIterator, FusedIterator);
assert_impl_all!(DisplayValue<u8>: Send, Sync, Copy, Debug, ToValue);
assert_impl_all!(DebugValue<u8>: Send, Sync, Copy, Debug, ToValue);
assert_obj_safe!(ToValue);

assert_impl_all!(Tokens: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(Tokens: Clone);
assert_impl_all!(ResetError: Send, Sync, UnwindSafe, RefUnwindSafe, Debug, Display, Error);
assert_not_impl_any!(ResetError: Clone);
assert_impl_all!(Selection: Send, Sync, Unpin, Debug, Default);

assert_impl_all!(Snapshot: Send, Sync, Unpin, Clone, Debug);
assert_impl_all!(Binding: Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(Binding: Send, Sync, Clone);

assert_impl_all!(Scope<Ready<u8>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Future<Output = u8>, Debug);
assert_impl_all!(Scope<Ready<Cell<u8>>>: Send);
assert_not_impl_any!(Scope<Ready<Cell<u8>>>: Sync);
assert_not_impl_any!(Scope<Ready<Rc<u8>>>: Send, Sync);
assert_not_impl_any!(Scope<Pending<u8>>: Clone);

#[test]
fn tokens_are_kept_across_await_in_a_spawned_future() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&async {
        let tokens = contextvars::fields::set(contextvars::fields::kv! { a = 1 });
        std::future::ready(()).await;
        tokens.reset().unwrap();
    });
}

#[test]
fn a_snapshot_is_small() {
    assert!(size_of::<Fields>() <= 2 * size_of::<usize>());
    assert!(size_of::<Text>() <= 3 * size_of::<usize>());
}
