//! Tasks and closures, which carry a context.

use super::{Closure, Future, Model, Outcome, Panicked, Progress, Task};
use crate::program::{self, Event, Op};

impl Model {
    pub(super) fn op_on_carrier(&mut self, op: &Op) -> Outcome {
        match *op {
            Op::Spawn(context, ref future) => self.spawn(context, future),
            Op::Poll(pick) => self.poll(pick),
            Op::LookTask(pick) => {
                if let Some((place, task)) = self.tasks.take(pick) {
                    self.see_contents(&task.context);
                    self.see(Event::Found(task.future.progress != Progress::Completed));
                    self.tasks.put_back(place, task);
                }
            }
            Op::Cancel(pick) => {
                let cancelled = self.cancel(pick);
                self.done(cancelled);
            }
            Op::TakeContext(pick) => {
                if let Some((place, mut task)) = self.tasks.take(pick) {
                    let empty = self.empty();
                    self.contexts.add(std::mem::replace(&mut task.context, empty));
                    self.tasks.put_back(place, task);
                }
            }
            Op::TakeApart(pick) => {
                if let Some((_, Task { context, future })) = self.tasks.take(pick) {
                    self.contexts.add(context);
                    self.drop_future(&future);
                }
            }
            Op::Propagate(ref closure) => self.propagate(closure),
            Op::Call(pick) => return self.call(pick),
            Op::DropClosure(pick) => {
                let dropped = self.drop_closure(pick);
                self.done(dropped);
            }
            _ => return self.op_on_scope(op),
        }
        Ok(())
    }

    fn spawn(&mut self, context: Option<program::Pick>, future: &program::Future) {
        let context = match context.and_then(|pick| self.contexts.take(pick)) {
            Some((_, context)) => context,
            None => self.copy_current(),
        };
        self.tasks.add(Task { context, future: Future::new(future) });
    }

    fn propagate(&mut self, closure: &program::Closure) {
        let context = self.copy_current();
        self.closures.add(Closure { context, closure: closure.clone() });
    }

    fn poll(&mut self, pick: usize) {
        let Some((place, mut task)) = self.tasks.take(pick) else {
            return self.see(Event::Nothing);
        };
        if task.future.is_over() {
            self.see(Event::Over);
        } else {
            let Task { context, future } = &mut task;
            let outcome = self.within(context, |model| model.step(future));
            self.see_step(future, &outcome);
        }
        self.tasks.put_back(place, task);
    }

    /// Runs the next step of a future that is not over.
    pub(super) fn step(&mut self, future: &mut Future) -> Outcome {
        let Future { program, made, progress } = future;
        let outcome = program.steps.get(*made).map_or(Ok(()), |step| self.block(step));
        *made += 1;
        *progress = match outcome {
            Err(Panicked) => Progress::Broken,
            Ok(()) if *made < program.steps.len() => Progress::Begun,
            Ok(()) => Progress::Completed,
        };
        if *progress != Progress::Begun {
            self.finally(Some(&program.finally));
        }
        outcome
    }

    pub(super) fn see_step(&mut self, future: &Future, outcome: &Outcome) {
        if outcome.is_ok() {
            let ready = future.progress == Progress::Completed;
            self.see(if ready { Event::Ready } else { Event::Pending });
        }
        self.caught(outcome);
    }

    pub(super) fn cancel(&mut self, pick: usize) -> bool {
        let Some((_, Task { mut context, future })) = self.tasks.take(pick) else { return false };
        self.within(&mut context, |model| model.drop_future(&future));
        true
    }

    pub(super) fn drop_future(&mut self, future: &Future) {
        let Future { program, progress, .. } = future;
        if *progress == Progress::Begun || *progress == Progress::New && program.eager {
            self.finally(Some(&program.finally));
        }
    }

    fn finally(&mut self, block: Option<&[Op]>) {
        if let Some(block) = block {
            self.see(Event::Finally);
            let outcome = self.block(block);
            self.caught(&outcome);
        }
    }

    fn call(&mut self, pick: usize) -> Outcome {
        let Some((place, mut closure)) = self.closures.take(pick) else {
            self.see(Event::Nothing);
            self.see_state();
            return Ok(());
        };
        let Closure { context, closure: program::Closure { block, finally, kind } } = &mut closure;
        let again = kind.is_reusable();
        let outcome = if again {
            let mut copy = self.copy(context);
            self.within(&mut copy, |model| model.block(block))
        } else {
            self.within(context, |model| {
                let outcome = model.block(block);
                model.finally(finally.as_deref());
                outcome
            })
        };
        if again {
            self.closures.put_back(place, closure);
        }
        outcome?;
        self.see_state();
        Ok(())
    }

    pub(super) fn drop_closure(&mut self, pick: usize) -> bool {
        let Some((_, mut closure)) = self.closures.take(pick) else { return false };
        let Closure { context, closure } = &mut closure;
        let finally = &closure.finally;
        self.within(context, |model| model.finally(finally.as_deref()));
        true
    }
}

impl Future {
    pub(super) fn new(future: &program::Future) -> Self {
        Self { program: future.clone(), made: 0, progress: Progress::New }
    }

    /// Returns `true` if the future has completed or panicked.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.progress, Progress::Completed | Progress::Broken)
    }
}
