//! The auto traits of the crate's type, also for variables whose values have none of them.

use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

use contextvars_metrics::ContextRecorder;
use metrics::{NoopRecorder, Recorder};
use static_assertions::{assert_impl_all, assert_not_impl_any};

use crate::Calls;

assert_impl_all!(ContextRecorder<Calls>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug, Recorder);
assert_impl_all!(ContextRecorder<NoopRecorder>: Recorder);
assert_not_impl_any!(ContextRecorder<std::rc::Rc<u8>>: Send, Sync);
assert_not_impl_any!(ContextRecorder<u8>: Recorder, Clone);
