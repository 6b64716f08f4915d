//! Prints the medians of the benches as markdown, then the goals and whether they are met.
//!
//! ```text
//! cargo bench --manifest-path benches/Cargo.toml -- --save-baseline run-1     # and run-2, run-3
//! cargo run --release --manifest-path benches/Cargo.toml --bin table
//! cargo run --release --manifest-path benches/Cargo.toml --bin table -- --charts docs/charts
//! ```
//!
//! Reads criterion's results from the target directory (`CARGO_TARGET_DIR`, or the workspace's `target`). If there are several runs,
//! a figure is the least of their medians: on a shared machine, other programs add time to some runs and never take any away.
//! Only ratios of figures that were measured together are meaningful, so the first line states the time between the oldest and
//! the newest. If there is a `python3`, it runs the same operations now, for its own rows. With `--charts`, the program also
//! writes a chart for each question to that directory.

mod charts;
mod cpython;
mod estimates;
mod goals;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::{env, io};

use estimates::{Medians, Size};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        [] => table(None),
        ["--charts", directory] => table(Some(Path::new(directory))),
        _ => Err(io::Error::other("usage: table [--charts DIRECTORY]")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table(charts: Option<&Path>) -> io::Result<()> {
    let directory = estimates::criterion_directory();
    let (mut medians, apart) = estimates::read(&directory)?;
    let figures: usize = medians.values().flat_map(BTreeMap::values).map(BTreeMap::len).sum();
    if figures == 0 {
        println!("Nothing in {}: run `cargo bench -p contextvars-benches`.", directory.display());
        return Ok(());
    }
    println!("{figures} figures, measured within {apart} minutes.\n");
    cpython::add(&mut medians)?;
    print_medians(&medians);
    goals::print(&medians);
    charts.map_or(Ok(()), |directory| charts::write(&medians, directory))
}

fn print_medians(medians: &Medians) {
    let every_size = medians.values().flat_map(BTreeMap::values).flat_map(BTreeMap::keys);
    let sizes: BTreeSet<Size> = every_size.copied().collect();
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
