//! Values that hold other values, a million contexts deep: their drop must not recurse.
//!
//! The threads that drop them have a stack of 64 KiB. Under Miri, which does not limit stacks, the nests are some hundred deep,
//! which still shows that each value is dropped once. The file is long because all of its tests share the types of the nests.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use contextvars::{
    Context, ContextExt as _, ContextVar, ResetError, Token, WithContext, copy_context,
    propagate_fn,
};

use crate::support::{ByHand, panic_text};

/// The number of nested values.
const LEVELS: usize = if cfg!(miri) { 100 } else { 1_000 };

const DEPTH: usize = if cfg!(miri) { 300 } else { 1_000_000 };

/// Holds the owner of the next value.
#[expect(dead_code, reason = "held to be dropped")]
enum Held {
    Nothing,
    Context(Context),
    Contexts(Context, Context),
    Token(Token<Nest>),
    Refused(ResetError<Nest>),
    Future(WithContext<std::future::Ready<()>>),
    Closure(Box<dyn Fn() + Send + Sync>),
}

struct Nest {
    held: Held,
    dropped: Option<Arc<AtomicUsize>>,
}

static NEST: ContextVar<Nest> = ContextVar::new("nest");
static READ_IN_DROP: ContextVar<usize> = ContextVar::new("read in drop");

/// Counts the values of a nest that were dropped on this thread.
fn dropped_here() -> usize {
    DROPPED.get()
}

thread_local!(static DROPPED: Cell<usize> = const { Cell::new(0) });

impl Drop for Nest {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
        if let Some(dropped) = &self.dropped {
            dropped.fetch_add(1, Ordering::AcqRel);
        }
        // User code in the middle of the drops finds a consistent slot.
        READ_IN_DROP.sync_scope(7, || assert_eq!(READ_IN_DROP.get(), 7));
    }
}

fn nest(held: Held) -> Nest {
    Nest { held, dropped: None }
}

fn holding(held: Held) -> Context {
    Context::new().with_value(&NEST, nest(held))
}

fn contexts(depth: usize) -> Context {
    (0..depth).fold(Context::new(), |inner, _| holding(Held::Context(inner)))
}

/// Runs `f` on a thread with a small stack.
fn on_little_stack<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let builder = thread::Builder::new();
    let builder = if cfg!(miri) { builder } else { builder.stack_size(64 * 1024) };
    builder.spawn(f).unwrap().join().expect("the thread with little stack failed")
}

/// Drops `value` on a thread with a small stack, and checks that `expected` values were dropped.
fn drops_without_recursion<T: Send + 'static>(expected: usize, value: T) {
    let dropped = on_little_stack(move || {
        drop(value);
        dropped_here()
    });
    assert_eq!(dropped, expected);
}

// === through each thing that can hold a context or a value ===

#[test]
fn contexts_in_contexts() {
    drops_without_recursion(DEPTH, contexts(DEPTH));
}

/// Each token holds the previous value, which holds the token before it.
#[test]
fn tokens_in_values() {
    let mut context = Context::new();
    let token = context.run(|| {
        (0..DEPTH)
            .fold(None, |token, _| Some(NEST.set(nest(token.map_or(Held::Nothing, Held::Token)))))
    });
    drops_without_recursion(DEPTH, (token, context));
}

#[test]
fn refused_tokens_in_values() {
    let mut context = Context::new();
    let mut last = None;
    for _ in 0..DEPTH {
        let token =
            context.run(|| NEST.set(nest(last.take().map_or(Held::Nothing, Held::Refused))));
        last = Some(NEST.reset(token).expect_err("this is not the context of the token"));
    }
    drops_without_recursion(DEPTH, (last, context));
}

#[test]
fn futures_in_contexts() {
    let chain = (0..DEPTH).fold(Context::new(), |inner, _| {
        holding(Held::Future(std::future::ready(()).in_context(inner)))
    });
    drops_without_recursion(DEPTH, chain);
}

#[test]
fn propagated_closures_in_contexts() {
    let chain = (0..DEPTH).fold(Context::new(), |mut inner, _| {
        holding(Held::Closure(Box::new(inner.run(|| propagate_fn(|| ())))))
    });
    drops_without_recursion(DEPTH, chain);
}

#[test]
fn everything_in_turn() {
    let chain = (0..DEPTH).fold(Context::new(), |mut inner, level| match level % 4 {
        0 => holding(Held::Context(inner)),
        1 => holding(Held::Future(std::future::ready(()).in_context(inner))),
        2 => holding(Held::Closure(Box::new(inner.run(|| propagate_fn(|| ()))))),
        _ => {
            let token = inner.run(|| NEST.set(nest(Held::Nothing)));
            holding(Held::Token(token))
        }
    });
    // Every fourth level also set a value of which the token was dropped at once.
    assert_eq!(dropped_here(), DEPTH / 4);
    drops_without_recursion(DEPTH, chain);
}

/// Each level has two values: one that holds the next level, and one that holds nothing.
#[test]
fn two_contexts_at_each_level() {
    let chain = (0..DEPTH / 2)
        .fold(Context::new(), |inner, _| holding(Held::Contexts(holding(Held::Nothing), inner)));
    drops_without_recursion(DEPTH / 2 * 2, chain);
}

/// A full binary tree.
#[test]
fn two_contexts_in_each_of_two_contexts() {
    let levels = DEPTH.ilog2();
    let mut row: Vec<Context> = (0..1 << levels).map(|_| holding(Held::Nothing)).collect();
    while row.len() > 1 {
        let mut next = Vec::with_capacity(row.len() / 2);
        let mut pairs = row.into_iter();
        while let (Some(left), Some(right)) = (pairs.next(), pairs.next()) {
            next.push(holding(Held::Contexts(left, right)));
        }
        row = next;
    }
    drops_without_recursion((2 << levels) - 1, row);
}

// === wherever the last holder lets go ===

#[test]
fn a_nest_that_is_removed() {
    let mut chain = contexts(DEPTH);
    let dropped = on_little_stack(move || {
        assert!(chain.remove(&NEST));
        assert!(chain.is_empty());
        dropped_here()
    });
    assert_eq!(dropped, DEPTH);
}

#[test]
fn a_nest_that_is_not_retained() {
    let mut chain = contexts(DEPTH);
    let dropped = on_little_stack(move || {
        chain.retain(|_| false);
        dropped_here()
    });
    assert_eq!(dropped, DEPTH);
}

#[test]
fn a_nest_that_reset_takes_back() {
    let inner = contexts(DEPTH - 1);
    let dropped = on_little_stack(move || {
        let token = NEST.set(nest(Held::Context(inner)));
        NEST.reset(token).unwrap();
        dropped_here()
    });
    assert_eq!(dropped, DEPTH);
}

#[test]
fn a_nest_that_a_scope_and_a_binding_held() {
    let (first, second) = (contexts(DEPTH / 2 - 1), contexts(DEPTH / 2 - 1));
    let dropped = on_little_stack(move || {
        NEST.sync_scope(nest(Held::Context(first)), || ());
        assert_eq!(dropped_here(), DEPTH / 2);
        drop(NEST.bind(nest(Held::Context(second))));
        dropped_here()
    });
    assert_eq!(dropped, DEPTH);
}

#[test]
fn a_nest_at_the_end_of_a_loan() {
    let inner = contexts(DEPTH - 1);
    let dropped = on_little_stack(move || {
        let token = NEST.set(nest(Held::Context(inner)));
        NEST.with(|lent| {
            NEST.reset(token).unwrap();
            assert!(matches!(&lent.held, Held::Context(inner) if inner.len() == 1));
            assert_eq!(dropped_here(), 0);
        });
        dropped_here()
    });
    assert_eq!(dropped, DEPTH);
}

#[test]
fn a_nest_while_unwinding() {
    let chain = contexts(DEPTH);
    let dropped = on_little_stack(move || {
        let text = panic_text(move || {
            let _chain = chain;
            panic!("unwinding")
        });
        assert_eq!(text, "unwinding");
        dropped_here()
    });
    assert_eq!(dropped, DEPTH);
}

#[test]
fn a_nest_inside_a_run_and_inside_a_poll() {
    let (first, second) = (contexts(DEPTH / 2), contexts(DEPTH / 2));
    let dropped = on_little_stack(move || {
        Context::new().run(move || drop(first));
        ByHand::new(async move { drop(second) }.in_current_context()).last_step();
        dropped_here()
    });
    assert_eq!(dropped, DEPTH);
}

/// The thread's root context holds the nest when the thread ends.
#[test]
fn a_nest_that_a_thread_leaves_behind() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let chain = (0..DEPTH).fold(Context::new(), |inner, _| {
        let counted = Nest { held: Held::Context(inner), dropped: Some(Arc::clone(&dropped)) };
        Context::new().with_value(&NEST, counted)
    });
    on_little_stack(move || drop(NEST.set(nest(Held::Context(chain)))));
    assert_eq!(dropped.load(Ordering::Acquire), DEPTH);
}

/// A destructor drops the rest of the nest itself before it returns.
#[test]
fn a_destructor_that_drops_the_next_context_by_hand() {
    struct ByItself(Option<Context>, Arc<AtomicUsize>);
    static BY_ITSELF: ContextVar<ByItself> = ContextVar::new("by itself");
    impl Drop for ByItself {
        fn drop(&mut self) {
            drop(self.0.take());
            self.1.fetch_add(1, Ordering::AcqRel);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let chain = (0..DEPTH).fold(Context::new(), |inner, _| {
        Context::new().with_value(&BY_ITSELF, ByItself(Some(inner), Arc::clone(&dropped)))
    });
    on_little_stack(move || drop(chain));
    assert_eq!(dropped.load(Ordering::Acquire), DEPTH);
}

// === deep on the stack ===

#[test]
fn a_thousand_runs_inside_each_other() {
    fn go_down(depth: usize) -> usize {
        let outer = READ_IN_DROP.get_or(0);
        assert_eq!(outer, depth);
        if depth == LEVELS {
            return 0;
        }
        let inner = copy_context().with_value(&READ_IN_DROP, depth + 1).run(|| go_down(depth + 1));
        assert_eq!(READ_IN_DROP.get_or(0), depth);
        inner + 1
    }
    assert_eq!(go_down(0), LEVELS);
}

#[test]
fn a_thousand_loans_and_scopes_inside_each_other() {
    fn go_down(depth: usize) {
        if depth < LEVELS {
            READ_IN_DROP.sync_scope(depth, || {
                READ_IN_DROP.with(|lent| {
                    go_down(depth + 1);
                    assert_eq!(*lent, depth);
                });
                assert_eq!(READ_IN_DROP.get(), depth);
            });
        }
    }
    go_down(0);
    assert!(READ_IN_DROP.try_get().is_err());
}
