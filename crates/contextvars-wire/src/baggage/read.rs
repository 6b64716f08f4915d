//! Reads `baggage` headers: as many members as there is room for, and every listed one.

use super::fit::fit;
use super::{Baggage, MAX_LEN, Member};
use crate::chars;
use crate::rule::Violation;

/// The limit of the input, over all headers, including white space and empty members. Bytes beyond it are not read.
const MAX_INPUT: usize = 64 * 1024;

/// Collects the members of a request's headers. The limits are enforced at the end, so that a sender cannot displace a
/// listed member by sending many others before it.
pub(crate) struct Reader<L> {
    is_listed: L,
    /// Skips members that are not listed.
    only_listed: bool,
    max_members: usize,
    members: Vec<Member>,
    /// The length of the members, with a comma after each.
    len: usize,
    /// The index of the first member that came after the limits were reached. Those members are listed, and each key
    /// occurs once.
    full: Option<usize>,
    input: usize,
}

impl<L: Fn(&str) -> bool> Reader<L> {
    pub(crate) fn new(is_listed: L, only_listed: bool, max_members: usize) -> Self {
        let (members, full) = (Vec::new(), None);
        Self { is_listed, only_listed, max_members, members, len: 0, full, input: 0 }
    }

    /// Reads one header. An invalid member is left out and reported, with its key if that is listed.
    pub(crate) fn header(
        &mut self,
        header: &[u8],
        report: &mut dyn FnMut(Option<&str>, Violation),
    ) {
        let room = MAX_INPUT - self.input;
        let whole = if header.len() > room {
            report(None, Violation::TooLong);
            // Ends at the last whole member.
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
            () if self.members.len() >= self.max_members => Violation::TooMany,
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

    /// Returns the members within the limits, and reports the others.
    pub(crate) fn finish(self, mut report: impl FnMut(Option<&str>, Violation)) -> Baggage {
        let Self { is_listed, members, max_members, .. } = self;
        let is_own = |member: &Member| is_listed(member.as_ref().key());
        fit(members, max_members, is_own, |member, rule| {
            report(Some(member.as_ref().key()).filter(|key| is_listed(key)), rule);
        })
    }
}

/// Returns the text before the first `=`, without white space around it.
fn key(member: &[u8]) -> Option<&str> {
    let end = member.iter().position(|&byte| byte == b'=')?;
    chars::ascii(chars::trim(&member[..end]))
}
