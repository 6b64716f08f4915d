//! The token that an error gives back is good for the variable and the context it was made for.

use contextvars::{Context, ContextVar};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

fn main() {
    let token = NUMBER.set(1);
    let error = Context::new().run(|| NUMBER.reset(token)).unwrap_err();
    NUMBER.reset(error.into_token()).unwrap();
    assert!(NUMBER.try_get().is_err());
}
