//! A variable's name in twelve bytes, so that a lookup error has sixteen.

use std::ptr::NonNull;

/// A static string whose length fits in 32 bits.
///
/// # Invariant
/// `start` and `len` are the parts of a `&'static str`.
#[derive(Clone, Copy)]
#[repr(Rust, packed(4))]
pub(crate) struct Name {
    start: NonNull<u8>,
    len: u32,
}

// SAFETY: a name is a `&'static str` in other words, which may be sent to and shared with other threads.
unsafe impl Send for Name {}
// SAFETY: as above.
unsafe impl Sync for Name {}

impl Name {
    /// # Panics
    /// Panics if the name is longer than 4 GiB.
    pub(crate) const fn new(name: &'static str) -> Self {
        let len = name.len();
        assert!(len <= u32::MAX as usize, "the name of a context variable is longer than 4 GiB");
        let Some(start) = NonNull::new(name.as_ptr().cast_mut()) else {
            panic!("a reference is not null")
        };
        #[expect(clippy::cast_possible_truncation, reason = "the line above checked the length")]
        Self { start, len: len as u32 }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        // SAFETY: by the invariant, the parts are those of a `&'static str`, so the bytes are valid and never change.
        let bytes = unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len as usize) };
        // SAFETY: as above, the bytes are UTF-8.
        unsafe { std::str::from_utf8_unchecked(bytes) }
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_string_that_it_was_made_of() {
        for name in ["", "user", "größe", "\0"] {
            assert_eq!(Name::new(name).as_str(), name);
        }
        const { assert!(size_of::<Name>() <= 12) };
    }
}
