//! A clone of an entered context can be entered, and does not change it.

use contextvars::{Context, ContextVar};

static NUMBER: ContextVar<u64> = ContextVar::new("number");

fn main() {
    let mut context = Context::new().with_value(&NUMBER, 1);
    let mut clone = context.clone();
    context.run(|| {
        clone.run(|| {
            assert_eq!(NUMBER.get(), 1);
            NUMBER.set(2);
        });
        assert_eq!(NUMBER.get(), 1);
    });
    assert_eq!(clone.get(&NUMBER), Some(&2));
}
