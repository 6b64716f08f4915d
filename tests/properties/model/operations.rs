//! What the operations do, but for those on tasks and closures.

use std::rc::Rc;

use super::{Context, Model, Outcome, Panicked};
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
            Op::Scope(var, value, ref block) => return self.scope(var, value, block),
            Op::Bind(var, value) => {
                let guard = self.set(var, value);
                self.guards.add(guard);
            }
            Op::Unbind(pick) => {
                let unbound = self.unbind(pick);
                self.done(unbound);
            }
            Op::Reset(var, pick) => self.reset(Some(var), pick),
            Op::Undo(pick) => self.reset(None, pick),
            Op::OldValue(pick) => {
                let old = self.tokens.look(pick, |token| token.old.as_ref().map(|old| old.number));
                self.see(old.map_or(Event::Nothing, Event::OldValue));
            }
            Op::DropToken(pick) => self.done(self.tokens.take(pick).is_some()),
            Op::Panic => return Err(Panicked),
            Op::Catch(ref block) => {
                let outcome = self.block(block);
                self.caught(&outcome);
            }
            Op::Alive => self.see(Event::Alive(self.alive.get())),
            _ => return self.op_on_context(op),
        }
        Ok(())
    }
}

impl Model {
    fn op_on_context(&mut self, op: &Op) -> Outcome {
        match *op {
            Op::New => self.keep(Self::empty),
            Op::Current => self.keep(Self::copy_current),
            Op::Clone(pick) => self.with_context(pick, |model, context| {
                let copy = model.copy(context);
                model.contexts.add(copy);
                model.see(Event::Done);
            }),
            Op::DropContext(pick) => self.done(self.contexts.take(pick).is_some()),
            Op::Run(pick, ref block) => return self.run(pick, block),
            Op::Look(pick) => {
                self.with_context(pick, |model, context| model.see_contents(&context.values));
            }
            Op::WithValue(pick, var, value) => self.with_context(pick, |model, context| {
                model.within(context, |model| model.set(var, value));
            }),
            Op::Remove(pick, var) => self.with_context(pick, |model, context| {
                let found = model.retain(context, |other| other != var);
                model.see(Event::Found(found));
            }),
            Op::Retain(pick, kept) => self.with_context(pick, |model, context| {
                model.retain(context, |var| kept >> var & 1 == 1);
            }),
            Op::PtrEq(one, other) => {
                let event = self.one_snapshot(one, other).unwrap_or(Event::Nothing);
                self.see(event);
            }
            _ => return self.op_on_carrier(op),
        }
        Ok(())
    }

    fn run(&mut self, pick: usize, block: &[Op]) -> Outcome {
        let mut outcome = Ok(());
        self.with_context(pick, |model, context| {
            outcome = model.within(context, |model| model.block(block));
            model.see_state();
        });
        outcome
    }

    fn keep(&mut self, make: impl FnOnce(&mut Self) -> Context) {
        let context = make(self);
        self.contexts.add(context);
    }

    fn scope(&mut self, var: usize, value: u32, block: &[Op]) -> Outcome {
        let guard = self.set(var, value);
        let outcome = self.block(block);
        self.unset(guard);
        outcome?;
        self.see_state();
        Ok(())
    }

    fn with(&mut self, var: usize, block: &[Op]) -> Outcome {
        // Whatever the block does, the value stays what it is, and stays alive.
        let lent = self.current.values.get(&var).cloned();
        let Some(number) = lent.as_ref().map(|lent| lent.number).or(default_of(var)) else {
            self.see(Event::Missing);
            return Ok(());
        };
        self.see(Event::Value(number));
        self.block(block)?;
        self.see(Event::Value(number));
        Ok(())
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
            self.bind(var, token.old);
            return self.see(Event::Done);
        };
        self.see(refusal);
        self.tokens.put_back(place, token);
    }

    fn with_context(&mut self, pick: usize, f: impl FnOnce(&mut Self, &mut Context)) {
        let Some((place, mut context)) = self.contexts.take(pick) else {
            return self.see(Event::Nothing);
        };
        f(self, &mut context);
        self.contexts.put_back(place, context);
    }

    /// Whether anything had to go.
    fn retain(&mut self, context: &mut Context, keep: impl Fn(usize) -> bool) -> bool {
        let gone: Vec<_> = context.values.keys().copied().filter(|&var| !keep(var)).collect();
        for &var in &gone {
            self.within(context, |model| model.bind(var, None));
        }
        !gone.is_empty()
    }

    fn one_snapshot(&self, one: usize, other: usize) -> Option<Event> {
        let parts = |context: &Context| (context.versions, context.values.clone());
        let (one, its) = self.contexts.look(one, parts)?;
        let (other, others) = self.contexts.look(other, parts)?;
        let equal = its.len() == others.len()
            && its
                .iter()
                .zip(&others)
                .all(|(one, other)| one.0 == other.0 && Rc::ptr_eq(one.1, other.1));
        Some(Event::OneSnapshot(match (one == other, equal) {
            (true, _) => Some(true),
            (false, false) => Some(false),
            // Equal by chance, or changed and changed back: either will do.
            (false, true) => None,
        }))
    }
}
