//! Values whose destructors read the context, in tasks, jobs and threads that end early.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use contextvars::{Context, ContextExt, ContextVar, copy_context, propagate};
use contextvars_tokio::{spawn, spawn_blocking};
use tokio::task::{JoinSet, yield_now};

use crate::common::{A, bound, current_thread, marked_runtime, seen};
use crate::pool::marked_pool;
use crate::support::{Counted, Counter};

/// Counts the values that are alive, and those that were dropped in the wrong context.
#[derive(Clone, Default)]
struct Book {
    counter: Counter,
    astray: Arc<AtomicUsize>,
}

impl Book {
    #[track_caller]
    fn assert_closed(&self, made: usize) {
        assert_eq!(self.astray.load(Ordering::Acquire), 0, "dropped in the wrong context");
        assert_eq!((self.counter.made(), self.counter.live()), (made, 0));
    }
}

/// A value that a task holds. It must be dropped in a context where `A` is `n`.
struct Held {
    n: u32,
    book: Book,
    _counted: Counted,
}

impl Held {
    fn new(n: u32, book: &Book) -> Self {
        Self { n, book: book.clone(), _counted: Counted::new(&book.counter) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if seen() != Some(self.n) {
            self.book.astray.fetch_add(1, Ordering::AcqRel);
        }
        // The context drops this value.
        VALUE.set(Value::new(&self.book.counter));
    }
}

/// A value that a context holds. It is dropped wherever the context is dropped, and its destructor uses the whole crate.
struct Value {
    counter: Counter,
    _counted: Counted,
}

static VALUE: ContextVar<Value> = ContextVar::new("value");

impl Value {
    fn new(counter: &Counter) -> Self {
        Self { counter: counter.clone(), _counted: Counted::new(counter) }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        static LAST: ContextVar<Counted> = ContextVar::new("last");
        let before = (seen(), copy_context().len());
        A.sync_scope(1, || assert_eq!(seen(), Some(1)));
        Context::new().run(|| {
            drop(LAST.set(Counted::new(&self.counter)));
            assert_eq!(copy_context().len(), 1);
        });
        assert_eq!((seen(), copy_context().len()), before);
    }
}

/// The number of values per `Held`: itself, the value that its destructor binds, and the one that that value's destructor
/// binds.
const PER_HELD: usize = 3;
/// The number of values per `Value` in a context: itself, and the one that its destructor binds.
const PER_VALUE: usize = 2;

/// Binds a value, holds another one and yields to other tasks for ever.
async fn task(n: u32, book: Book, held: Held) {
    let _held = held;
    VALUE.set(Value::new(&book.counter));
    loop {
        assert_eq!(seen(), Some(n));
        yield_now().await;
    }
}

const TASKS: usize = 300;

#[test]
fn aborted_tasks_drop_everything_where_it_belongs() {
    for runtime in [current_thread(), marked_runtime(3)] {
        let book = Book::default();
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for n in (0..).take(TASKS) {
                let task = task(n, book.clone(), Held::new(n, &book));
                bound(n).run(|| tasks.spawn(task.in_current_context()));
            }
            while book.counter.live() == TASKS {
                yield_now().await; // wait until a task has bound its value
            }
            tasks.shutdown().await;
        });
        assert_eq!(book.counter.live(), 0);
        let most = TASKS * (PER_HELD + PER_VALUE);
        assert!(book.counter.made() <= most, "{} of {most}", book.counter.made());
        book.assert_closed(book.counter.made());
    }
}

#[test]
fn a_runtime_that_shuts_down_drops_everything_where_it_belongs() {
    for runtime in [current_thread(), marked_runtime(3)] {
        let book = Book::default();
        runtime.block_on(async {
            for n in (0..).take(TASKS) {
                let task = task(n, book.clone(), Held::new(n, &book));
                drop(bound(n).run(|| spawn(task)));
            }
            yield_now().await;
        });
        Context::new().with_value(&A, 1_000_000).run(|| {
            drop(runtime);
            assert_eq!((seen(), copy_context().len()), (Some(1_000_000), 1));
        });
        book.assert_closed(book.counter.made());
        assert!(book.counter.made() >= TASKS * PER_HELD);
    }
}

#[test]
fn closures_of_a_runtime_that_shuts_down_drop_everything_where_it_belongs() {
    let runtime = marked_runtime(1);
    let book = Book::default();
    runtime.block_on(async {
        for n in (0..).take(TASKS) {
            let held = Held::new(n, &book);
            let context = bound(n).with_value(&VALUE, Value::new(&book.counter));
            let work = move || {
                let held = held;
                assert_eq!(seen(), Some(held.n));
            };
            let closure = { context }.run(|| spawn_blocking(work));
            if n % 3 == 0 {
                closure.abort();
            }
        }
    });
    drop(runtime); // waits for running tasks
    book.assert_closed(TASKS * (PER_HELD + PER_VALUE));
}

#[test]
fn jobs_of_a_rayon_pool_that_panic_drop_everything_where_it_belongs() {
    let book = Book::default();
    let pool = marked_pool(3);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        pool.install(|| {
            contextvars::rayon::scope(|scope| {
                for n in (0..).take(TASKS) {
                    let held = Held::new(n, &book);
                    let mut context = bound(n).with_value(&VALUE, Value::new(&book.counter));
                    let job = move |_: &contextvars::rayon::Scope<'_, '_>| {
                        let held = held;
                        assert_eq!(seen(), Some(held.n));
                        assert_ne!(held.n % 3, 0, "one in three");
                    };
                    context.run(|| scope.spawn(job));
                }
            });
        });
    }));
    assert!(outcome.is_err());
    crate::pool::assert_restored(&pool);
    book.assert_closed(TASKS * (PER_HELD + PER_VALUE));
}

#[test]
fn a_thread_that_ends_drops_everything_where_it_belongs() {
    let book = Book::default();
    std::thread::scope(|threads| {
        for n in 0..20 {
            let held = Held::new(n, &book);
            let body = bound(n).run(|| {
                VALUE.set(Value::new(&book.counter));
                propagate(move || drop(held))
            });
            threads.spawn(body);
        }
    });
    // The thread's root context holds a value too.
    let thread = std::thread::spawn({
        let counter = book.counter.clone();
        move || drop(VALUE.set(Value::new(&counter)))
    });
    thread.join().expect("no panic");
    book.assert_closed(20 * (PER_HELD + PER_VALUE) + PER_VALUE);
}
