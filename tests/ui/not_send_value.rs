//! A value must be `Send`, because the last copy of a context may be dropped on any thread. Twin: `pass/send_value.rs`.

use std::sync::MutexGuard;

use contextvars::ContextVar;

static GUARD: ContextVar<MutexGuard<'static, u64>> = ContextVar::new("guard");

fn main() {
    println!("{GUARD:?}");
}
