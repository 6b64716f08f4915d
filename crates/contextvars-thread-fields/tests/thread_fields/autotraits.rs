//! The auto traits of the crate's types: `Send`, `Sync` and unwind safety.

use std::fmt::Debug;
use std::hash::Hash;
use std::panic::{RefUnwindSafe, UnwindSafe};

use contextvars_thread_fields::{Binding, Logger, ThreadMap, TmpBind};
use static_assertions::{assert_impl_all, assert_not_impl_any};

assert_impl_all!(Binding: Debug);
assert_not_impl_any!(Binding: Send, Sync, Clone);
assert_impl_all!(ThreadMap: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Eq, Hash, Ord, Debug);
assert_impl_all!(Logger: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Debug, Default);
assert_not_impl_any!(TmpBind: Send, Sync, Clone);
