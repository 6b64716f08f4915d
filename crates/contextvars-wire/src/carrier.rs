//! [`Extract`] and [`Inject`]: the traits of carriers, with implementations for std's maps and lists and for closures.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

/// A carrier to read from: the headers of a request, the properties of a message, an environment.
///
/// ```
/// use contextvars_wire::Extract;
///
/// let headers = vec![("Baggage", "a=1"), ("baggage", "b=2")];
/// let mut values = Vec::new();
/// headers.visit("baggage", &mut |value| values.push(value.to_vec()));
/// assert_eq!(values, [b"a=1", b"b=2"]);
/// ```
pub trait Extract {
    /// Calls `each` with every value of `key`, in order, because repeated headers are joined or rejected. The key is in lower
    /// case; compare it without regard to case.
    fn visit(&self, key: &str, each: &mut dyn FnMut(&[u8]));
}

/// A carrier to write to.
///
/// ```
/// use contextvars_wire::Inject;
///
/// let mut headers = vec![("Baggage".to_string(), "a=1".to_string())];
/// headers.set("baggage", "b=2");
/// assert_eq!(headers, [("baggage".to_string(), "b=2".to_string())]);
/// ```
pub trait Inject {
    /// Sets `key`, which is in lower case, to this value alone, replacing any others. Key and value are valid in an HTTP
    /// header.
    fn set(&mut self, key: &str, value: &str);

    /// Adds a value of `key` beside any others, for a header that is a list to which other components add too.
    ///
    /// The provided method calls [`set`](Self::set), which loses the others.
    fn append(&mut self, key: &str, value: &str) {
        self.set(key, value);
    }

    /// Removes all values of `key`, because there is nothing to send, and an existing value belongs to another request.
    ///
    /// The provided method does nothing, which is enough for a carrier that starts empty.
    fn remove(&mut self, key: &str) {
        let _ = key;
    }
}

impl<C: Extract + ?Sized> Extract for &C {
    fn visit(&self, key: &str, each: &mut dyn FnMut(&[u8])) {
        (**self).visit(key, each);
    }
}

impl<C: Inject + ?Sized> Inject for &mut C {
    fn set(&mut self, key: &str, value: &str) {
        (**self).set(key, value);
    }

    fn append(&mut self, key: &str, value: &str) {
        (**self).append(key, value);
    }

    fn remove(&mut self, key: &str) {
        (**self).remove(key);
    }
}

fn visit<'a>(
    entries: impl Iterator<Item = (&'a str, &'a [u8])>,
    key: &str,
    each: &mut dyn FnMut(&[u8]),
) {
    entries.filter(|(other, _)| other.eq_ignore_ascii_case(key)).for_each(|(_, value)| each(value));
}

impl<S: BuildHasher> Extract for HashMap<String, String, S> {
    fn visit(&self, key: &str, each: &mut dyn FnMut(&[u8])) {
        visit(self.iter().map(|(key, value)| (key.as_str(), value.as_bytes())), key, each);
    }
}

impl<S: BuildHasher> Inject for HashMap<String, String, S> {
    fn set(&mut self, key: &str, value: &str) {
        Inject::remove(self, key);
        self.insert(key.to_owned(), value.to_owned());
    }

    fn remove(&mut self, key: &str) {
        self.retain(|other, _| !other.eq_ignore_ascii_case(key));
    }
}

impl Extract for BTreeMap<String, String> {
    fn visit(&self, key: &str, each: &mut dyn FnMut(&[u8])) {
        visit(self.iter().map(|(key, value)| (key.as_str(), value.as_bytes())), key, each);
    }
}

impl Inject for BTreeMap<String, String> {
    fn set(&mut self, key: &str, value: &str) {
        Inject::remove(self, key);
        self.insert(key.to_owned(), value.to_owned());
    }

    fn remove(&mut self, key: &str) {
        self.retain(|other, _| !other.eq_ignore_ascii_case(key));
    }
}

/// Reads headers as many libraries list them, for example those of a Kafka record.
impl<K: AsRef<str>, V: AsRef<[u8]>> Extract for Vec<(K, V)> {
    fn visit(&self, key: &str, each: &mut dyn FnMut(&[u8])) {
        self.as_slice().visit(key, each);
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Extract for [(K, V)] {
    fn visit(&self, key: &str, each: &mut dyn FnMut(&[u8])) {
        visit(self.iter().map(|(key, value)| (key.as_ref(), value.as_ref())), key, each);
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>, const N: usize> Extract for [(K, V); N] {
    fn visit(&self, key: &str, each: &mut dyn FnMut(&[u8])) {
        self.as_slice().visit(key, each);
    }
}

impl<K: AsRef<str> + From<String>, V: From<String>> Inject for Vec<(K, V)> {
    fn set(&mut self, key: &str, value: &str) {
        Inject::remove(self, key);
        Inject::append(self, key, value);
    }

    fn append(&mut self, key: &str, value: &str) {
        self.push((key.to_owned().into(), value.to_owned().into()));
    }

    fn remove(&mut self, key: &str) {
        self.retain(|(other, _)| !other.as_ref().eq_ignore_ascii_case(key));
    }
}

/// Creates a carrier that reads with a closure, which gets a key and calls its second argument with each value.
///
/// ```
/// use contextvars_wire::{Extract as _, extract_fn};
///
/// let header = |key: &str| (key == "baggage").then_some("a=1"); // a library's function
/// let carrier = extract_fn(|key, each| {
///     header(key).into_iter().for_each(|value| each(value.as_bytes()));
/// });
/// let mut found = 0;
/// carrier.visit("baggage", &mut |value| found += value.len());
/// assert_eq!(found, 3);
/// ```
pub fn extract_fn<F: Fn(&str, &mut dyn FnMut(&[u8]))>(visit: F) -> ExtractFn<F> {
    ExtractFn(visit)
}

/// Creates a carrier that writes with a closure, which gets key and value.
///
/// The closure is not called for headers that are to be removed, so its target must start without the headers that the
/// propagator lists. Implement [`Inject`] with `remove` for a target that is used more than once.
///
/// ```
/// use contextvars_wire::{Inject as _, inject_fn};
///
/// let mut sent = String::new();
/// inject_fn(|key, value| sent = format!("{key}: {value}")).set("baggage", "a=1");
/// assert_eq!(sent, "baggage: a=1");
/// ```
pub fn inject_fn<F: FnMut(&str, &str)>(set: F) -> InjectFn<F> {
    InjectFn(set)
}

/// A carrier that reads with a closure; created by [`extract_fn`].
#[derive(Clone, Copy)]
pub struct ExtractFn<F>(F);

/// A carrier that writes with a closure; created by [`inject_fn`].
#[derive(Clone, Copy)]
pub struct InjectFn<F>(F);

impl<F: Fn(&str, &mut dyn FnMut(&[u8]))> Extract for ExtractFn<F> {
    fn visit(&self, key: &str, each: &mut dyn FnMut(&[u8])) {
        (self.0)(key, each); // user code
    }
}

impl<F: FnMut(&str, &str)> Inject for InjectFn<F> {
    fn set(&mut self, key: &str, value: &str) {
        (self.0)(key, value); // user code
    }
}

impl<F> std::fmt::Debug for ExtractFn<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExtractFn").finish_non_exhaustive()
    }
}

impl<F> std::fmt::Debug for InjectFn<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InjectFn").finish_non_exhaustive()
    }
}
