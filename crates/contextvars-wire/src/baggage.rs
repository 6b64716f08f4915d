//! [`Baggage`]: application data in the one `baggage` header.
//!
//! # Invariant
//!
//! Each member is of the specification's grammar, without white space around it. Together they are at most
//! [`MAX_MEMBERS`], and joined by commas at most [`MAX_LEN`] bytes.

mod fit;
mod member;
mod read;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::rule::Violation;
pub(super) use fit::fit;
pub(super) use member::Member;
pub use member::MemberRef;
pub(super) use read::Reader;

const MAX_MEMBERS: usize = 64;
const MAX_LEN: usize = 8192;

/// The members of the `baggage` header, in their order, as W3C Baggage has them: keys, values and properties.
///
/// What came in is kept byte for byte, so that whoever passes it on changes nothing. Keys may stand in it more than once.
/// It holds at most 64 members and 8192 bytes.
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
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Baggage {
    members: Vec<Member>,
}

impl Baggage {
    /// No members.
    pub const fn new() -> Self {
        Self { members: Vec::new() }
    }

    /// How many members there are.
    ///
    /// ```
    /// # use contextvars_wire::Baggage;
    /// assert_eq!("a=1,b=2".parse::<Baggage>()?.len(), 2);
    /// # Ok::<(), contextvars_wire::Violation>(())
    /// ```
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The members, in order.
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

    /// The value of `key`, decoded; of several members the last, which was added nearest to here.
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

    /// Gives `key` a value, which is encoded as need be, in the place of the first member with that key; others with it
    /// go, and so do their properties. A new key goes to the end.
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
    /// If the key is not a token, or if the limits would be exceeded; then nothing is changed.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), Violation> {
        let mut changed = self.clone();
        changed.put(Member::new(key, value)?);
        if changed.len() > MAX_MEMBERS {
            return Err(Violation::TooMany);
        }
        if len(&changed.members) > MAX_LEN {
            return Err(Violation::TooLong);
        }
        *self = changed;
        Ok(())
    }

    /// Takes out all members with this key; `false` if there were none.
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

    /// Those with a key that passes.
    pub(super) fn filtered(&self, passes: impl Fn(&str) -> bool) -> Self {
        let members = self.members.iter().filter(|member| passes(member.as_ref().key()));
        Self { members: members.cloned().collect() }
    }

    pub(super) fn into_members(self) -> Vec<Member> {
        self.members
    }

    /// Puts a member in the place of those with the same key.
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

    /// As it is sent, unless it is empty.
    pub(super) fn text(&self) -> Option<String> {
        let mut text = String::with_capacity(len(&self.members));
        for (at, member) in self.members.iter().enumerate() {
            text.push_str(if at == 0 { "" } else { "," });
            text.push_str(member.text());
        }
        (!text.is_empty()).then_some(text)
    }

    /// Of several members with this key the last.
    pub(super) fn last(&self, key: &str) -> Option<MemberRef<'_>> {
        self.iter().rfind(|member| member.key() == key)
    }
}

/// Of the members, joined by commas.
fn len(members: &[Member]) -> usize {
    members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1)
}

impl FromStr for Baggage {
    type Err = Violation;

    /// Reads one header. A propagator leaves out what is wrong and keeps the rest; here, anything wrong is an error. A `%`
    /// that begins no escape is not wrong to either: there are senders that do not encode it, so it stands for itself.
    ///
    /// # Errors
    ///
    /// If a member is malformed, or there are more than the limits allow.
    fn from_str(text: &str) -> Result<Self, Violation> {
        let (mut reader, mut wrong) = (Reader::new(|_| false, false), None);
        reader.header(text.as_bytes(), &mut |_, rule| wrong = wrong.or(Some(rule)));
        wrong.map_or_else(|| Ok(reader.finish(|_, _| ())), Err)
    }
}

/// As it is sent.
impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().map_or(Ok(()), |text| f.write_str(&text))
    }
}

/// The keys, without values and properties.
impl fmt::Debug for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(MemberRef::key)).finish()
    }
}
