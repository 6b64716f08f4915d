//! [`Baggage`]: application data in the `baggage` header.
//!
//! # Invariant
//!
//! The text is a list of at most `max_members` members, joined by single commas, in at most [`MAX_LEN`] bytes. Each member is
//! well-formed and has no white space around it. No member contains a comma, so splitting the text returns the members.

mod list;
mod member;
mod read;

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::chars;
use super::rule::Violation;
pub(super) use list::List;
pub use member::MemberRef;
pub(super) use member::write;
pub(super) use read::Reader;

/// The default limit: the number of members that the specification asks every participant to pass on.
pub(super) const MAX_MEMBERS: usize = 64;
const MAX_LEN: usize = 8192;
/// The number of keys that are looked up in one pass.
pub(super) const GROUP: usize = 8;

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
    /// `None` if there are no members.
    text: Option<Box<str>>,
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
        Self { text: None, max_members: members }
    }

    /// Returns the number of members.
    ///
    /// ```
    /// # use contextvars_wire::Baggage;
    /// assert_eq!("a=1,b=2".parse::<Baggage>()?.len(), 2);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns `true` if there are no members.
    pub fn is_empty(&self) -> bool {
        self.text.is_none()
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
        self.text().split(',').filter(|member| !member.is_empty()).map(MemberRef::new)
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
        let member = write(key, value, properties)?; // user code: the iterator
        let mut list = self.list();
        list.put(member);
        if list.len() > self.max_members {
            return Err(Violation::TooMany);
        }
        if list.joined_len() > MAX_LEN {
            return Err(Violation::TooLong);
        }
        *self = Self::from_text(list.join(), self.max_members);
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
        let is_there = self.last(key).is_some();
        if is_there {
            let mut list = self.list();
            list.retain(|other| other != key);
            *self = Self::from_text(list.join(), self.max_members);
        }
        is_there
    }

    fn from_text(text: String, max_members: usize) -> Self {
        Self { text: (!text.is_empty()).then(|| text.into()), max_members }
    }

    /// Returns the header's value, which is empty if there are no members.
    pub(super) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// Returns `true` if no member has to be left out of a header of up to `max_members`.
    pub(super) fn fits(&self, max_members: usize) -> bool {
        self.max_members <= max_members || self.len() <= max_members
    }

    pub(super) fn list(&self) -> List<'_> {
        List::split(self.text())
    }

    /// Returns the last member of each key of a group, by one pass over the text. `place_of` returns a key's place in the group.
    pub(super) fn last_of_each(
        &self,
        place_of: impl Fn(&str) -> Option<usize>,
    ) -> [Option<MemberRef<'_>>; GROUP] {
        let mut found = [None; GROUP];
        let mut rest = Some(self.text());
        while let Some(text) = rest {
            let (member, more) = chars::split_once(text, b',');
            rest = more;
            let member = MemberRef::new(member);
            if let Some(place) = place_of(member.key()) {
                found[place] = Some(member);
            }
        }
        found
    }

    /// Returns the last member with this key.
    pub(super) fn last(&self, key: &str) -> Option<MemberRef<'_>> {
        self.iter().rfind(|member| member.key() == key)
    }
}

/// Returns the length in bytes of the members joined by commas.
fn joined_len<'a>(members: impl Iterator<Item = &'a str>) -> usize {
    members.map(|member| member.len() + 1).sum::<usize>().saturating_sub(1)
}

impl Default for Baggage {
    fn default() -> Self {
        Self::new()
    }
}

/// Compares the members; the limit on their number takes no part.
impl PartialEq for Baggage {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Baggage {}

impl Hash for Baggage {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
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
        f.write_str(self.text())
    }
}

/// Shows the keys, without values and properties.
impl fmt::Debug for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(MemberRef::key)).finish()
    }
}
