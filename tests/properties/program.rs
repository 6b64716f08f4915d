//! The language of the programs, and the events that running a program reports.

use std::fmt;

// === the variables ===

/// The number of variables. The first two have no default, the next two have one; 0 and 3 are plain numbers, the others
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

/// The keys of the log fields, by their numbers.
pub(crate) const KEYS: [&str; 4] = ["ant", "bee", "cow", "dog"];

// === the language ===

pub(crate) type Block = Vec<Op>;

/// An operation.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Get(usize),
    TryGet(usize),
    GetOr(usize, u32),
    With(usize, Block),
    /// Runs coroutines with stacks of their own. Each pick gives one of them a turn; those that are left are unwound.
    Coroutines(Vec<Coroutine>, Vec<Pick>),
    Set(usize, u32),
    Unset(usize),
    SyncScope(usize, u32, Block),
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
    Insert(Pick, usize, u32),
    Remove(Pick, usize),
    Retain(Pick, u32),
    PtrEq(Pick, Pick),
    Panic,
    Catch(Block),
    /// Takes the changes of the first context since the second one.
    Changes(Pick, Pick),
    /// Takes the changes of the current context since a held one.
    CurrentChanges(Pick),
    /// Applies changes to the current context.
    Apply(Pick),
    /// Applies changes to a held context.
    ApplyTo(Pick, Pick),
    DropChanges(Pick),
    Spawn(Option<Pick>, Future),
    Poll(Pick),
    LookTask(Pick),
    Cancel(Pick),
    TakeContext(Pick),
    TakeApart(Pick),
    /// Wraps a future in a scope of a variable.
    Scope(usize, u32, Future),
    PollScope(Pick),
    DropScope(Pick),
    Propagate(Closure),
    Call(Pick),
    DropClosure(Pick),
    Fields(FieldOp),
    /// Counts the values that are alive.
    Alive,
}

impl Op {
    /// The number of operations, with those on log fields in the place of `Fields`.
    pub(crate) const KINDS: usize = 54 + HAS_COROUTINES as usize;
}

/// Chooses one of the things of a kind that exist: its number among them, counted modulo their number.
pub(crate) type Pick = usize;

/// An operation on the log fields of the current context.
#[derive(Clone, Debug)]
pub(crate) enum FieldOp {
    Set(Pairs),
    Unset(Vec<usize>),
    Clear,
    Get,
    Reset(Pick),
    /// Resets the token of one key, and keeps those of the others.
    ResetKey(Pick, usize),
    Bind(Pairs),
    Unbind(Pick),
    SyncScope(Pairs, Block),
    /// Wraps a future in a scope of the fields.
    Scope(Pairs, Future),
}

/// Keys, as indices into [`KEYS`], and their values.
pub(crate) type Pairs = Vec<(usize, u32)>;

/// `true` where coroutines with stacks of their own can run.
pub(crate) const HAS_COROUTINES: bool =
    cfg!(all(unix, any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)));

/// A coroutine that borrows a variable from its first turn to its last, and runs a block in each turn.
#[derive(Clone, Debug)]
pub(crate) struct Coroutine {
    pub(crate) borrows: usize,
    pub(crate) turns: Vec<Block>,
}

/// A future that runs a block in each step, and another block when it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Future {
    pub(crate) steps: Vec<Block>,
    pub(crate) finally: Block,
    /// If true, `finally` runs even if the future was never polled.
    pub(crate) eager: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Closure {
    pub(crate) block: Block,
    /// The block that runs when the closure drops its captures, if the program is to see that.
    pub(crate) finally: Option<Block>,
    pub(crate) kind: ClosureKind,
}

/// The function that wraps a closure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ClosureKind {
    Propagate,
    PropagateFn,
    PropagateOnceWith,
    PropagateWith,
}

impl ClosureKind {
    /// Returns `true` if the closure can be called more than once.
    pub(crate) fn is_reusable(self) -> bool {
        matches!(self, Self::PropagateFn | Self::PropagateWith)
    }
}

#[derive(Clone)]
pub(crate) struct Program(pub(crate) Block);

/// Writes one line for each operation of the outermost block.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|op| write!(f, "\n    {op:?}"))
    }
}

/// The number of operations after which a program ends, because closures may call closures without end.
pub(crate) const FUEL: usize = 300;

// === the events ===

/// `oracle.py` writes these as `Debug` does, except that its `Missing` has no number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    Value(u32),
    /// A read found no value: outside of any entered context, or in one that has this many other variables.
    Missing(Option<usize>),
    /// The variables that have a value or a default.
    State(Vec<(usize, u32)>),
    /// The variables that have a value in a held context.
    Contents(Vec<(usize, u32)>),
    OldValue(Option<u32>),
    Done,
    WrongVariable,
    WrongContext,
    /// Token and variable are of different types, so the call would not compile.
    Untypable,
    /// There is nothing to pick from.
    Nothing,
    Found(bool),
    /// `true` if two contexts are one snapshot; `None` if the model cannot tell.
    OneSnapshot(Option<bool>),
    /// Each variable that changed, with its values before and after.
    Changes(Vec<(usize, Option<u32>, Option<u32>)>),
    /// Each log field that changed, with its new value.
    FieldChanges(Vec<(String, Option<u32>)>),
    /// The log fields in their order.
    Fields(Vec<(String, u32)>),
    Removed(usize),
    Pending,
    Ready,
    /// A poll of a future that has completed or panicked.
    Over,
    Caught,
    Finally,
    Alive(usize),
}

impl Event {
    pub(crate) const KINDS: usize = 22;

    /// Returns `true` if this event of the model permits the event `seen`.
    pub(crate) fn allows(&self, seen: &Self) -> bool {
        let either = matches!(self, Self::OneSnapshot(None));
        self == seen || either && matches!(seen, Self::OneSnapshot(_))
    }
}
