//! From structlog's `contextvars`.

use contextvars::fields::{self, kv};
use contextvars::{Context, ContextExt as _};

use crate::{Output, assert_as_in_python};

/// Prints a message and the fields of the current context as the programs in Python do: sorted, because structlog keeps no
/// order.
fn log(output: &Output, message: &str) {
    let mut fields: Vec<_> =
        fields::get().iter().map(|(key, value)| format!(" {key}={value}")).collect();
    fields.sort();
    output.print(format!("{message}{}", fields.concat()));
}

#[tokio::test]
async fn bound_contextvars_around_a_coroutine_is_a_scope() {
    const PROGRAM: &str = r#"
import asyncio
from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars

def log(message):
    print(message + "".join(f" {key}={value}" for key, value in sorted(get_contextvars().items())))

async def handler():
    log("started")
    await asyncio.sleep(0)
    bind_contextvars(order=7)
    log("paid")

async def main():
    bind_contextvars(service="shop")
    with bound_contextvars(user="ann"):
        await handler()
    log("done")

asyncio.run(main())
"#;

    async fn handler(output: &Output) {
        log(output, "started");
        tokio::task::yield_now().await;
        fields::set(kv! { order = 7 });
        log(output, "paid");
    }

    let output = Output::default();
    let program = async {
        fields::set(kv! { service = "shop" });
        fields::scope(kv! { user = "ann" }, handler(&output)).await;
        log(&output, "done");
    };
    program.in_context(Context::new()).await;
    let recorded = [
        "started service=shop user=ann",
        "paid order=7 service=shop user=ann",
        "done order=7 service=shop",
    ];
    assert_as_in_python(PROGRAM, "structlog", &recorded, &output);
}

/// As a decorator of a coroutine function, `bound_contextvars` ends before the coroutine starts. The scope does not.
#[tokio::test]
async fn the_decorator_that_does_nothing_to_a_coroutine_is_a_scope_that_works() {
    const PROGRAM: &str = r#"
import asyncio
from structlog.contextvars import bound_contextvars, get_contextvars

@bound_contextvars(user="ann")
async def handler():
    print(get_contextvars().get("user"))

asyncio.run(handler())
"#;
    if let Some(lines) = crate::run_python(PROGRAM, "structlog") {
        assert_eq!(lines, ["None"]);
    }

    let handler = async { fields::get().get("user").map(ToString::to_string) };
    assert_eq!(fields::scope(kv! { user = "ann" }, handler).await.as_deref(), Some("ann"));
}

#[test]
fn tokens_of_bind_contextvars_are_tokens_of_set() {
    const PROGRAM: &str = r#"
from structlog.contextvars import *

def log(message):
    print(message + "".join(f" {key}={value}" for key, value in sorted(get_contextvars().items())))

bind_contextvars(user="ann", path="/")
tokens = bind_contextvars(user="bob", order=7)
log("bound")
reset_contextvars(**tokens)
log("reset")
unbind_contextvars("path", "unknown")
log("unbound")
clear_contextvars()
log("cleared")
"#;

    let output = Output::default();
    Context::new().run(|| {
        fields::set(kv! { user = "ann", path = "/" });
        let tokens = fields::set(kv! { user = "bob", order = 7 });
        log(&output, "bound");
        tokens.reset().unwrap();
        log(&output, "reset");
        fields::unset(["path", "unknown"]);
        log(&output, "unbound");
        fields::clear();
        log(&output, "cleared");
    });
    let recorded =
        ["bound order=7 path=/ user=bob", "reset path=/ user=ann", "unbound user=ann", "cleared"];
    assert_as_in_python(PROGRAM, "structlog", &recorded, &output);
}
