//! Child processes: the variables in the environment of a child process. Needs only the standard library.

use std::process::Command;
use std::sync::LazyLock;

use contextvars::{Context, ContextVar};
use contextvars_wire::{Environment, Propagator, TraceContext, text};

static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
static TENANT: ContextVar<String> = ContextVar::new("tenant");

static WIRE: LazyLock<Propagator> = LazyLock::new(|| {
    Propagator::builder()
        .trace_context(&TRACE)
        .header("x-request-id", text(&REQUEST_ID).max_len(128))
        .baggage("tenant", text(&TENANT))
        .build()
        .expect("the names are valid and differ")
});

/// Returns a command whose environment has `TRACEPARENT`, `X_REQUEST_ID` and `BAGGAGE` of the current context.
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    // The child must not inherit this process's own variables of these names; `inject` removes those that the context lacks.
    WIRE.inject(&mut command);
    command
}

/// Returns the context for the child. Call it first in `main`: `context().run(run)`, or `run().in_context(context())`.
fn context() -> Context {
    WIRE.extract(&Environment).context
}

// The recipe ends here. The code below tests it. The child is this program again, which runs only one test.

use contextvars::ContextExt as _;

const CHILD: &str = "IN_THE_CHILD";

fn child(mode: &str) -> Command {
    let mut command = command(std::env::current_exe().unwrap());
    command.args(["--exact", "the_child", "--nocapture"]).env(CHILD, mode);
    command
}

fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn seen() -> String {
    let (id, tenant) = (REQUEST_ID.get_or("none".into()), TENANT.get_or("none".into()));
    format!("seen {id} {tenant} {}", TRACE.get().trace_id())
}

/// Runs the body of the child's `main`; in the parent process it does nothing.
#[test]
fn the_child() {
    let Ok(mode) = std::env::var(CHILD) else { return };
    let mut context = context();
    if mode == "forgetful" {
        assert!(context.remove(&REQUEST_ID) && context.remove(&TENANT));
    }
    context.run(|| match &*mode {
        "last" => println!("{}", seen()),
        _ => print!("{}", output(child("last"))),
    });
}

fn request(n: usize) -> Context {
    Context::new()
        .with_value(&TRACE, TraceContext::new_root())
        .with_value(&REQUEST_ID, format!("r-{n}"))
        .with_value(&TENANT, format!("größe {n}, 100%25 a=b"))
}

#[test]
fn a_child_continues_the_context_of_its_parent() {
    for n in 0..3 {
        request(n).run(|| {
            let said = output(child("last"));
            assert!(said.contains(&format!("{}\n", seen())), "{said}");
        });
    }
}

#[tokio::test]
async fn so_does_a_child_of_tokios_and_its_own_child() {
    let start = async {
        tokio::task::yield_now().await;
        let output = tokio::process::Command::from(child("middle")).output().await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(&format!("{}\n", seen())), "{said}");
    };
    start.in_context(request(7)).await;
}

#[test]
fn inherited_headers_are_not_handed_down_unless_the_context_has_them() {
    let mut child = request(7).run(|| child("forgetful"));
    let trace = TraceContext::new_root();
    child.env("TRACEPARENT", trace.to_string());
    let said = output(child);
    assert!(said.contains(&format!("seen none none {}\n", trace.trace_id())), "{said}");
}
