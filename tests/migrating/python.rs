//! From Python's `contextvars` and `asyncio`.

use contextvars::{Context, ContextExt as _, ContextVar, copy_context};

use crate::{Output, assert_as_in_python};

static USER: ContextVar<&str> = ContextVar::new("user");
static COUNT: ContextVar<u32> = ContextVar::with_default("count", || 0);

#[test]
fn a_run_of_a_copy_keeps_its_sets() {
    const PROGRAM: &str = r#"
from contextvars import ContextVar, copy_context

user = ContextVar("user")
count = ContextVar("count", default=0)

def work():
    print(user.get(), count.get())
    count.set(count.get() + 1)
    print(user.get(), count.get())

user.set("ann")
context = copy_context()
user.set("bob")
context.run(work)
context.run(work)
print(user.get(), count.get())
print(context[user], context[count])
"#;

    let output = Output::default();
    let work = || {
        output.print(format!("{} {}", USER.get(), COUNT.get()));
        COUNT.set(COUNT.get() + 1);
        output.print(format!("{} {}", USER.get(), COUNT.get()));
    };
    Context::new().run(|| {
        USER.set("ann");
        let mut context = copy_context();
        USER.set("bob");
        context.run(work);
        context.run(work);
        output.print(format!("{} {}", USER.get(), COUNT.get()));
        let values = (context.get(&USER).unwrap(), context.get(&COUNT).unwrap());
        output.print(format!("{} {}", values.0, values.1));
    });
    let recorded = ["ann 0", "ann 1", "ann 1", "ann 2", "bob 0", "ann 2"];
    assert_as_in_python(PROGRAM, "contextvars", &recorded, &output);
}

#[test]
fn tokens_restore_in_any_order_and_only_in_their_context() {
    const PROGRAM: &str = r#"
from contextvars import ContextVar, Token, copy_context

user = ContextVar("user")

first = user.set("ann")
second = user.set("bob")
print(first.old_value is Token.MISSING, second.old_value)
try:
    copy_context().run(user.reset, second)
except ValueError:
    print("refused")
user.reset(first)
print(user.get("unset"))
user.reset(second)
print(user.get("unset"))
"#;

    let output = Output::default();
    Context::new().run(|| {
        let first = USER.set("ann");
        let second = USER.set("bob");
        let missing = if first.old_value().is_none() { "True" } else { "False" };
        output.print(format!("{missing} {}", second.old_value().unwrap()));
        let refused = copy_context().run(|| USER.reset(second)).unwrap_err();
        output.print("refused");
        USER.reset(first).unwrap();
        output.print(USER.get_or("unset"));
        USER.reset(refused.into_token()).unwrap();
        output.print(USER.get_or("unset"));
    });
    let recorded = ["True ann", "refused", "unset", "ann"];
    assert_as_in_python(PROGRAM, "contextvars", &recorded, &output);
}

#[tokio::test]
async fn tasks_copy_the_context_and_an_await_shares_it() {
    const PROGRAM: &str = r#"
import asyncio
from contextvars import ContextVar, copy_context

user = ContextVar("user")

async def rename(name):
    user.set(name)
    await asyncio.sleep(0)
    return user.get()

async def main():
    user.set("ann")
    print(await asyncio.create_task(rename("bob")), user.get())
    print(*await asyncio.gather(rename("cid"), rename("dan")), user.get())
    print(await asyncio.to_thread(user.get), user.get())
    context = copy_context()
    print(await asyncio.create_task(rename("eve"), context=context), context[user], user.get())
    print(await rename("fay"), user.get())

asyncio.run(main())
"#;

    async fn rename(name: &'static str) -> &'static str {
        USER.set(name);
        tokio::task::yield_now().await;
        USER.get()
    }

    let output = Output::default();
    let program = async {
        USER.set("ann");
        let task = contextvars_tokio::spawn(rename("bob")).await.unwrap();
        output.print(format!("{task} {}", USER.get()));
        let branches =
            tokio::join!(rename("cid").in_current_context(), rename("dan").in_current_context());
        output.print(format!("{} {} {}", branches.0, branches.1, USER.get()));
        let blocking = contextvars_tokio::spawn_blocking(|| USER.get()).await.unwrap();
        output.print(format!("{blocking} {}", USER.get()));
        let mut renamed = Box::pin(rename("eve").in_context(copy_context()));
        let task = renamed.as_mut().await;
        let inside = *renamed.context().get(&USER).unwrap();
        output.print(format!("{task} {inside} {}", USER.get()));
        output.print(format!("{} {}", rename("fay").await, USER.get()));
    };
    program.in_context(Context::new()).await;
    let recorded = ["bob ann", "cid dan ann", "ann ann", "eve eve ann", "fay fay"];
    assert_as_in_python(PROGRAM, "asyncio, contextvars", &recorded, &output);
}
