//! Chooses the members to leave out when all together exceed the limits.

use super::{Baggage, MAX_LEN, Member, len};
use crate::rule::Violation;

/// Reduces `members` to at most `max_members`, and to the limit in bytes.
///
/// Members that are not the program's `own` are left out first, from the right, so that their sender cannot displace the
/// program's. `left_out` is called with each one and its rule.
pub(crate) fn fit(
    mut members: Vec<Member>,
    max_members: usize,
    is_own: impl Fn(&Member) -> bool,
    mut left_out: impl FnMut(&Member, Violation),
) -> Baggage {
    let (mut count, mut bytes) = (members.len(), len(&members));
    if count > max_members || bytes > MAX_LEN {
        let mut gone = vec![false; members.len()];
        for own in [false, true] {
            for at in (0..members.len()).rev().filter(|&at| is_own(&members[at]) == own) {
                let rule = match () {
                    () if count > max_members => Violation::TooMany,
                    () if bytes > MAX_LEN => Violation::TooLong,
                    () => break,
                };
                left_out(&members[at], rule);
                count -= 1;
                bytes = bytes.saturating_sub(members[at].len() + 1);
                gone[at] = true;
            }
        }
        let mut gone = gone.into_iter();
        members.retain(|_| !gone.next().unwrap_or_default());
    }
    Baggage { members, max_members }
}
