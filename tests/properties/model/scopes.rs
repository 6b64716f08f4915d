//! Futures inside of a scope of a variable or of log fields.

use std::rc::Rc;

use super::fields::Edits;
use super::{Future, Model, Outcome, Progress, Value};
use crate::program::{Event, Op};

pub(super) struct Scope {
    /// `None` once the future has completed.
    own: Option<Own>,
    future: Future,
}

/// The part of a context that a scope holds: its own values between the polls, and the surrounding ones during a poll.
pub(super) enum Own {
    Variable(usize, Option<Rc<Value>>),
    Fields(Edits),
}

impl Scope {
    pub(super) fn new(own: Own, future: Future) -> Self {
        Self { own: Some(own), future }
    }
}

impl Model {
    pub(super) fn op_on_scope(&mut self, op: &Op) -> Outcome {
        match *op {
            Op::Scope(var, value, ref future) => {
                let own = Own::Variable(var, Some(self.value(var, value)));
                self.scopes.add(Scope::new(own, Future::new(future)));
            }
            Op::PollScope(pick) => self.poll_scope(pick),
            Op::DropScope(pick) => {
                let dropped = self.drop_scope(pick);
                self.done(dropped);
            }
            Op::Fields(ref op) => return self.op_on_fields(op),
            _ => unreachable!("no function runs {op:?}"),
        }
        Ok(())
    }

    fn exchange(&mut self, own: &mut Option<Own>) {
        match own {
            Some(Own::Variable(var, value)) => *value = self.replace(*var, value.take()),
            Some(Own::Fields(edits)) => self.exchange_fields(edits),
            None => {}
        }
    }

    fn poll_scope(&mut self, pick: usize) {
        let Some((place, mut scope)) = self.scopes.take(pick) else {
            return self.see(Event::Nothing);
        };
        let Scope { own, future } = &mut scope;
        if future.is_over() {
            // A future that panicked is polled in its scope, and panics again. One that completed has no values left.
            self.exchange(own);
            self.exchange(own);
            self.see(Event::Over);
            self.see_state();
        } else {
            self.exchange(own);
            let outcome = self.step(future);
            self.exchange(own);
            if future.progress == Progress::Completed {
                *own = None;
            }
            self.see_step(future, &outcome);
        }
        self.scopes.put_back(place, scope);
    }

    pub(super) fn drop_scope(&mut self, pick: usize) -> bool {
        let Some((_, Scope { mut own, future })) = self.scopes.take(pick) else { return false };
        self.exchange(&mut own);
        self.drop_future(&future);
        self.exchange(&mut own);
        true
    }
}
