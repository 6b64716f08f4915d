//! Runs programs by a plain interpreter of docs/semantics.md: a context is an ordered map with an identity, and a copy of it
//! copies the map.

mod carriers;
mod changes;
mod contexts;
mod coroutines;
mod events;
mod fields;
mod operations;
mod scopes;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::program::{self, Block, Event, FUEL, Op, default_of, is_local, is_plain};
use crate::shelf::Shelf;
use changes::Changes;
use fields::FieldToken;
use scopes::Scope;

/// Returns the events that `program` should report when it begins in the root context of a thread.
pub(crate) fn run(program: &Block) -> Vec<Event> {
    Model::new().run_program(program).trace
}

/// Returns the events that `program` should report when it begins in an empty context that is entered.
pub(crate) fn run_entered(program: &Block) -> Vec<Event> {
    let mut model = Model::new();
    model.current = model.empty();
    model.run_program(program).trace
}

/// Counts how often `program` runs each kind of operation, without those that find nothing to work on.
pub(crate) fn count_operations(
    program: &Block,
    counts: BTreeMap<String, usize>,
) -> BTreeMap<String, usize> {
    let mut model = Model::new();
    model.counts = Some(counts);
    model.run_program(program).counts.unwrap_or_default()
}

/// A value. Contexts, tokens and the like share it, so that it is dropped with the last of them.
struct Value {
    number: u32,
    /// The number of values that are alive, if values of this type are counted.
    alive: Option<Rc<Cell<usize>>>,
}

impl Drop for Value {
    fn drop(&mut self) {
        if let Some(alive) = &self.alive {
            alive.set(alive.get() - 1);
        }
    }
}

type Values = BTreeMap<usize, Rc<Value>>;

/// The identity of the root context of the thread.
const ROOT: u32 = 0;

struct Context {
    identity: u32,
    values: Values,
    fields: Fields,
    /// One number for the inherited values and the fields, and one for the values of `local` variables. It changes with them,
    /// and a copy has the same number.
    versions: [u32; 2],
}

/// The log fields in their order: keys and values.
type Fields = Vec<(usize, u32)>;

struct Token {
    var: usize,
    context: u32,
    old: Option<Rc<Value>>,
}

#[derive(PartialEq)]
enum Progress {
    New,
    Begun,
    Completed,
    Broken,
}

struct Future {
    program: program::Future,
    /// The number of its steps that have run.
    made: usize,
    progress: Progress,
}

struct Task {
    context: Context,
    future: Future,
}

struct Closure {
    context: Context,
    closure: program::Closure,
}

struct Panicked;

type Outcome = Result<(), Panicked>;

struct Model {
    current: Context,
    /// The last number that an identity or a version was given.
    last: u32,
    alive: Rc<Cell<usize>>,
    fuel: usize,
    trace: Vec<Event>,
    tokens: Shelf<Token>,
    guards: Shelf<Token>,
    contexts: Shelf<Context>,
    changes: Shelf<Changes>,
    tasks: Shelf<Task>,
    scopes: Shelf<Scope>,
    closures: Shelf<Closure>,
    field_tokens: Shelf<FieldToken>,
    field_guards: Shelf<FieldToken>,
    counts: Option<BTreeMap<String, usize>>,
}

// === contexts ===

impl Model {
    fn new() -> Self {
        Self {
            current: Context {
                identity: ROOT,
                values: Values::new(),
                fields: Fields::new(),
                versions: [0, 0],
            },
            last: 0,
            alive: Rc::default(),
            fuel: FUEL,
            trace: Vec::new(),
            tokens: Shelf::new(),
            guards: Shelf::new(),
            contexts: Shelf::new(),
            changes: Shelf::new(),
            tasks: Shelf::new(),
            scopes: Shelf::new(),
            closures: Shelf::new(),
            field_tokens: Shelf::new(),
            field_guards: Shelf::new(),
            counts: None,
        }
    }

    fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    fn value(&self, var: usize, number: u32) -> Rc<Value> {
        let alive = (!is_plain(var)).then(|| Rc::clone(&self.alive));
        if let Some(alive) = &alive {
            alive.set(alive.get() + 1);
        }
        Rc::new(Value { number, alive })
    }

    fn empty(&mut self) -> Context {
        let (identity, version) = (self.number(), self.number());
        Context { identity, values: Values::new(), fields: Fields::new(), versions: [version, 0] }
    }

    fn copy(&mut self, context: &Context) -> Context {
        let Context { values, fields, versions, .. } = context;
        let (values, fields) = (values.clone(), fields.clone());
        Context { identity: self.number(), values, fields, versions: *versions }
    }

    /// Copies the current context, without the values of `local` variables.
    fn copy_current(&mut self) -> Context {
        let (mut values, fields) = (self.current.values.clone(), self.current.fields.clone());
        values.retain(|&var, _| !is_local(var));
        let versions = [self.current.versions[0], 0];
        Context { identity: self.number(), values, fields, versions }
    }

    /// Runs `f` while `context` is current.
    fn within<R>(&mut self, context: &mut Context, f: impl FnOnce(&mut Self) -> R) -> R {
        std::mem::swap(&mut self.current, context);
        let result = f(self);
        std::mem::swap(&mut self.current, context);
        result
    }

    /// Replaces the value of a variable in the current context, and returns the previous one.
    fn replace(&mut self, var: usize, value: Option<Rc<Value>>) -> Option<Rc<Value>> {
        self.current.versions[usize::from(is_local(var))] = self.number();
        match value {
            Some(value) => self.current.values.insert(var, value),
            None => self.current.values.remove(&var),
        }
    }

    fn set(&mut self, var: usize, number: u32) -> Token {
        let value = self.value(var, number);
        let old = self.replace(var, Some(value));
        Token { var, context: self.current.identity, old }
    }

    /// Ends a `bind` or a `sync_scope`.
    fn restore(&mut self, guard: Token) {
        if guard.context == self.current.identity {
            self.replace(guard.var, guard.old);
        }
    }

    fn read(&self, var: usize) -> Option<u32> {
        self.current.values.get(&var).map(|value| value.number).or(default_of(var))
    }
}

// === running a program ===

impl Model {
    fn run_program(mut self, program: &Block) -> Self {
        let outcome = self.block(program);
        self.caught(&outcome);
        self.clear();
        self.trace.push(Event::Alive(self.alive.get()));
        self
    }

    fn caught(&mut self, outcome: &Outcome) {
        if outcome.is_err() {
            self.see(Event::Caught);
        }
        self.see_state();
    }

    fn block(&mut self, block: &[Op]) -> Outcome {
        for op in block {
            if self.fuel == 0 {
                break;
            }
            self.fuel -= 1;
            let begin = self.trace.len();
            let outcome = self.op(op);
            self.count(op, begin);
            outcome?;
        }
        Ok(())
    }

    fn count(&mut self, op: &Op, begin: usize) {
        let Some(counts) = &mut self.counts else { return };
        if self.trace.get(begin) != Some(&Event::Nothing) {
            let text = format!("{op:?}");
            let name =
                text.trim_start_matches("Fields(").split(['(', ')']).next().unwrap_or_default();
            let prefix = if matches!(op, Op::Fields(_)) { "fields::" } else { "" };
            *counts.entry(format!("{prefix}{name}")).or_insert(0) += 1;
        }
    }

    /// Ends the binding of a guard. Returns `true` if there was one.
    fn unbind(&mut self, pick: usize) -> bool {
        let guard = self.guards.take(pick);
        guard.map(|(_, guard)| self.restore(guard)).is_some()
    }

    /// Drops everything that the program left on the shelves. This may run blocks that add more, until the fuel is used up.
    fn clear(&mut self) {
        loop {
            let dropped = [
                self.cancel(0),
                self.drop_scope(0),
                self.drop_closure(0),
                self.unbind(0),
                self.unbind_fields(0),
                self.tokens.take(0).is_some(),
                self.contexts.take(0).is_some(),
                self.changes.take(0).is_some(),
            ];
            if !dropped.contains(&true) {
                return self.see_state();
            }
        }
    }
}
