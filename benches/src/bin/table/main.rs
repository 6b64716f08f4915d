//! The medians of the last `cargo bench -p contextvars-benches` as markdown, then the goals and who reached them.
//!
//! ```text
//! cargo run --release -p contextvars-benches --bin table
//! cargo run --release -p contextvars-benches --bin table -- --charts docs/charts
//! ```
//!
//! Reads what criterion left in the target directory (`CARGO_TARGET_DIR`, or the workspace's `target`). Ratios mean
//! something within one run only, so the first line says how far apart the oldest and the newest figure are. Where
//! there is a `python3`, that does the same operations now, for rows of its own. With `--charts` a chart for each
//! question is written to that directory, too.

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
        println!("Nothing in {}: `cargo bench -p contextvars-benches` first.", directory.display());
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
