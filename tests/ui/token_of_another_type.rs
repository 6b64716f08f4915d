//! `reset` does not accept a token of another type of value. Twin: `pass/token_of_the_same_type.rs`.

use contextvars::ContextVar;

static NUMBER: ContextVar<u64> = ContextVar::new("number");
static NAME: ContextVar<String> = ContextVar::new("name");

fn main() {
    let token = NUMBER.set(1);
    NAME.reset(token).unwrap();
}
