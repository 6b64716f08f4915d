//! A token that is used on another thread.

use contextvars::{Context, ContextVar, ResetErrorKind};
use loom_tests::{Live, Value, model, thread};

static ONE: ContextVar<Value> = ContextVar::new("one");

fn one() -> Option<u32> {
    ONE.try_with(Value::number).ok()
}

// sabotage: src/context_state.rs: Self { inherited, local, id: ContextId::UNASSIGNED } => Self { inherited, local, id: self.id }
// sabotage: src/token.rs: if current::is_current(self.context) { => if !current::is_current(self.context) {
#[test]
fn a_token_works_in_its_context_on_another_thread_and_in_no_copy() {
    model("a token on another thread", || {
        let live = Live::new();
        let mut context = Context::new().with_value(&ONE, live.value(1));
        let token = context.run(|| ONE.set(live.value(2)));
        let mut copy = context.clone();

        let other = thread::spawn(move || {
            let refused = copy.run(|| ONE.reset(token)).unwrap_err();
            assert_eq!(refused.kind(), ResetErrorKind::WrongContext);
            assert_eq!(copy.run(one), Some(2));
            refused.into_token()
        });
        assert_eq!(context.run(one), Some(2));
        let snapshot = context.clone();
        let token = other.join().unwrap();

        let other = thread::spawn(move || {
            context.run(|| ONE.reset(token)).unwrap();
            assert_eq!(context.run(one), Some(1));
        });
        assert_eq!(snapshot.get(&ONE).map(Value::number), Some(2));
        drop(snapshot);
        other.join().unwrap();
        assert_eq!(live.count(), 0);
    });
}
