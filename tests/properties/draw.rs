//! How programs are drawn: as a list of instructions without structure, which is read as a program.
//!
//! Drawing a list is quick and shrinks well: whatever is left out of the list, the rest can still be read as a program.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::program::{
    Block, Closure, ClosureKind, Coroutine, FIRST_LOCAL, FieldOp, Future, HAS_COROUTINES, KEYS, Op,
    Pairs, Pick, Program,
};

/// Returns programs of all operations.
pub(crate) fn programs() -> impl Strategy<Value = Program> {
    let all: &[_] =
        if HAS_COROUTINES { &[SHARED, OURS, FIELDS, COROUTINES] } else { &[SHARED, OURS, FIELDS] };
    instructions().prop_map(|list| read(list, all))
}

/// Returns programs of the operations that Python has too.
///
/// Python has no equal of `with`, `unset`, scopes, `bind`, `local`, `with_value`, `insert`, `remove`, `retain`, `ptr_eq`,
/// changes between contexts, log fields, coroutines with stacks of their own, the context taken out of a task, and the number of values that are alive. When a
/// coroutine that was never started is closed, it runs nothing, so no future here has an `eager` end. The captures of a
/// closure are dropped in its context here, and whenever the collector runs in Python, so the programs do not see that.
pub(crate) fn python_programs() -> impl Strategy<Value = Program> {
    instructions().prop_map(|list| read(list, &[SHARED]))
}

/// The number of the operation, a place in [`OFTEN`], a value, a pick, and the number of operations inside.
type Instruction = (usize, usize, u32, usize, usize);

fn instructions() -> impl Strategy<Value = Vec<Instruction>> {
    vec((0..usize::MAX, 0..OFTEN.len(), 0..100_u32, 0..8_usize, 0..6_usize), 0..240)
}

/// Variables, some of them more often than others, so that operations meet at one variable.
const OFTEN: [usize; 18] = [0, 1, 2, 3, 10, 4, 0, 1, 2, 3, 10, 4, 5, 6, 7, 8, 9, 11];

/// Operations with their weights.
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
    (4, |r| Op::Spawn(r.context(), r.future())),
    (6, |r| Op::Poll(r.now.3)),
    (1, |r| Op::LookTask(r.now.3)),
    (1, |r| Op::Cancel(r.now.3)),
    (2, |r| Op::Propagate(r.closure())),
    (2, |r| Op::Call(r.now.3)),
    (2, |r| Op::DropClosure(r.now.3)),
];

const OURS: &Kinds = &[
    (4, |r| Op::With(r.var(), r.block())),
    (3, |r| Op::Unset(r.var())),
    (3, |r| Op::SyncScope(r.var(), r.now.2, r.block())),
    (2, |r| Op::Bind(r.var(), r.now.2)),
    (2, |r| Op::Unbind(r.now.3)),
    (2, |r| Op::WithValue(r.now.3, r.var(), r.now.2)),
    (2, |r| Op::Insert(r.now.3, r.var(), r.now.2)),
    (1, |r| Op::Remove(r.now.3, r.var())),
    (1, |r| Op::Retain(r.now.3, r.now.2 * 41)),
    (2, |r| Op::PtrEq(r.now.3, r.now.4)),
    (2, |r| Op::Changes(r.now.3, r.now.4)),
    (2, |r| Op::CurrentChanges(r.now.3)),
    (3, |r| Op::Apply(r.now.3)),
    (2, |r| Op::ApplyTo(r.now.3, r.now.4)),
    (2, |r| Op::DropChanges(r.now.3)),
    (1, |r| Op::TakeContext(r.now.3)),
    (1, |r| Op::TakeApart(r.now.3)),
    (4, |r| Op::Scope(r.var(), r.now.2, r.future())),
    (7, |r| Op::PollScope(r.now.3)),
    (1, |r| Op::DropScope(r.now.3)),
    (1, |_| Op::Alive),
];

const FIELDS: &Kinds = &[
    (3, |r| Op::Fields(FieldOp::Set(r.pairs()))),
    (1, |r| Op::Fields(FieldOp::Unset(r.keys()))),
    (1, |_| Op::Fields(FieldOp::Clear)),
    (1, |_| Op::Fields(FieldOp::Get)),
    (2, |r| Op::Fields(FieldOp::Reset(r.now.3))),
    (1, |r| Op::Fields(FieldOp::ResetKey(r.now.3, r.now.4 % KEYS.len()))),
    (2, |r| Op::Fields(FieldOp::Bind(r.pairs()))),
    (2, |r| Op::Fields(FieldOp::Unbind(r.now.3))),
    (2, |r| Op::Fields(FieldOp::SyncScope(r.pairs(), r.block()))),
    (2, |r| Op::Fields(FieldOp::Scope(r.pairs(), r.future()))),
];

const COROUTINES: &Kinds = &[(1, |r| Op::Coroutines(r.coroutines(), r.turns()))];

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
    /// Returns `true` if the program may use operations that Python does not have.
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

    /// Reads the next operations, as many as the current instruction says.
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

    /// Reads a panic, which is caught where it would end the program.
    fn panic(&mut self) -> Op {
        if self.depth > 0 { Op::Panic } else { Op::Catch(vec![Op::Panic]) }
    }

    /// Returns the held context that a task runs in, if it is not to run in a copy of the current one.
    fn context(&self) -> Option<usize> {
        (self.now.0 & 1 == 1).then_some(self.now.3)
    }

    fn future(&mut self) -> Future {
        let number = self.now.0;
        Future {
            eager: self.has_all() && number & 2 == 2,
            finally: if number & 4 == 4 { self.block() } else { Block::new() },
            steps: (0..number >> 3 & 3).map(|_| self.block()).collect(),
        }
    }

    /// Returns two or three coroutines of up to three turns, which borrow the same variable or different ones.
    fn coroutines(&mut self) -> Vec<Coroutine> {
        let (number, var, _, pick, _) = self.now;
        let coroutine = |nth| Coroutine {
            borrows: OFTEN[(var + nth * pick) % OFTEN.len()],
            turns: (0..number >> (2 * nth) & 3).map(|_| self.block()).collect(),
        };
        (0..2 + number % 2).map(coroutine).collect()
    }

    /// Returns the picks of six turns.
    fn turns(&self) -> Vec<Pick> {
        (0..6).map(|nth| self.now.0 >> (6 + 3 * nth) & 7).collect()
    }

    fn closure(&mut self) -> Closure {
        let number = self.now.0;
        Closure {
            kind: match number >> 2 & 3 {
                0 => ClosureKind::Propagate,
                1 => ClosureKind::PropagateFn,
                2 => ClosureKind::PropagateOnceWith,
                _ => ClosureKind::PropagateWith,
            },
            finally: self
                .has_all()
                .then(|| if number & 2 == 2 { self.block() } else { Block::new() }),
            block: self.block(),
        }
    }

    /// Returns one to three keys, which may be equal.
    fn keys(&self) -> Vec<usize> {
        let (number, _, _, pick, step) = self.now;
        (0..=number % 3).map(|nth| (pick + nth * step) % KEYS.len()).collect()
    }

    fn pairs(&self) -> Pairs {
        self.keys().into_iter().zip(self.now.2..).collect()
    }
}
