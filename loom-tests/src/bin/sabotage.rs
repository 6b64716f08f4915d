//! Runs all models. Then breaks the crate once for each `sabotage:` comment, and checks that the model below the comment fails.
//!
//! ```text
//! // sabotage: src/count.rs: Ordering::Release => Ordering::Relaxed
//! #[test]
//! fn the_model_that_fails() {
//! ```
//!
//! Works in a scratch copy. An argument names the one test binary whose models are wanted; `--list` prints the sabotages of all
//! and applies none. The first text must occur in exactly one line of the file, else nothing is run. Exits with 1 if a model
//! does not fail.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const COMMENT: &str = "// sabotage: ";

struct Sabotage {
    /// The test binary and the name of the test.
    model: (String, String),
    file: String,
    from: String,
    to: String,
}

fn main() -> io::Result<ExitCode> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let wanted = std::env::args().nth(1);
    let mut sabotages = sabotages(&top.join("loom-tests/tests"))?;
    for sabotage in &sabotages {
        sabotage.apply(&top)?;
    }
    if wanted.as_deref() == Some("--list") {
        for sabotage in &sabotages {
            println!("{sabotage}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    sabotages.retain(|sabotage| wanted.as_ref().is_none_or(|binary| sabotage.model.0 == *binary));
    let scratch = std::env::temp_dir().join(format!("sabotage-{}", std::process::id()));
    copy(&top, &scratch)?;
    let caught = run_all(&scratch, &sabotages);
    fs::remove_dir_all(&scratch)?;
    Ok(if caught? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_all(scratch: &Path, sabotages: &[Sabotage]) -> io::Result<bool> {
    // With the number of iterations of each model.
    if !cargo_test(scratch, &["--", "--nocapture", "--test-threads=1"])?.status()?.success() {
        println!("the models fail as they are");
        return Ok(false);
    }
    let mut all = true;
    for sabotage in sabotages {
        let verdict = sabotage.verdict(scratch)?;
        println!("{verdict}: {sabotage}");
        all &= verdict == "caught";
    }
    println!(
        "{} sabotages, {}",
        sabotages.len(),
        if all { "all caught" } else { "NOT all caught" }
    );
    Ok(all)
}

impl fmt::Display for Sabotage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model: (_, model), file, from, to } = self;
        write!(f, "{model}\n    {file}: {from} => {to}")
    }
}

impl Sabotage {
    /// Returns the changed text of the file. Panics if not exactly one line has the text that is to be replaced.
    fn apply(&self, top: &Path) -> io::Result<String> {
        let whole = fs::read_to_string(top.join(&self.file))?;
        let mut lines: Vec<_> = whole.lines().collect();
        let is_place = |line: &str| !line.starts_with(COMMENT) && line.contains(&self.from);
        let places: Vec<_> = (0..lines.len()).filter(|&at| is_place(lines[at])).collect();
        let [place] = places[..] else {
            panic!("{} lines have the first text of {self}", places.len())
        };
        let broken = lines[place].replacen(&self.from, &self.to, 1);
        lines[place] = &broken;
        Ok(lines.join("\n"))
    }

    fn verdict(&self, scratch: &Path) -> io::Result<&'static str> {
        let path = scratch.join(&self.file);
        let whole = fs::read_to_string(&path)?;
        fs::write(&path, self.apply(scratch)?)?;
        let (binary, model) = &self.model;
        let verdict = if !loom(scratch, &["--quiet", "--test", binary, "--no-run"])? {
            "DOES NOT COMPILE"
        } else if loom(scratch, &["--quiet", "--test", binary, "--", "--exact", model])? {
            "NOT CAUGHT"
        } else {
            "caught"
        };
        fs::write(&path, whole)?;
        Ok(verdict)
    }
}

/// Returns `true` if `cargo test` with loom succeeds.
fn loom(scratch: &Path, arguments: &[&str]) -> io::Result<bool> {
    Ok(cargo_test(scratch, arguments)?.output()?.status.success())
}

/// Returns the command that runs `cargo test` with loom.
fn cargo_test(scratch: &Path, arguments: &[&str]) -> io::Result<Command> {
    let mut cargo = Command::new("cargo");
    cargo.arg("test").args(arguments).current_dir(scratch.join("loom-tests"));
    cargo
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", target()?)
        .env("RUST_BACKTRACE", "0");
    Ok(cargo)
}

/// Returns cargo's target directory, which all scratch copies share, so that dependencies are compiled once.
fn target() -> io::Result<PathBuf> {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").into_os_string();
    let target = PathBuf::from(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(own));
    std::path::absolute(target.join("loom"))
}

fn sabotages(directory: &Path) -> io::Result<Vec<Sabotage>> {
    let mut all = Vec::new();
    let mut files: Vec<_> = fs::read_dir(directory)?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::path);
    for file in files {
        let path = file.path();
        let binary = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let source = if path.is_dir() { path.join("main.rs") } else { path };
        all.extend(parse(&binary, &fs::read_to_string(source)?));
    }
    assert!(!all.is_empty(), "no model names its sabotage");
    Ok(all)
}

/// Returns the sabotages of one file. Panics if a model of the file has none.
fn parse(binary: &str, source: &str) -> Vec<Sabotage> {
    let (mut all, mut pending, mut test) = (Vec::new(), Vec::new(), false);
    for line in source.lines() {
        if let Some(sabotage) = line.strip_prefix(COMMENT) {
            let (file, change) = sabotage.split_once(": ").expect("a file and a change");
            let (from, to) = split(change).expect("two texts with an arrow between them");
            pending.push((file.to_owned(), from.to_owned(), to.to_owned()));
        } else if line == "#[test]" {
            test = true;
        } else if let Some(name) = line.strip_prefix("fn ") {
            let name = name.split('(').next().unwrap_or_default();
            assert!(!test || !pending.is_empty(), "{name} does not name its sabotage");
            test = false;
            all.extend(pending.drain(..).map(|(file, from, to)| Sabotage {
                model: (binary.to_owned(), name.to_owned()),
                file,
                from,
                to,
            }));
        }
    }
    assert!(pending.is_empty(), "a sabotage in {binary} has no model below it");
    all
}

/// Splits at the middle arrow: if a match arm is replaced, both texts have the same number of arrows.
fn split(change: &str) -> Option<(&str, &str)> {
    let arrows: Vec<_> = change.match_indices(" => ").map(|(at, _)| at).collect();
    let middle = *arrows.get(arrows.len() / 2)?;
    Some((&change[..middle], &change[middle + 4..]))
}

/// Copies the sources without build output.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "target" || name == ".git" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}
