//! The auto traits of the public types: threads that may own or share them, and use after a panic.

use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

use contextvars_wire::{
    Baggage, BuildError, BuildErrorKind, Codec, Environment, Extracted, Injected, MemberRef,
    ParentId, Problem, Propagator, PropagatorBuilder, RequestId, TraceContext, TraceId, TraceState,
    Violation,
};
use static_assertions::assert_impl_all;

macro_rules! assert_settled {
    ($($type:ty),*) => {
        $(assert_impl_all!($type: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);)*
    };
}

assert_settled!(Propagator, PropagatorBuilder, Codec, Environment, Extracted, Injected);
assert_settled!(TraceContext, TraceState, TraceId, ParentId, RequestId);
assert_settled!(Baggage, MemberRef<'static>);
assert_settled!(Problem, Violation, BuildError, BuildErrorKind);
assert_impl_all!(Propagator: Clone);
assert_impl_all!(Codec: Clone);
assert_impl_all!(Violation: std::error::Error, Copy, Eq);
assert_impl_all!(Problem: std::error::Error, Clone, Eq);
assert_impl_all!(BuildError: std::error::Error, Clone, Eq);
