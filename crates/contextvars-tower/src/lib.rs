//! Context variables for tower: a context for each request of a service, and headers for each request of a client.
//!
//! The layers work with any service of `http::Request`: axum, hyper (through `hyper-util`), tonic. With axum, write
//! `Router::new().route(..).layer(ContextLayer::new(wire))`, and add this layer last.
//!
//! ```
//! use contextvars::ContextVar;
//! use contextvars_tower::ContextLayer;
//! use contextvars_wire::{Propagator, TraceContext, text};
//! use tower::{Layer as _, ServiceExt as _, service_fn};
//!
//! static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
//! static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
//!
//! let wire = Propagator::builder()
//!     .trace_context(&TRACE)
//!     .header("x-request-id", text(&REQUEST_ID).max_len(128))
//!     .build()?;
//! let layer = ContextLayer::new(wire)
//!     .generate(&REQUEST_ID, || "r-7".to_string())
//!     .echo("x-request-id")
//!     .server_timing(true);
//!
//! let service = layer.layer(service_fn(|_: http::Request<String>| async {
//!     Ok::<_, std::convert::Infallible>(http::Response::new(REQUEST_ID.get()))
//! }));
//! let response = futures::executor::block_on(service.oneshot(http::Request::default()))?;
//! assert_eq!(response.headers()["x-request-id"], "r-7");
//! assert!(response.headers().contains_key("server-timing"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | layer | side | purpose |
//! |---|---|---|
//! | [`ContextLayer`] | server | makes a context from the headers of each request and runs the service and the response's body in it |
//! | [`InjectLayer`] | client | writes variables of the current context into the headers of each request |
//! | [`CaptureLayer`], [`ResumeLayer`] | both | carry the current context past a layer that calls the service from a task of its own, such as `tower::buffer::Buffer`, and give each attempt of a retry a copy |
//!
//! A client that is no service of `http::Request`, such as `reqwest::Client`, takes its headers from
//! [`Propagator::inject`](contextvars_wire::Propagator::inject).

#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

mod body;
mod capture;
mod client;
mod generate;
mod layer;
mod mark;
mod response;
mod resume;
mod running;
mod server;
mod settings;

pub use body::ContextBody;
pub use capture::{CaptureLayer, CaptureService};
pub use client::{InjectLayer, InjectService};
pub use layer::ContextLayer;
pub use response::ResponseFuture;
pub use resume::{ResumeFuture, ResumeLayer, ResumeService};
pub use server::ContextService;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
