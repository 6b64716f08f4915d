//! From `tokio::task_local!`.

use std::cell::Cell;

use contextvars::{Context, ContextExt as _};

use crate::Output;

/// The statics before the migration.
mod before {
    use std::cell::Cell;

    tokio::task_local! {
        pub(super) static USER: &'static str;
        pub(super) static ROLE: &'static str;
        pub(super) static COUNT: Cell<u32>;
    }

    pub(super) fn user() -> &'static str {
        USER.try_with(|user| *user).unwrap_or("unset")
    }
}

/// The statics after the migration.
mod after {
    use contextvars::ContextVar;

    pub(super) static USER: ContextVar<&str> = ContextVar::new("user");
    pub(super) static ROLE: ContextVar<&str> = ContextVar::new("role");
    pub(super) static COUNT: ContextVar<u32> = ContextVar::new("count");

    pub(super) fn user() -> &'static str {
        USER.try_get().unwrap_or("unset")
    }
}

#[tokio::test]
async fn a_counter_that_the_scoped_future_raises_stays_raised() {
    let old = before::COUNT.scope(Cell::new(0), async {
        let work = async {
            tokio::task::yield_now().await;
            before::COUNT.with(|count| count.set(count.get() + 1));
            before::USER.get()
        };
        let user = before::USER.scope("ann", work).await;
        (user, before::COUNT.with(Cell::get), before::user())
    });
    let new = after::COUNT.scope(0, async {
        let work = async {
            tokio::task::yield_now().await;
            after::COUNT.set(after::COUNT.get() + 1);
            after::USER.get()
        };
        let user = after::USER.scope("ann", work).await;
        (user, after::COUNT.get(), after::user())
    });
    let old = old.await;
    assert_eq!(old, ("ann", 1, "unset"));
    assert_eq!(new.await, old);
}

/// The reason for the rule above: a copy of the context keeps the sets of the future to itself.
#[tokio::test]
async fn a_counter_that_a_future_raises_in_a_copy_of_the_context_is_lost() {
    let request = async {
        after::COUNT.set(0);
        let work = async { after::COUNT.set(after::COUNT.get() + 1) };
        work.in_context(Context::current().with_value(&after::USER, "ann")).await;
        after::COUNT.get()
    };
    assert_eq!(request.in_context(Context::new()).await, 0);
}

#[tokio::test]
async fn a_value_is_taken_out_of_a_future_that_has_a_context() {
    let mut old = Box::pin(before::COUNT.scope(Cell::new(1), async {
        before::COUNT.with(|count| count.set(count.get() + 1));
    }));
    old.as_mut().await;
    let taken = old.as_mut().take_value();

    let context = Context::new().with_value(&after::COUNT, 1);
    let mut new =
        Box::pin(async { drop(after::COUNT.set(after::COUNT.get() + 1)) }.in_context(context));
    new.as_mut().await;
    assert_eq!(new.context().get(&after::COUNT).copied(), taken.map(Cell::into_inner));
    assert_eq!(new.as_mut().take_context().get(&after::COUNT), Some(&2));
}

#[tokio::test]
async fn scopes_nest_and_the_inner_one_hides_the_outer_one() {
    let old = before::USER.scope("ann", async {
        let inner = before::USER.scope("bob", async { before::user() }).await;
        (inner, before::user())
    });
    let new = after::USER.scope("ann", async {
        let inner = after::USER.scope("bob", async { after::user() }).await;
        (inner, after::user())
    });
    let old = old.await;
    assert_eq!(old, ("bob", "ann"));
    assert_eq!(new.await, old);
}

#[tokio::test]
async fn several_keys_are_one_scope_in_another_or_one_context() {
    let old = before::ROLE.scope("admin", async { [before::USER.get(), before::ROLE.get()] });
    let old = before::USER.scope("ann", old).await;

    let new = after::ROLE.scope("admin", async { [after::USER.get(), after::ROLE.get()] });
    assert_eq!(after::USER.scope("ann", new).await, old);

    let request = Context::new().with_value(&after::USER, "ann").with_value(&after::ROLE, "admin");
    let new = async { [after::USER.get(), after::ROLE.get()] };
    assert_eq!(new.in_context(request).await, old);
}

#[tokio::test]
async fn the_branches_of_a_join_have_each_their_own_value() {
    async fn twice(user: fn() -> &'static str) -> [&'static str; 2] {
        let first = user();
        tokio::task::yield_now().await;
        [first, user()]
    }
    let old = tokio::join!(
        before::USER.scope("ann", twice(before::user)),
        before::USER.scope("bob", twice(before::user)),
        twice(before::user),
    );
    let new = tokio::join!(
        after::USER.scope("ann", twice(after::user)),
        after::USER.scope("bob", twice(after::user)),
        twice(after::user),
    );
    assert_eq!(old, (["ann"; 2], ["bob"; 2], ["unset"; 2]));
    assert_eq!(new, old);
}

#[tokio::test]
async fn a_bare_spawn_inherits_nothing_in_either_and_one_that_copies_the_context_does() {
    let old = before::USER.scope("ann", async { tokio::spawn(async { before::user() }).await });
    let new = after::USER.scope("ann", async { tokio::spawn(async { after::user() }).await });
    let old = old.await.unwrap();
    assert_eq!(old, "unset");
    assert_eq!(new.await.unwrap(), old);

    // tokio: the value is passed on by hand, one scope for each key.
    let old = before::USER.scope("ann", async {
        let user = before::USER.get();
        tokio::spawn(before::USER.scope(user, async { before::user() })).await
    });
    let new =
        after::USER.scope("ann", async { contextvars_tokio::spawn(async { after::user() }).await });
    let old = old.await.unwrap();
    assert_eq!(old, "ann");
    assert_eq!(new.await.unwrap(), old);
}

#[test]
fn a_sync_scope_is_a_sync_scope_and_ends_with_a_panic_too() {
    fn program(
        output: &Output,
        scoped: impl Fn(&'static str, &mut dyn FnMut()),
        user: fn() -> &'static str,
    ) {
        output.print(user());
        scoped("ann", &mut || output.print(user()));
        let panic = std::panic::AssertUnwindSafe(|| scoped("bob", &mut || panic!("in the scope")));
        std::panic::catch_unwind(panic).unwrap_err();
        output.print(user());
    }

    let (old, new) = (Output::default(), Output::default());
    program(&old, |value, f| before::USER.sync_scope(value, f), before::user);
    program(&new, |value, f| after::USER.sync_scope(value, f), after::user);
    assert_eq!(old.lines(), ["unset", "ann", "unset"]);
    assert_eq!(new.lines(), old.lines());
}

#[tokio::test]
async fn a_counter_that_a_sync_scope_raises_stays_raised() {
    let old = before::COUNT.scope(Cell::new(0), async {
        let raise = || before::COUNT.with(|count| count.set(count.get() + 1));
        before::USER.sync_scope("ann", raise);
        before::COUNT.with(Cell::get)
    });
    let new = after::COUNT.scope(0, async {
        after::USER.sync_scope("ann", || after::COUNT.set(after::COUNT.get() + 1));
        after::COUNT.get()
    });
    let old = old.await;
    assert_eq!(old, 1);
    assert_eq!(new.await, old);
}

#[tokio::test]
async fn a_future_that_is_dropped_reads_the_value_in_its_destructors() {
    struct Report(Output, fn() -> &'static str);
    impl Drop for Report {
        fn drop(&mut self) {
            self.0.print((self.1)());
        }
    }
    async fn stalled(report: Report) {
        std::future::pending::<()>().await;
        drop(report);
    }

    let (old, new) = (Output::default(), Output::default());
    drop(before::USER.scope("ann", stalled(Report(old.clone(), before::user))));
    drop(after::USER.scope("ann", stalled(Report(new.clone(), after::user))));
    assert_eq!(old.lines(), ["ann"]);
    assert_eq!(new.lines(), old.lines());
}
