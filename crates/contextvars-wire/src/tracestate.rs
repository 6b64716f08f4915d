//! [`TraceState`]: what tracing systems hand on beside the ids.
//!
//! # Invariant
//!
//! The text is a list of at most [`MAX_MEMBERS`] members `key=value` of the specification's grammar, joined by single
//! commas, in at most [`MAX_LEN`] bytes. No value has a comma, so splitting the text gives the members back.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::chars;
use super::rule::Violation;

const MAX_MEMBERS: usize = 32;
/// What everybody must hand on, and so what may be relied upon.
const MAX_LEN: usize = 512;
/// Members longer than this are the first to go.
const LONG: usize = 128;
/// Of a key, and of a value.
const MAX_PART: usize = 256;
/// Of what comes in, over all headers: 32 members of full length, with some white space.
const MAX_INPUT: usize = 32 * 1024;

/// The list of the `tracestate` header: what each tracing system needs to know of the others, in order of the last
/// change. Not for application data: that is [`Baggage`](super::Baggage).
///
/// The order is kept. A list of more than 512 bytes loses whole members: first those of more than 128 bytes, then from
/// the right. Keys that stand in it twice are passed on as they came.
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
    /// An empty list.
    pub const fn new() -> Self {
        Self(None)
    }

    fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The members, keys and values, from the one changed last.
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

    /// The value of the first member with this key.
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

    /// The list with `key` at its left, where the specification wants what was changed last; any other member with the
    /// key is taken out. Where the limits would be exceeded, the others give way.
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
    /// If the key or the value is not what the specification allows, or both together have more than 511 bytes.
    pub fn with(&self, key: &str, value: &str) -> Result<Self, Violation> {
        let member = format!("{key}={value}");
        if member.len() > MAX_LEN {
            return Err(Violation::TooLong);
        }
        if chars::trim(member.as_bytes()).len() < member.len() || value.contains(',') {
            return Err(Violation::Character);
        }
        check(member.as_bytes())?;
        let others = self
            .text()
            .split(',')
            .filter(|other| other.split_once('=').is_some_and(|(other, _)| other != key));
        let members = std::iter::once(member.as_str()).chain(others).take(MAX_MEMBERS).collect();
        Ok(Self::join(members, 1).0)
    }

    /// The members as one text, without those that do not fit; whether there were such. The first `kept` do fit.
    fn join(mut members: Vec<&str>, kept: usize) -> (Self, bool) {
        let given = members.len();
        // With a comma after each, of which the last is not written.
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
        (Self::of(&members.join(",")), members.len() < given)
    }

    fn of(text: &str) -> Self {
        Self((!text.is_empty()).then(|| text.into()))
    }
}

/// What was read so far of the headers, which are one list: its members, joined by commas. Nothing is kept of a member
/// before all of it is known to be good.
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

    /// The list, and whether it had to be shortened.
    pub(super) fn finish(self) -> (TraceState, bool) {
        if self.text.len() <= MAX_LEN {
            return (TraceState::of(&self.text), false);
        }
        TraceState::join(self.text.split(',').collect(), 0)
    }
}

/// Whether a member, without white space around it, is of the form `key=value`.
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
    chars::ascii(member).ok_or(Violation::Character)
}

impl FromStr for TraceState {
    type Err = Violation;

    /// Reads a list. One bad member makes all of it invalid, as the specification says.
    ///
    /// # Errors
    ///
    /// If a member is malformed, or there are more than 32.
    fn from_str(text: &str) -> Result<Self, Violation> {
        let mut reader = Reader::default();
        reader.header(text.as_bytes())?;
        Ok(reader.finish().0)
    }
}

/// As it is sent.
impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The keys, without the values.
impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(key, _)| key)).finish()
    }
}
