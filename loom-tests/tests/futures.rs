//! A future that is polled on two threads and dropped on a third one.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, Waker};

use contextvars::{Context, ContextExt, ContextVar, WithContext};
use loom_tests::{Live, Value, model, thread};

static STEP: ContextVar<Value> = ContextVar::new("step");

/// A future that increments `STEP` at each poll, and reads it when it is dropped.
struct Steps {
    live: Live,
    seen_on_drop: u32,
}

impl Future for Steps {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<()> {
        let next = STEP.with(Value::number) + 1;
        STEP.set(self.live.value(next));
        Poll::Pending
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        assert_eq!(STEP.try_with(Value::number).ok(), Some(self.seen_on_drop));
    }
}

type Task = Pin<Box<WithContext<Steps>>>;

fn polled(mut task: Task) -> Task {
    assert!(task.as_mut().poll(&mut task::Context::from_waker(Waker::noop())).is_pending());
    assert!(STEP.try_with(|_| ()).is_err());
    task
}

// sabotage: src/future.rs: this.context.run(|| this.inner.set(None)); => this.inner.set(None);
// sabotage: src/current.rs: mem::forget(mem::replace(&mut state.inherited, self.inherited.swap(inherited))); => drop(self.inherited.swap(inherited));
#[test]
fn a_parked_future_keeps_its_context_from_thread_to_thread() {
    model("a future on three threads", || {
        let live = Live::new();
        let context = Context::new().with_value(&STEP, live.value(0));
        let snapshots = [context.clone(), context.clone()];
        let steps = Steps { live: live.clone(), seen_on_drop: 2 };
        let task: Task = Box::pin(steps.in_context(context));

        let [read, kept] = snapshots;
        let first = thread::spawn(move || polled(task));
        assert_eq!(read.get(&STEP).map(Value::number), Some(0));
        drop(read);
        let task = first.join().unwrap();
        let copy = task.context().clone();
        let second = thread::spawn(move || polled(task));
        drop(kept);
        assert_eq!(copy.get(&STEP).map(Value::number), Some(1));
        let task = second.join().unwrap();
        let third = thread::spawn(move || drop(task));
        drop(copy);
        third.join().unwrap();
        assert_eq!(live.count(), 0);
    });
}
