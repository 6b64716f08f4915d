//! Log fields.

use super::scopes::{Own, Scope};
use super::{Future, Model, Outcome};
use crate::program::{Event, FieldOp, KEYS, Pairs};

/// Changes to some keys, or their earlier values. `None` stands for a key without a value.
pub(super) type Edits = Vec<(usize, Option<u32>)>;

/// The tokens of a `set`, or the guard of a `bind`.
pub(super) struct FieldToken {
    saved: Edits,
    context: u32,
}

impl Model {
    pub(super) fn op_on_fields(&mut self, op: &FieldOp) -> Outcome {
        match op {
            FieldOp::Set(pairs) => {
                let token = self.set_fields(edits(pairs));
                self.field_tokens.add(token);
            }
            FieldOp::Unset(keys) => {
                let token = self.set_fields(once_each(keys.iter().map(|&key| (key, None))));
                let removed = token.saved.iter().filter(|(_, previous)| previous.is_some());
                self.see(Event::Removed(removed.count()));
            }
            FieldOp::Clear => {
                let keys: Vec<_> =
                    self.current.fields.iter().map(|&(key, _)| (key, None)).collect();
                self.set_fields(keys);
            }
            FieldOp::Get => self.see_state(),
            &FieldOp::Reset(pick) => self.reset_fields(pick),
            &FieldOp::ResetKey(pick, key) => self.reset_key(pick, key),
            FieldOp::Bind(pairs) => {
                let guard = self.set_fields(edits(pairs));
                self.field_guards.add(guard);
            }
            &FieldOp::Unbind(pick) => {
                let unbound = self.unbind_fields(pick);
                self.done(unbound);
            }
            FieldOp::SyncScope(pairs, block) => {
                let guard = self.set_fields(edits(pairs));
                let outcome = self.block(block);
                self.restore_fields(guard);
                outcome?;
                self.see_state();
            }
            FieldOp::Scope(pairs, future) => {
                self.scopes.add(Scope::new(Own::Fields(edits(pairs)), Future::new(future)));
            }
        }
        Ok(())
    }

    /// Makes the edits in the current context, and leaves the edits that undo them. A key that has a value keeps its place.
    pub(super) fn exchange_fields(&mut self, edits: &mut Edits) {
        self.current.versions[0] = self.number();
        let fields = &mut self.current.fields;
        for (key, value) in edits {
            let place = fields.iter().position(|(held, _)| held == key);
            let previous = place.map(|place| fields[place].1);
            match (place, *value) {
                (Some(place), Some(new)) => fields[place].1 = new,
                (Some(place), None) => drop(fields.remove(place)),
                (None, Some(new)) => fields.push((*key, new)),
                (None, None) => {}
            }
            *value = previous;
        }
    }

    fn set_fields(&mut self, mut edits: Edits) -> FieldToken {
        self.exchange_fields(&mut edits);
        FieldToken { saved: edits, context: self.current.identity }
    }

    /// Ends a `bind` or a `sync_scope`.
    fn restore_fields(&mut self, mut guard: FieldToken) {
        if guard.context == self.current.identity {
            self.exchange_fields(&mut guard.saved);
        }
    }

    pub(super) fn unbind_fields(&mut self, pick: usize) -> bool {
        let guard = self.field_guards.take(pick);
        guard.map(|(_, guard)| self.restore_fields(guard)).is_some()
    }

    fn reset_fields(&mut self, pick: usize) {
        let Some((place, mut token)) = self.field_tokens.take(pick) else {
            return self.see(Event::Nothing);
        };
        if token.context == self.current.identity {
            self.exchange_fields(&mut token.saved);
            return self.see(Event::Done);
        }
        self.see(Event::WrongContext);
        self.field_tokens.put_back(place, token);
    }

    fn reset_key(&mut self, pick: usize, key: usize) {
        let Some((place, mut token)) = self.field_tokens.take(pick) else {
            return self.see(Event::Nothing);
        };
        match token.saved.iter().position(|(held, _)| *held == key) {
            None => self.see(Event::Found(false)),
            Some(at) => {
                let mut edits = vec![token.saved.remove(at)];
                if token.context == self.current.identity {
                    self.exchange_fields(&mut edits);
                    self.see(Event::Done);
                } else {
                    self.see(Event::WrongContext);
                }
            }
        }
        self.field_tokens.put_back(place, token);
    }

    /// Reports `fields`, unless there are none.
    pub(super) fn see_fields(&mut self, fields: &[(usize, u32)]) {
        if !fields.is_empty() {
            let fields = fields.iter().map(|&(key, value)| (KEYS[key].to_owned(), value));
            self.see(Event::Fields(fields.collect()));
        }
    }
}

fn edits(pairs: &Pairs) -> Edits {
    once_each(pairs.iter().map(|&(key, value)| (key, Some(value))))
}

/// Returns each key once: the last value in the place of the first.
fn once_each(edits: impl Iterator<Item = (usize, Option<u32>)>) -> Edits {
    let mut list = Edits::new();
    for (key, value) in edits {
        match list.iter_mut().find(|(held, _)| *held == key) {
            Some((_, held)) => *held = value,
            None => list.push((key, value)),
        }
    }
    list
}
