//! Checks that the memory of a server does not grow: serves the requests of a week, as fast as possible.
//!
//! ```text
//! cargo run --release -p contextvars-benches --bin soak -- [--requests N] [--plot FILE]
//! ```
//!
//! Requests are served on tokio's threads, several at a time; `request` says what each of them does. The program reads and
//! prints the resident memory a hundred times (requests, then KiB). The run fails if memory after the first tenth grew by more
//! than [`ALLOWANCE`], or if a value is left at the end. Nothing is timed. Use a small number of requests (1000) for valgrind's
//! memcheck, which retains memory itself: below [`ENOUGH`] requests, the growth is not judged.

mod plot;
mod request;

use std::process::ExitCode;
use std::{env, fs};

use tokio::runtime::{Builder, Runtime};

/// Number of requests in about a week, for a server with 16 requests per second.
const WEEK: u64 = 10_000_000;

/// Smallest number of requests for which the growth of memory is judged.
const ENOUGH: u64 = 100_000;

/// Number of memory samples.
const SAMPLES: u64 = 100;

/// Number of samples in the first tenth, during which pools and arenas fill.
const SETTLING: usize = 10;

/// Permitted growth of memory after that, in KiB. Allocators retain freed memory, in chunks that they choose themselves.
const ALLOWANCE: u64 = 2048;

/// Number of requests that are served at the same time.
const LANES: u64 = 8;

/// The memory after a number of requests.
#[derive(Clone, Copy)]
struct Sample {
    requests: u64,
    kib: u64,
}

struct Options {
    requests: u64,
    plot: Option<String>,
}

fn main() -> ExitCode {
    let outcome = options(env::args().skip(1)).and_then(|options| soak(&options));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { requests: WEEK, plot: None };
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("`{option}` needs a value"))?;
        match option.as_str() {
            "--requests" => {
                let number = value.parse();
                options.requests = number.map_err(|_| format!("`{value}` is not a number"))?;
            }
            "--plot" => options.plot = Some(value),
            _ => return Err("usage: soak [--requests N] [--plot FILE]".to_owned()),
        }
    }
    Ok(options)
}

fn soak(options: &Options) -> Result<(), String> {
    let runtime = Builder::new_multi_thread().worker_threads(2).build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let mut samples = Vec::new();
    let mut served = 0;
    for sample in 1..=SAMPLES {
        let until = options.requests * sample / SAMPLES;
        serve(&runtime, served, until);
        served = until;
        eprint!("\r{sample} of {SAMPLES}: {served} requests");
        let Some(kib) = resident() else { continue };
        println!("{served}\t{kib}");
        samples.push(Sample { requests: served, kib });
    }
    eprintln!();
    drop(runtime);
    if let Some(file) = &options.plot {
        let picture = plot::of(&samples).to_string();
        fs::write(file, picture).map_err(|error| format!("{file}: {error}"))?;
    }
    judge(&samples)
}

/// Serves the requests with these numbers, and waits for all of them.
fn serve(runtime: &Runtime, from: u64, until: u64) {
    runtime.block_on(async {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                tokio::spawn(async move {
                    for number in (from..until).filter(|number| number % LANES == lane) {
                        request::serve(number).await;
                    }
                })
            })
            .collect();
        for lane in lanes {
            lane.await.expect("a request does not panic");
        }
    });
}

/// Returns the resident memory in KiB, if the system reports it.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn judge(samples: &[Sample]) -> Result<(), String> {
    let left = request::values_left();
    if left != 0 {
        return Err(format!("{left} values were not dropped"));
    }
    println!("all values were dropped");
    if samples.last().is_some_and(|sample| sample.requests < ENOUGH) {
        println!("too few requests to judge the growth of memory");
        return Ok(());
    }
    let Some(settled) = samples.iter().take(SETTLING).map(|sample| sample.kib).max() else {
        println!("this system does not report the resident memory");
        return Ok(());
    };
    let most = samples.iter().map(|sample| sample.kib).max().unwrap_or(settled);
    if most > settled + ALLOWANCE {
        return Err(format!("memory grew from {settled} KiB after a tenth to {most} KiB"));
    }
    println!("{settled} KiB after a tenth, at most {most} KiB afterwards");
    Ok(())
}
