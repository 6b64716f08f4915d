//! Snapshots of one map on two threads.

use contextvars::{Context, ContextVar};
use loom_tests::{Live, Value, model, model_within, thread};

static ONE: ContextVar<Value> = ContextVar::new("one");
static TWO: ContextVar<Value> = ContextVar::new("two");
static THREE: ContextVar<Value> = ContextVar::new("three");
static FOUR: ContextVar<Value> = ContextVar::new("four");
static FIVE: ContextVar<Value> = ContextVar::new("five");

fn number(context: &Context, var: &ContextVar<Value>) -> Option<u32> {
    context.get(var).map(Value::number)
}

// sabotage: src/count.rs: self.0.fetch_sub(1, Ordering::Release) => self.0.fetch_sub(1, Ordering::Relaxed)
// sabotage: src/count.rs: self.0.load(Ordering::Acquire); => self.0.load(Ordering::Relaxed);
// sabotage: src/count.rs: self.0.load(Ordering::Acquire) == 1 => self.0.load(Ordering::Relaxed) == 1
// sabotage: src/count.rs: self.0.fetch_sub(1, Ordering::Release) != 1 => self.0.fetch_sub(1, Ordering::Release) != 0
#[test]
fn a_snapshot_that_both_sides_change_and_drop_is_dropped_once() {
    model("changed and dropped on both sides", || {
        let live = Live::new();
        let mine = Context::new().with_value(&ONE, live.value(1)).with_value(&TWO, live.value(2));
        let theirs = mine.clone();
        let three = live.value(30);
        let other = thread::spawn(move || {
            let theirs = theirs.with_value(&ONE, three);
            assert_eq!([number(&theirs, &ONE), number(&theirs, &TWO)], [Some(30), Some(2)]);
        });
        let mine = mine.with_value(&THREE, live.value(3));
        assert_eq!([number(&mine, &ONE), number(&mine, &THREE)], [Some(1), Some(3)]);
        drop(mine);
        other.join().unwrap();
        assert_eq!(live.count(), 0);
    });
}

// sabotage: src/count.rs: self.0.load(Ordering::Acquire) == 1 => self.0.load(Ordering::Acquire) <= 2
#[test]
fn who_reads_a_snapshot_does_not_see_who_writes_to_a_copy() {
    model("a reader and a writer of a copy", || {
        let live = Live::new();
        let snapshot =
            Context::new().with_value(&ONE, live.value(1)).with_value(&TWO, live.value(2));
        let mut copy = snapshot.clone();
        let writer = thread::spawn(move || {
            assert!(copy.remove(&ONE));
            copy
        });
        assert_eq!([number(&snapshot, &ONE), number(&snapshot, &TWO)], [Some(1), Some(2)]);
        drop(snapshot);
        let copy = writer.join().unwrap();
        assert_eq!([number(&copy, &ONE), number(&copy, &TWO)], [None, Some(2)]);
        assert_eq!(live.count(), 1);
        drop(copy);
        assert_eq!(live.count(), 0);
    });
}

// sabotage: src/count.rs: self.0.load(Ordering::Acquire) == 1 => self.0.load(Ordering::Relaxed) == 1
// sabotage: src/hamt.rs: return Ok(Some(std::mem::replace(held, value))); => return Ok(Some(value));
#[test]
fn a_set_and_its_reset_leave_shared_branches_alone() {
    model("set and reset on both sides", || {
        let live = Live::new();
        let mut mine =
            Context::new().with_value(&ONE, live.value(1)).with_value(&TWO, live.value(2));
        let mut theirs = mine.clone();
        let three = live.value(30);
        let other = thread::spawn(move || {
            theirs.run(|| {
                let token = ONE.set(three);
                assert_eq!(ONE.with(Value::number), 30);
                ONE.reset(token).unwrap();
                assert_eq!(ONE.with(Value::number), 1);
            });
        });
        mine.run(|| {
            let token = THREE.set(live.value(3));
            assert_eq!(ONE.with(Value::number), 1);
            THREE.reset(token).unwrap();
            assert!(THREE.try_with(|_| ()).is_err());
        });
        drop(mine);
        other.join().unwrap();
        assert_eq!(live.count(), 0);
    });
}

// sabotage: src/count.rs: self.0.fetch_sub(1, Ordering::Release) => self.0.fetch_sub(1, Ordering::Relaxed)
// sabotage: src/hamt/node.rs: Some(count) if at != place => count.acquire(), => Some(_) if at != place => {}
#[test]
fn three_threads_share_branches_two_deep() {
    model_within(3, "three threads, five variables", || {
        let live = Live::new();
        let vars = [&ONE, &TWO, &THREE, &FOUR, &FIVE];
        let context = vars.iter().zip(1..).fold(Context::new(), |context, (var, number)| {
            context.with_value(*var, live.value(number))
        });
        let [mut theirs, also] = [context.clone(), context.clone()];
        let others = [
            thread::spawn(move || assert!(theirs.remove(&ONE) && theirs.len() == 4)),
            thread::spawn(move || assert_eq!(number(&also, &FIVE), Some(5))),
        ];
        drop(context);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(live.count(), 0);
    });
}

// sabotage: src/current/borrow.rs: frame.keepalive.set(Some(value.clone())); => drop(value.clone());
#[test]
fn a_lent_value_outlives_all_who_hold_it() {
    model("lent while it goes", || {
        let live = Live::new();
        let mut mine = Context::new().with_value(&ONE, live.value(1));
        let theirs = mine.clone();
        let two = live.value(2);
        mine.run(|| {
            ONE.with(|lent| {
                let other = thread::spawn(move || drop(theirs));
                drop(ONE.set(two));
                assert_eq!(lent.number(), 1);
                other.join().unwrap();
                assert_eq!((lent.number(), live.count()), (1, 2));
            });
            assert_eq!(live.count(), 1);
        });
        drop(mine);
        assert_eq!(live.count(), 0);
    });
}

// sabotage: src/sync.rs: self.end(); => let _ = Self::end;
#[test]
fn the_values_of_a_thread_go_when_it_ends() {
    model("the end of a thread", || {
        let live = Live::new();
        let (one, two) = (live.value(1), live.value(2));
        let other = thread::spawn(move || {
            drop(ONE.set(one));
            let copy = Context::current();
            drop(TWO.set(two));
            copy
        });
        let copy = other.join().unwrap();
        // Loom drops a thread's locals after the join, so a value that they leak is reported at the end of the model.
        assert_eq!(number(&copy, &ONE), Some(1));
    });
}

/// Uses the crate when it is dropped.
struct UsesContexts;

impl Drop for UsesContexts {
    fn drop(&mut self) {
        assert!(ONE.try_with(|_| ()).is_err());
        Context::new().run(|| assert!(Context::current().is_empty()));
    }
}

// sabotage: src/sync.rs: let result = self.key.try_with(&mut run).unwrap_or_else(|_| run(&(self.new)())); => let result = self.key.with(&mut run);
#[test]
fn a_value_that_goes_with_its_thread_may_use_the_crate() {
    static USES_CONTEXTS: ContextVar<UsesContexts> = ContextVar::new("uses_contexts");

    model("a destructor at the end of a thread", || {
        let live = Live::new();
        let one = live.value(1);
        let other = thread::spawn(move || {
            drop(USES_CONTEXTS.set(UsesContexts));
            drop(ONE.bind(one));
        });
        other.join().unwrap();
        assert_eq!(live.count(), 0);
    });
}
