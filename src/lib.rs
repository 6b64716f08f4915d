#![doc = "[guide]: crate::documentation::guide"]
#![doc = "[migrating]: crate::documentation::migrating"]
#![doc = "[semantics]: crate::documentation::semantics"]
#![doc = "[design]: crate::documentation::design"]
#![doc = "[performance]: crate::documentation::performance"]
#![doc = "[model checking]: crate::documentation::model_checking"]
#![doc = "[`forbid_bare_set`]: crate::forbid_bare_set"]
#![doc = "[`fields`]: crate::fields"]
#![doc = ""]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

// In the order of the layers, blank lines between them: imports point up this list, never down.
mod free_list;
mod once;
mod sync;

mod contents;
mod count;
mod field_map;
mod field_value;
mod hamt;
mod id;
#[expect(unsafe_code, reason = "the erased value")]
mod value;

#[expect(unsafe_code, reason = "the slot lends what it holds without a reference count")]
mod current;

mod default;
mod token;
mod var;

mod context;

mod field_slot;
mod future;
mod propagate;

// These see the crate root and, of what is above, only what is called `field_…`.
#[doc(alias = "structlog")]
#[doc(alias = "MDC")]
#[doc(alias = "NDC")]
#[doc(alias = "diagnostic context")]
pub mod fields;
pub mod thread_fields;

// This sees the crate root only.
#[cfg(feature = "wire")]
pub mod wire;

mod integrations;

pub use context::{Context, Entry, Iter, copy_context, forbid_bare_set};
pub use future::{ContextExt, WithContext};
#[cfg(feature = "futures")]
pub use integrations::futures::ContextSpawner;
#[cfg(feature = "http")]
pub use integrations::http;
#[cfg(feature = "log")]
pub use integrations::log;
#[cfg(feature = "rayon")]
pub use integrations::rayon;
#[cfg(feature = "tokio")]
pub use integrations::tokio;
#[cfg(feature = "tower")]
pub use integrations::tower;
#[cfg(feature = "tracing")]
pub use integrations::tracing;
pub use propagate::{propagate, propagate_fn};
pub use token::{Binding, LookupError, ResetError, ResetErrorKind, Token};
pub use var::ContextVar;

/// What `use contextvars::prelude::*` should bring, without the modules that are named after other crates.
pub mod prelude {
    pub use crate::{Context, ContextExt, ContextVar, copy_context, propagate, propagate_fn};
}

/// The documents beside the code.
#[cfg(any(doc, doctest))]
pub mod documentation {
    #[cfg_attr(
        any(not(doctest), all(feature = "rayon", feature = "tokio", feature = "tower")),
        doc = include_str!("../docs/guide.md")
    )]
    pub mod guide {}
    #[cfg_attr(
        any(not(doctest), all(feature = "rayon", feature = "tokio", feature = "tower")),
        doc = include_str!("../docs/migrating.md")
    )]
    pub mod migrating {}
    #[doc = include_str!("../docs/semantics.md")]
    pub mod semantics {}
    #[doc = include_str!("../docs/design.md")]
    pub mod design {}
    #[doc = include_str!("../docs/performance.md")]
    pub mod performance {}
    #[doc = include_str!("../docs/model-checking.md")]
    pub mod model_checking {}
}
