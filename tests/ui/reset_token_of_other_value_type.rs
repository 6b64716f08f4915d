//! The token that an error returns keeps its type. Twin: `pass/reset_token_given_back.rs`.

use contextvars::{Context, ContextVar};

static NUMBER: ContextVar<u64> = ContextVar::new("number");
static NAME: ContextVar<String> = ContextVar::new("name");

fn main() {
    let token = NUMBER.set(1);
    let error = Context::new().run(|| NUMBER.reset(token)).unwrap_err();
    NAME.reset(error.into_token()).unwrap();
}
