//! From headers to members: those that there is room for, and of the others those that the program lists.

use super::fit::fit;
use super::{Baggage, MAX_LEN, MAX_MEMBERS, Member};
use crate::chars;
use crate::rule::Violation;

/// Of all headers together, white space and empty members included; what is beyond is not looked at.
const MAX_INPUT: usize = 64 * 1024;

/// What was read so far. The limits hold at the end: a stranger cannot push out what the program lists by sending a lot
/// before it.
pub(crate) struct Reader<L> {
    is_listed: L,
    /// Whether others are not even looked at.
    only_listed: bool,
    members: Vec<Member>,
    /// Of the members, with a comma after each.
    len: usize,
    /// Where the members begin that came when there was no room: listed ones, each key once.
    full: Option<usize>,
    input: usize,
}

impl<L: Fn(&str) -> bool> Reader<L> {
    pub(crate) fn new(is_listed: L, only_listed: bool) -> Self {
        Self { is_listed, only_listed, members: Vec::new(), len: 0, full: None, input: 0 }
    }

    /// Reads one header. What breaks a rule is left out, and reported by its key if it is listed.
    pub(crate) fn header(
        &mut self,
        header: &[u8],
        report: &mut dyn FnMut(Option<&str>, Violation),
    ) {
        let room = MAX_INPUT - self.input;
        let whole = if header.len() > room {
            report(None, Violation::TooLong);
            // A member is taken whole or not at all.
            let end = header[..=room].iter().rposition(|&byte| byte == b',');
            &header[..end.unwrap_or(0)]
        } else {
            header
        };
        self.input += header.len().min(room);
        for member in whole.split(|&byte| byte == b',').map(chars::trim) {
            let key = key(member).filter(|key| (self.is_listed)(key));
            if !member.is_empty() && (key.is_some() || !self.only_listed) {
                self.member(member, key.is_some()).unwrap_or_else(|rule| report(key, rule));
            }
        }
    }

    fn member(&mut self, text: &[u8], listed: bool) -> Result<(), Violation> {
        if text.len() > MAX_LEN {
            self.full.get_or_insert(self.members.len());
            return Err(Violation::TooLong);
        }
        let rule = match () {
            () if self.members.len() >= MAX_MEMBERS => Violation::TooMany,
            () if self.full.is_some() || self.len + text.len() > MAX_LEN => Violation::TooLong,
            () => {
                self.members.push(Member::parse(text)?);
                self.len += text.len() + 1;
                return Ok(());
            }
        };
        let full = *self.full.get_or_insert(self.members.len());
        if !listed {
            return Err(rule);
        }
        let member = Member::parse(text)?;
        let key = member.as_ref().key();
        match self.members[full..].iter_mut().find(|earlier| earlier.as_ref().key() == key) {
            Some(earlier) => *earlier = member,
            None => self.members.push(member),
        }
        Ok(())
    }

    /// All of it within the limits. `left_out` hears of each member that is not.
    pub(crate) fn finish(self, mut report: impl FnMut(Option<&str>, Violation)) -> Baggage {
        let Self { is_listed, members, .. } = self;
        let is_own = |member: &Member| is_listed(member.as_ref().key());
        fit(members, is_own, |member, rule| {
            report(Some(member.as_ref().key()).filter(|key| is_listed(key)), rule);
        })
    }
}

/// What stands before the first `=`, without white space around it.
fn key(member: &[u8]) -> Option<&str> {
    let end = member.iter().position(|&byte| byte == b'=')?;
    chars::ascii(chars::trim(&member[..end]))
}
