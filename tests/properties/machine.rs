//! Runs programs by the crate under test.

mod carriers;
mod changes;
mod contexts;
#[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
mod coroutines;
mod fields;
mod scopes;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use carriers::{Closure, Task};
use contextvars::fields::Tokens;
use contextvars::{Changes, Context, LookupError, LookupErrorKind};
use scopes::Scoped;

use crate::program::{Block, Event, FUEL, Op};
use crate::quiet_panic_text;
use crate::shelf::Shelf;
use crate::support::{Counter, on_thread};
use crate::variables::{AnyToken, Guard, VARIABLES};

/// Runs `program` in the root context of a thread of its own, and returns its events. Asserts that every value which it
/// made is dropped when the thread has ended.
pub(crate) fn run(program: &Block) -> Vec<Event> {
    let (program, counter) = (program.clone(), Counter::new());
    let values = counter.clone();
    let trace = on_thread(move || run_here(&program, values));
    assert_eq!(counter.live(), 0, "every value is dropped, once");
    trace
}

/// Runs `program` in an empty context that is entered on this thread, and returns its events.
pub(crate) fn run_entered(program: &Block) -> Vec<Event> {
    let counter = Counter::new();
    let trace = Context::new().run(|| run_here(program, counter.clone()));
    assert_eq!(counter.live(), 0, "every value is dropped, once");
    trace
}

fn run_here(program: &Block, counter: Counter) -> Vec<Event> {
    let machine = Rc::new(Machine::new(counter));
    machine.caught(|| machine.block(program));
    machine.clear();
    machine.see(Event::Alive(machine.counter.live()));
    assert_eq!(Rc::strong_count(&machine), 1, "nothing of the program is left");
    machine.trace.take()
}

/// The state of a run. While an operation runs that may run others, no part of the state is borrowed.
struct Machine {
    counter: Counter,
    fuel: Cell<usize>,
    trace: RefCell<Vec<Event>>,
    tokens: Shelf<(usize, AnyToken)>,
    guards: Shelf<Box<dyn Guard>>,
    contexts: Shelf<Context>,
    changes: Shelf<Changes>,
    tasks: Shelf<Task>,
    scopes: Shelf<Scoped>,
    closures: Shelf<Closure>,
    field_tokens: Shelf<Tokens>,
    field_guards: Shelf<Box<dyn Guard>>,
}

/// The payload of the panic of `Op::Panic`.
struct Thrown;

type Outcome = Result<(), Box<dyn Any + Send>>;

impl Machine {
    fn new(counter: Counter) -> Self {
        Self {
            counter,
            fuel: Cell::new(FUEL),
            trace: RefCell::new(Vec::new()),
            tokens: Shelf::new(),
            guards: Shelf::new(),
            contexts: Shelf::new(),
            changes: Shelf::new(),
            tasks: Shelf::new(),
            scopes: Shelf::new(),
            closures: Shelf::new(),
            field_tokens: Shelf::new(),
            field_guards: Shelf::new(),
        }
    }

    /// Runs `f`, and reports a panic of the program in it. Any other panic continues.
    fn caught(&self, f: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
            if !panic.is::<Thrown>() {
                resume_unwind(panic);
            }
            self.see(Event::Caught);
        }
        self.see_state();
    }

    fn block(self: &Rc<Self>, block: &[Op]) {
        for op in block {
            if self.fuel.get() == 0 {
                return;
            }
            self.fuel.set(self.fuel.get() - 1);
            self.op(op);
        }
    }

    fn op(self: &Rc<Self>, op: &Op) {
        match *op {
            Op::Get(var) => self.get(var),
            Op::TryGet(var) => self.see_read(VARIABLES[var].try_get()),
            Op::GetOr(var, value) => {
                self.see(Event::Value(VARIABLES[var].get_or(value, &self.counter)));
            }
            Op::With(var, ref block) => self.with(var, &mut || self.block(block)),
            #[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
            Op::Coroutines(ref coroutines, ref turns) => self.coroutines(coroutines, turns),
            Op::Set(var, value) => self.tokens.add((var, VARIABLES[var].set(value, &self.counter))),
            Op::Unset(var) => self.tokens.add((var, VARIABLES[var].unset())),
            Op::SyncScope(var, value, ref block) => {
                VARIABLES[var].sync_scope(value, &self.counter, &mut || self.block(block));
                self.see_state();
            }
            Op::Bind(var, value) => self.guards.add(VARIABLES[var].bind(value, &self.counter)),
            Op::Unbind(pick) => self.done(self.guards.take(pick).map(drop)),
            Op::Reset(var, pick) => self.reset(Some(var), pick),
            Op::Undo(pick) => self.reset(None, pick),
            Op::OldValue(pick) => {
                let old = self.tokens.look(pick, |(_, token)| token.old_value());
                self.see(old.map_or(Event::Nothing, Event::OldValue));
            }
            Op::DropToken(pick) => self.done(self.tokens.take(pick).map(drop)),
            Op::Panic => resume_unwind(Box::new(Thrown)),
            Op::Catch(ref block) => self.caught(|| self.block(block)),
            Op::Alive => self.see(Event::Alive(self.counter.live())),
            _ => self.op_on_context(op),
        }
    }

    fn get(&self, var: usize) {
        let Err(error) = VARIABLES[var].try_get() else {
            return self.see(Event::Value(VARIABLES[var].get()));
        };
        let text = quiet_panic_text(|| VARIABLES[var].get());
        assert!(text.starts_with(&error.to_string()), "{text}");
        self.see_read(Err(error));
    }

    fn with(&self, var: usize, run: &mut dyn FnMut()) {
        if let Err(error) = VARIABLES[var].try_get() {
            return self.see_read(Err(error));
        }
        VARIABLES[var].with(&mut |borrowed| {
            self.see(Event::Value(borrowed()));
            run();
            self.see(Event::Value(borrowed()));
        });
    }

    fn reset(&self, var: Option<usize>, pick: usize) {
        let Some((place, (own, token))) = self.tokens.take(pick) else {
            return self.see(Event::Nothing);
        };
        match VARIABLES[var.unwrap_or(own)].reset(token) {
            Ok(()) => self.see(Event::Done),
            Err((refusal, token)) => {
                self.see(refusal);
                self.tokens.put_back(place, (own, token));
            }
        }
    }

    /// Drops everything that the program left on the shelves. This may run blocks that add more, until the fuel is used up.
    fn clear(&self) {
        loop {
            let dropped = [
                self.tasks.take(0).map(drop),
                self.scopes.take(0).map(drop),
                self.closures.take(0).map(drop),
                self.guards.take(0).map(drop),
                self.field_guards.take(0).map(drop),
                self.tokens.take(0).map(drop),
                self.contexts.take(0).map(drop),
                self.changes.take(0).map(drop),
            ];
            if dropped.iter().all(Option::is_none) {
                return self.see_state();
            }
        }
    }
}

// === the events ===

impl Machine {
    fn see(&self, event: Event) {
        self.trace.borrow_mut().push(event);
    }

    fn done(&self, done: Option<()>) {
        self.see(done.map_or(Event::Nothing, |()| Event::Done));
    }

    fn see_read(&self, read: Result<u32, LookupError>) {
        self.see(read.map_or_else(|error| missing(&error), Event::Value));
    }

    fn see_state(&self) {
        let state = VARIABLES.iter().enumerate();
        let state = state.filter_map(|(number, var)| Some((number, var.try_get().ok()?)));
        self.see(Event::State(state.collect()));
        self.see_fields(&contextvars::fields::get());
    }
}

/// Reads the number of other variables from the error's text.
fn missing(error: &LookupError) -> Event {
    if error.kind() == LookupErrorKind::OutsideContext {
        return Event::Missing(None);
    }
    let text = error.to_string();
    let (_, others) = text.split_once("which has ").expect("the text tells the number");
    let others = others.split(' ').next().expect("a text has a first word");
    Event::Missing(Some(if others == "no" { 0 } else { others.parse().expect("a number") }))
}
