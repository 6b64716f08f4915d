//! The language of the programs, what running one tells, and how programs are drawn.

use std::fmt;

// === the variables ===

/// How many variables there are. The first two have no default, the next two have; 0 and 3 are plain numbers, the rest
/// are counted values; the last two are `local`.
pub(crate) const VARIABLES: usize = 12;

pub(crate) const FIRST_LOCAL: usize = 10;

pub(crate) fn default_of(variable: usize) -> Option<u32> {
    match variable {
        2 => Some(1002),
        3 => Some(1003),
        _ => None,
    }
}

pub(crate) fn is_plain(variable: usize) -> bool {
    matches!(variable, 0 | 3)
}

pub(crate) fn is_local(variable: usize) -> bool {
    variable >= FIRST_LOCAL
}

// === the language ===

pub(crate) type Block = Vec<Op>;

/// An operation. A `Pick` says which of the things that are there, counting round.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Get(usize),
    TryGet(usize),
    GetOr(usize, u32),
    With(usize, Block),
    Set(usize, u32),
    Scope(usize, u32, Block),
    Bind(usize, u32),
    Unbind(Pick),
    /// Resets any variable with any token of its type.
    Reset(usize, Pick),
    /// Resets the token's own variable.
    Undo(Pick),
    OldValue(Pick),
    DropToken(Pick),
    New,
    Current,
    Clone(Pick),
    DropContext(Pick),
    Run(Pick, Block),
    Look(Pick),
    WithValue(Pick, usize, u32),
    Remove(Pick, usize),
    Retain(Pick, u32),
    PtrEq(Pick, Pick),
    Panic,
    Catch(Block),
    Spawn(Future),
    Poll(Pick),
    LookTask(Pick),
    Cancel(Pick),
    TakeContext(Pick),
    TakeApart(Pick),
    Propagate(Closure),
    Call(Pick),
    DropClosure(Pick),
    /// How many values are alive?
    Alive,
}

type Pick = usize;

/// A future that runs a block in each step, and another one when it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Future {
    /// The context to run in, instead of a copy of the current one.
    pub(crate) context: Option<Pick>,
    pub(crate) steps: Vec<Block>,
    pub(crate) finally: Block,
    /// Whether `finally` runs even if the future was never polled.
    pub(crate) eager: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Closure {
    pub(crate) block: Block,
    /// What runs when it drops what it captured, if that is to be seen.
    pub(crate) finally: Option<Block>,
    /// Made by `propagate_fn`, to be called any number of times.
    pub(crate) again: bool,
}

#[derive(Clone)]
pub(crate) struct Program(pub(crate) Block);

/// One line for each operation of the outermost block.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|op| write!(f, "\n    {op:?}"))
    }
}

/// How many operations of a program are run: closures may call closures that call closures.
pub(crate) const FUEL: usize = 300;

// === what running a program tells ===

/// `oracle.py` writes these as `Debug` does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    Value(u32),
    Missing,
    /// The variables that read as something.
    State(Vec<(usize, u32)>),
    /// The variables that a context holds.
    Contents(Vec<(usize, u32)>),
    OldValue(Option<u32>),
    Done,
    WrongVariable,
    WrongContext,
    /// Token and variable are of different types: the call does not compile.
    Untypable,
    /// There is nothing to pick from.
    Nothing,
    Found(bool),
    /// Two contexts: whether they must be, or must not be, one snapshot.
    OneSnapshot(Option<bool>),
    Pending,
    Ready,
    /// A poll of what is over.
    Over,
    Caught,
    Finally,
    Alive(usize),
}

impl Event {
    pub(crate) const KINDS: usize = 18;

    /// Whether this event, of the model, allows for what was seen.
    pub(crate) fn allows(&self, seen: &Self) -> bool {
        let either = matches!(self, Self::OneSnapshot(None));
        self == seen || either && matches!(seen, Self::OneSnapshot(_))
    }
}
