//! A scope that is polled on several threads, while copies of its value are read and dropped on another thread.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, Waker};

use contextvars::{Context, ContextVar, Scope, copy_context};
use loom_tests::sync::mpsc;
use loom_tests::{Live, Value, model, thread};

static STEP: ContextVar<Value> = ContextVar::new("step");

/// A future that sends a copy of the context and then increments `STEP`, at each poll until `STEP` is 2.
struct Steps {
    live: Live,
    copies: mpsc::Sender<Context>,
}

impl Future for Steps {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<u32> {
        let step = STEP.with(Value::number);
        if step == 2 {
            return Poll::Ready(step);
        }
        self.copies.send(copy_context()).unwrap();
        STEP.set(self.live.value(step + 1));
        Poll::Pending
    }
}

type Task = Pin<Box<Scope<'static, Value, Steps>>>;

/// Polls `task` once, and checks that the thread's root context is unchanged afterwards.
fn poll(task: &mut Task) -> Poll<u32> {
    let poll = task.as_mut().poll(&mut task::Context::from_waker(Waker::noop()));
    assert!(STEP.try_with(|_| ()).is_err());
    poll
}

// sabotage: src/scope.rs: self.0.exchange(); => let _ = &self.0;
// sabotage: src/scope.rs: this.own.clear(); => let _ = &this.own;
// sabotage: src/count.rs: self.0.fetch_sub(1, Ordering::Release) => self.0.fetch_sub(1, Ordering::Relaxed)
#[test]
fn a_scope_keeps_its_value_from_thread_to_thread() {
    model("a scope on three threads", || {
        let live = Live::new();
        let (sender, copies) = mpsc::channel();
        let steps = Steps { live: live.clone(), copies: sender };
        let mut task: Task = Box::pin(STEP.scope(live.value(0), steps));

        for step in 0..2 {
            let other = thread::spawn(move || {
                assert!(poll(&mut task).is_pending());
                task
            });
            // This copy is dropped while the other thread replaces the same value.
            let copy = copies.recv().unwrap();
            assert_eq!(copy.get(&STEP).map(Value::number), Some(step));
            drop(copy);
            task = other.join().unwrap();
            assert_eq!(live.count(), 1);
        }
        assert_eq!(poll(&mut task), Poll::Ready(2));
        assert_eq!(live.count(), 0);
    });
}
