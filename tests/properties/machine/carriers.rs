//! Tasks and closures, which carry a context.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;

use contextvars::{
    ContextExt, WithContext, propagate, propagate_fn, propagate_once_with, propagate_with,
};

use super::Machine;
use crate::program::{self, Block, ClosureKind, Event, Op};
use crate::quiet_panic_text;
use crate::support::{poll_once, yield_once};
use crate::variables::Running;

pub(super) struct Task {
    wrapped: Pin<Box<WithContext<Running>>>,
    /// A poll panicked.
    broken: bool,
}

pub(super) enum Closure {
    Once(Box<dyn FnOnce()>),
    Again(Box<dyn Fn()>),
}

impl Machine {
    pub(super) fn op_on_carrier(self: &Rc<Self>, op: &Op) {
        match *op {
            Op::Spawn(context, ref future) => self.spawn(context, future),
            Op::Poll(pick) => self.poll(pick),
            Op::LookTask(pick) => {
                if let Some((place, task)) = self.tasks.take(pick) {
                    self.see_contents(task.wrapped.context());
                    self.see(Event::Found(task.wrapped.inner().is_some()));
                    self.tasks.put_back(place, task);
                }
            }
            Op::Cancel(pick) => self.done(self.tasks.take(pick).map(drop)),
            Op::TakeContext(pick) => {
                if let Some((place, mut task)) = self.tasks.take(pick) {
                    self.contexts.add(task.wrapped.as_mut().take_context());
                    self.tasks.put_back(place, task);
                }
            }
            Op::TakeApart(pick) => {
                if let Some((_, task)) = self.tasks.take(pick) {
                    let (inner, context) = Pin::into_inner(task.wrapped).into_parts();
                    self.contexts.add(context);
                    drop(inner);
                }
            }
            Op::Propagate(ref closure) => self.propagate(closure),
            Op::Call(pick) => self.call(pick),
            Op::DropClosure(pick) => self.done(self.closures.take(pick).map(drop)),
            _ => self.op_on_scope(op),
        }
    }

    fn spawn(self: &Rc<Self>, context: Option<program::Pick>, future: &program::Future) {
        let running = self.future(future);
        let wrapped = match context.and_then(|pick| self.contexts.take(pick)) {
            Some((_, context)) => running.in_context(context),
            None => running.in_current_context(),
        };
        self.tasks.add(Task { wrapped: Box::pin(wrapped), broken: false });
    }

    pub(super) fn future(self: &Rc<Self>, future: &program::Future) -> Running {
        let machine = Rc::clone(self);
        let steps = future.steps.clone();
        let finally = future.finally.clone();
        if future.eager {
            let finally = self.finally(finally);
            Box::pin(async move {
                let _finally = finally;
                machine.steps(&steps).await;
            })
        } else {
            Box::pin(async move {
                let _finally = machine.finally(finally);
                machine.steps(&steps).await;
            })
        }
    }

    async fn steps(self: &Rc<Self>, steps: &[Block]) {
        for (number, step) in steps.iter().enumerate() {
            if number > 0 {
                yield_once().await;
            }
            self.block(step);
        }
    }

    fn poll(&self, pick: usize) {
        let Some((place, mut task)) = self.tasks.take(pick) else {
            return self.see(Event::Nothing);
        };
        if task.broken || task.wrapped.inner().is_none() {
            let text = quiet_panic_text(|| poll_once(task.wrapped.as_mut()));
            let expected = if task.broken { "resumed after panicking" } else { "completion" };
            assert!(text.contains(expected), "{text}");
            self.see(Event::Over);
        } else {
            task.broken = true;
            self.caught(|| {
                let poll = poll_once(task.wrapped.as_mut());
                task.broken = false;
                self.see(if poll.is_ready() { Event::Ready } else { Event::Pending });
            });
        }
        self.tasks.put_back(place, task);
    }

    fn propagate(self: &Rc<Self>, closure: &program::Closure) {
        let (machine, block) = (Rc::clone(self), closure.block.clone());
        let finally = closure.finally.clone().map(|block| self.finally(block));
        let run = move || {
            let _captured = &finally;
            machine.block(&block);
        };
        self.closures.add(match closure.kind {
            ClosureKind::Propagate => Closure::Once(Box::new(propagate(run))),
            ClosureKind::PropagateFn => Closure::Again(Box::new(propagate_fn(run))),
            ClosureKind::PropagateOnceWith => {
                let wrapped = propagate_once_with(with_argument(run));
                Closure::Once(Box::new(move || assert_eq!(wrapped(ARGUMENT), ARGUMENT)))
            }
            ClosureKind::PropagateWith => {
                let wrapped = propagate_with(with_argument(run));
                Closure::Again(Box::new(move || assert_eq!(wrapped(ARGUMENT), ARGUMENT)))
            }
        });
    }

    fn call(&self, pick: usize) {
        match self.closures.take(pick) {
            None => self.see(Event::Nothing),
            Some((_, Closure::Once(closure))) => closure(),
            Some((place, Closure::Again(closure))) => {
                let outcome = catch_unwind(AssertUnwindSafe(&closure));
                self.closures.put_back(place, Closure::Again(closure));
                outcome.unwrap_or_else(|panic| resume_unwind(panic));
            }
        }
        self.see_state();
    }

    fn finally(self: &Rc<Self>, block: Block) -> Finally {
        Finally { machine: Rc::clone(self), block }
    }
}

const ARGUMENT: &str = "an argument";

/// Returns a closure that calls `run` and returns its argument.
fn with_argument(run: impl Fn()) -> impl Fn(&'static str) -> &'static str {
    move |argument| {
        run();
        argument
    }
}

/// Runs its block when it is dropped, also while the program panics.
struct Finally {
    machine: Rc<Machine>,
    block: Block,
}

impl Drop for Finally {
    fn drop(&mut self) {
        self.machine.see(Event::Finally);
        self.machine.caught(|| self.machine.block(&self.block));
    }
}
