//! Changes between contexts.

use std::rc::Rc;

use super::fields::Edits;
use super::{Context, Model, Outcome, Value};
use crate::program::{Event, FIRST_LOCAL, KEYS, Op};

#[derive(Clone)]
pub(super) struct Changes {
    variables: Vec<Pair>,
    fields: Edits,
}

/// The values of one variable before and after.
#[derive(Clone)]
struct Pair {
    var: usize,
    before: Option<Rc<Value>>,
    after: Option<Rc<Value>>,
}

impl Model {
    pub(super) fn op_on_changes(&mut self, op: &Op) -> Outcome {
        match *op {
            Op::Changes(one, base) => {
                let Some(one) = self.copy_of(one) else {
                    self.see(Event::Nothing);
                    return Ok(());
                };
                self.keep_changes(&one, base);
            }
            Op::CurrentChanges(base) => {
                let current = self.copy_current();
                self.keep_changes(&current, base);
            }
            Op::Apply(pick) => match self.changes.look(pick, Changes::clone) {
                None => self.see(Event::Nothing),
                Some(changes) => {
                    self.apply(changes);
                    self.see_state();
                }
            },
            Op::ApplyTo(pick, context) => match self.changes.look(pick, Changes::clone) {
                None => self.see(Event::Nothing),
                Some(changes) => self.with_context(context, |model, context| {
                    model.within(context, |model| model.apply(changes));
                    model.see_contents(context);
                }),
            },
            Op::DropChanges(pick) => self.done(self.changes.take(pick).is_some()),
            _ => return self.op_on_carrier(op),
        }
        Ok(())
    }

    fn copy_of(&mut self, pick: usize) -> Option<Context> {
        let (place, context) = self.contexts.take(pick)?;
        let copy = self.copy(&context);
        self.contexts.put_back(place, context);
        Some(copy)
    }

    fn keep_changes(&mut self, one: &Context, base: usize) {
        let Some(base) = self.copy_of(base) else {
            return self.see(Event::Nothing);
        };
        let changes = Changes::between(&base, one);
        let number = |value: &Option<Rc<Value>>| value.as_ref().map(|value| value.number);
        let variables = changes.variables.iter();
        let variables = variables.map(|pair| (pair.var, number(&pair.before), number(&pair.after)));
        self.see(Event::Changes(variables.collect()));
        let fields = changes.fields.iter().map(|&(key, value)| (KEYS[key].to_owned(), value));
        self.see(Event::FieldChanges(fields.collect()));
        self.changes.add(changes);
    }

    fn apply(&mut self, changes: Changes) {
        for Pair { var, after, .. } in changes.variables {
            self.replace(var, after);
        }
        let mut fields = changes.fields;
        self.exchange_fields(&mut fields);
    }
}

impl Changes {
    fn between(base: &Context, context: &Context) -> Self {
        let pair = |var| (base.values.get(&var).cloned(), context.values.get(&var).cloned());
        let variables = (0..FIRST_LOCAL).filter_map(|var| match pair(var) {
            (None, None) => None,
            (Some(before), Some(after)) if Rc::ptr_eq(&before, &after) => None,
            (before, after) => Some(Pair { var, before, after }),
        });
        let removed = base.fields.iter().filter(|(key, _)| !has(&context.fields, *key));
        let removed = removed.map(|&(key, _)| (key, None));
        let set = context.fields.iter().filter(|field| !base.fields.contains(field));
        let fields = removed.chain(set.map(|&(key, value)| (key, Some(value)))).collect();
        Self { variables: variables.collect(), fields }
    }
}

fn has(fields: &[(usize, u32)], key: usize) -> bool {
    fields.iter().any(|(held, _)| *held == key)
}
