//! Context variables beside OpenTelemetry.
//!
//! This crate will give log lines and headers the trace of the active OpenTelemetry span. It is empty so far.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]
