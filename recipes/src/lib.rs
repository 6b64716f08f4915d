//! Recipes for using `contextvars` with popular crates. Each recipe is one file in `tests/`, written to be copied.
//! It declares its variables, and the list of their headers, at its top: replace them with those of the program. It ends at the
//! line "The recipe ends here"; its tests follow.

/// Compiles and runs the example of this README, because the exporter that it uses is a dependency of the recipes only.
#[cfg(doctest)]
#[doc = include_str!("../../crates/contextvars-metrics/README.md")]
mod metrics {}
