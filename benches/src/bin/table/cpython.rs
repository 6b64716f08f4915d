//! Measures the same operations in Python, whose context variables are the model of this crate's.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::estimates::Medians;

/// The name of Python's rows.
const WHO: &str = "CPython";

/// Runs `python3` to measure itself, and adds its figures. Adds nothing if there is no `python3`.
pub(crate) fn add(medians: &mut Medians) -> io::Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("cpython.py");
    let output = match Command::new("python3").arg(&script).output() {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("python3 is not installed, so there are no rows of `{WHO}`.\n");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{} failed: {complaint}", script.display())));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let mut lines = said.lines();
    println!("{} measured itself just now.\n", lines.next().unwrap_or_default());
    for line in lines {
        let (operation, size, median) = figure(line).ok_or_else(|| {
            io::Error::other(format!("python3 printed `{line}`, which is not a figure"))
        })?;
        let rows = medians.entry(operation.to_owned()).or_default();
        rows.entry(WHO.to_owned()).or_default().insert(Some(size), median);
    }
    Ok(())
}

/// Parses a line: operation, number of variables, median.
fn figure(line: &str) -> Option<(&str, u32, f64)> {
    let mut cells = line.split('\t');
    let figure = (cells.next()?, cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
    cells.next().is_none().then_some(figure)
}
