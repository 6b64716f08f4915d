//! An entered context cannot be entered again. Twin: `pass/enter_a_clone.rs`.

use contextvars::Context;

fn main() {
    let mut context = Context::new();
    context.run(|| context.run(|| ()));
}
