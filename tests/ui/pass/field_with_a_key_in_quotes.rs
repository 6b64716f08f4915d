//! A key that is not an identifier stands in quotes.

use contextvars::fields::{self, kv};

fn main() {
    fields::sync_scope(kv! { user = "ann", "http.status" = 200 }, || ());
}
