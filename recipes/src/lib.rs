//! Recipes for using `contextvars` with popular crates. Each recipe is one file in `tests/`, written to be copied.
