//! The medians of the last `cargo bench -p contextvars-benches` as markdown, then the goals and who reached them.
//!
//! Reads what criterion left in the target directory (`CARGO_TARGET_DIR`, or the workspace's `target`). Ratios mean
//! something within one run only, so the first line says how far apart the oldest and the newest figure are.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

/// Median nanoseconds by operation, then by who does it, then by the number of variables.
type Medians = BTreeMap<String, BTreeMap<String, BTreeMap<Size, f64>>>;

/// A number of variables; none where it does not matter.
type Size = Option<u32>;

/// `ours` divided by `theirs` is to be at most `limit`.
struct Goal {
    what: &'static str,
    ours: Figure,
    theirs: Figure,
    limit: f64,
}

/// One benchmark: operation, who, number of variables.
type Figure = (&'static str, &'static str, Size);

const fn goal(what: &'static str, ours: Figure, theirs: Figure, limit: f64) -> Goal {
    Goal { what, ours, theirs, limit }
}

const ARC: Figure = ("copy + drop", "limit: Arc", None);
const ARC_ON_TWO: Figure = ("copy + drop, two threads", "limit: Arc", None);
const MALLOC: Figure = ("malloc + free", "48 bytes", None);
const BARE_SPAWN: Figure = ("spawn + join", "bare", None);

const fn get(who: &'static str, n: u32) -> Figure {
    ("get", who, Some(n))
}

const fn undo(who: &'static str, n: u32) -> Figure {
    ("set + undo", who, Some(n))
}

const fn copy(who: &'static str, n: u32) -> Figure {
    ("copy + drop", who, Some(n))
}

const fn first(who: &'static str, n: u32) -> Figure {
    ("first set", who, Some(n))
}

const fn poll(who: &'static str, n: u32) -> Figure {
    ("poll", who, Some(n))
}

const GET: &str = "contextvars, opaque";
const NAMED: &str = "contextvars, named";
const BOUND: &str = "contextvars, opaque, bound";
const UNSET: &str = "contextvars, opaque, unset";
const SET: &str = "contextvars, copy, run, set, replaced";
const WITH_VALUE: &str = "contextvars, with_value, replaced";
const DIFFERENT: &str = "contextvars, different";

/// Section 5 of the design, in its order.
const GOALS: &[Goal] = &[
    goal("get, 1 variable, opaque: tokio", get(GET, 1), get("tokio, opaque", 1), 1.0),
    goal("get, 8 variables, opaque: tokio", get(GET, 8), get("tokio, opaque", 8), 1.0),
    goal("get, 1 variable: opentelemetry", get(GET, 1), get("opentelemetry", 1), 1.0 / 3.0),
    goal("get, 8 variables: opentelemetry", get(GET, 8), get("opentelemetry", 8), 1.0 / 3.0),
    goal("get, 1 variable: dcontext", get(GET, 1), get("dcontext", 1), 1.0 / 30.0),
    goal("get, 8 variables: dcontext", get(GET, 8), get("dcontext", 8), 1.0 / 30.0),
    goal("aim: get, 1 variable, named: tokio", get(NAMED, 1), get("tokio, named", 1), 2.0),
    goal("aim: get, 8 variables, named: tokio", get(NAMED, 8), get("tokio, named", 8), 2.0),
    goal("get, 1000 variables: 1", get(GET, 1000), get(GET, 1), 3.5),
    goal("aim: get, 1000 variables: 1", get(GET, 1000), get(GET, 1), 2.2),
    goal("set + reset, bound, 1: malloc + free", undo(BOUND, 1), MALLOC, 2.1),
    goal("set + reset, bound, 8: malloc + free", undo(BOUND, 8), MALLOC, 2.1),
    goal("set + reset, unset, 8: malloc + free", undo(UNSET, 8), MALLOC, 2.1),
    goal("aim: set + reset, bound, 8: malloc + free", undo(BOUND, 8), MALLOC, 1.0),
    goal("set + reset, bound, 1: opentelemetry", undo(BOUND, 1), undo("opentelemetry", 1), 0.25),
    goal("set + reset, bound, 8: opentelemetry", undo(BOUND, 8), undo("opentelemetry", 8), 0.25),
    goal("copy_context + drop, 1: Arc", copy("contextvars, copy_context", 1), ARC, 1.2),
    goal("copy_context + drop, 8: Arc", copy("contextvars, copy_context", 8), ARC, 1.2),
    goal(
        "aim: two threads copying: Arc",
        ("copy + drop, two threads", "contextvars, clone", Some(8)),
        ARC_ON_TWO,
        1.25,
    ),
    goal("run, 8 variables: Arc", ("run", DIFFERENT, Some(8)), ARC, 0.30),
    goal("poll, 64 variables: 1", poll(DIFFERENT, 64), poll(DIFFERENT, 1), 1.15),
    goal("poll, different: tokio", poll(DIFFERENT, 1), poll("tokio, different", 1), 0.6),
    goal("poll, same: tokio", poll("contextvars, same", 1), poll("tokio, same", 1), 1.1),
    goal(
        "poll, different: opentelemetry",
        poll(DIFFERENT, 8),
        poll("opentelemetry, different", 8),
        1.0 / 9.0,
    ),
    goal("first set, 1: HashMap + Arc", first(SET, 1), first("HashMap + Arc", 1), 1.25),
    goal("first set, 8: imbl", first(SET, 8), first("imbl::HashMap", 8), 1.0 / 1.5),
    goal("first set, 8: HashMap", first(SET, 8), first("HashMap", 8), 1.0),
    goal("first set, 32: imbl", first(SET, 32), first("imbl::HashMap", 32), 1.0 / 2.5),
    goal("first set, 1000: imbl", first(SET, 1000), first("imbl::HashMap", 1000), 1.0 / 2.5),
    goal("with_value, 1: HashMap + Arc", first(WITH_VALUE, 1), first("HashMap + Arc", 1), 1.25),
    goal("with_value, 8: imbl", first(WITH_VALUE, 8), first("imbl::HashMap", 8), 1.0 / 1.5),
    goal("with_value, 8: HashMap", first(WITH_VALUE, 8), first("HashMap", 8), 1.0),
    goal("with_value, 32: imbl", first(WITH_VALUE, 32), first("imbl::HashMap", 32), 1.0 / 2.5),
    goal(
        "with_value, 1000: imbl",
        first(WITH_VALUE, 1000),
        first("imbl::HashMap", 1000),
        1.0 / 2.5,
    ),
    goal("spawn with context: bare", ("spawn + join", "contextvars", Some(8)), BARE_SPAWN, 1.1),
];

fn main() -> io::Result<()> {
    let mut files = Vec::new();
    let directory = criterion_directory();
    find_estimates(&directory, &mut files)?;
    if files.is_empty() {
        println!("Nothing in {}: `cargo bench -p contextvars-benches` first.", directory.display());
        return Ok(());
    }
    print_age(&files)?;
    let mut medians = Medians::new();
    for file in &files {
        let (operation, who, size) = name(file)?;
        let median = median(file)?;
        medians.entry(operation).or_default().entry(who).or_default().insert(size, median);
    }
    print_medians(&medians);
    print_goals(&medians);
    Ok(())
}

fn criterion_directory() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    workspace.join(target).join("criterion")
}

/// Collects every `new` directory below `directory`: one for each benchmark.
fn find_estimates(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.ends_with("new") && path.join("estimates.json").is_file() {
            files.push(path);
        } else {
            find_estimates(&path, files)?;
        }
    }
    Ok(())
}

fn json(file: &Path) -> io::Result<Value> {
    Ok(serde_json::from_slice(&fs::read(file)?)?)
}

/// What the benchmark called itself; its directory's name is an edited version of that.
fn name(directory: &Path) -> io::Result<(String, String, Size)> {
    let benchmark = json(&directory.join("benchmark.json"))?;
    let text = |field: &str| benchmark[field].as_str().unwrap_or_default().to_owned();
    Ok((text("group_id"), text("function_id"), text("value_str").parse().ok()))
}

fn median(directory: &Path) -> io::Result<f64> {
    let estimates = json(&directory.join("estimates.json"))?;
    let median = estimates["median"]["point_estimate"].as_f64();
    median.ok_or_else(|| io::Error::other(format!("no median in {}", directory.display())))
}

fn print_age(directories: &[PathBuf]) -> io::Result<()> {
    let mut times: Vec<SystemTime> = Vec::new();
    for directory in directories {
        times.push(fs::metadata(directory.join("estimates.json"))?.modified()?);
    }
    times.sort();
    if let [oldest, .., newest] = times[..] {
        let apart = newest.duration_since(oldest).unwrap_or_default().as_secs().div_ceil(60);
        println!("{} figures, measured within {apart} minutes.\n", times.len());
    }
    Ok(())
}

fn print_medians(medians: &Medians) {
    let every_size = medians.values().flat_map(BTreeMap::values).flat_map(BTreeMap::keys);
    let sizes: std::collections::BTreeSet<Size> = every_size.copied().collect();
    let heads = sizes.iter().map(|size| size.map_or("–".to_owned(), |size| size.to_string()));
    println!("| median ns, by variables | | {} |", heads.collect::<Vec<_>>().join(" | "));
    println!("|---|---|{}", "--:|".repeat(sizes.len()));
    for (operation, rows) in medians {
        for (who, row) in rows {
            let cells = sizes.iter().map(|size| {
                row.get(size).map_or_else(String::new, |median| format!("{median:.2}"))
            });
            println!("| {operation} | {who} | {} |", cells.collect::<Vec<_>>().join(" | "));
        }
    }
}

fn print_goals(medians: &Medians) {
    let find = |(operation, who, size): Figure| -> Option<f64> {
        medians.get(operation)?.get(who)?.get(&size).copied()
    };
    println!("\n| goal | ours, ns | theirs, ns | ratio | at most | |\n|---|--:|--:|--:|--:|---|");
    for Goal { what, ours, theirs, limit } in GOALS {
        let (Some(ours), Some(theirs)) = (find(*ours), find(*theirs)) else {
            println!("| {what} | | | | {limit:.3} | not measured |");
            continue;
        };
        let ratio = ours / theirs;
        let verdict = if ratio <= *limit { "reached" } else { "**missed**" };
        println!("| {what} | {ours:.2} | {theirs:.2} | {ratio:.3} | {limit:.3} | {verdict} |");
    }
}
