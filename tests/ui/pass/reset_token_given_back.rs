//! The token that an error returns still works with its variable in its context.

use contextvars::{Context, ContextVar};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

fn main() {
    let token = NUMBER.set(1);
    let error = Context::new().run(|| NUMBER.reset(token)).unwrap_err();
    NUMBER.reset(error.into_token()).unwrap();
    assert!(NUMBER.try_get().is_err());
}
