//! Runs programs by a plain interpreter of PEP 567: contexts are ordered maps with an identity, copied outright.

mod carriers;
mod operations;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::program::{self, Block, Event, FUEL, Op, VARIABLES, default_of, is_local, is_plain};
use crate::shelf::Shelf;

/// What `program` should make happen.
pub(crate) fn run(program: &Block) -> Vec<Event> {
    let mut model = Model::new();
    let outcome = model.block(program);
    model.caught(&outcome);
    model.clear();
    model.trace.push(Event::Alive(model.alive.get()));
    model.trace
}

/// A value, shared by whatever holds it, so that it is known when nothing does any more.
struct Value {
    number: u32,
    /// How many are alive, if this is one that counts.
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

struct Context {
    identity: u32,
    values: Values,
    /// Of the values that travel and of the `local` ones: each changes with them, and stays the same in a copy.
    versions: [u32; 2],
}

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

struct Task {
    context: Context,
    future: program::Future,
    /// How many of its steps were made.
    made: usize,
    progress: Progress,
}

struct Closure {
    context: Context,
    closure: program::Closure,
}

struct Panicked;

type Outcome = Result<(), Panicked>;

struct Model {
    current: Context,
    /// The last number that was given to an identity or a version.
    last: u32,
    alive: Rc<Cell<usize>>,
    fuel: usize,
    trace: Vec<Event>,
    tokens: Shelf<Token>,
    guards: Shelf<Token>,
    contexts: Shelf<Context>,
    tasks: Shelf<Task>,
    closures: Shelf<Closure>,
}

// === contexts ===

impl Model {
    fn new() -> Self {
        Self {
            current: Context { identity: 0, values: Values::new(), versions: [0, 0] },
            last: 0,
            alive: Rc::default(),
            fuel: FUEL,
            trace: Vec::new(),
            tokens: Shelf::new(),
            guards: Shelf::new(),
            contexts: Shelf::new(),
            tasks: Shelf::new(),
            closures: Shelf::new(),
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
        Context { identity: self.number(), values: Values::new(), versions: [self.number(), 0] }
    }

    fn copy(&mut self, context: &Context) -> Context {
        let values = context.values.clone();
        Context { identity: self.number(), values, versions: context.versions }
    }

    /// A copy of the current context, without the values of `local` variables.
    fn copy_current(&mut self) -> Context {
        let mut values = self.current.values.clone();
        values.retain(|&var, _| !is_local(var));
        let versions = [self.current.versions[0], 0];
        Context { identity: self.number(), values, versions }
    }

    /// Runs `f` while `context` is current.
    fn within<R>(&mut self, context: &mut Context, f: impl FnOnce(&mut Self) -> R) -> R {
        std::mem::swap(&mut self.current, context);
        let result = f(self);
        std::mem::swap(&mut self.current, context);
        result
    }

    fn bind(&mut self, var: usize, value: Option<Rc<Value>>) -> Option<Rc<Value>> {
        self.current.versions[usize::from(is_local(var))] = self.number();
        match value {
            Some(value) => self.current.values.insert(var, value),
            None => self.current.values.remove(&var),
        }
    }

    fn set(&mut self, var: usize, number: u32) -> Token {
        let value = self.value(var, number);
        let old = self.bind(var, Some(value));
        Token { var, context: self.current.identity, old }
    }

    /// Ends a `bind` or a `scope`.
    fn unset(&mut self, guard: Token) {
        if guard.context == self.current.identity {
            self.bind(guard.var, guard.old);
        }
    }

    fn read(&self, var: usize) -> Option<u32> {
        self.current.values.get(&var).map(|value| value.number).or(default_of(var))
    }
}

// === what is seen ===

impl Model {
    fn see(&mut self, event: Event) {
        self.trace.push(event);
    }

    fn see_value(&mut self, value: Option<u32>) {
        self.see(value.map_or(Event::Missing, Event::Value));
    }

    fn see_state(&mut self) {
        let read = (0..VARIABLES).filter_map(|var| Some((var, self.read(var)?))).collect();
        self.see(Event::State(read));
    }

    fn see_contents(&mut self, values: &Values) {
        let contents = values.iter().map(|(&var, value)| (var, value.number)).collect();
        self.see(Event::Contents(contents));
    }

    fn done(&mut self, done: bool) {
        self.see(if done { Event::Done } else { Event::Nothing });
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
            self.op(op)?;
        }
        Ok(())
    }

    /// Ends the binding of a guard; whether there was one.
    fn unbind(&mut self, pick: usize) -> bool {
        let guard = self.guards.take(pick);
        guard.map(|(_, guard)| self.unset(guard)).is_some()
    }

    /// Drops everything that the program left. What runs then may leave more, until the fuel is used up.
    fn clear(&mut self) {
        loop {
            let (task, closure, guard) = (self.cancel(0), self.drop_closure(0), self.unbind(0));
            let token = self.tokens.take(0).is_some();
            let context = self.contexts.take(0).is_some();
            if !(task || closure || guard || token || context) {
                return self.see_state();
            }
        }
    }
}
