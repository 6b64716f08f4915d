//! Recipes: how `contextvars` goes with the crates that people use. Each is one file in `tests/`, made to be copied.
