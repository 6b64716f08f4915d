//! How programs are drawn: as a list of instructions without structure, which is read as a program.
//!
//! That is quick, and shrinks well: whatever is left out of the list, the rest is a program still.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::program::{Block, Closure, FIRST_LOCAL, Future, Op, Program};

/// Programs of everything that there is.
pub(crate) fn programs() -> impl Strategy<Value = Program> {
    instructions().prop_map(|list| read(list, &[SHARED, OURS]))
}

/// Programs of what Python has too.
///
/// Left out, as Python has no equal: `with`, `scope`, `bind`, `local`, `with_value`, `remove`, `retain`, `ptr_eq`, the
/// context taken out of a task, and how many values are alive. A coroutine that was never started runs nothing when it
/// is closed, so no future here has an `eager` end. What a closure captured is dropped in its context here, and when it
/// pleases the collector there, so that is not looked at.
pub(crate) fn python_programs() -> impl Strategy<Value = Program> {
    instructions().prop_map(|list| read(list, &[SHARED]))
}

/// What to do, which variable, its value, which thing, and how many operations are inside.
type Instruction = (usize, usize, u32, usize, usize);

fn instructions() -> impl Strategy<Value = Vec<Instruction>> {
    vec((0..usize::MAX, 0..OFTEN.len(), 0..100_u32, 0..8_usize, 0..6_usize), 0..240)
}

/// Some variables are used more than others, so that operations meet.
const OFTEN: [usize; 18] = [0, 1, 2, 3, 10, 4, 0, 1, 2, 3, 10, 4, 5, 6, 7, 8, 9, 11];

/// How often, and what.
type Kinds = [(usize, fn(&mut Reader) -> Op)];

const SHARED: &Kinds = &[
    (8, |r| Op::Set(r.var(), r.now.2)),
    (2, |r| Op::Get(r.var())),
    (1, |r| Op::TryGet(r.var())),
    (1, |r| Op::GetOr(r.var(), r.now.2)),
    (4, |r| Op::Undo(r.now.3)),
    (2, |r| Op::Reset(r.var(), r.now.3)),
    (1, |r| Op::OldValue(r.now.3)),
    (1, |r| Op::DropToken(r.now.3)),
    (1, |_| Op::New),
    (5, |_| Op::Current),
    (2, |r| Op::Clone(r.now.3)),
    (1, |r| Op::DropContext(r.now.3)),
    (6, |r| Op::Run(r.now.3, r.block())),
    (2, |r| Op::Look(r.now.3)),
    (2, Reader::panic),
    (3, |r| Op::Catch(r.block())),
    (4, |r| Op::Spawn(r.future())),
    (6, |r| Op::Poll(r.now.3)),
    (1, |r| Op::LookTask(r.now.3)),
    (1, |r| Op::Cancel(r.now.3)),
    (2, |r| Op::Propagate(r.closure())),
    (2, |r| Op::Call(r.now.3)),
    (1, |r| Op::DropClosure(r.now.3)),
];

const OURS: &Kinds = &[
    (4, |r| Op::With(r.var(), r.block())),
    (3, |r| Op::Scope(r.var(), r.now.2, r.block())),
    (2, |r| Op::Bind(r.var(), r.now.2)),
    (2, |r| Op::Unbind(r.now.3)),
    (2, |r| Op::WithValue(r.now.3, r.var(), r.now.2)),
    (1, |r| Op::Remove(r.now.3, r.var())),
    (1, |r| Op::Retain(r.now.3, r.now.2 * 41)),
    (2, |r| Op::PtrEq(r.now.3, r.now.4)),
    (1, |r| Op::TakeContext(r.now.3)),
    (1, |r| Op::TakeApart(r.now.3)),
    (1, |_| Op::Alive),
];

/// Reads a list of instructions as a program.
struct Reader {
    rest: std::vec::IntoIter<Instruction>,
    now: Instruction,
    kinds: &'static [&'static Kinds],
    depth: usize,
}

fn read(list: Vec<Instruction>, kinds: &'static [&'static Kinds]) -> Program {
    let mut reader = Reader { rest: list.into_iter(), now: (0, 0, 0, 0, 0), kinds, depth: 0 };
    Program(std::iter::from_fn(|| reader.op()).collect())
}

impl Reader {
    fn has_all(&self) -> bool {
        self.kinds.len() > 1
    }

    fn op(&mut self) -> Option<Op> {
        self.now = self.rest.next()?;
        let kinds = || self.kinds.iter().copied().flatten();
        let mut which = self.now.0 % kinds().map(|(weight, _)| weight).sum::<usize>();
        let (_, make) = kinds().find(|(weight, _)| {
            let found = which < *weight;
            which = which.wrapping_sub(*weight);
            found
        })?;
        Some(make(self))
    }

    fn var(&self) -> usize {
        let var = OFTEN[self.now.1];
        if self.has_all() { var } else { var % FIRST_LOCAL }
    }

    /// The next operations, as many as the current instruction says.
    fn block(&mut self) -> Block {
        const DEEPEST: usize = 5;

        let here = self.now;
        let len = if self.depth < DEEPEST { here.4 } else { 0 };
        self.depth += 1;
        let block = (0..len).map_while(|_| self.op()).collect();
        self.depth -= 1;
        self.now = here;
        block
    }

    /// Caught where it would end the program.
    fn panic(&mut self) -> Op {
        if self.depth > 0 { Op::Panic } else { Op::Catch(vec![Op::Panic]) }
    }

    fn future(&mut self) -> Future {
        let (number, _, _, pick, _) = self.now;
        Future {
            context: (number & 1 == 1).then_some(pick),
            eager: self.has_all() && number & 2 == 2,
            finally: if number & 4 == 4 { self.block() } else { Block::new() },
            steps: (0..number >> 3 & 3).map(|_| self.block()).collect(),
        }
    }

    fn closure(&mut self) -> Closure {
        let number = self.now.0;
        Closure {
            again: number & 1 == 1,
            finally: self
                .has_all()
                .then(|| if number & 2 == 2 { self.block() } else { Block::new() }),
            block: self.block(),
        }
    }
}
