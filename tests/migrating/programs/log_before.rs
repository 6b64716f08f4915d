// The program of `docs/migrating/log.md`, before the migration.

use std::io::Write;
use std::thread;

fn handle(user: &str) {
    log_mdc::insert("user", user);
    log::info!("started");
    let user = log_mdc::get("user", |user| user.unwrap_or("").to_string());
    let reserve = move || {
        log_mdc::insert("user", user);
        log::info!("reserved");
        log_mdc::clear();
    };
    thread::spawn(reserve).join().unwrap();
    log_mdc::remove("user");
}

fn main() {
    let mut logger = env_logger::builder();
    logger.filter_level(log::LevelFilter::Info).target(env_logger::Target::Stdout);
    logger.format(|out, record| {
        write!(out, "[{} ] {}", record.level(), record.args())?;
        log_mdc::iter(|key, value| write!(out, " {key}={value}").unwrap());
        writeln!(out)
    });
    logger.init();
    handle("ann");
    log::info!("stopped");
}
