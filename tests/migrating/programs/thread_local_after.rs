// The program of `docs/migrating/thread-local.md`, after the migration.

use std::thread;

use contextvars::{ContextVar, propagate};

static USER: ContextVar<String> = ContextVar::with_default("user", || "nobody".into());

fn show(place: &str) {
    USER.with(|user| println!("{place}: {user}"));
}

fn handle() {
    show("request");
    thread::spawn(propagate(|| show("thread"))).join().unwrap();
}

fn main() {
    USER.sync_scope("ann".into(), handle);
    show("outside");
}
