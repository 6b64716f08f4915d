//! Log fields.

use std::rc::Rc;

use contextvars::fields::{self, Fields, Value};

use super::Machine;
use super::scopes::Scoped;
use crate::program::{Event, FieldOp, KEYS, Pairs};

impl Machine {
    pub(super) fn op_on_fields(self: &Rc<Self>, op: &FieldOp) {
        match op {
            FieldOp::Set(pairs) => self.field_tokens.add(fields::set(kv(pairs))),
            FieldOp::Unset(keys) => {
                self.see(Event::Removed(fields::unset(keys.iter().map(|&key| KEYS[key]))));
            }
            FieldOp::Clear => fields::clear(),
            FieldOp::Get => self.see_state(),
            &FieldOp::Reset(pick) => {
                let Some((place, tokens)) = self.field_tokens.take(pick) else {
                    return self.see(Event::Nothing);
                };
                match tokens.reset() {
                    Ok(()) => self.see(Event::Done),
                    Err(error) => {
                        self.see(Event::WrongContext);
                        self.field_tokens.put_back(place, error.into_tokens());
                    }
                }
            }
            &FieldOp::ResetKey(pick, key) => self.reset_key(pick, key),
            FieldOp::Bind(pairs) => self.field_guards.add(Box::new(fields::bind(kv(pairs)))),
            &FieldOp::Unbind(pick) => self.done(self.field_guards.take(pick).map(drop)),
            FieldOp::SyncScope(pairs, block) => {
                fields::sync_scope(kv(pairs), || self.block(block));
                self.see_state();
            }
            FieldOp::Scope(pairs, future) => {
                let scope = fields::scope(kv(pairs), self.future(future));
                self.scopes.add(Scoped::new(Box::pin(scope)));
            }
        }
    }

    fn reset_key(&self, pick: usize, key: usize) {
        let Some((place, mut tokens)) = self.field_tokens.take(pick) else {
            return self.see(Event::Nothing);
        };
        let reset = tokens.take(KEYS[key]).map(fields::Tokens::reset);
        self.see(match reset {
            None => Event::Found(false),
            Some(Ok(())) => Event::Done,
            Some(Err(_)) => Event::WrongContext,
        });
        self.field_tokens.put_back(place, tokens);
    }

    /// Reports `fields`, unless there are none.
    pub(super) fn see_fields(&self, fields: &Fields) {
        let fields: Vec<_> =
            fields.iter().map(|(key, value)| key_and(key.as_str(), number_of(value))).collect();
        if !fields.is_empty() {
            self.see(Event::Fields(fields));
        }
    }
}

fn kv(pairs: &Pairs) -> impl Iterator<Item = (&'static str, u32)> {
    pairs.iter().map(|&(key, value)| (KEYS[key], value))
}

pub(super) fn key_and<T>(key: &str, value: T) -> (String, T) {
    (key.to_owned(), value)
}

pub(super) fn number_of(value: &Value) -> u32 {
    value.to_string().parse().expect("the programs bind numbers only")
}
