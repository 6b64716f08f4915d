//! [`TraceState`]: the members that tracing systems pass along beside the ids.
//!
//! # Invariant
//!
//! The text is a list of at most [`MAX_MEMBERS`] members `key=value` of the specification's grammar, joined by single
//! commas, in at most [`MAX_LEN`] bytes. No value contains a comma, so splitting the text returns the members.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::chars;
use super::rule::Violation;

const MAX_MEMBERS: usize = 32;
/// Every participant has to pass on this many bytes, so no more can be relied on.
const MAX_LEN: usize = 512;
/// Members longer than this are removed first.
const LONG: usize = 128;
/// The limit of a key, and of a value.
const MAX_PART: usize = 256;
/// The limit of the input, over all headers: 32 members of full length, with some white space.
const MAX_INPUT: usize = 32 * 1024;

/// The list of the `tracestate` header: data of tracing systems, the one that changed last first. Use
/// [`Baggage`](super::Baggage) for application data.
///
/// The order is kept. A list of more than 512 bytes loses whole members: first those of more than 128 bytes, then from
/// the right. Members with the same key are passed on as they came.
///
/// ```
/// use contextvars_wire::TraceState;
///
/// let state: TraceState = "congo=t61rcWkgMzE , rojo=00f067aa0ba902b7".parse()?;
/// assert_eq!(state.get("rojo"), Some("00f067aa0ba902b7"));
///
/// let state = state.with("rojo", "7")?;
/// assert_eq!(state.to_string(), "rojo=7,congo=t61rcWkgMzE");
/// # Ok::<(), contextvars_wire::Violation>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct TraceState(Option<Arc<str>>);

impl TraceState {
    /// Creates an empty list.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Returns the header's value, which is empty if there are no members.
    pub(super) fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Returns `true` if there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Iterates over keys and values, starting with the member that changed last.
    ///
    /// ```
    /// # use contextvars_wire::TraceState;
    /// let state: TraceState = "a=1,b=2".parse()?;
    /// assert_eq!(state.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text().split(',').filter_map(|member| member.split_once('='))
    }

    /// Returns the value of the first member with this key.
    ///
    /// ```
    /// # use contextvars_wire::TraceState;
    /// let state: TraceState = "a=1,b=2,a=3".parse()?;
    /// assert_eq!((state.get("a"), state.get("c")), (Some("1"), None));
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|&(other, _)| other == key).map(|(_, value)| value)
    }

    /// Returns the list with `key` as its first member, where the specification wants the latest change. Other members
    /// with the key are removed, and so are members at the end if the limits would be exceeded.
    ///
    /// ```
    /// # use contextvars_wire::{Violation, TraceState};
    /// let state: TraceState = "a=1,shop=6".parse()?;
    /// assert_eq!(state.with("shop", "7")?.to_string(), "shop=7,a=1");
    /// assert_eq!(state.with("Shop", "7"), Err(Violation::Character));
    /// # Ok::<(), Violation>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the rule that is broken if the specification does not allow the key or the value, or if both together have
    /// more than 511 bytes.
    pub fn with(&self, key: &str, value: &str) -> Result<Self, Violation> {
        let member = format!("{key}={value}");
        if member.len() > MAX_LEN {
            return Err(Violation::TooLong);
        }
        if chars::trim(member.as_bytes()).len() < member.len() || value.contains(',') {
            return Err(Violation::Character);
        }
        check(member.as_bytes())?;
        let members = std::iter::once(member.as_str()).chain(self.others(key));
        Ok(Self::join(members.take(MAX_MEMBERS).collect(), 1).0)
    }

    /// Returns the list without the members that have this key.
    ///
    /// ```
    /// # use contextvars_wire::TraceState;
    /// let state: TraceState = "a=1,shop=6,a=2".parse()?;
    /// assert_eq!(state.without("a").to_string(), "shop=6");
    /// assert_eq!(state.without("b"), state);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    #[must_use = "this returns the shorter list"]
    pub fn without(&self, key: &str) -> Self {
        if self.get(key).is_none() {
            return self.clone();
        }
        Self::of(&self.others(key).collect::<Vec<_>>().join(","))
    }

    /// Iterates over the texts of the members that have another key.
    fn others(&self, key: &str) -> impl Iterator<Item = &str> {
        self.text()
            .split(',')
            .filter(move |member| member.split_once('=').is_some_and(|(other, _)| other != key))
    }

    /// Joins the members that fit, and returns whether all did. The first `kept` members always fit.
    fn join(mut members: Vec<&str>, kept: usize) -> (Self, bool) {
        let given = members.len();
        // Counts a comma after each member, although the last one is not written.
        let mut len: usize = members.iter().map(|member| member.len() + 1).sum();
        for longest in [LONG, 0] {
            for at in (kept..members.len()).rev() {
                if len > MAX_LEN + 1 && members[at].len() > longest {
                    len -= members[at].len() + 1;
                    members[at] = "";
                }
            }
            members.retain(|member| !member.is_empty());
        }
        (Self::of(&members.join(",")), members.len() == given)
    }

    fn of(text: &str) -> Self {
        Self((!text.is_empty()).then(|| text.into()))
    }
}

/// Reads the headers of a request as one list: its members, joined by commas. A member is added once it is known to be
/// valid.
#[derive(Default)]
pub(super) struct Reader {
    text: String,
    members: usize,
    input: usize,
}

impl Reader {
    pub(super) fn header(&mut self, header: &[u8]) -> Result<(), Violation> {
        self.input += header.len();
        if self.input > MAX_INPUT {
            return Err(Violation::TooLong);
        }
        for member in header.split(|&byte| byte == b',').map(chars::trim) {
            if member.is_empty() {
                continue;
            }
            if self.members == MAX_MEMBERS {
                return Err(Violation::TooMany);
            }
            let member = check(member)?;
            self.text.push_str(if self.members == 0 { "" } else { "," });
            self.text.push_str(member);
            self.members += 1;
        }
        Ok(())
    }

    /// Returns the list, and whether it is complete.
    pub(super) fn finish(self) -> (TraceState, bool) {
        if self.text.len() <= MAX_LEN {
            return (TraceState::of(&self.text), true);
        }
        TraceState::join(self.text.split(',').collect(), 0)
    }
}

/// Returns the member as text if it is a valid `key=value` without white space around it.
fn check(member: &[u8]) -> Result<&str, Violation> {
    let at = member.iter().position(|&byte| byte == b'=').ok_or(Violation::Form)?;
    let (key, value) = (&member[..at], &member[at + 1..]);
    let (Some(&first), Some(_)) = (key.first(), value.first()) else { return Err(Violation::Form) };
    if key.len() > MAX_PART || value.len() > MAX_PART {
        return Err(Violation::TooLong);
    }
    let is_first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_key = |&byte: &u8| is_first(byte) || b"_-*/@".contains(&byte);
    let is_value = |&byte: &u8| chars::is_printable(byte) && byte != b'=';
    if !is_first(first) || !key.iter().all(is_key) || !value.iter().all(is_value) {
        return Err(Violation::Character);
    }
    std::str::from_utf8(member).map_err(|_| Violation::Character)
}

impl FromStr for TraceState {
    type Err = Violation;

    /// Reads a list. One invalid member makes the whole list invalid, as the specification says.
    ///
    /// # Errors
    ///
    /// Returns the rule that is broken if a member is malformed or there are more than 32.
    fn from_str(text: &str) -> Result<Self, Violation> {
        let mut reader = Reader::default();
        reader.header(text.as_bytes())?;
        Ok(reader.finish().0)
    }
}

/// Writes the header's value.
impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Shows the keys without the values.
impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(key, _)| key)).finish()
    }
}
