// The program of `docs/migrating/log.md`, after the migration.

use std::thread;

use contextvars::fields::{self, kv};
use contextvars::propagate;
use contextvars_log::ContextLogger;

fn handle() {
    log::info!("started");
    thread::spawn(propagate(|| log::info!("reserved"))).join().unwrap();
}

fn main() {
    let mut logger = env_logger::builder();
    logger.filter_level(log::LevelFilter::Info).target(env_logger::Target::Stdout);
    logger.format_timestamp(None).format_target(false);
    log::set_boxed_logger(Box::new(ContextLogger::new(logger.build()))).unwrap();
    log::set_max_level(log::LevelFilter::Info);

    fields::sync_scope(kv! { user = "ann" }, handle);
    log::info!("stopped");
}
