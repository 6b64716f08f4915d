//! [`Entry`] and [`Iter`]: the variables of a context, one by one.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};

use crate::context_state;
use crate::value::ErasedValue;
use crate::var::ContextVar;

/// One variable of a [`Context`](crate::Context) and its value.
///
/// ```
/// # use contextvars::{Context, ContextVar};
/// static USER: ContextVar<&str> = ContextVar::new("user");
///
/// let context = Context::new().with_value(&USER, "ann");
/// let entry = context.iter().next().unwrap();
/// assert!(entry.is(&USER));
/// assert_eq!(entry.name(), "user");
/// assert_eq!(entry.downcast_ref::<&str>(), Some(&"ann"));
/// assert_eq!(entry.downcast_ref::<String>(), None);
/// ```
#[derive(Clone, Copy)]
pub struct Entry<'a>(&'a ErasedValue);

impl<'a> Entry<'a> {
    #[inline]
    pub(crate) fn new(value: &'a ErasedValue) -> Self {
        Self(value)
    }

    /// Returns the erased value.
    #[inline]
    pub(crate) fn erased(&self) -> &'a ErasedValue {
        self.0
    }

    /// Returns the variable's name.
    ///
    /// See [`Entry`] for an example.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// Returns `true` if the entry belongs to `var`.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    /// static ROLE: ContextVar<&str> = ContextVar::new("role");
    ///
    /// let context = Context::new().with_value(&USER, "ann");
    /// let entry = context.iter().next().unwrap();
    /// assert!(entry.is(&USER) && !entry.is(&ROLE));
    /// ```
    pub fn is<T: Send + Sync + 'static>(&self, var: &ContextVar<T>) -> bool {
        var.key().is_some_and(|key| key.id() == self.0.id())
    }

    /// Returns the value if it is a `T`.
    ///
    /// For generic code such as a logger. Where the variable is known, use [`Context::get`](crate::Context::get).
    ///
    /// See [`Entry`] for an example.
    pub fn downcast_ref<T: 'static>(&self) -> Option<&'a T> {
        self.0.downcast_ref()
    }

    /// Returns the line that set the value: the call of [`set`](ContextVar::set), [`bind`](ContextVar::bind),
    /// [`scope`](ContextVar::scope), [`sync_scope`](ContextVar::sync_scope), [`insert`](crate::Context::insert) or
    /// [`with_value`](crate::Context::with_value).
    ///
    /// To find the code that set an unexpected value. A [`reset`](ContextVar::reset) brings a value back with its own line.
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let (context, line) = (Context::new().with_value(&USER, "ann"), line!());
    /// assert_eq!(context.iter().next().unwrap().set_at().line(), line);
    /// ```
    pub fn set_at(&self) -> &'static Location<'static> {
        self.0.set_at()
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // user code: T::fmt
        f.debug_struct("Entry").field("var", &self.name()).field("value", self.0).finish()
    }
}

// An entry only hands out `&T`, and the value behind it is replaced as a whole. Code that changes a `T` through interior
// mutability and panics in between can leave it half changed, as it can with any shared reference; `get` and `with` hand out
// the same reference.
impl UnwindSafe for Entry<'_> {}
impl RefUnwindSafe for Entry<'_> {}

/// An iterator over the variables of a [`Context`](crate::Context); returned by [`Context::iter`](crate::Context::iter).
#[derive(Clone)]
pub struct Iter<'a>(context_state::Iter<'a>);

impl<'a> Iter<'a> {
    pub(crate) fn new(values: context_state::Iter<'a>) -> Self {
        Self(values)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        self.0.next().map(Entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl std::iter::FusedIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl UnwindSafe for Iter<'_> {}
impl RefUnwindSafe for Iter<'_> {}
