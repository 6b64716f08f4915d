//! The metadata of call sites with more fields than they have. An event lends its metadata for ever, so it is leaked,
//! and so there is an end to it.
//!
//! # Invariant
//! Nothing here runs user code while the lock is held.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::{PoisonError, RwLock};

use tracing_core::field::FieldSet;
use tracing_core::{Kind, Metadata};

/// How many sets of keys are kept of one call site.
const MAX_SETS_PER_CALLSITE: usize = 64;

/// How many are kept altogether.
const MAX_SETS: usize = 4096;

/// How long the keys of a set are, with one more for each of them.
const MAX_KEY_BYTES: usize = 1024;

type Static = &'static Metadata<'static>;

struct Sites {
    /// By the address of the metadata that was extended, which is never free for another one.
    kept: BTreeMap<usize, Vec<Static>>,
    count: usize,
}

static SITES: RwLock<Sites> = RwLock::new(Sites { kept: BTreeMap::new(), count: 0 });

/// The metadata with `keys` after its own, none of which it has; `None` if no more of that kind is kept.
///
/// It keeps the identity of the call site and the places of its fields: who knows these recognises them.
pub(crate) fn extended(metadata: Static, keys: &[&str]) -> Option<Static> {
    if keys.is_empty() {
        return Some(metadata);
    }
    let place = ptr::from_ref(metadata).addr();
    let known = {
        let sites = SITES.read().unwrap_or_else(PoisonError::into_inner);
        sites.find(place, metadata, keys)
    };
    if known.is_some() || keys.iter().map(|key| key.len() + 1).sum::<usize>() > MAX_KEY_BYTES {
        return known;
    }
    let mut sites = SITES.write().unwrap_or_else(PoisonError::into_inner);
    let known = sites.find(place, metadata, keys); // by another thread meanwhile
    known.or_else(|| sites.keep(place, metadata, keys))
}

impl Sites {
    fn find(&self, place: usize, metadata: Static, keys: &[&str]) -> Option<Static> {
        let own = metadata.fields().len();
        let mut kept = self.kept.get(&place)?.iter().copied();
        kept.find(|kept| {
            let mut names = kept.fields().iter().skip(own).map(|field| field.name());
            kept.fields().len() == own + keys.len() && names.all(|name| keys.contains(&name))
        })
    }

    fn keep(&mut self, place: usize, metadata: Static, keys: &[&str]) -> Option<Static> {
        let of_one = self.kept.entry(place).or_default();
        if of_one.len() >= MAX_SETS_PER_CALLSITE || self.count >= MAX_SETS {
            return None;
        }
        let new = leaked(metadata, keys);
        of_one.push(new);
        self.count += 1;
        Some(new)
    }
}

fn leaked(metadata: Static, keys: &[&str]) -> Static {
    let own = metadata.fields().iter().map(|field| field.name());
    let new = keys.iter().map(|key| -> &'static str { String::from(*key).leak() });
    let names: Vec<_> = own.chain(new).collect();
    Box::leak(Box::new(Metadata::new(
        metadata.name(),
        metadata.target(),
        *metadata.level(),
        metadata.file(),
        metadata.line(),
        metadata.module_path(),
        FieldSet::new(names.leak(), metadata.callsite()),
        Kind::EVENT,
    )))
}
