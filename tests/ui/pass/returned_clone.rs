//! `with` returns what its closure makes of the value, so long as that is not a borrow of it.

use contextvars::ContextVar;

static NAME: ContextVar<String> = ContextVar::new("name");

fn main() {
    let _token = NAME.set("ann".to_owned());
    let name: String = NAME.with(|name| name.clone());
    assert_eq!((name.as_str(), NAME.with(|name| name.len())), ("ann", 3));
}
