//! A command that processes files, with `log` and `env_logger`: every line names the file that it is about.
//!
//! `cargo run --example env_logger -- Cargo.toml missing.toml`

use std::fs;

use contextvars::fields::{self, kv};
use contextvars_log::ContextLogger;
use env_logger::{Builder, Env};

fn check(path: &str) -> std::io::Result<()> {
    log::info!("reading");
    let lines = fs::read_to_string(path)?.lines().count();
    log::info!(lines; "read");
    Ok(())
}

fn main() {
    let inner = Builder::from_env(Env::default().default_filter_or("info")).build();
    log::set_max_level(inner.filter());
    log::set_boxed_logger(Box::new(ContextLogger::new(inner))).unwrap();

    for (number, file) in std::env::args().skip(1).enumerate() {
        let bound = kv! { number, file = %file };
        fields::sync_scope(bound, || {
            check(&file).unwrap_or_else(|error| log::error!(error:%; "skipped"));
        });
    }
}
