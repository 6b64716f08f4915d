use contextvars::fields::{self, kv};

fn main() {
    fields::bound(kv! { user: "ann" }).run(|| ());
}
