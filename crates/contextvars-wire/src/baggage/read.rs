//! Reads `baggage` headers: as many members as there is room for, and every listed one.

use super::member::{self, MemberRef};
use super::{Baggage, List, MAX_LEN};
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
    /// The members within the limits, joined by commas, and their number.
    text: String,
    members: usize,
    /// The listed members that came after the limits were reached, each key once.
    late: Vec<String>,
    is_full: bool,
    input: usize,
}

impl<L: Fn(&str) -> bool> Reader<L> {
    pub(crate) fn new(is_listed: L, only_listed: bool, max_members: usize) -> Self {
        let (text, late) = (String::new(), Vec::new());
        let (members, is_full, input) = (0, false, 0);
        Self { is_listed, only_listed, max_members, text, members, late, is_full, input }
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
        if self.text.is_empty() {
            self.text.reserve_exact(whole.len().min(MAX_LEN)); // all that an ordinary request needs
        }
        for member in whole.split(|&byte| byte == b',').map(chars::trim) {
            let key = key(member).filter(|key| (self.is_listed)(key));
            if !member.is_empty() && (key.is_some() || !self.only_listed) {
                self.member(member, key.is_some()).unwrap_or_else(|rule| report(key, rule));
            }
        }
    }

    fn member(&mut self, text: &[u8], listed: bool) -> Result<(), Violation> {
        if text.len() > MAX_LEN {
            self.is_full = true;
            return Err(Violation::TooLong);
        }
        let comma = usize::from(self.members > 0);
        let rule = match () {
            () if self.members >= self.max_members => Violation::TooMany,
            () if self.is_full || self.text.len() + comma + text.len() > MAX_LEN => {
                Violation::TooLong
            }
            () => {
                let text = member::check(text)?;
                self.text.push_str(if self.members == 0 { "" } else { "," });
                self.text.push_str(text);
                self.members += 1;
                return Ok(());
            }
        };
        self.is_full = true;
        if !listed {
            return Err(rule);
        }
        let member = member::check(text)?;
        let key = MemberRef::new(member).key();
        match self.late.iter_mut().find(|late| MemberRef::new(late).key() == key) {
            Some(late) => member.clone_into(late),
            None => self.late.push(member.to_owned()),
        }
        Ok(())
    }

    /// Returns the members within the limits, and reports the others.
    pub(crate) fn finish(self, mut report: impl FnMut(Option<&str>, Violation)) -> Baggage {
        let Self { is_listed, text, late, max_members, .. } = self;
        if late.is_empty() {
            return Baggage::from_text(text, max_members);
        }
        let mut list = List::split(&text);
        for member in late {
            list.push(member);
        }
        list.fit(max_members, &is_listed, |key, rule| {
            report(Some(key).filter(|key| is_listed(key)), rule);
        });
        Baggage::from_text(list.join(), max_members)
    }
}

/// Returns the text before the first `=`, without white space around it.
fn key(member: &[u8]) -> Option<&str> {
    let end = member.iter().position(|&byte| byte == b'=')?;
    std::str::from_utf8(chars::trim(&member[..end])).ok()
}
