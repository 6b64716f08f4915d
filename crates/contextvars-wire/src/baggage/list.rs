//! [`List`]: the members while they are changed, and the choice of those to leave out beyond the limits.

use std::borrow::Cow;

use super::member::MemberRef;
use super::{MAX_LEN, joined_len};
use crate::rule::Violation;

/// The texts of well-formed members, in order. The limits hold after [`fit`](Self::fit).
pub(crate) struct List<'a>(Vec<Cow<'a, str>>);

impl<'a> List<'a> {
    /// Splits a list that is joined by commas.
    pub(crate) fn split(text: &'a str) -> Self {
        Self(text.split(',').filter(|member| !member.is_empty()).map(Cow::Borrowed).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the length in bytes of the list joined by commas.
    pub(crate) fn joined_len(&self) -> usize {
        joined_len(self.0.iter().map(|member| &**member))
    }

    pub(crate) fn push(&mut self, member: String) {
        self.0.push(Cow::Owned(member));
    }

    pub(crate) fn retain(&mut self, passes: impl Fn(&str) -> bool) {
        self.0.retain(|member| passes(MemberRef::new(member).key()));
    }

    /// Replaces the first member with the same key and removes the others with it, or adds the member at the end.
    pub(crate) fn put(&mut self, new: String) {
        let key = MemberRef::new(&new).key();
        let mut first = None;
        let mut at = 0;
        self.0.retain(|member| {
            let is_other = MemberRef::new(member).key() != key;
            let is_kept = is_other || first.is_none();
            if !is_other && first.is_none() {
                first = Some(at);
            }
            at += usize::from(is_kept);
            is_kept
        });
        match first {
            Some(first) => self.0[first] = Cow::Owned(new),
            None => self.push(new),
        }
    }

    /// Leaves out members until at most `max_members`, and the limit in bytes, are kept.
    ///
    /// Members that are not the program's `own` are left out first, from the right, so that their sender cannot displace
    /// the program's. `left_out` is called with the key of each one, and the rule.
    pub(crate) fn fit(
        &mut self,
        max_members: usize,
        is_own: impl Fn(&str) -> bool,
        mut left_out: impl FnMut(&str, Violation),
    ) {
        let (mut count, mut bytes) = (self.len(), self.joined_len());
        for own in [false, true] {
            for member in self.0.iter_mut().rev() {
                let rule = match () {
                    () if count > max_members => Violation::TooMany,
                    () if bytes > MAX_LEN => Violation::TooLong,
                    () => break,
                };
                let key = MemberRef::new(member).key();
                if member.is_empty() || is_own(key) != own {
                    continue;
                }
                left_out(key, rule);
                count -= 1;
                bytes = bytes.saturating_sub(member.len() + 1);
                *member = Cow::Borrowed("");
            }
        }
        self.0.retain(|member| !member.is_empty());
    }

    /// Joins the members by commas.
    pub(crate) fn join(&self) -> String {
        let mut text = String::with_capacity(self.joined_len());
        for (at, member) in self.0.iter().enumerate() {
            text.push_str(if at == 0 { "" } else { "," });
            text.push_str(member);
        }
        text
    }
}
