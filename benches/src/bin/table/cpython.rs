//! The same operations in Python itself, whose context variables these are modelled on.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::estimates::Medians;

/// What its rows are called.
const WHO: &str = "CPython";

/// Has `python3` measure itself, and adds what it says. Nothing is added where there is none.
pub(crate) fn add(medians: &mut Medians) -> io::Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("cpython.py");
    let output = match Command::new("python3").arg(&script).output() {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("No python3 here, and so no rows of `{WHO}`.\n");
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
            io::Error::other(format!("python3 says `{line}`, which is no figure"))
        })?;
        let rows = medians.entry(operation.to_owned()).or_default();
        rows.entry(WHO.to_owned()).or_default().insert(Some(size), median);
    }
    Ok(())
}

/// Operation, number of variables, median.
fn figure(line: &str) -> Option<(&str, u32, f64)> {
    let mut cells = line.split('\t');
    let figure = (cells.next()?, cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
    cells.next().is_none().then_some(figure)
}
