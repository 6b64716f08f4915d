use contextvars::fields::{self, kv};

fn main() {
    fields::sync_scope(kv! { user: "ann" }, || ());
}
