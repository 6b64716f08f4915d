//! The auto traits of the crate's types.

use std::cell::Cell;
use std::fmt::Debug;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

use contextvars_tower::{
    CaptureLayer, CaptureService, ContextBody, ContextLayer, ContextService, InjectLayer,
    InjectService, ResponseFuture, ResumeFuture, ResumeLayer, ResumeService,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

type OnlySend = Cell<u8>;
type Neither = Rc<u8>;
type Unsettled = Box<dyn Fn() + Send + Sync>;

macro_rules! assert_settled {
    ($($type:ty),*) => {
        $(assert_impl_all!($type: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);)*
    };
}

assert_settled!(ContextLayer, InjectLayer, ContextService<u8>, InjectService<u8>);
assert_settled!(CaptureLayer, ResumeLayer, CaptureService<u8>, ResumeService<u8>);
assert_settled!(ContextBody<u8>, ResponseFuture<u8>, ResumeFuture<u8>);
assert_impl_all!(CaptureLayer: Clone, Copy, Default);
assert_impl_all!(ResumeLayer: Clone, Copy, Default);
assert_impl_all!(ContextLayer: Clone);
assert_impl_all!(InjectLayer: Clone);
assert_impl_all!(ContextService<OnlySend>: Send);
assert_impl_all!(ContextBody<OnlySend>: Send);
assert_impl_all!(ResponseFuture<OnlySend>: Send);
assert_not_impl_any!(ContextService<OnlySend>: Sync);
assert_not_impl_any!(ContextBody<OnlySend>: Sync);
assert_not_impl_any!(ResponseFuture<OnlySend>: Sync);
assert_impl_all!(ResumeFuture<OnlySend>: Send);
assert_not_impl_any!(ResumeFuture<OnlySend>: Sync);
assert_not_impl_any!(CaptureService<Neither>: Send, Sync);
assert_not_impl_any!(ResumeService<Neither>: Send, Sync);
assert_not_impl_any!(InjectService<Neither>: Send, Sync);
assert_not_impl_any!(ResponseFuture<PhantomPinned>: Unpin);
assert_not_impl_any!(ResumeFuture<PhantomPinned>: Unpin);
assert_not_impl_any!(ResumeFuture<Unsettled>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(ContextService<Unsettled>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(ContextBody<Unsettled>: UnwindSafe, RefUnwindSafe);
