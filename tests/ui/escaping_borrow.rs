//! The reference that `with` passes to its closure cannot leave the closure. Twin: `pass/returned_clone.rs`.

use contextvars::ContextVar;

static NAME: ContextVar<String> = ContextVar::new("name");

fn main() {
    let _token = NAME.set("ann".to_owned());
    let name: &str = NAME.with(|name| name.as_str());
    println!("{name}");
}
