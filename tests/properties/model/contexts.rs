//! Operations on contexts that the program holds.

use std::rc::Rc;

use super::{Context, Model, Outcome};
use crate::program::{Event, Op};

impl Model {
    pub(super) fn op_on_context(&mut self, op: &Op) -> Outcome {
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
                self.with_context(pick, |model, context| model.see_contents(context));
            }
            Op::WithValue(pick, var, value) => self.with_context(pick, |model, context| {
                model.within(context, |model| model.set(var, value));
            }),
            Op::Insert(pick, var, value) => self.with_context(pick, |model, context| {
                let token = model.within(context, |model| model.set(var, value));
                model.see(Event::Found(token.old.is_some()));
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
            _ => return self.op_on_changes(op),
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

    pub(super) fn with_context(&mut self, pick: usize, f: impl FnOnce(&mut Self, &mut Context)) {
        let Some((place, mut context)) = self.contexts.take(pick) else {
            return self.see(Event::Nothing);
        };
        f(self, &mut context);
        self.contexts.put_back(place, context);
    }

    /// Removes variables. Returns `true` if there was one to remove.
    fn retain(&mut self, context: &mut Context, keep: impl Fn(usize) -> bool) -> bool {
        let gone: Vec<_> = context.values.keys().copied().filter(|&var| !keep(var)).collect();
        for &var in &gone {
            self.within(context, |model| model.replace(var, None));
        }
        !gone.is_empty()
    }

    fn one_snapshot(&self, one: usize, other: usize) -> Option<Event> {
        let parts =
            |context: &Context| (context.versions, context.values.clone(), context.fields.clone());
        let (one, one_values, one_fields) = self.contexts.look(one, parts)?;
        let (other, other_values, other_fields) = self.contexts.look(other, parts)?;
        let pairs = || one_values.iter().zip(&other_values);
        let equal = one_fields == other_fields
            && one_values.len() == other_values.len()
            && pairs().all(|(one, other)| one.0 == other.0 && Rc::ptr_eq(one.1, other.1));
        Some(Event::OneSnapshot(match (one == other, equal) {
            (true, _) => Some(true),
            (false, false) => Some(false),
            // Equal by chance, or changed and changed back: the crate may answer either way.
            (false, true) => None,
        }))
    }
}
