//! Context across processes: the cases of the W3C suites by their names, the rules of W3C Baggage, round trips, hostile
//! input, and what a propagator promises beyond them.
//!
//! Variables are statics, since a propagator borrows them for ever; every test has contexts of its own.

mod autotraits;
mod baggage;
mod carriers;
mod codecs;
mod forwarded;
mod fuzzed;
mod hostile;
mod ids;
mod promises;
mod round_trips;
mod support;
mod trace_context;
mod trace_state;
