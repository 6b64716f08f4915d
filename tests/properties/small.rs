//! Every program of a few operations, compared with the model.
//!
//! The programs have two variables, one of them with a default, two contexts and one future. The future is polled in a scope of
//! the first variable, or in a context of its own.

use crate::against_model::compare;
use crate::program::{Block, FieldOp, Future, Op};
use crate::{machine, model};

/// A counted value without a default.
const A: usize = 1;
/// A counted value with a default.
const B: usize = 2;

/// One letter of the alphabet.
#[derive(Clone, Copy, Debug)]
enum Letter {
    Do(fn() -> Op),
    /// Enters the first or the second of the contexts that are not entered, until `Leave` or the end of the program.
    Enter(usize),
    Leave,
}

use Letter::{Do, Enter, Leave};

const ALPHABET: &[(&str, Letter)] = &[
    ("set A", Do(|| Op::Set(A, 11))),
    ("set B", Do(|| Op::Set(B, 12))),
    ("unset A", Do(|| Op::Unset(A))),
    ("unset B", Do(|| Op::Unset(B))),
    ("reset the first token", Do(|| Op::Undo(0))),
    ("reset the second token", Do(|| Op::Undo(1))),
    ("bind A", Do(|| Op::Bind(A, 13))),
    ("drop the guard", Do(|| Op::Unbind(0))),
    ("enter the first context", Enter(0)),
    ("enter the second context", Enter(1)),
    ("leave the context", Leave),
    ("copy the current context", Do(|| Op::Current)),
    ("insert A", Do(|| Op::Insert(0, A, 14))),
    ("remove B", Do(|| Op::Remove(0, B))),
    ("changes of the current context", Do(|| Op::CurrentChanges(0))),
    ("apply", Do(|| Op::Apply(0))),
    ("apply to the second context", Do(|| Op::ApplyTo(0, 1))),
    ("scope of A", Do(|| Op::Scope(A, 15, future()))),
    ("poll the scope", Do(|| Op::PollScope(0))),
    ("drop the scope", Do(|| Op::DropScope(0))),
    ("spawn", Do(|| Op::Spawn(None, future()))),
    ("poll the task", Do(|| Op::Poll(0))),
    ("set a field", Do(|| Op::Fields(FieldOp::Set(vec![(0, 16)])))),
];

/// Returns the future: it changes both variables in its two steps, and reads them at its end.
fn future() -> Future {
    let first = vec![Op::TryGet(A), Op::Set(A, 21), Op::Set(B, 22)];
    let second = vec![Op::TryGet(A), Op::TryGet(B), Op::Unset(A)];
    Future { steps: vec![first, second], finally: vec![Op::TryGet(A)], eager: true }
}

/// Returns the program of some letters, with a read of both variables after each letter.
fn program(letters: &[usize]) -> Block {
    let mut program = vec![Op::New, Op::New];
    let mut letters = letters.iter().map(|&number| ALPHABET[number].1);
    while let Some(block) = read(&mut letters) {
        program.extend(block); // a `Leave` outside of any context leaves nothing
    }
    program.extend([Op::Look(0), Op::Look(1), Op::PtrEq(0, 1)]);
    program
}

/// Reads letters until `Leave` or the end. Returns `None` at the end.
fn read(letters: &mut impl Iterator<Item = Letter>) -> Option<Block> {
    let mut block = Vec::new();
    let mut letter = letters.next()?;
    loop {
        match letter {
            Do(op) => block.push(op()),
            Enter(pick) => block.push(Op::Run(pick, read(letters).unwrap_or_default())),
            Leave => return Some(block),
        }
        block.extend([Op::TryGet(A), Op::TryGet(B)]);
        match letters.next() {
            Some(next) => letter = next,
            None => return Some(block),
        }
    }
}

/// Calls `f` with every word of `len` letters.
fn each_word(len: u32, mut f: impl FnMut(&[usize])) -> usize {
    let words = ALPHABET.len().pow(len);
    let mut word = Vec::new();
    for number in 0..words {
        word.clear();
        word.extend((0..len).scan(number, |rest, _| {
            let letter = *rest % ALPHABET.len();
            *rest /= ALPHABET.len();
            Some(letter)
        }));
        f(&word);
    }
    words
}

fn compare_words(longest: u32, model: fn(&Block) -> Events, machine: fn(&Block) -> Events) {
    let compared = (0..=longest).map(|len| {
        each_word(len, |word| {
            let program = program(word);
            if let Err(difference) = compare(&model(&program), &machine(&program)) {
                let names: Vec<_> = word.iter().map(|&letter| ALPHABET[letter].0).collect();
                panic!("{names:?}: {difference}");
            }
        })
    });
    println!("compared {} programs of up to {longest} operations", compared.sum::<usize>());
}

type Events = Vec<crate::program::Event>;

/// Returns the most operations of a program.
///
/// Each more multiplies the number of programs by the size of the alphabet. Four take some seconds in an optimised build, and
/// five, which the environment variable `PROPERTIES_SMALL` asks for, about a minute.
fn longest() -> u32 {
    let asked = std::env::var("PROPERTIES_SMALL").ok().and_then(|longest| longest.parse().ok());
    asked.unwrap_or(match () {
        () if cfg!(miri) => 1,
        () if cfg!(debug_assertions) => 3,
        () => 4,
    })
}

#[test]
fn every_small_program_in_an_entered_context_has_the_events_of_the_model() {
    compare_words(longest(), model::run_entered, machine::run_entered);
}

/// These programs are shorter because each has a thread of its own, with a root context that no other program has changed.
#[test]
fn every_small_program_in_a_root_context_has_the_events_of_the_model() {
    compare_words(longest() - 1, model::run, machine::run);
}
