//! `reset` consumes the token. Twin: `pass/token_used_once.rs`.

use contextvars::ContextVar;

static NUMBER: ContextVar<u64> = ContextVar::new("number");

fn main() {
    let token = NUMBER.set(1);
    NUMBER.reset(token).unwrap();
    NUMBER.reset(token).unwrap();
}
