//! A process that forks has two copies of each context of the forking thread.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use contextvars::{Context, ContextVar};

static NAME: ContextVar<u8> = ContextVar::new("name");
static TEXT: ContextVar<String> = ContextVar::new("text");

#[expect(unsafe_code, reason = "std has no fork")]
unsafe extern "C" {
    safe fn fork() -> i32;
    safe fn _exit(code: i32) -> !;
}

/// Reads, replaces and restores values in the child, inside of everything that the parent has entered.
fn use_in_child(lent: &str) -> Option<[u8; 3]> {
    let before = NAME.get();
    let token = NAME.set(2);
    let set = NAME.get();
    NAME.reset(token).ok()?;
    TEXT.unset();
    let mut copy = Context::current();
    (lent == "parent" && !copy.contains(&TEXT)).then(|| [before, set, copy.run(|| NAME.get())])
}

#[test]
#[cfg_attr(miri, ignore = "forks")]
fn a_forked_process_goes_on_with_its_own_copy_of_each_context() {
    let mut context = Context::new().with_value(&NAME, 1).with_value(&TEXT, "parent".into());
    let (mut read, mut write) = UnixStream::pair().unwrap();
    context.run(|| {
        // The parent's end for writing is closed with this closure, so a child that sends nothing fails the read.
        TEXT.with(move |lent| {
            if fork() == 0 {
                let sent = use_in_child(lent).map(|seen| write.write_all(&seen));
                _exit(i32::from(!matches!(sent, Some(Ok(())))));
            }
        });
        let mut seen = [0; 3];
        read.read_exact(&mut seen).unwrap();
        assert_eq!(seen, [1, 2, 1]);
        assert_eq!((NAME.get(), TEXT.get()), (1, "parent".to_owned()));
    });
}
