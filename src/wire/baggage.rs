//! [`Baggage`]: application data in the one `baggage` header.
//!
//! # Invariant
//!
//! Each member is of the specification's grammar, without white space around it. Together they are at most
//! [`MAX_MEMBERS`], and joined by commas at most [`MAX_LEN`] bytes.

mod fit;
mod member;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::chars;
use super::rule::Rule;
pub(super) use fit::fit;
pub(super) use member::Member;
pub use member::MemberRef;

const MAX_MEMBERS: usize = 64;
const MAX_LEN: usize = 8192;

/// The members of the `baggage` header, in their order, as W3C Baggage has them: keys, values and properties.
///
/// What came in is kept byte for byte, so that whoever passes it on changes nothing. Keys may stand in it more than once.
/// It holds at most 64 members and 8192 bytes.
///
/// ```
/// use contextvars::wire::Baggage;
///
/// let mut baggage: Baggage = "discount=100%25,rule=a=b;ttl=60".parse()?;
/// assert_eq!(baggage.get("discount").unwrap(), "100%");
/// assert_eq!(baggage.get("rule").unwrap(), "a=b");
///
/// baggage.insert("name", "Zoë, the 2nd")?;
/// assert_eq!(baggage.to_string(), "discount=100%25,rule=a=b;ttl=60,name=Zo%C3%AB%2C%20the%202nd");
/// # Ok::<(), contextvars::wire::Rule>(())
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
    /// # use contextvars::wire::Baggage;
    /// let baggage: Baggage = "user=ann;vip;tier=2".parse()?;
    /// let member = baggage.iter().next().unwrap();
    /// assert_eq!(member.key(), "user");
    /// assert_eq!(member.value(), "ann");
    /// assert_eq!(member.properties().collect::<Vec<_>>(), [("vip", None), ("tier", Some("2".into()))]);
    /// # Ok::<(), contextvars::wire::Rule>(())
    /// ```
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = MemberRef<'_>> {
        self.members.iter().map(Member::as_ref)
    }

    /// The value of `key`, decoded; of several members the last, which was added nearest to here.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.iter().rfind(|member| member.key() == key).map(MemberRef::value)
    }

    /// Gives `key` a value, which is encoded as need be, in the place of the first member with that key; others with it
    /// go, and so do their properties. A new key goes to the end.
    ///
    /// # Errors
    ///
    /// If the key is not a token, or if the limits would be exceeded; then nothing is changed.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), Rule> {
        let mut members = self.members.clone();
        put(&mut members, Member::new(key, value)?);
        if members.len() > MAX_MEMBERS {
            return Err(Rule::TooMany);
        }
        if len(&members) > MAX_LEN {
            return Err(Rule::TooLong);
        }
        self.members = members;
        Ok(())
    }

    /// Takes out all members with this key; `false` if there were none.
    ///
    /// ```
    /// # use contextvars::wire::Baggage;
    /// let mut baggage: Baggage = "a=1,b=2,a=3".parse()?;
    /// assert!(baggage.remove("a") && !baggage.remove("a"));
    /// assert_eq!(baggage.to_string(), "b=2");
    /// # Ok::<(), contextvars::wire::Rule>(())
    /// ```
    pub fn remove(&mut self, key: &str) -> bool {
        let before = self.len();
        self.members.retain(|member| member.as_ref().key() != key);
        self.len() < before
    }

    pub(super) fn into_members(self) -> Vec<Member> {
        self.members
    }

    /// Adds the members of one header. What breaks a rule is left out, and the rule reported; the others are kept.
    pub(super) fn read(&mut self, header: &[u8], report: &mut dyn FnMut(Rule)) {
        let comma = usize::from(!self.is_empty());
        let room = MAX_LEN.saturating_sub(len(&self.members) + comma);
        for member in whole(header, room, report).split(|&byte| byte == b',').map(chars::trim) {
            if member.is_empty() {
                continue;
            }
            match Member::parse(member) {
                Err(rule) => report(rule),
                Ok(_) if self.len() == MAX_MEMBERS => return report(Rule::TooMany),
                Ok(member) => self.members.push(member),
            }
        }
    }
}

/// As much of a header as there is room for, cut at a comma: a member is taken whole or not at all.
fn whole<'a>(header: &'a [u8], room: usize, report: &mut dyn FnMut(Rule)) -> &'a [u8] {
    let header = chars::trim(header);
    if header.len() <= room {
        return header;
    }
    report(Rule::TooLong);
    let end = header[..=room].iter().rposition(|&byte| byte == b',');
    &header[..end.unwrap_or(0)]
}

/// Of the members, joined by commas.
fn len(members: &[Member]) -> usize {
    members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1)
}

/// Puts a member in the place of those with the same key.
pub(super) fn put(members: &mut Vec<Member>, new: Member) {
    let mut new = Some(new);
    let key = new.as_ref().map(|new| new.as_ref().key().to_owned()).unwrap_or_default();
    members.retain_mut(|member| {
        if member.as_ref().key() != key {
            return true;
        }
        new.take().map(|new| *member = new).is_some()
    });
    members.extend(new);
}

impl FromStr for Baggage {
    type Err = Rule;

    /// Reads one header. A propagator leaves out what is wrong and keeps the rest; here, anything wrong is an error.
    fn from_str(text: &str) -> Result<Self, Rule> {
        let (mut baggage, mut wrong) = (Self::new(), None);
        baggage.read(text.as_bytes(), &mut |rule| wrong = wrong.or(Some(rule)));
        wrong.map_or(Ok(baggage), Err)
    }
}

/// As it is sent.
impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, member) in self.members.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "," })?;
            f.write_str(member.text())?;
        }
        Ok(())
    }
}

/// The keys, without values and properties.
impl fmt::Debug for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(MemberRef::key)).finish()
    }
}
