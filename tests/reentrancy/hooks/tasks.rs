//! Futures and propagated closures: when they run, and when they and their captures are dropped.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use contextvars::{
    Context, ContextExt as _, WithContext, copy_context, propagate, propagate_fn,
    propagate_once_with, propagate_with,
};

use super::hooks;
use crate::probe::{At, Probe, SUBJECT, State, at_entry, at_exit, fire};
use crate::support::{ByHand, panic_text, yield_once};

const TASKS: u64 = 80;

/// Creates the context of a task: a copy of the current one, with another subject.
fn of_a_task() -> Context {
    copy_context().with_value(&SUBJECT, Probe::new(TASKS))
}

/// Runs `user`, which reaches the hook, and checks that the operation ran in the context of the task.
fn only_inside(user: impl FnOnce(Context)) {
    let before = State::now();
    user(of_a_task());
    assert_eq!(at_entry(), State { subject: Some(TASKS), local: None, ..before });
    let _ = at_exit();
    assert_eq!(State::now(), before);
}

fn firing() -> Probe {
    Probe::firing(At::Drop, 70)
}

struct FiringWaker;

impl Wake for FiringWaker {
    fn wake(self: Arc<Self>) {
        fire();
    }
}

hooks! {
    fn first_poll() {
        only_inside(|context| {
            let mut future = ByHand::new(async { fire() }.in_context(context));
            future.last_step();
            assert_eq!(future.0.as_mut().take_context().run(State::now), at_exit());
        });
    }

    fn second_poll() {
        only_inside(|context| {
            let future = async {
                yield_once().await;
                fire();
                yield_once().await;
                assert_eq!(State::now(), at_exit());
            };
            ByHand::new(future.in_context(context)).finish();
        });
    }

    fn poll_of_a_future_in_a_future() {
        only_inside(|context| {
            let inner = async { fire() }.in_context(context);
            let outer = async {
                let before = State::now();
                inner.await;
                assert_eq!(State::now(), before);
            };
            ByHand::new(outer.in_context(Context::new())).last_step();
        });
    }

    fn poll_inside_a_loan() {
        only_inside(|context| {
            SUBJECT.with(|lent| {
                ByHand::new(async { fire() }.in_context(context)).last_step();
                assert_eq!(lent.number(), crate::matrix::SUBJECT_WAS);
            });
        });
    }

    fn waker_that_is_called_in_a_poll() {
        only_inside(|context| {
            let waker = Waker::from(Arc::new(FiringWaker));
            let inner = poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::Ready(())
            });
            let mut future = pin!(inner.in_context(context));
            assert!(future.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_ready());
        });
    }

    fn drop_of_an_unpolled_future() {
        only_inside(|context| {
            let captured = firing();
            drop(async move { drop(captured) }.in_context(context));
        });
    }

    fn drop_of_a_future_between_polls() {
        only_inside(|context| {
            let captured = firing();
            let future = async {
                let _captured = captured;
                yield_once().await;
            };
            let mut future = ByHand::new(future.in_context(context));
            future.step();
        });
    }

    fn drop_of_a_local_on_completion() {
        only_inside(|context| {
            let captured = firing();
            let mut future = ByHand::new(async move { drop(captured) }.in_context(context));
            future.last_step();
            let _ = at_exit();
        });
    }

    /// The future owns its capture until it is dropped, which happens at its completion.
    fn drop_of_a_completed_future() {
        only_inside(|context| {
            let captured = firing();
            let inner = poll_fn(move |_| Poll::Ready(captured.number()));
            let mut future = ByHand::new(inner.in_context(context));
            assert_eq!(future.last_step(), 70);
            let _ = at_exit();
            assert!(future.0.inner().is_none());
        });
    }

    fn drop_of_a_future_that_panicked() {
        only_inside(|context| {
            let captured = firing();
            let inner = poll_fn(move |_| -> Poll<()> { panic!("captured {}", captured.number()) });
            let mut future = ByHand::new(WithContext::new(inner, context));
            assert_eq!(panic_text(|| future.poll()), "captured 70");
        });
    }

    fn drop_of_a_future_while_unwinding() {
        only_inside(|context| {
            let captured = firing();
            let future = async move { drop(captured) }.in_context(context);
            let text = panic_text(move || {
                let _future = future;
                panic!("before the first poll")
            });
            assert_eq!(text, "before the first poll");
        });
    }

    fn call_of_propagate() {
        only_inside(|mut context| context.run(|| propagate(fire))());
    }

    /// The second call does not see the values that the operation sets in the first one.
    fn call_of_propagate_fn() {
        only_inside(|mut context| {
            let captured = context.run(State::now);
            let work = context.run(|| {
                propagate_fn(move || {
                    assert_eq!(State::now(), captured);
                    fire();
                })
            });
            work();
            work();
        });
    }

    fn call_of_propagate_with() {
        only_inside(|mut context| {
            let work = context.run(|| {
                propagate_with(|number| {
                    fire();
                    number
                })
            });
            assert_eq!((work(1), work(2)), (1, 2));
        });
    }

    fn call_of_propagate_once_with() {
        only_inside(|mut context| {
            let work = context.run(|| {
                propagate_once_with(|number| {
                    fire();
                    number
                })
            });
            assert_eq!(work(1), 1);
        });
    }

    fn drop_of_an_argument_of_propagate_with() {
        only_inside(|mut context| {
            context.run(|| propagate_with(|argument: Probe| argument.number()))(firing());
        });
    }

    fn drop_of_an_argument_of_propagate_once_with() {
        only_inside(|mut context| {
            context.run(|| propagate_once_with(|argument: Probe| argument.number()))(firing());
        });
    }

    fn drop_of_a_closure_of_propagate_once_with_that_is_never_called() {
        only_inside(|mut context| {
            let captured = firing();
            drop(context.run(|| propagate_once_with(move |()| drop(captured))));
        });
    }

    fn drop_of_a_closure_of_propagate_with() {
        only_inside(|mut context| {
            let captured = firing();
            let work = context.run(|| propagate_with(move |more| captured.number() + more));
            assert_eq!((work(1), work(2)), (71, 72));
        });
    }

    fn drop_of_a_propagated_closure_that_is_never_called() {
        only_inside(|mut context| {
            let captured = firing();
            drop(context.run(|| propagate(move || drop(captured))));
        });
    }

    fn drop_of_a_propagated_closure_that_is_called() {
        only_inside(|mut context| {
            let captured = firing();
            context.run(|| propagate(move || captured.number()))();
        });
    }

    fn drop_of_a_propagated_fn() {
        only_inside(|mut context| {
            let captured = firing();
            let work = context.run(|| propagate_fn(move || captured.number()));
            assert_eq!((work(), work()), (70, 70));
        });
    }

    fn drop_of_a_propagated_closure_while_unwinding() {
        only_inside(|mut context| {
            let captured = firing();
            let work = context.run(|| propagate(move || drop(captured)));
            let text = panic_text(move || {
                let _work = work;
                panic!("never called")
            });
            assert_eq!(text, "never called");
        });
    }
}
