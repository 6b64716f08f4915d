//! Programs of operations that Python has too report the same events as they do in Python.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy, ValueTree};

use crate::draw::python_programs;
use crate::program::{Event, FUEL, Op, Program};
use crate::{machine, runner, seed};

/// Returns `true` if there is a Python that has contextvars.
fn has_python() -> bool {
    let check = "import sys; sys.exit(sys.version_info < (3, 7))";
    Command::new("python3").args(["-c", check]).status().is_ok_and(|status| status.success())
}

/// Returns the events of each program in Python.
fn python(programs: &[Program]) -> Vec<String> {
    let oracle = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/properties/oracle.py");
    let mut python = Command::new("python3")
        .arg(oracle)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`has_python` found it");
    let mut input = python.stdin.take().expect("the input is piped");
    for program in programs {
        writeln!(input, "[{FUEL},{}]", block(&program.0)).expect("the oracle reads all of it");
    }
    // The oracle writes only after it has read everything, so the pipes cannot block each other.
    drop(input);
    let output = python.wait_with_output().expect("the oracle ends");
    assert!(output.status.success(), "the oracle failed");
    let traces: Vec<_> =
        String::from_utf8(output.stdout).expect("plain text").lines().map(String::from).collect();
    assert_eq!(traces.len(), programs.len());
    traces
}

/// Returns the events of a program here, without the number of values that are alive at its end.
fn ours(program: &Program) -> String {
    let mut trace = machine::run(&program.0);
    assert!(matches!(trace.pop(), Some(Event::Alive(_))));
    trace.iter().map(text).collect::<Vec<_>>().join("; ")
}

fn text(event: &Event) -> String {
    match event {
        Event::Missing(_) => "Missing".to_owned(),
        event => format!("{event:?}"),
    }
}

// === programs as the oracle reads them ===

fn block(block: &[Op]) -> String {
    format!("[{}]", block.iter().map(op).collect::<Vec<_>>().join(","))
}

fn op(op: &Op) -> String {
    match op {
        Op::Get(var) => format!(r#"["get",{var}]"#),
        Op::TryGet(var) => format!(r#"["try_get",{var}]"#),
        Op::GetOr(var, value) => format!(r#"["get_or",{var},{value}]"#),
        Op::Set(var, value) => format!(r#"["set",{var},{value}]"#),
        Op::Reset(var, pick) => format!(r#"["reset",{var},{pick}]"#),
        Op::Undo(pick) => format!(r#"["undo",{pick}]"#),
        Op::OldValue(pick) => format!(r#"["old_value",{pick}]"#),
        Op::DropToken(pick) => format!(r#"["drop_token",{pick}]"#),
        Op::New => r#"["new"]"#.to_string(),
        Op::Current => r#"["current"]"#.to_string(),
        Op::Clone(pick) => format!(r#"["clone",{pick}]"#),
        Op::DropContext(pick) => format!(r#"["drop_context",{pick}]"#),
        Op::Run(pick, inner) => format!(r#"["run",{pick},{}]"#, block(inner)),
        Op::Look(pick) => format!(r#"["look",{pick}]"#),
        Op::Panic => r#"["panic"]"#.to_string(),
        Op::Catch(inner) => format!(r#"["catch",{}]"#, block(inner)),
        Op::Spawn(context, future) => {
            let pick = context.map_or("null".to_string(), |pick| pick.to_string());
            let steps: Vec<_> = future.steps.iter().map(|step| block(step)).collect();
            format!(r#"["spawn",{pick},[{}],{}]"#, steps.join(","), block(&future.finally))
        }
        Op::Poll(pick) => format!(r#"["poll",{pick}]"#),
        Op::LookTask(pick) => format!(r#"["look_task",{pick}]"#),
        Op::Cancel(pick) => format!(r#"["cancel",{pick}]"#),
        Op::Propagate(closure) => {
            format!(r#"["propagate",{},{}]"#, block(&closure.block), closure.kind.is_reusable())
        }
        Op::Call(pick) => format!(r#"["call",{pick}]"#),
        Op::DropClosure(pick) => format!(r#"["drop_closure",{pick}]"#),
        ours => unreachable!("Python has no {ours:?}"),
    }
}

// === the comparison ===

fn differs(program: &Program) -> bool {
    python(std::slice::from_ref(program)) != [ours(program)]
}

/// Returns a small program like the one that `tree` stands at, of which the events differ in Python.
fn shrink(mut tree: impl ValueTree<Value = Program>) -> Program {
    let mut least = tree.current();
    let mut moved = tree.simplify();
    // Each attempt starts a Python.
    for _ in 0..500 {
        if !moved {
            break;
        }
        let program = tree.current();
        moved = if differs(&program) {
            least = program;
            tree.simplify()
        } else {
            tree.complicate()
        };
    }
    least
}

#[test]
fn every_program_has_the_events_of_python() {
    const PROGRAMS: usize = 8000;

    if cfg!(miri) || !has_python() {
        return eprintln!("skipped: there is no python3 of version 3.7 or later");
    }
    let (strategy, mut runner) = (python_programs(), runner(1));
    let trees: Vec<_> = (0..PROGRAMS)
        .map(|_| strategy.new_tree(&mut runner).expect("the strategy refuses nothing"))
        .collect();
    let programs: Vec<_> = trees.iter().map(ValueTree::current).collect();
    let traces = python(&programs);
    let different = programs.iter().zip(traces).position(|(program, trace)| ours(program) != trace);
    if let Some(different) = different {
        let least =
            shrink(trees.into_iter().nth(different).expect("the position is one of the trees"));
        panic!(
            "with PROPERTIES_SEED={}, program {different}, shrunk:{least:?}\nhere:   {}\nPython: {}",
            seed(),
            ours(&least),
            python(std::slice::from_ref(&least))[0],
        );
    }
}
