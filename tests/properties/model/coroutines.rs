//! Coroutines with stacks of their own, which are suspended while they borrow a value.

use super::operations::Borrow;
use super::{Model, Outcome};
use crate::program::{self, Event, Pick};

struct Coroutine<'a> {
    program: &'a program::Coroutine,
    /// The number of turns that it had.
    turns: usize,
    borrow: Option<Borrow>,
    is_over: bool,
}

impl Model {
    pub(super) fn coroutines(&mut self, coroutines: &[program::Coroutine], turns: &[Pick]) {
        let new = |program| Coroutine { program, turns: 0, borrow: None, is_over: false };
        let mut running: Vec<_> = coroutines.iter().map(new).collect();
        for turn in turns {
            let Some(at) = turn.checked_rem(running.len()) else { break };
            let outcome = self.turn(&mut running[at]);
            if outcome.is_err() || running[at].is_over {
                running.remove(at);
            }
            self.caught(&outcome);
        }
        drop(running); // ends their borrows
        self.see_state();
    }

    fn turn(&mut self, coroutine: &mut Coroutine<'_>) -> Outcome {
        if coroutine.turns == 0 {
            coroutine.borrow = self.borrow(coroutine.program.borrows);
        }
        let Some(borrow) = &coroutine.borrow else {
            coroutine.is_over = true;
            return Ok(());
        };
        let turns = &coroutine.program.turns;
        turns.get(coroutine.turns).map_or(Ok(()), |block| self.block(block))?;
        coroutine.turns += 1;
        if coroutine.turns >= turns.len() {
            self.see(Event::Value(borrow.number));
            coroutine.is_over = true;
        }
        Ok(())
    }
}
