//! A thread pool whose jobs run in the context that submitted them, so each job logs its customer and order.
//!
//! `cargo run --example worker_pool`

use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use contextvars::fields::{self, kv};
use contextvars::propagate;

type Job = Box<dyn FnOnce() + Send>;

/// Prints a message with the current log fields, which were bound once, where the order was taken.
fn log(message: &str) {
    let mut shown = vec![];
    fields::visit(|key, value| shown.push(format!("{key}={value}")));
    println!("{:?} {message} {}", thread::current().id(), shown.join(" "));
    assert_eq!(shown.len(), 2);
}

fn main() {
    let (sender, jobs) = mpsc::channel::<Job>();
    let jobs = Arc::new(Mutex::new(jobs));
    let work = |jobs: Arc<Mutex<mpsc::Receiver<Job>>>| {
        move || {
            while let Ok(job) = { jobs.lock().unwrap().recv() } {
                job();
            }
        }
    };
    let workers = [(); 2].map(|()| thread::spawn(work(Arc::clone(&jobs))));

    for (order, customer) in ["ann", "bob", "cyd"].into_iter().enumerate() {
        fields::sync_scope(kv! { customer, order }, || {
            sender.send(Box::new(propagate(|| log("packing")))).unwrap();
            sender.send(Box::new(propagate(|| log("sending")))).unwrap();
        });
    }
    drop(sender);
    for worker in workers {
        worker.join().unwrap();
    }
}
