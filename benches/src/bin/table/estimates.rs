//! Reads the results that criterion wrote to the target directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use serde_json::Value;

/// Median nanoseconds by operation, then by crate and variant, then by number of variables.
pub(crate) type Medians = BTreeMap<String, BTreeMap<String, BTreeMap<Size, f64>>>;

/// A number of variables, or `None` if the number is irrelevant.
pub(crate) type Size = Option<u32>;

/// Returns the least median of each benchmark's runs, and the number of minutes between the oldest and the newest of them.
pub(crate) fn read(directory: &Path) -> io::Result<(Medians, u64)> {
    let mut found = Vec::new();
    find(directory, &mut found)?;
    let mut medians = Medians::new();
    let mut times: Vec<SystemTime> = Vec::new();
    for directory in &found {
        let (operation, who, size) = name(directory)?;
        let median = median(directory)?;
        let row = medians.entry(operation).or_default().entry(who).or_default();
        row.entry(size).and_modify(|least| *least = median.min(*least)).or_insert(median);
        times.push(fs::metadata(directory.join("estimates.json"))?.modified()?);
    }
    let ends = times.iter().min().zip(times.iter().max());
    let apart = ends.map(|(oldest, newest)| newest.duration_since(*oldest).unwrap_or_default());
    Ok((medians, apart.unwrap_or_default().as_secs().div_ceil(60)))
}

/// Returns criterion's directory, below `CARGO_TARGET_DIR` or the workspace's `target`.
pub(crate) fn criterion_directory() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    workspace.join(target).join("criterion")
}

/// Collects the directories below `directory` that hold the results of a benchmark: those of the last run, and those of runs that
/// were saved as `run-1`, `run-2` and so on.
fn find(directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !path.join("estimates.json").is_file() {
            find(&path, found)?;
        } else if name == "new" || name.starts_with("run-") {
            found.push(path);
        }
    }
    Ok(())
}

fn json(file: &Path) -> io::Result<Value> {
    Ok(serde_json::from_slice(&fs::read(file)?)?)
}

/// Returns the name of the benchmark as it was declared; criterion edits the name for the directory.
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
