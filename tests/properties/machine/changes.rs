//! Changes between contexts.

use std::rc::Rc;

use contextvars::{Change, Changes, Context};

use super::Machine;
use super::contexts::variable_of;
use super::fields::{key_and, number_of};
use crate::program::{Event, Op};

impl Machine {
    pub(super) fn op_on_changes(self: &Rc<Self>, op: &Op) {
        match *op {
            Op::Changes(one, base) => {
                let one = self.contexts.look(one, Context::clone);
                let changes =
                    one.and_then(|one| self.contexts.look(base, |base| one.changes_since(base)));
                self.keep_changes(changes);
            }
            Op::CurrentChanges(base) => {
                let changes =
                    self.contexts.look(base, |base| Context::current().changes_since(base));
                self.keep_changes(changes);
            }
            Op::Apply(pick) => {
                let Some((place, changes)) = self.changes.take(pick) else {
                    return self.see(Event::Nothing);
                };
                changes.apply();
                self.changes.put_back(place, changes);
                self.see_state();
            }
            Op::ApplyTo(pick, context) => {
                let Some((place, changes)) = self.changes.take(pick) else {
                    return self.see(Event::Nothing);
                };
                self.with_context(context, |context| {
                    changes.apply_to(context);
                    self.see_contents(context);
                    Ok(())
                });
                self.changes.put_back(place, changes);
            }
            Op::DropChanges(pick) => self.done(self.changes.take(pick).map(drop)),
            _ => self.op_on_carrier(op),
        }
    }

    fn keep_changes(&self, changes: Option<Changes>) {
        let Some(changes) = changes else {
            return self.see(Event::Nothing);
        };
        let mut variables: Vec<_> = changes.iter().map(read).collect();
        variables.sort_unstable();
        assert_eq!(changes.len(), variables.len());
        let fields: Vec<_> =
            changes.fields().map(|(key, value)| key_and(key, value.map(number_of))).collect();
        assert_eq!(changes.is_empty(), variables.is_empty() && fields.is_empty());
        self.see(Event::Changes(variables));
        self.see(Event::FieldChanges(fields));
        self.changes.add(changes);
    }
}

fn read(change: Change<'_>) -> (usize, Option<u32>, Option<u32>) {
    let [before, after] = [change.before(), change.after()].map(|entry| entry.map(variable_of));
    let entry = change.after().or(change.before()).expect("there is a value before or after");
    assert_eq!(change.name(), entry.name());
    let number = variable_of(entry).0;
    assert!([before, after].iter().flatten().all(|(other, _)| *other == number));
    (number, before.map(|(_, value)| value), after.map(|(_, value)| value))
}
