//! Which threads may have which of the types, and how big they are.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::{Pending, Ready};
use std::hash::Hash;
use std::iter::FusedIterator;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

use contextvars::fields::{
    Bound, BoundGuard, DebugValue, DisplayValue, Fields, IntoIter, Iter, ResetError, Scoped,
    Selection, Text, ToValue, Tokens, Value,
};
use contextvars::thread_fields::{self, Logger, ThreadMap, TmpBind};
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

assert_impl_all!(Bound: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Debug);
assert_impl_all!(BoundGuard: Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(BoundGuard: Send, Sync, Clone);

assert_impl_all!(Scoped<Ready<u8>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Future<Output = u8>, Debug);
assert_impl_all!(Scoped<Ready<Cell<u8>>>: Send);
assert_not_impl_any!(Scoped<Ready<Cell<u8>>>: Sync);
assert_not_impl_any!(Scoped<Ready<Rc<u8>>>: Send, Sync);
assert_not_impl_any!(Scoped<Pending<u8>>: Clone);

assert_impl_all!(thread_fields::Bound: Send, Sync, Clone, Debug);
assert_not_impl_any!(thread_fields::BoundGuard: Send, Sync, Clone);
assert_impl_all!(ThreadMap: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Eq, Hash, Ord, Debug);
assert_impl_all!(Logger: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Debug, Default);
assert_not_impl_any!(TmpBind: Send, Sync, Clone);

#[test]
fn tokens_are_kept_across_await_in_a_spawned_future() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&async {
        let tokens = contextvars::fields::bind(contextvars::fields::kv! { a = 1 });
        std::future::ready(()).await;
        tokens.reset().unwrap();
    });
}

#[test]
fn wrapped_closures_are_as_send_as_they_were() {
    fn is_send_and_sync<T: Send + Sync + 'static>(_: T) {}
    is_send_and_sync(contextvars::fields::bound([("a", 1)]).wrap(|| 1));
    is_send_and_sync(contextvars::fields::bound([("a", 1)]).wrap_with(|n: u8| n));
}

#[test]
fn a_snapshot_is_small() {
    assert!(size_of::<Fields>() <= 2 * size_of::<usize>());
    assert!(size_of::<Text>() <= 3 * size_of::<usize>());
}
