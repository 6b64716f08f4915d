//! A reference into a context outlives the iterator and the entry that it came from, but not the context.

use contextvars::{Context, ContextVar};

static NAME: ContextVar<String> = ContextVar::new("name");

fn main() {
    let mut context = Context::new().with_value(&NAME, "ann".to_owned());
    let name = context.iter().next().and_then(|entry| entry.downcast_ref::<String>());
    assert_eq!(name, context.get(&NAME));
    assert_eq!(name.cloned().as_deref(), Some("ann"));
    context.remove(&NAME);
    drop(context);
}
