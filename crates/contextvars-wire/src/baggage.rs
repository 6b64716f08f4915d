//! [`Baggage`]: application data in the `baggage` header.
//!
//! # Invariant
//!
//! Each member is well-formed and has no white space around it. There are at most `max_members`, and joined by commas
//! they have at most [`MAX_LEN`] bytes. ([`Baggage::put`] alone does not check the limits; its caller applies [`fit`].)

mod fit;
mod member;
mod read;

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::rule::Violation;
pub(super) use fit::fit;
pub(super) use member::Member;
pub use member::MemberRef;
pub(super) use read::Reader;

/// The default limit: the number of members that the specification asks every participant to pass on.
pub(super) const MAX_MEMBERS: usize = 64;
const MAX_LEN: usize = 8192;

/// The members of the `baggage` header in their order, as W3C Baggage defines them: keys, values and properties.
///
/// Members that came in are kept byte for byte, so that passing them on changes nothing. A key may occur more than once.
/// The limits are 8192 bytes and 64 members, or the number that
/// [`max_baggage_members`](super::PropagatorBuilder::max_baggage_members) or [`with_max_members`](Self::with_max_members)
/// sets.
///
/// ```
/// use contextvars_wire::Baggage;
///
/// let mut baggage: Baggage = "discount=100%25,rule=a=b;ttl=60".parse()?;
/// assert_eq!(baggage.get("discount").unwrap(), "100%");
/// assert_eq!(baggage.get("rule").unwrap(), "a=b");
///
/// baggage.insert("name", "Zoë, the 2nd")?;
/// assert_eq!(baggage.to_string(), "discount=100%25,rule=a=b;ttl=60,name=Zo%C3%AB%2C%20the%202nd");
/// # Ok::<(), contextvars_wire::Violation>(())
/// ```
#[derive(Clone)]
pub struct Baggage {
    members: Vec<Member>,
    max_members: usize,
}

impl Baggage {
    /// Creates an empty baggage, for up to 64 members.
    pub const fn new() -> Self {
        Self::with_max_members(MAX_MEMBERS)
    }

    /// Creates an empty baggage, for up to `members` members. A propagator sends as many as its
    /// [`max_baggage_members`](super::PropagatorBuilder::max_baggage_members) allows.
    ///
    /// ```
    /// # use contextvars_wire::{Baggage, Violation};
    /// let mut baggage = Baggage::with_max_members(1);
    /// baggage.insert("a", "1")?;
    /// assert_eq!(baggage.insert("b", "2"), Err(Violation::TooMany));
    /// # Ok::<(), Violation>(())
    /// ```
    pub const fn with_max_members(members: usize) -> Self {
        Self { members: Vec::new(), max_members: members }
    }

    /// Returns the number of members.
    ///
    /// ```
    /// # use contextvars_wire::Baggage;
    /// assert_eq!("a=1,b=2".parse::<Baggage>()?.len(), 2);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns `true` if there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Iterates over the members, in order.
    ///
    /// ```
    /// # use contextvars_wire::Baggage;
    /// let baggage: Baggage = "user=ann;vip;tier=2".parse()?;
    /// let member = baggage.iter().next().unwrap();
    /// assert_eq!(member.key(), "user");
    /// assert_eq!(member.value(), "ann");
    /// assert_eq!(member.properties().collect::<Vec<_>>(), [("vip", None), ("tier", Some("2".into()))]);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = MemberRef<'_>> {
        self.members.iter().map(Member::as_ref)
    }

    /// Returns the decoded value of `key`. If several members have the key, the last one counts, because it was added
    /// latest.
    ///
    /// ```
    /// # use contextvars_wire::Baggage;
    /// let baggage: Baggage = "user=Zo%C3%AB,color=blue,color=red".parse()?;
    /// assert_eq!(baggage.get("user").unwrap(), "Zoë");
    /// assert_eq!(baggage.get("color").unwrap(), "red");
    /// assert_eq!(baggage.get("Color"), None);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.last(key).map(MemberRef::value)
    }

    /// Sets the value of `key`, encoded as necessary, without properties.
    ///
    /// The new member replaces the first one with that key; other members with the key are removed. A new key is added at
    /// the end.
    ///
    /// ```
    /// # use contextvars_wire::{Baggage, Violation};
    /// let mut baggage: Baggage = "a=1;ttl=60,b=2,a=3".parse()?;
    /// baggage.insert("a", "50 %")?;
    /// baggage.insert("c", "4")?;
    /// assert_eq!(baggage.to_string(), "a=50%20%25,b=2,c=4");
    /// assert_eq!(baggage.insert("no token", "5"), Err(Violation::Character));
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the rule that is broken, and changes nothing, if the key is not a token or the limits would be exceeded.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), Violation> {
        self.insert_with(key, value, [])
    }

    /// Sets the value and the properties of `key`, as [`insert`](Self::insert) does. Their values are encoded as
    /// necessary; a property need not have one.
    ///
    /// ```
    /// # use contextvars_wire::{Baggage, Violation};
    /// let mut baggage = Baggage::new();
    /// baggage.insert_with("user", "ann", [("ttl", Some("60 s")), ("secret", None)])?;
    /// assert_eq!(baggage.to_string(), "user=ann;ttl=60%20s;secret");
    /// assert_eq!(baggage.insert_with("user", "bob", [("no token", None)]), Err(Violation::Character));
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the rule that is broken, and changes nothing, if a key is not a token or the limits would be exceeded.
    pub fn insert_with<'a>(
        &mut self,
        key: &str,
        value: &str,
        properties: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<(), Violation> {
        let member = Member::new(key, value, properties)?; // user code: the iterator
        let mut changed = self.clone();
        changed.put(member);
        if changed.len() > self.max_members {
            return Err(Violation::TooMany);
        }
        if len(&changed.members) > MAX_LEN {
            return Err(Violation::TooLong);
        }
        *self = changed;
        Ok(())
    }

    /// Removes all members with this key. Returns `true` if there were any.
    ///
    /// ```
    /// # use contextvars_wire::Baggage;
    /// let mut baggage: Baggage = "a=1,b=2,a=3".parse()?;
    /// assert!(baggage.remove("a") && !baggage.remove("a"));
    /// assert_eq!(baggage.to_string(), "b=2");
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn remove(&mut self, key: &str) -> bool {
        let before = self.len();
        self.members.retain(|member| member.as_ref().key() != key);
        self.len() < before
    }

    /// Returns the members whose key passes.
    pub(super) fn filtered(&self, passes: impl Fn(&str) -> bool) -> Self {
        let members = self.members.iter().filter(|member| passes(member.as_ref().key()));
        Self { members: members.cloned().collect(), ..*self }
    }

    pub(super) fn into_members(self) -> Vec<Member> {
        self.members
    }

    /// Returns `true` if no member has to be left out of a header with up to `max_members` members.
    pub(super) fn fits(&self, max_members: usize) -> bool {
        self.len() <= max_members && len(&self.members) <= MAX_LEN
    }

    /// Replaces the first member with the same key, removes the others with it, or appends the member. Does not check the
    /// limits.
    pub(super) fn put(&mut self, new: Member) {
        let first =
            self.members.iter().position(|member| member.as_ref().key() == new.as_ref().key());
        let Some(first) = first else { return self.members.push(new) };
        let mut at = 0;
        self.members.retain(|member| {
            at += 1;
            at - 1 <= first || member.as_ref().key() != new.as_ref().key()
        });
        self.members[first] = new;
    }

    /// Returns the header's value, or `None` if there are no members.
    pub(super) fn text(&self) -> Option<String> {
        let mut text = String::with_capacity(len(&self.members));
        for (at, member) in self.members.iter().enumerate() {
            text.push_str(if at == 0 { "" } else { "," });
            text.push_str(member.text());
        }
        (!text.is_empty()).then_some(text)
    }

    /// Returns the last member with this key.
    pub(super) fn last(&self, key: &str) -> Option<MemberRef<'_>> {
        self.iter().rfind(|member| member.key() == key)
    }
}

/// Returns the length of the members joined by commas.
fn len(members: &[Member]) -> usize {
    members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1)
}

impl Default for Baggage {
    fn default() -> Self {
        Self::new()
    }
}

/// Compares the members; the limit on their number takes no part.
impl PartialEq for Baggage {
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members
    }
}

impl Eq for Baggage {}

impl Hash for Baggage {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.members.hash(state);
    }
}

impl FromStr for Baggage {
    type Err = Violation;

    /// Reads one header of at most 64 members. A propagator leaves out the invalid members and keeps the others; here, one
    /// invalid member is an error. A `%` that begins no escape and a `\` are valid in both, because some senders do not
    /// encode them; they stand for themselves.
    ///
    /// # Errors
    ///
    /// Returns the first rule that is broken if a member is malformed or the limits are exceeded.
    fn from_str(text: &str) -> Result<Self, Violation> {
        let (mut reader, mut wrong) = (Reader::new(|_| false, false, MAX_MEMBERS), None);
        reader.header(text.as_bytes(), &mut |_, rule| wrong = wrong.or(Some(rule)));
        wrong.map_or_else(|| Ok(reader.finish(|_, _| ())), Err)
    }
}

/// Writes the header's value.
impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().map_or(Ok(()), |text| f.write_str(&text))
    }
}

/// Shows the keys, without values and properties.
impl fmt::Debug for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(MemberRef::key)).finish()
    }
}
