//! Operations on contexts that the program holds.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use contextvars::Context;

use super::{Machine, Outcome};
use crate::program::{Event, Op, Pick};
use crate::variables::VARIABLES;

impl Machine {
    pub(super) fn op_on_context(self: &Rc<Self>, op: &Op) {
        match *op {
            Op::New => self.contexts.add(Context::new()),
            Op::Current => self.contexts.add(Context::current()),
            Op::Clone(pick) => {
                let clone = self.contexts.look(pick, Context::clone);
                self.done(clone.map(|clone| self.contexts.add(clone)));
            }
            Op::DropContext(pick) => self.done(self.contexts.take(pick).map(drop)),
            Op::Run(pick, ref block) => self.with_context(pick, |context| {
                let outcome = catch_unwind(AssertUnwindSafe(|| context.run(|| self.block(block))));
                self.see_state();
                outcome
            }),
            Op::Look(pick) => self.with_context(pick, |context| {
                self.see_contents(context);
                Ok(())
            }),
            Op::WithValue(pick, var, value) => self.with_context(pick, |context| {
                let taken = std::mem::take(context);
                *context = VARIABLES[var].with_value(taken, value, &self.counter);
                Ok(())
            }),
            Op::Insert(pick, var, value) => self.with_context(pick, |context| {
                self.see(Event::Found(VARIABLES[var].insert(context, value, &self.counter)));
                Ok(())
            }),
            Op::Remove(pick, var) => self.with_context(pick, |context| {
                self.see(Event::Found(VARIABLES[var].remove(context)));
                Ok(())
            }),
            Op::Retain(pick, kept) => self.with_context(pick, |context| {
                context.retain(|entry| kept >> variable_of(*entry).0 & 1 == 1);
                Ok(())
            }),
            Op::PtrEq(one, other) => self.ptr_eq(one, other),
            _ => self.op_on_changes(op),
        }
    }

    fn ptr_eq(&self, one: Pick, other: Pick) {
        let other = self.contexts.look(other, Context::clone);
        let same = other.and_then(|other| self.contexts.look(one, |one| one.ptr_eq(&other)));
        self.see(same.map_or(Event::Nothing, |same| Event::OneSnapshot(Some(same))));
    }

    /// Takes a context off its shelf for the call of `f`, and puts it back also if `f` panics.
    pub(super) fn with_context(&self, pick: usize, f: impl FnOnce(&mut Context) -> Outcome) {
        let Some((place, mut context)) = self.contexts.take(pick) else {
            return self.see(Event::Nothing);
        };
        let outcome = f(&mut context);
        self.contexts.put_back(place, context);
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
    }

    /// Reports the values and the log fields of a held context, after a check that all ways to read it agree.
    pub(super) fn see_contents(&self, context: &Context) {
        let read = VARIABLES.iter().enumerate();
        let contents: Vec<_> =
            read.filter_map(|(number, var)| Some((number, var.in_context(context)?))).collect();
        assert_eq!(context.len(), contents.len());
        assert_eq!(context.is_empty(), contents.is_empty());
        let mut entries: Vec<_> = context.iter().map(variable_of).collect();
        entries.sort_unstable();
        assert_eq!(entries, contents);
        self.see(Event::Contents(contents));
        self.see_fields(&context.clone().run(contextvars::fields::get));
    }
}

/// Returns the number of the entry's variable, and its value.
pub(super) fn variable_of(entry: contextvars::Entry<'_>) -> (usize, u32) {
    let mut variables = VARIABLES.iter().enumerate();
    variables
        .find_map(|(number, var)| Some((number, var.read(entry)?)))
        .expect("the programs have no other variables")
}
