//! What other crates need to carry the context along. Each file sees the crate root and its own crate, no more.

#[cfg(feature = "futures")]
pub(crate) mod futures;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "rayon")]
pub mod rayon;
#[cfg(feature = "serde")]
mod serde;
#[cfg(any(feature = "log", feature = "tracing"))]
mod source;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "tracing")]
pub mod tracing;
