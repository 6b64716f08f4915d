//! [`Violation`], [`Problem`], [`BuildError`]: what was wrong, and with which entry. None of them ever holds a value.

use std::error::Error;
use std::fmt;

/// A rule that a header, a member or a value broke. It says nothing of the value itself, which may be a secret.
///
/// ```
/// use contextvars_wire::{Violation, TraceContext};
///
/// let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01".parse::<TraceContext>();
/// assert_eq!(zeros.unwrap_err(), Violation::Zero);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Violation {
    /// There must be one value, and there were several.
    Repeated,
    /// It is longer than its limit.
    TooLong,
    /// There are more members than the specification allows.
    TooMany,
    /// It does not have the form that the specification gives it.
    Form,
    /// It has a character that may not stand there.
    Character,
    /// An id consists of zeros only.
    Zero,
    /// The version `ff` is no version.
    Version,
    /// The variable's type does not take the text, or has none for the value.
    Refused,
    /// The entry is taken from trusted senders only.
    Untrusted,
    /// The variable is [local](contextvars::ContextVar::local): its values neither leave this process nor come from another.
    Local,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repeated => "more than one value where there must be one",
            Self::TooLong => "longer than its limit",
            Self::TooMany => "more members than allowed",
            Self::Form => "not of the form that the specification gives it",
            Self::Character => "a character that is not allowed",
            Self::Zero => "an id of zeros only",
            Self::Version => "version ff",
            Self::Refused => "not a value of the variable's type, or one without a text",
            Self::Untrusted => "taken from trusted senders only",
            Self::Local => "of a variable whose values stay in their place",
        })
    }
}

impl Error for Violation {}

/// An entry that was left out, and the rule that it broke; never the value.
///
/// ```
/// use contextvars_wire::{Problem, Violation};
///
/// let problem = Problem::new("x-request-id", Violation::TooLong);
/// assert_eq!(problem.to_string(), "`x-request-id`: longer than its limit");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Problem {
    /// The header or baggage member, by the name under which the propagator lists it; `baggage` for a member that it
    /// does not list, since that name was chosen by the sender, and for one without a key.
    pub key: String,
    /// The rule that it broke.
    pub rule: Violation,
}

impl Problem {
    /// A problem with the entry `key`.
    ///
    /// ```
    /// # use contextvars_wire::{Problem, Violation};
    /// let problem = Problem::new("x-request-id", Violation::Repeated);
    /// assert!(problem.to_string().starts_with("`x-request-id`: "));
    /// ```
    pub fn new(key: impl Into<String>, rule: Violation) -> Self {
        Self { key: key.into(), rule }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.rule)
    }
}

impl Error for Problem {}

/// Why a [`Propagator`](super::Propagator) cannot be built: a name in its list, which is the program's own.
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_wire::{Propagator, text};
///
/// static USER: ContextVar<String> = ContextVar::new("user");
///
/// let error = Propagator::builder().header("x user", text(&USER)).build().unwrap_err();
/// assert_eq!(error.name(), "x user");
/// assert_eq!(error.to_string(), "`x user` is not a valid name");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuildError {
    name: String,
    kind: BuildErrorKind,
}

/// What is wrong with the name in a [`BuildError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// Not a token as HTTP defines it, so neither a header's name nor a member's; or one of more than 1024 bytes.
    Invalid,
    /// The same name stands in the list already, or it is that of a header with a method of its own. Headers are
    /// compared without regard to case.
    Duplicate,
    /// A header that is to be echoed is not in the list.
    Unlisted,
}

impl BuildError {
    pub(super) fn new(name: &str, kind: BuildErrorKind) -> Self {
        Self { name: name.to_owned(), kind }
    }

    /// The name that is wrong.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is wrong with it.
    ///
    /// ```
    /// # use contextvars_wire::{BuildErrorKind, Propagator};
    /// let error = Propagator::builder().build()?.echo("x-request-id").unwrap_err();
    /// assert_eq!(error.kind(), BuildErrorKind::Unlisted);
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn kind(&self) -> BuildErrorKind {
        self.kind
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = match self.kind {
            BuildErrorKind::Invalid => "is not a valid name",
            BuildErrorKind::Duplicate => "is listed twice, or has a method of its own",
            BuildErrorKind::Unlisted => "is to be echoed, but no header of that name is listed",
        };
        write!(f, "`{}` {wrong}", self.name)
    }
}

impl Error for BuildError {}
