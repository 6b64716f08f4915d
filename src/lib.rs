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

mod context_state;
mod count;
mod hamt;
mod id;
#[expect(unsafe_code, reason = "the erased value")]
mod value;

#[expect(unsafe_code, reason = "the slot lends what it holds without a reference count")]
mod current;

mod default;
mod forbid;
mod lookup;
mod scope;
mod token;
mod var;

mod entry;

mod context;

mod future;
mod propagate;

#[doc(alias = "structlog")]
#[doc(alias = "MDC")]
#[doc(alias = "NDC")]
#[doc(alias = "diagnostic context")]
pub mod fields;

mod changes;
#[cfg(feature = "rayon")]
pub mod rayon;
#[cfg(feature = "futures")]
mod spawner;

pub use changes::{Change, Changes};
pub use context::{Context, copy_context};
pub use entry::{Entry, Iter};
pub use forbid::forbid_bare_set;
pub use future::{ContextExt, WithContext};
pub use lookup::{LookupError, LookupErrorKind, Missing, on_missing};
pub use propagate::{propagate, propagate_fn, propagate_once_with, propagate_with};
pub use scope::Scope;
#[cfg(feature = "futures")]
pub use spawner::ContextSpawner;
pub use token::{Binding, ResetError, ResetErrorKind, Token};
pub use var::ContextVar;

/// The documents beside the code.
#[cfg(any(doc, doctest))]
pub mod documentation {
    #[cfg_attr(any(not(doctest), feature = "rayon"), doc = include_str!("../docs/guide.md"))]
    pub mod guide {}
    #[cfg_attr(any(not(doctest), feature = "rayon"), doc = include_str!("../docs/migrating.md"))]
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
