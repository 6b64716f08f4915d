//! Coroutines with stacks of their own, which are suspended while they borrow a value.

use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};

use super::Machine;
use crate::program::{self, Pick};

/// The size of a stack. The blocks of a program call one another deeply.
const STACK: usize = 4 << 20;

impl Machine {
    pub(super) fn coroutines(self: &Rc<Self>, coroutines: &[program::Coroutine], turns: &[Pick]) {
        let mut running: Vec<_> = coroutines.iter().map(|one| self.coroutine(one)).collect();
        for turn in turns {
            let Some(at) = turn.checked_rem(running.len()) else { break };
            let mut over = true;
            self.caught(|| over = running[at].resume(()).as_return().is_some());
            if over {
                running.remove(at);
            }
        }
        drop(running); // unwinds the rest
        self.see_state();
    }

    fn coroutine(self: &Rc<Self>, coroutine: &program::Coroutine) -> Coroutine<(), (), ()> {
        let (machine, coroutine) = (Rc::clone(self), coroutine.clone());
        let stack = DefaultStack::new(STACK).expect("there is memory for a stack");
        Coroutine::with_stack(stack, move |suspend: &Yielder<(), ()>, ()| {
            machine.with(coroutine.borrows, &mut || {
                for (number, turn) in coroutine.turns.iter().enumerate() {
                    if number > 0 {
                        suspend.suspend(());
                    }
                    machine.block(turn);
                }
            });
        })
    }
}
