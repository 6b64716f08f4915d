use contextvars::fields::{self, kv};

fn main() {
    fields::bound(kv! { user = "ann", "http.status" = 200 }).run(|| ());
}
