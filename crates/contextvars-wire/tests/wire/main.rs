//! Context across processes: the cases of the W3C suites under their own names, the rules of W3C Baggage, round trips,
//! hostile input, and the promises of a propagator beyond the specifications.
//!
//! Variables are statics, because a propagator needs `'static` references. Every test uses contexts of its own.

mod autotraits;
mod baggage;
mod baggage_limits;
mod carriers;
mod codecs;
mod directions;
mod forwarded;
mod fuzzed;
mod hostile;
mod id_texts;
mod ids;
mod members;
mod places;
mod promises;
mod round_trips;
mod several;
mod support;
mod trace_context;
mod trace_state;
mod tracing_system;
