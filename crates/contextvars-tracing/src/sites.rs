//! The metadata of call sites that have more fields than they declare.
//!
//! An event borrows its metadata for the life of the process, so extended metadata is leaked and its number is limited:
//! a call site keeps the first [`MAX_EXACT_SETS`] different sets of keys, and afterwards one union of all sets, which
//! grows key by key up to [`MAX_UNION_KEYS`]. Fields of a union that an event does not have stay without a value.
//!
//! # Invariant
//! No user code runs while the lock is held.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::{PoisonError, RwLock};

use tracing_core::field::FieldSet;
use tracing_core::{Kind, Metadata};

/// The number of sets of keys that a call site keeps unchanged.
const MAX_EXACT_SETS: usize = 8;

/// The number of keys that the union of a call site's sets has at most.
const MAX_UNION_KEYS: usize = 32;

/// The length of the keys of one event at most, in bytes, with one byte more for each key.
pub(crate) const MAX_KEY_BYTES: usize = 1024;

type Static = &'static Metadata<'static>;

/// The extended metadata of each call site, by the address of the metadata that was extended, which is never freed.
static SITES: RwLock<BTreeMap<usize, Site>> = RwLock::new(BTreeMap::new());

/// Returns the metadata with `keys` after its own, none of which it has: the smallest kept one that has all of them.
///
/// If the call site can keep no more, the metadata may lack some of the keys. It keeps the identity of the call site and
/// the positions of its fields, so a layer that knows these recognises them.
pub(crate) fn extended(metadata: Static, keys: &[&str]) -> Static {
    if keys.is_empty() {
        return metadata;
    }
    let address = ptr::from_ref(metadata).addr();
    let known = {
        let sites = SITES.read().unwrap_or_else(PoisonError::into_inner);
        sites.get(&address).and_then(|site| site.find(keys))
    };
    known.unwrap_or_else(|| {
        let mut sites = SITES.write().unwrap_or_else(PoisonError::into_inner);
        let site = sites.entry(address).or_insert_with(|| Site { metadata, kept: Vec::new() });
        // Another thread may have added it meanwhile.
        site.find(keys).unwrap_or_else(|| site.grow(keys))
    })
}

/// A call site, and the field sets that were made for it.
struct Site {
    metadata: Static,
    /// The exact sets, and behind them the union.
    kept: Vec<Static>,
}

impl Site {
    /// The names that were added to the call site's own.
    fn added(&self, kept: Static) -> impl Iterator<Item = &'static str> + use<> {
        kept.fields().iter().skip(self.metadata.fields().len()).map(|field| field.name())
    }

    /// Returns the number of keys that `kept` has.
    fn covers(&self, kept: Static, keys: &[&str]) -> usize {
        self.added(kept).filter(|name| keys.contains(name)).count()
    }

    /// Returns the smallest kept superset of the keys.
    fn find(&self, keys: &[&str]) -> Option<Static> {
        let supersets = self.kept.iter().filter(|kept| self.covers(kept, keys) == keys.len());
        supersets.min_by_key(|kept| kept.fields().len()).copied()
    }

    /// Keeps a set that has the keys, as many of them as there is room for.
    fn grow(&mut self, keys: &[&str]) -> Static {
        if self.kept.len() < MAX_EXACT_SETS {
            return self.keep(keys);
        }
        let union = self.union(keys);
        let grown = self
            .kept
            .get(MAX_EXACT_SETS)
            .is_none_or(|old| self.added(old).ne(union.iter().copied()));
        if grown {
            self.kept.truncate(MAX_EXACT_SETS);
            self.keep(&union);
        }
        let kept = self.kept.iter().copied().max_by_key(|kept| self.covers(kept, keys));
        kept.unwrap_or(self.metadata)
    }

    /// The keys of the present union, these keys and those of the exact sets, until there is no more room.
    fn union<'a>(&self, keys: &[&'a str]) -> Vec<&'a str> {
        let exact = self.kept.iter().take(MAX_EXACT_SETS).flat_map(|kept| self.added(kept));
        let present = self.kept.get(MAX_EXACT_SETS).into_iter().flat_map(|kept| self.added(kept));
        let mut union = Vec::with_capacity(MAX_UNION_KEYS);
        let mut add = |key: &'a str| {
            if union.len() < MAX_UNION_KEYS && !union.contains(&key) {
                union.push(key);
            }
        };
        for key in present {
            add(key);
        }
        for key in keys {
            add(key);
        }
        for key in exact {
            add(key);
        }
        union
    }

    fn keep(&mut self, keys: &[&str]) -> Static {
        let known: Vec<_> = self.kept.iter().flat_map(|kept| self.added(kept)).collect();
        let leaked = |key: &&str| {
            known
                .iter()
                .copied()
                .find(|known| known == key)
                .unwrap_or_else(|| String::from(*key).leak())
        };
        let own = self.metadata.fields().iter().map(|field| field.name());
        let names: Vec<&'static str> = own.chain(keys.iter().map(leaked)).collect();
        let metadata = self.metadata;
        let kept = Box::leak(Box::new(Metadata::new(
            metadata.name(),
            metadata.target(),
            *metadata.level(),
            metadata.file(),
            metadata.line(),
            metadata.module_path(),
            FieldSet::new(names.leak(), metadata.callsite()),
            Kind::EVENT,
        )));
        self.kept.push(kept);
        kept
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use tracing_core::Level;
    use tracing_core::callsite::{DefaultCallsite, Identifier};
    use tracing_core::field::FieldSet;
    use tracing_core::metadata::{Kind, Metadata};

    use super::{MAX_EXACT_SETS, MAX_UNION_KEYS, Site, extended};

    static CALLSITE: DefaultCallsite = DefaultCallsite::new(&METADATA);
    static METADATA: Metadata<'static> = Metadata::new(
        "event",
        "sites",
        Level::INFO,
        None,
        None,
        None,
        FieldSet::new(&["message"], Identifier(&CALLSITE)),
        Kind::EVENT,
    );

    #[test]
    fn the_smallest_kept_superset_is_used_and_nothing_is_kept_for_it() {
        let large = extended(&METADATA, &["a", "b", "c", "d"]);
        let small = extended(&METADATA, &["c", "a", "e"]);
        assert!(ptr::eq(extended(&METADATA, &["a"]), small));
        assert!(ptr::eq(extended(&METADATA, &["d", "b"]), large));
        assert!(ptr::eq(extended(&METADATA, &["e", "a", "c"]), small));
        assert!(ptr::eq(extended(&METADATA, &[]), &raw const METADATA));
    }

    #[test]
    fn a_call_site_keeps_eight_sets_and_their_union() {
        let mut site = Site { metadata: &METADATA, kept: vec![] };
        let keys: Vec<_> = (0..100).map(|number| format!("key-{number}")).collect();
        let mut made = 0;
        for key in &keys {
            let before = site.kept.last().copied().map(ptr::from_ref);
            site.grow(&[key]);
            made += usize::from(site.kept.last().copied().map(ptr::from_ref) != before);
        }
        assert_eq!(site.kept.len(), MAX_EXACT_SETS + 1);
        assert_eq!(site.kept[MAX_EXACT_SETS].fields().len(), 1 + MAX_UNION_KEYS);
        // The first union has nine keys, and each further one more.
        assert_eq!(made, MAX_UNION_KEYS);
    }
}
