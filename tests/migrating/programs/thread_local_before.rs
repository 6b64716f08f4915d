// The program of `docs/migrating/thread-local.md`, before the migration.

use std::cell::RefCell;
use std::thread;

thread_local! {
    static USER: RefCell<String> = RefCell::new("nobody".into());
}

fn show(place: &str) {
    USER.with_borrow(|user| println!("{place}: {user}"));
}

fn handle() {
    show("request");
    let user = USER.with_borrow(Clone::clone);
    let work = move || {
        USER.set(user);
        show("thread");
    };
    thread::spawn(work).join().unwrap();
}

fn main() {
    let outer = USER.replace("ann".into());
    handle();
    USER.set(outer); // unless `handle` panics
    show("outside");
}
