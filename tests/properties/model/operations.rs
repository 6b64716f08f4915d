//! Operations on the variables of the current context.

use std::rc::Rc;

use super::{Model, Outcome, Panicked, Token, Value};
use crate::program::{Event, Op, default_of, is_plain};

impl Model {
    pub(super) fn op(&mut self, op: &Op) -> Outcome {
        match *op {
            Op::Get(var) | Op::TryGet(var) => self.see_value(self.read(var)),
            Op::GetOr(var, value) => {
                let read = self.current.values.get(&var).map_or(value, |value| value.number);
                self.see_value(Some(read));
            }
            Op::With(var, ref block) => return self.with(var, block),
            Op::Set(var, value) => {
                let token = self.set(var, value);
                self.tokens.add(token);
            }
            Op::Coroutines(ref coroutines, ref turns) => self.coroutines(coroutines, turns),
            Op::Unset(var) => {
                let old = self.replace(var, None);
                self.tokens.add(Token { var, context: self.current.identity, old });
            }
            Op::SyncScope(var, value, ref block) => return self.sync_scope(var, value, block),
            Op::Bind(var, value) => {
                let guard = self.set(var, value);
                self.guards.add(guard);
            }
            Op::Unbind(pick) => {
                let unbound = self.unbind(pick);
                self.done(unbound);
            }
            Op::Panic => return Err(Panicked),
            Op::Catch(ref block) => {
                let outcome = self.block(block);
                self.caught(&outcome);
            }
            Op::Alive => self.see(Event::Alive(self.alive.get())),
            _ => return self.op_on_token(op),
        }
        Ok(())
    }

    fn op_on_token(&mut self, op: &Op) -> Outcome {
        match *op {
            Op::Reset(var, pick) => self.reset(Some(var), pick),
            Op::Undo(pick) => self.reset(None, pick),
            Op::OldValue(pick) => {
                let old = self.tokens.look(pick, |token| token.old.as_ref().map(|old| old.number));
                self.see(old.map_or(Event::Nothing, Event::OldValue));
            }
            Op::DropToken(pick) => self.done(self.tokens.take(pick).is_some()),
            _ => return self.op_on_context(op),
        }
        Ok(())
    }
}

/// A borrow. The value may be replaced meanwhile, but the borrowed one stays alive and unchanged.
pub(super) struct Borrow {
    pub(super) number: u32,
    _value: Option<Rc<Value>>,
}

impl Model {
    fn sync_scope(&mut self, var: usize, value: u32, block: &[Op]) -> Outcome {
        let guard = self.set(var, value);
        let outcome = self.block(block);
        self.restore(guard);
        outcome?;
        self.see_state();
        Ok(())
    }

    fn with(&mut self, var: usize, block: &[Op]) -> Outcome {
        let Some(borrow) = self.borrow(var) else { return Ok(()) };
        self.block(block)?;
        self.see(Event::Value(borrow.number));
        Ok(())
    }

    /// Begins a borrow, and reports the value or that there is none.
    pub(super) fn borrow(&mut self, var: usize) -> Option<Borrow> {
        let value = self.current.values.get(&var).cloned();
        let number = value.as_ref().map(|value| value.number).or(default_of(var));
        self.see_value(number);
        number.map(|number| Borrow { number, _value: value })
    }

    fn reset(&mut self, var: Option<usize>, pick: usize) {
        let Some((place, token)) = self.tokens.take(pick) else {
            return self.see(Event::Nothing);
        };
        let var = var.unwrap_or(token.var);
        let refusal = if is_plain(var) != is_plain(token.var) {
            Event::Untypable
        } else if var != token.var {
            Event::WrongVariable
        } else if token.context != self.current.identity {
            Event::WrongContext
        } else {
            self.replace(var, token.old);
            return self.see(Event::Done);
        };
        self.see(refusal);
        self.tokens.put_back(place, token);
    }
}
