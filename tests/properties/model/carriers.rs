//! Tasks and closures, which carry a context.

use super::{Closure, Model, Outcome, Panicked, Progress, Task};
use crate::program::{self, Event, Op};

impl Model {
    pub(super) fn op_on_carrier(&mut self, op: &Op) -> Outcome {
        match *op {
            Op::Spawn(ref future) => self.spawn(future),
            Op::Poll(pick) => self.poll(pick),
            Op::LookTask(pick) => {
                if let Some((place, task)) = self.tasks.take(pick) {
                    self.see_contents(&task.context.values);
                    self.see(Event::Found(task.progress != Progress::Completed));
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
                if let Some((_, Task { context, future, progress, .. })) = self.tasks.take(pick) {
                    self.contexts.add(context);
                    self.drop_future(&future, &progress);
                }
            }
            Op::Propagate(ref closure) => self.propagate(closure),
            Op::Call(pick) => return self.call(pick),
            Op::DropClosure(pick) => {
                let dropped = self.drop_closure(pick);
                self.done(dropped);
            }
            _ => unreachable!("{op:?} was not run"),
        }
        Ok(())
    }

    fn spawn(&mut self, future: &program::Future) {
        let context = match future.context.and_then(|pick| self.contexts.take(pick)) {
            Some((_, context)) => context,
            None => self.copy_current(),
        };
        let future = future.clone();
        self.tasks.add(Task { context, future, made: 0, progress: Progress::New });
    }

    fn propagate(&mut self, closure: &program::Closure) {
        let context = self.copy_current();
        self.closures.add(Closure { context, closure: closure.clone() });
    }

    fn poll(&mut self, pick: usize) {
        let Some((place, mut task)) = self.tasks.take(pick) else {
            return self.see(Event::Nothing);
        };
        if matches!(task.progress, Progress::Completed | Progress::Broken) {
            self.see(Event::Over);
        } else {
            let Task { context, future, made, progress } = &mut task;
            let outcome = self.within(context, |model| {
                let outcome = future.steps.get(*made).map_or(Ok(()), |step| model.block(step));
                *made += 1;
                *progress = match outcome {
                    Err(Panicked) => Progress::Broken,
                    Ok(()) if *made < future.steps.len() => Progress::Begun,
                    Ok(()) => Progress::Completed,
                };
                if *progress != Progress::Begun {
                    model.finally(Some(&future.finally));
                }
                outcome
            });
            if outcome.is_ok() {
                let ready = *progress == Progress::Completed;
                self.see(if ready { Event::Ready } else { Event::Pending });
            }
            self.caught(&outcome);
        }
        self.tasks.put_back(place, task);
    }

    pub(super) fn cancel(&mut self, pick: usize) -> bool {
        let Some((_, mut task)) = self.tasks.take(pick) else { return false };
        let Task { context, future, progress, .. } = &mut task;
        self.within(context, |model| model.drop_future(future, progress));
        true
    }

    fn drop_future(&mut self, future: &program::Future, progress: &Progress) {
        if *progress == Progress::Begun || *progress == Progress::New && future.eager {
            self.finally(Some(&future.finally));
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
        let Closure { context, closure: program::Closure { block, finally, again } } = &mut closure;
        let outcome = if *again {
            let mut copy = self.copy(context);
            self.within(&mut copy, |model| model.block(block))
        } else {
            self.within(context, |model| {
                let outcome = model.block(block);
                model.finally(finally.as_deref());
                outcome
            })
        };
        if *again {
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
