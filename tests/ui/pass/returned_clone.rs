//! `with` returns the result of its closure, which may be a clone of the value.

use contextvars::ContextVar;

static NAME: ContextVar<String> = ContextVar::new("name");

fn main() {
    let _token = NAME.set("ann".to_owned());
    let name: String = NAME.with(|name| name.clone());
    assert_eq!((name.as_str(), NAME.with(|name| name.len())), ("ann", 3));
}
