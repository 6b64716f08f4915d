//! Tests that ids do not repeat, even across threads, forked processes and seeded generators.

use std::collections::HashSet;
use std::thread;

use contextvars_wire::TraceContext;

fn trace_id() -> u128 {
    TraceContext::new_root().trace_id().get()
}

#[test]
fn a_generator_that_others_seed_has_no_say_in_ids() {
    let ids = [7, 7].map(|seed| {
        fastrand::seed(seed);
        let root = TraceContext::new_root();
        (root.trace_id(), root.parent_id(), root.child().parent_id())
    });
    assert!(ids[0].0 != ids[1].0 && ids[0].1 != ids[1].1 && ids[0].2 != ids[1].2);
}

#[test]
fn threads_draw_ids_of_their_own() {
    let draw = || (0..100).map(|_| trace_id()).collect::<Vec<_>>();
    let threads: Vec<_> = (0..8).map(|_| thread::spawn(draw)).collect();
    let ids: HashSet<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    assert_eq!(ids.len(), 800);
    let halves: HashSet<_> =
        ids.iter().flat_map(|id| [id >> 64, id & u128::from(u64::MAX)]).collect();
    assert_eq!(halves.len(), 1600, "all sixteen bytes are drawn");
}

#[test]
fn there_are_ids_in_destructors_of_thread_locals() {
    struct AtEnd;
    impl Drop for AtEnd {
        fn drop(&mut self) {
            assert_ne!(TraceContext::new_root(), TraceContext::new_root().child());
        }
    }
    thread_local!(static AT_END: AtEnd = const { AtEnd });
    thread::spawn(|| {
        AT_END.with(|_| ());
        let _ = trace_id();
    })
    .join()
    .unwrap();
}

/// The generators' state is copied along with everything else.
#[cfg(unix)]
#[test]
#[cfg_attr(miri, ignore = "forks")]
fn a_forked_process_starts_traces_of_its_own() {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    #[expect(unsafe_code, reason = "std has no fork")]
    unsafe extern "C" {
        safe fn fork() -> i32;
        safe fn _exit(code: i32) -> !;
    }

    let _ = trace_id();
    let (mut read, mut write) = UnixStream::pair().unwrap();
    // The child neither allocates nor locks, because a thread of the parent may have held a lock at the fork.
    if fork() == 0 {
        let sent = write.write_all(&trace_id().to_ne_bytes());
        _exit(i32::from(sent.is_err()));
    }
    let mine = trace_id();
    let mut childs = [0; 16];
    read.read_exact(&mut childs).unwrap();
    assert_ne!(u128::from_ne_bytes(childs), mine);
}
