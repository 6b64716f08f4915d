//! Recipes for using `contextvars` with popular crates. Each recipe is one file in `tests/`, written to be copied.

/// Compiles and runs the example of this README, because the exporter that it uses is a dependency of the recipes only.
#[cfg(doctest)]
#[doc = include_str!("../../crates/contextvars-metrics/README.md")]
mod metrics {}
