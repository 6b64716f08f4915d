//! Two threads use a static variable for the first time: its id and its default.
//!
//! The statics of the crate use std's atomics, which loom does not see. This test therefore compiles the file with their
//! protocols unchanged, and gives it loom's atomics.

#[allow(dead_code, reason = "the crate uses the rest")]
#[path = "../../../src/once.rs"]
mod once;

#[cfg(loom)]
mod modelled;

#[cfg(loom)]
use modelled::{AtomicWord, Cell};
#[cfg(not(loom))]
use std::sync::{OnceLock as Cell, atomic::AtomicUsize as AtomicWord};

use std::num::NonZeroUsize;

use loom_tests::sync::Arc;
use loom_tests::{model, thread};
use once::{Once, get_or_set, next_id};

fn two<R: Send + 'static>(of: impl Fn(usize) -> R + Send + Sync + 'static) -> [R; 2] {
    let of = Arc::new(of);
    let other = thread::spawn({
        let of = Arc::clone(&of);
        move || of(2)
    });
    [of(1), other.join().expect("the other thread does the same as this one")]
}

// sabotage: src/once.rs: lost.and_then(NonZeroUsize::new).unwrap_or(mine) => lost.map_or(mine, |_| mine)
#[test]
fn two_threads_that_name_one_variable_get_or_set_on_its_number() {
    model("name one variable", || {
        let (sequence, number) = (AtomicWord::new(1), AtomicWord::new(0));
        let [one, other] = two(move |_| {
            let mine = NonZeroUsize::new(next_id(&sequence, 9, "numbers")).expect("starts at one");
            get_or_set(&number, mine)
        });
        assert_eq!(one, other);
    });
}

// sabotage: src/once.rs: Err(found) => number = found, => Err(_) => return number,
#[test]
fn no_number_is_given_twice() {
    model("two numbers", || {
        let sequence = AtomicWord::new(1);
        let [one, other] = two(move |_| next_id(&sequence, 9, "numbers"));
        assert_ne!(one, other);
    });
}

// sabotage: src/once.rs: if self.maker.load(Ordering::Relaxed) == me => if self.maker.load(Ordering::Relaxed) != 0
#[test]
fn two_first_readers_of_a_default_share_the_value_that_is_made_once() {
    model("one default", || {
        let once = Once::<Cell<usize>, AtomicWord>::of(Cell::new(), AtomicWord::new(0));
        let made = AtomicWord::new(0);
        let read = two(move |me| {
            let value = once.get_or_make(me, || {
                once::AtomicWord::replace_if(&made, 0, me, std::sync::atomic::Ordering::Relaxed)
                    .expect("the default is made once");
                me
            });
            *value.expect("this thread is not making it")
        });
        assert_eq!(read[0], read[1]);
    });
}
