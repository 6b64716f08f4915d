//! Counts instructions per operation with valgrind, and compares them with a budget that is committed with the code.
//!
//! ```text
//! cargo run --release -p contextvars-benches --bin instructions               # fails if an operation grew by 5 %
//! cargo run --release -p contextvars-benches --bin instructions -- --write    # writes a new budget
//! ```
//!
//! Times depend on the other programs on the machine; these counts are the same in every run. They are not times: a load that
//! misses the cache is one instruction, and so is an atomic one.
//!
//! The program runs itself under valgrind, as `op NAME TURNS`, for two numbers of turns. The difference counts only the turns,
//! without startup and teardown. The budget, `instructions.txt`, is valid for one compiler and target, which are named in its
//! first line. Without valgrind, or with another compiler or target, nothing is compared.

mod operations;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs, io};

use contextvars_benches::TURN;
use operations::{OPERATIONS, Operation};

/// The compiler that built this program, and its target.
const BUILT_BY: &str = env!("BUILT_BY");

/// Fraction by which an operation may grow without an error.
const TOLERANCE: f64 = 0.05;

/// Two numbers of turns, large enough to average out work that does not happen in every turn.
const FEW: u32 = 64;
const MANY: u32 = FEW + 1024;

type Counts = BTreeMap<String, f64>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["op", name, turns] => perform(name, turns),
        [] => compare(),
        ["--write"] => write(),
        _ => Err("usage: instructions [--write | op NAME TURNS]".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one operation; valgrind counts the instructions of this process.
fn perform(name: &str, turns: &str) -> Result<(), String> {
    let operation = OPERATIONS.iter().find(|operation| operation.name == name);
    let operation = operation.ok_or_else(|| format!("there is no operation `{name}`"))?;
    let turns = turns.parse().map_err(|_| format!("`{turns}` is not a number of turns"))?;
    (operation.run)(turns);
    Ok(())
}

fn budget_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt")
}

fn write() -> Result<(), String> {
    if !valgrind_is_here() {
        return Err("valgrind is not here, and nothing else counts instructions".to_owned());
    }
    let mut text = format!("{BUILT_BY}\n");
    for operation in OPERATIONS {
        let count = count(operation)?;
        println!("{} {count:.1}", operation.name);
        writeln!(text, "{} {count:.1}", operation.name).expect("a string can be written to");
    }
    let file = budget_file();
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
}

fn compare() -> Result<(), String> {
    let file = budget_file();
    let text = fs::read_to_string(&file)
        .map_err(|error| format!("{}: {error}; create it with `--write`", file.display()))?;
    let (built_by, budget) = parse(&text)?;
    if built_by != BUILT_BY {
        println!("Nothing compared: the budget is for {built_by}, this is {BUILT_BY}.");
        return Ok(());
    }
    if !valgrind_is_here() {
        println!("Nothing compared: valgrind is not installed.");
        return Ok(());
    }
    let mut grown = Vec::new();
    println!("| instructions | budget | now | |\n|---|--:|--:|--:|");
    for operation in OPERATIONS {
        let name = operation.name;
        let old = budget.get(name);
        let old = *old.ok_or_else(|| format!("`{name}` has no budget; add one with `--write`"))?;
        let now = count(operation)?;
        println!("| {name} | {old:.1} | {now:.1} | {:+.1} % |", (now / old - 1.0) * 100.0);
        if now > old * (1.0 + TOLERANCE) {
            grown.push(format!("`{name}` grew from {old:.1} to {now:.1} instructions"));
        }
    }
    if grown.is_empty() { Ok(()) } else { Err(grown.join("\n       ")) }
}

/// Returns the compiler and target of a budget, and its counts by name.
fn parse(text: &str) -> Result<(&str, Counts), String> {
    let mut lines = text.lines();
    let built_by = lines.next().ok_or("the budget is empty; `--write` makes a new one")?;
    let count = |line: &str| -> Option<(String, f64)> {
        let (name, count) = line.rsplit_once(' ')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    let counts = lines.map(|line| count(line).ok_or_else(|| format!("not a budget: `{line}`")));
    Ok((built_by, counts.collect::<Result<_, _>>()?))
}

fn valgrind_is_here() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Returns the number of instructions of one operation.
fn count(operation: &Operation) -> Result<f64, String> {
    let [few, many] = [FEW, MANY].map(|turns| instructions(operation.name, turns));
    Ok((many? - few?) / f64::from((MANY - FEW) * TURN))
}

/// Returns the number of instructions of the program, from its start to its end.
fn instructions(name: &str, turns: u32) -> Result<f64, String> {
    let explain = |error: io::Error| format!("valgrind with `{name}`: {error}");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().map_err(explain)?)
        .args(["op", name, &turns.to_string()])
        .output()
        .map_err(explain)?;
    let report = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind with `{name}` failed: {report}"));
    }
    // `==1234== Collected : 1456789`
    let collected = report.lines().find_map(|line| line.split_once("Collected :"));
    let collected = collected.and_then(|(_, count)| count.trim().parse().ok());
    collected
        .ok_or_else(|| format!("valgrind with `{name}` printed no instruction count: {report}"))
}
