#![doc = include_str!("../docs/links.md")]
#![cfg_attr(docsrs, doc = concat!("[shop page]: ", env!("CARGO_PKG_REPOSITORY"), "/raw/HEAD/docs/shop.png"))]
#![cfg_attr(all(doc, not(docsrs)), doc = concat!("[shop page]: data:image/webp;base64,", include_str!("../docs/shop.base64")))]
#![cfg_attr(doc, doc = concat!("[security]: ", env!("CARGO_PKG_REPOSITORY"), "/blob/HEAD/SECURITY.md"))]
#![doc = ""]
#![doc = include_str!("../README.md")]
// For links from crates that are documented without this one.
#![doc(html_root_url = "https://docs.rs/contextvars/latest")]
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

/// A document, with link definitions for rustdoc before its own.
#[cfg(any(doc, doctest))]
macro_rules! document {
    ($path:literal) => {
        concat!(
            include_str!("../docs/links.md"),
            "[security]: ",
            env!("CARGO_PKG_REPOSITORY"),
            "/blob/HEAD/SECURITY.md\n[tests]: ",
            env!("CARGO_PKG_REPOSITORY"),
            "/tree/HEAD/tests\n[recipes]: ",
            env!("CARGO_PKG_REPOSITORY"),
            "/tree/HEAD/recipes/tests\n[chart read]: #read\n[chart write]: #write\n[chart copy]: #copy\n[chart poll]: #poll\n[chart spawn]: #spawn\n",
            "[chart growth]: #growth-1\n[chart rayon]: #rayon\n[chart lines]: #lines\n[chart soak]: #soak\n\n",
            include_str!($path),
        )
    };
}

/// A chart under a heading of its own.
#[cfg(any(doc, doctest))]
macro_rules! chart {
    ($heading:literal, $path:literal) => {
        concat!("\n\n### ", $heading, "\n\n", include_str!($path), "\n")
    };
}

/// The documents beside the code.
#[cfg(any(doc, doctest))]
pub mod documentation {
    #[cfg_attr(any(not(doctest), feature = "rayon"), doc = document!("../docs/guide.md"))]
    pub mod guide {}
    #[doc = document!("../docs/migrating.md")]
    pub mod migrating {
        #[doc = document!("../docs/migrating/task-local.md")]
        pub mod task_local {}
        #[doc = document!("../docs/migrating/spans.md")]
        pub mod spans {}
        #[doc = document!("../docs/migrating/opentelemetry.md")]
        pub mod opentelemetry {}
        #[doc = document!("../docs/migrating/thread-local.md")]
        pub mod thread_local {}
        #[doc = document!("../docs/migrating/log.md")]
        pub mod log {}
        #[doc = document!("../docs/migrating/python.md")]
        pub mod python {}
        #[doc = document!("../docs/migrating/structlog.md")]
        pub mod structlog {}
    }
    #[doc = document!("../docs/compare.md")]
    pub mod compare {}
    #[doc = document!("../docs/semantics.md")]
    pub mod semantics {}
    #[doc = document!("../docs/design.md")]
    pub mod design {}
    #[doc = document!("../docs/faults.md")]
    pub mod faults {}
    #[doc = document!("../docs/libraries.md")]
    pub mod libraries {}
    #[doc = document!("../docs/companions.md")]
    pub mod companions {}
    #[doc = document!("../docs/performance.md")]
    #[doc = "\n## Charts"]
    #[doc = chart!("Read", "../docs/charts/read.svg")]
    #[doc = chart!("Write", "../docs/charts/write.svg")]
    #[doc = chart!("Copy", "../docs/charts/copy.svg")]
    #[doc = chart!("Poll", "../docs/charts/poll.svg")]
    #[doc = chart!("Spawn", "../docs/charts/spawn.svg")]
    #[doc = chart!("Growth", "../docs/charts/growth.svg")]
    #[doc = chart!("Rayon", "../docs/charts/rayon.svg")]
    #[doc = chart!("Lines", "../docs/charts/lines.svg")]
    #[doc = chart!("Soak", "../docs/charts/soak.svg")]
    pub mod performance {}
    #[doc = document!("../docs/model-checking.md")]
    pub mod model_checking {}
}

/// The READMEs of the companions, whose examples are compiled here because this crate can be tested with all of them.
#[cfg(doctest)]
mod companions {
    #[doc = include_str!("../crates/contextvars-log/README.md")]
    mod log {}
    #[doc = include_str!("../crates/contextvars-thread-fields/README.md")]
    mod thread_fields {}
    #[doc = include_str!("../crates/contextvars-tokio/README.md")]
    mod tokio {}
    #[doc = include_str!("../crates/contextvars-tracing/README.md")]
    mod tracing {}
    #[doc = include_str!("../crates/contextvars-wire/README.md")]
    mod wire {}
}
