//! A token of another variable of the same type compiles, and is refused.

use contextvars::{ContextVar, ResetErrorKind};

static NUMBER: ContextVar<u64> = ContextVar::new("number");
static OTHER: ContextVar<u64> = ContextVar::new("other");

fn main() {
    let token = NUMBER.set(1);
    let error = OTHER.reset(token).unwrap_err();
    assert_eq!(error.kind(), ResetErrorKind::WrongVariable);
    assert_eq!(NUMBER.get(), 1);
}
