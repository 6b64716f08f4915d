//! `kv!` names its forms when a field has a colon. Twin: `pass/field_with_a_key_in_quotes.rs`.

use contextvars::fields::{self, kv};

fn main() {
    fields::sync_scope(kv! { user: "ann" }, || ());
}
