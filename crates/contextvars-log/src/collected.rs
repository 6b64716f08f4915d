//! The fields of one line, collected so that they can be lent for as long as the record lives.

use std::cell::Cell;
use std::mem;

use contextvars::fields::Value;

/// The bytes of keys, and the fields, of which a thread keeps the memory.
const MAX_SPARE: (usize, usize) = (4096, 64);

/// The keys, one behind the other; and of each field the end of its key, and its value.
type Parts = (String, Vec<(usize, Value)>);

thread_local! {
    /// The memory of the thread's previous line, so that its next line allocates none.
    static SPARE: Cell<Parts> = const { Cell::new((String::new(), Vec::new())) };
}

/// Keys and values, in order.
pub(crate) struct Collected(Parts);

impl Collected {
    pub(crate) fn new() -> Self {
        Self(SPARE.try_with(Cell::take).unwrap_or_default())
    }

    pub(crate) fn push(&mut self, key: &str, value: &Value) {
        let (keys, values) = &mut self.0;
        keys.push_str(key);
        values.push((keys.len(), value.clone()));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.1.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let (keys, values) = &self.0;
        let mut start = 0;
        values.iter().map(move |(end, value)| (&keys[mem::replace(&mut start, *end)..*end], value))
    }
}

impl Drop for Collected {
    fn drop(&mut self) {
        let (mut keys, mut values) = mem::take(&mut self.0);
        keys.clear();
        values.clear();
        if keys.capacity() <= MAX_SPARE.0 && values.capacity() <= MAX_SPARE.1 {
            let _ = SPARE.try_with(|spare| spare.set((keys, values)));
        }
    }
}
