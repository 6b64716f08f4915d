//! Adds the values of chosen variables to the labels of every metric of `metrics`.
//!
//! [`ContextRecorder`] wraps the recorder of an exporter. Install it in place of that recorder. It adds one label for each listed
//! variable that has a value, and none for any other variable.
//!
//! ```
//! use contextvars::ContextVar;
//! use contextvars_metrics::ContextRecorder;
//! # mod calls { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metrics/calls.rs")); }
//! # use calls::Calls;
//!
//! static TENANT: ContextVar<String> = ContextVar::new("tenant");
//!
//! // In place of, for example, `PrometheusBuilder::new().build_recorder()`.
//! let exporter = Calls::default();
//! let calls = exporter.clone();
//! // At most 100 different tenants become labels, and each further one `other`.
//! metrics::set_global_recorder(ContextRecorder::new(exporter).label(&TENANT, 100))?;
//!
//! TENANT.sync_scope("acme".to_string(), || metrics::counter!("paid_total").increment(1));
//! assert_eq!(calls.take(), ["counter paid_total{tenant=acme}"]);
//! # Ok::<(), metrics::SetRecorderError<ContextRecorder<Calls>>>(())
//! ```
//!
//! # How many time series
//!
//! An exporter keeps a time series for each combination of labels, so each variable is listed with a *bound*. Once it has had that
//! many different values, in all metrics together, each further value becomes `other`. If a variable with a request id is listed by
//! mistake, it costs a few series and not the memory.
//!
//! - The first values win. If strangers choose the values, accept only known ones when the variable is set, because they would
//!   use up the bound. Or list the variable with [`label_with`](ContextRecorder::label_with) and a function that returns one of a
//!   few classes.
//! - A metric has up to (bound + 2) series for a variable: one for each value, `other`, and one without the label. With several
//!   variables, these numbers multiply.
//! - The bound limits the number of values that the recorder keeps, and not their length.
//!
//! # When the labels are read
//!
//! They are read when `counter!`, `gauge!` or `histogram!` runs. A handle that is kept, for example in a static, keeps the labels of
//! the context in which it was made. So call the macro in each request.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

mod listed;
mod recorder;

pub use recorder::ContextRecorder;
