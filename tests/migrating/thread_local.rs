//! From `thread_local!`.

use std::cell::RefCell;
use std::thread;

use contextvars::{Context, ContextExt as _, ContextVar, propagate};

use crate::Output;

thread_local! {
    static BEFORE: RefCell<Option<String>> = const { RefCell::new(None) };
}

static AFTER: ContextVar<String> = ContextVar::new("user");

fn user_before() -> String {
    BEFORE.with_borrow(|user| user.clone().unwrap_or_else(|| "unset".to_string()))
}

fn user_after() -> String {
    AFTER.get_or("unset".to_string())
}

#[test]
fn a_request_that_sets_a_value_and_takes_it_back() {
    let old = Output::default();
    old.print(user_before());
    BEFORE.set(Some("ann".to_string()));
    old.print(user_before());
    let outer = BEFORE.replace(Some("bob".to_string()));
    old.print(user_before());
    BEFORE.set(outer);
    old.print(user_before());
    BEFORE.set(None);
    old.print(user_before());

    let new = Output::default();
    new.print(user_after());
    AFTER.sync_scope("ann".to_string(), || {
        new.print(user_after());
        AFTER.sync_scope("bob".to_string(), || new.print(user_after()));
        new.print(user_after());
    });
    new.print(user_after());

    assert_eq!(old.lines(), ["unset", "ann", "bob", "ann", "unset"]);
    assert_eq!(new.lines(), old.lines());
}

#[test]
fn a_value_that_is_copied_by_hand_into_a_thread() {
    BEFORE.set(Some("ann".to_string()));
    let user = BEFORE.with_borrow(Clone::clone);
    let old = thread::spawn(|| {
        let bare = user_before();
        BEFORE.set(user);
        [bare, user_before()]
    });
    BEFORE.set(None);

    let new = AFTER.sync_scope("ann".to_string(), || {
        let bare = thread::spawn(user_after).join().unwrap();
        [bare, thread::spawn(propagate(user_after)).join().unwrap()]
    });

    let old = old.join().unwrap();
    assert_eq!(old, ["unset", "ann"]);
    assert_eq!(new, old);
}

/// The program that a thread-local gets wrong: two tasks of one thread in turn.
#[tokio::test]
async fn two_tasks_that_take_turns_on_one_thread_are_mixed_up_before_and_apart_after() {
    async fn before(user: &str) -> String {
        BEFORE.set(Some(user.to_string()));
        tokio::task::yield_now().await;
        user_before()
    }
    async fn after(user: &str) -> String {
        AFTER.set(user.to_string());
        tokio::task::yield_now().await;
        user_after()
    }

    let old = tokio::join!(before("ann"), before("bob"));
    assert_eq!(old, ("bob".to_string(), "bob".to_string()));
    let new = tokio::join!(
        after("ann").in_context(Context::new()),
        after("bob").in_context(Context::new()),
    );
    assert_eq!(new, ("ann".to_string(), "bob".to_string()));
}
