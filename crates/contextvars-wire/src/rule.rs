//! [`Violation`], [`Problem`], [`BuildError`]: the rule that was broken, and the entry that broke it. None of them holds a value.

use std::error::Error;
use std::fmt;

/// A rule that a header, a member or a value broke. It does not contain the value, which may be a secret.
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
    /// The entry occurs more than once.
    Repeated,
    /// The text is longer than its limit.
    TooLong,
    /// There are more members than the limit allows.
    TooMany,
    /// The text does not have the form that the specification defines.
    Form,
    /// The text contains a character that is not allowed there.
    Character,
    /// An id consists of zeros only.
    Zero,
    /// The version is `ff`, which is invalid.
    Version,
    /// The codec refused the text, or cannot write the value.
    Refused,
    /// The entry is [taken from trusted senders only](crate::Codec::trusted_only).
    Untrusted,
    /// The variable is [local](contextvars::ContextVar::local), so its values neither leave this process nor come from another.
    Local,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repeated => "more than one value where there must be one",
            Self::TooLong => "longer than its limit",
            Self::TooMany => "more members than allowed",
            Self::Form => "not of the form that the specification defines",
            Self::Character => "a character that is not allowed",
            Self::Zero => "an id of zeros only",
            Self::Version => "version ff",
            Self::Refused => "not a value of the variable's type, or one without a text",
            Self::Untrusted => "taken from trusted senders only",
            Self::Local => "of a local variable, whose values do not cross a process boundary",
        })
    }
}

impl Error for Violation {}

/// An entry that was left out, and the rule that it broke. It does not contain the value.
///
/// ```
/// use contextvars_wire::{Problem, Violation};
///
/// let problem = Problem::new("x-request-id", Violation::TooLong);
/// assert_eq!(problem.to_string(), "`x-request-id`: longer than its limit");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Problem {
    /// The name under which the propagator lists the header or baggage member. It is `baggage` for a member without a key,
    /// and for one that is not listed, because the sender chose its name.
    pub key: String,
    /// The rule that the entry broke.
    pub rule: Violation,
}

impl Problem {
    /// Creates a problem of the entry `key`.
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

/// The reason why a [`Propagator`](super::Propagator) cannot be built, and the name of the entry.
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

/// The kind of a [`BuildError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// The name is not a token as HTTP defines it, or has more than 1024 bytes.
    Invalid,
    /// The name is listed twice, or is that of a header with a method of its own. The names of headers are compared without
    /// regard to case.
    Duplicate,
    /// A header that is to be echoed is not listed.
    Unlisted,
    /// The codec combines two of [`incoming_only`](crate::Codec::incoming_only),
    /// [`outgoing_only`](crate::Codec::outgoing_only) and [`response_only`](crate::Codec::response_only), or has one of them
    /// and is used for a baggage member.
    Direction,
    /// The codec is for another number of headers: one made by [`Codec::many`](crate::Codec::many) needs
    /// [`headers`](crate::PropagatorBuilder::headers) with as many names, and the others need one name.
    HeaderCount,
    /// [`trace_from`](crate::PropagatorBuilder::trace_from) or [`sample_new`](crate::PropagatorBuilder::sample_new) is set,
    /// but no variable is listed as the [trace](crate::PropagatorBuilder::trace_context).
    NoTrace,
}

impl BuildError {
    pub(super) fn new(name: &str, kind: BuildErrorKind) -> Self {
        Self { name: name.to_owned(), kind }
    }

    /// Returns the name of the entry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the kind of the error.
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
            BuildErrorKind::Direction => {
                "has a codec with two directions, or is a baggage member, which cannot have one"
            }
            BuildErrorKind::HeaderCount => "has a codec for another number of headers",
            BuildErrorKind::NoTrace => {
                "is needed by `trace_from` and `sample_new`: list a variable with `trace_context`"
            }
        };
        write!(f, "`{}` {wrong}", self.name)
    }
}

impl Error for BuildError {}
