//! A reference into a context ends with the context, and at its next change. Twin: `pass/context_value_before_the_end.rs`.

use contextvars::{Context, ContextVar};

static NAME: ContextVar<String> = ContextVar::new("name");

fn main() {
    let context = Context::new().with_value(&NAME, "ann".to_owned());
    let name = context.get(&NAME);
    drop(context);
    println!("{name:?}");

    let mut context = Context::new().with_value(&NAME, "bob".to_owned());
    let name = context.iter().next().and_then(|entry| entry.downcast_ref::<String>());
    context.remove(&NAME);
    println!("{name:?}");
}
