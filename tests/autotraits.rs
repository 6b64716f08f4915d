//! The auto traits of the public types (`Send`, `Sync`, `Unpin`, `UnwindSafe`, `RefUnwindSafe`), and their sizes.
//!
//! Except for the sizes, every check is made by the compiler.

use std::cell::{Cell, UnsafeCell};
use std::fmt::{Debug, Display};
use std::future::{Future, Pending, Ready};
use std::iter::FusedIterator;
use std::marker::{PhantomData, PhantomPinned};
use std::mem::{align_of, size_of};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard};

use contextvars::{
    Binding, Context, ContextExt, ContextVar, Entry, Iter, LookupError, ResetError, ResetErrorKind,
    Token, WithContext, propagate, propagate_fn,
};
use static_assertions::{assert_eq_size, assert_impl_all, assert_not_impl_any};

/// A value that is `Send + Sync`, but not `UnwindSafe`, not `RefUnwindSafe`, and without derived traits.
struct Unsettled {
    _callback: Box<dyn Fn() + Send + Sync>,
}

/// Like `Unsettled`, and also not `Unpin`.
struct Pinned {
    _unsettled: Unsettled,
    _pinned: PhantomPinned,
}

assert_impl_all!(Unsettled: Send, Sync);
assert_not_impl_any!(Unsettled: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Pinned: Unpin, UnwindSafe, RefUnwindSafe);

// === variables ===

assert_impl_all!(ContextVar<u64>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(ContextVar<Unsettled>: Send, Sync, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(ContextVar<Pinned>: Send, Sync, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(ContextVar<Mutex<Cell<u8>>>: Send, Sync, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(ContextVar<u64>: Clone, Copy, Default, PartialEq, PartialOrd);

// === tokens, bindings, errors ===

assert_impl_all!(Token<u64>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(Token<Unsettled>: Send, Sync, Unpin, Debug);
assert_impl_all!(Token<Pinned>: Send, Sync, Unpin, Debug);

/// A struct that is generic in the value without the bounds of the variable's methods.
#[expect(dead_code, reason = "it compiles")]
struct Held<'a, T> {
    token: Token<T>,
    binding: Binding<'a, T>,
}

#[expect(dead_code, reason = "it compiles")]
fn back<T>(held: &Held<'_, T>, error: ResetError<T>) -> (Option<bool>, ResetErrorKind, Token<T>) {
    (held.token.old_value().map(|_| true), error.kind(), error.into_token())
}

assert_not_impl_any!(Token<u64>: Clone, Copy, Default, PartialEq, PartialOrd);

assert_impl_all!(Binding<'static, u64>: Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(Binding<'static, u64>: Send, Sync, Clone, Copy, Default);
assert_not_impl_any!(Binding<'static, Unsettled>: Send, Sync, Clone, Copy);

assert_impl_all!(ResetError<u64>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(ResetError<u64>: Debug, Display, std::error::Error);
assert_impl_all!(ResetError<Unsettled>: Send, Sync, Unpin, Debug, Display, std::error::Error);
assert_not_impl_any!(ResetError<u64>: Clone, Copy);

assert_impl_all!(ResetErrorKind: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Eq, Debug);

assert_impl_all!(LookupError: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Debug);
assert_impl_all!(LookupError: Display, std::error::Error);

// === contexts ===

assert_impl_all!(Context: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Clone, Default, Debug);
assert_not_impl_any!(Context: Copy, PartialEq, PartialOrd);

assert_impl_all!(Entry<'static>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Debug);
assert_impl_all!(Iter<'static>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Iter<'static>: Iterator<Item = Entry<'static>>, ExactSizeIterator, FusedIterator);

// === futures: the auto traits of the inner future ===

type OnlySend = Cell<u8>;
type OnlySync = MutexGuard<'static, u8>;
type Neither = Rc<u8>;

assert_impl_all!(OnlySend: Send);
assert_not_impl_any!(OnlySend: Sync);
assert_impl_all!(OnlySync: Sync);
assert_not_impl_any!(OnlySync: Send);

assert_impl_all!(WithContext<Ready<u8>>: Future<Output = u8>, Send, Sync, Unpin);
assert_impl_all!(WithContext<Ready<u8>>: UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(WithContext<Ready<u8>>: Clone, Copy, Default);
assert_impl_all!(WithContext<OnlySend>: Send);
assert_not_impl_any!(WithContext<OnlySend>: Sync);
assert_impl_all!(WithContext<OnlySync>: Sync);
assert_not_impl_any!(WithContext<OnlySync>: Send);
assert_not_impl_any!(WithContext<Neither>: Send, Sync);
assert_not_impl_any!(WithContext<Unsettled>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(WithContext<Pinned>: Unpin);
assert_not_impl_any!(WithContext<u8>: Future);

assert_impl_all!(Ready<u8>: ContextExt);
assert_impl_all!(Pending<Neither>: ContextExt);

// === closures ===

/// A probe whose methods return `true` if `T` is `Send` or `Sync`. An inherent method wins over the trait's where its bound holds.
struct Is<T>(PhantomData<T>);

fn is_of<T>(_: &T) -> Is<T> {
    Is(PhantomData)
}

trait Not {
    fn send(&self) -> bool {
        false
    }
    fn sync(&self) -> bool {
        false
    }
}

impl<T> Not for Is<T> {}

impl<T: Send> Is<T> {
    #[expect(clippy::unused_self, reason = "a method, to be preferred to that of the trait")]
    fn send(&self) -> bool {
        true
    }
}

impl<T: Sync> Is<T> {
    #[expect(clippy::unused_self, reason = "a method, to be preferred to that of the trait")]
    fn sync(&self) -> bool {
        true
    }
}

/// Returns a closure that captures a value. It is a separate function because the captures of a closure are not known in the
/// function that creates it until the whole function is checked.
fn capturing<T>(value: T) -> impl Fn() {
    move || {
        let _ = &value;
    }
}

#[test]
fn a_propagated_closure_is_send_and_sync_when_its_closure_is() {
    static MUTEX: Mutex<u8> = Mutex::new(0);
    let both = capturing(1_u8);
    let only_send = capturing(Cell::new(1_u8));
    let only_sync = capturing(MUTEX.lock().unwrap());
    let neither = capturing(Rc::new(1_u8));
    assert!(is_of(&both).send() && is_of(&both).sync());
    assert!(is_of(&only_send).send() && !is_of(&only_send).sync());
    assert!(!is_of(&only_sync).send() && is_of(&only_sync).sync());

    let once = propagate(both);
    assert!(is_of(&once).send() && is_of(&once).sync());
    let once = propagate(only_send);
    assert!(is_of(&once).send());
    let once = propagate(only_sync);
    assert!(!is_of(&once).send());
    let once = propagate(neither);
    assert!(!is_of(&once).send() && !is_of(&once).sync());
}

#[test]
fn a_propagated_fn_is_send_and_sync_when_its_closure_is() {
    static MUTEX: Mutex<u8> = Mutex::new(0);
    let many = propagate_fn(capturing(1_u8));
    assert!(is_of(&many).send() && is_of(&many).sync());
    let many = propagate_fn(capturing(Cell::new(1_u8)));
    assert!(is_of(&many).send() && !is_of(&many).sync());
    let many = propagate_fn(capturing(MUTEX.lock().unwrap()));
    assert!(!is_of(&many).send() && is_of(&many).sync());
    let many = propagate_fn(capturing(Rc::new(1_u8)));
    assert!(!is_of(&many).send() && !is_of(&many).sync());
}

/// The result type of a closure does not affect the wrapper's auto traits.
#[test]
fn a_propagated_closure_may_return_a_value_that_is_not_send() {
    fn make() -> Rc<UnsafeCell<u8>> {
        Rc::new(UnsafeCell::new(1))
    }
    let (once, many) = (propagate(make), propagate_fn(make));
    assert!(is_of(&once).send() && is_of(&many).send() && is_of(&many).sync());
}

// === sizes ===

assert_eq_size!(Option<Token<u8>>, Token<u8>);
assert_eq_size!(Option<Token<[u64; 16]>>, Token<[u64; 16]>);
assert_eq_size!(Option<Token<Unsettled>>, Token<Unsettled>);
assert_eq_size!(Token<u8>, Token<[u64; 16]>);

#[test]
fn a_context_is_three_words() {
    assert!(size_of::<Context>() <= 24, "{}", size_of::<Context>());
    assert!(align_of::<Context>() <= 8);
}

/// Returns the difference in size between `WithContext<F>` and `F`.
fn overhead<F>() -> usize {
    size_of::<WithContext<F>>() - size_of::<F>()
}

fn overhead_of<F>(_: &F) -> usize {
    overhead::<F>()
}

#[test]
fn a_wrapped_future_is_four_words_bigger() {
    assert!(overhead::<()>() <= 32, "{}", overhead::<()>());
    assert!(overhead::<u8>() <= 32);
    assert!(overhead::<u64>() <= 32);
    assert!(overhead::<Box<u8>>() <= 32);
    assert!(overhead::<[u8; 7]>() <= 32);
    assert!(overhead::<[u64; 100]>() <= 32);
    assert!(overhead::<Ready<String>>() <= 32);
    assert!(overhead::<Pending<u8>>() <= 32);
    let future = async {
        let held = [0_u8; 1000];
        std::future::pending::<()>().await;
        std::hint::black_box(held);
    };
    assert!(overhead_of(&future) <= 32);
    assert!(align_of::<WithContext<u8>>() <= 8);
    assert!(align_of::<WithContext<[u64; 4]>>() <= 8);
}

/// A wrapper in a wrapper has twice the overhead.
#[test]
fn a_future_wrapped_twice_is_eight_words_bigger() {
    let once = size_of::<WithContext<[u8; 64]>>();
    let twice = size_of::<WithContext<WithContext<[u8; 64]>>>();
    assert!(twice - once <= 32, "{once}, {twice}");
}

#[test]
fn the_results_of_set_and_reset_are_small() {
    assert!(size_of::<Token<u8>>() <= 40, "{}", size_of::<Token<u8>>());
    assert!(size_of::<Binding<'_, u8>>() <= size_of::<Token<u8>>() + 8);
    let result = size_of::<Result<(), ResetError<u8>>>();
    assert!(result <= size_of::<Token<u8>>() + 8, "{result}");
    assert!(size_of::<Result<u64, LookupError>>() <= 24);
    assert!(size_of::<Option<Entry<'_>>>() <= 16);
}
