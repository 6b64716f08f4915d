//! Runs programs by the crate under test.

mod carriers;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use carriers::{Closure, Task};
use contextvars::Context;

use crate::program::{Block, Event, FUEL, Op};
use crate::quiet_panic_text;
use crate::shelf::Shelf;
use crate::support::{Counter, on_thread};
use crate::variables::{AnyToken, Guard, VARIABLES};

/// What `program` makes happen on a thread of its own; every value it made is gone with the thread.
pub(crate) fn run(program: &Block) -> Vec<Event> {
    let (program, counter) = (program.clone(), Counter::new());
    let values = counter.clone();
    let trace = on_thread(move || {
        let machine = Rc::new(Machine::new(values));
        machine.caught(|| machine.block(&program));
        machine.clear();
        machine.see(Event::Alive(machine.counter.live()));
        assert_eq!(Rc::strong_count(&machine), 1, "nothing of the program is left");
        machine.trace.take()
    });
    assert_eq!(counter.live(), 0, "every value is dropped, once");
    trace
}

/// No borrow of a part lasts while an operation runs that may run others.
struct Machine {
    counter: Counter,
    fuel: Cell<usize>,
    trace: RefCell<Vec<Event>>,
    tokens: Shelf<(usize, AnyToken)>,
    guards: Shelf<Box<dyn Guard>>,
    contexts: Shelf<Context>,
    tasks: Shelf<Task>,
    closures: Shelf<Closure>,
}

/// What `Op::Panic` panics with.
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
            tasks: Shelf::new(),
            closures: Shelf::new(),
        }
    }

    fn see(&self, event: Event) {
        self.trace.borrow_mut().push(event);
    }

    fn see_value(&self, value: Option<u32>) {
        self.see(value.map_or(Event::Missing, Event::Value));
    }

    fn see_state(&self) {
        let read = (0..VARIABLES.len()).filter_map(|var| Some((var, VARIABLES[var].try_get()?)));
        self.see(Event::State(read.collect()));
    }

    fn see_contents(&self, context: &Context) {
        let mut contents: Vec<_> = (0..VARIABLES.len())
            .filter_map(|var| Some((var, VARIABLES[var].in_context(context)?)))
            .collect();
        contents.sort_unstable();
        assert_eq!(context.len(), contents.len());
        assert_eq!(context.is_empty(), contents.is_empty());
        let mut entries: Vec<_> = context.iter().map(variable_of).collect();
        entries.sort_unstable();
        assert!(entries.iter().eq(contents.iter().map(|(var, _)| var)));
        self.see(Event::Contents(contents));
    }

    /// Runs `f`, and says so if the program panics in it. Any other panic goes on.
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
            Op::TryGet(var) => self.see_value(VARIABLES[var].try_get()),
            Op::GetOr(var, value) => {
                self.see_value(Some(VARIABLES[var].get_or(value, &self.counter)));
            }
            Op::With(var, ref block) => self.with(var, block),
            Op::Set(var, value) => self.tokens.add((var, VARIABLES[var].set(value, &self.counter))),
            Op::Scope(var, value, ref block) => {
                VARIABLES[var].scope(value, &self.counter, &mut || self.block(block));
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

    fn op_on_context(self: &Rc<Self>, op: &Op) {
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
            Op::Remove(pick, var) => self.with_context(pick, |context| {
                self.see(Event::Found(VARIABLES[var].remove(context)));
                Ok(())
            }),
            Op::Retain(pick, kept) => self.with_context(pick, |context| {
                context.retain(|entry| kept >> variable_of(*entry) & 1 == 1);
                Ok(())
            }),
            Op::PtrEq(one, other) => {
                let other = self.contexts.look(other, Context::clone);
                let same =
                    other.and_then(|other| self.contexts.look(one, |one| one.ptr_eq(&other)));
                self.see(same.map_or(Event::Nothing, |same| Event::OneSnapshot(Some(same))));
            }
            _ => self.op_on_carrier(op),
        }
    }

    fn done(&self, done: Option<()>) {
        self.see(done.map_or(Event::Nothing, |()| Event::Done));
    }

    fn get(&self, var: usize) {
        if VARIABLES[var].try_get().is_some() {
            return self.see(Event::Value(VARIABLES[var].get()));
        }
        let text = quiet_panic_text(|| VARIABLES[var].get());
        assert!(text.ends_with("has no value in the current context"), "{text}");
        self.see(Event::Missing);
    }

    fn with(self: &Rc<Self>, var: usize, block: &[Op]) {
        if VARIABLES[var].try_get().is_none() {
            return self.see(Event::Missing);
        }
        VARIABLES[var].with(&mut |lent| {
            self.see_value(Some(lent()));
            self.block(block);
            self.see_value(Some(lent()));
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

    /// Takes a context off its shelf for `f`, and back whatever happens.
    fn with_context(&self, pick: usize, f: impl FnOnce(&mut Context) -> Outcome) {
        let Some((place, mut context)) = self.contexts.take(pick) else {
            return self.see(Event::Nothing);
        };
        let outcome = f(&mut context);
        self.contexts.put_back(place, context);
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
    }

    /// Drops everything that the program left. What runs then may leave more, until the fuel is used up.
    fn clear(&self) {
        loop {
            let task = self.tasks.take(0).map(drop);
            let closure = self.closures.take(0).map(drop);
            let guard = self.guards.take(0).map(drop);
            let token = self.tokens.take(0).map(drop);
            let context = self.contexts.take(0).map(drop);
            if [task, closure, guard, token, context].iter().all(Option::is_none) {
                return self.see_state();
            }
        }
    }
}

fn variable_of(entry: contextvars::Entry<'_>) -> usize {
    VARIABLES.iter().position(|var| var.is(entry)).expect("the variable is one of ours")
}
