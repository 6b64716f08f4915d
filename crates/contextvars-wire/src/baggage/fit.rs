//! What is left out when the program's own members and those that only pass through are too much together.

use super::{Baggage, MAX_LEN, MAX_MEMBERS, Member, len};
use crate::rule::Violation;

/// `members` within the limits. Those that `is_own` says no to go first, from the right: whoever sent them cannot push
/// out what this program has to say. `left_out` hears of each.
pub(crate) fn fit(
    mut members: Vec<Member>,
    is_own: impl Fn(&Member) -> bool,
    mut left_out: impl FnMut(&Member, Violation),
) -> Baggage {
    let (mut count, mut bytes) = (members.len(), len(&members));
    if count <= MAX_MEMBERS && bytes <= MAX_LEN {
        return Baggage { members };
    }
    let mut gone = vec![false; members.len()];
    for own in [false, true] {
        for at in (0..members.len()).rev().filter(|&at| is_own(&members[at]) == own) {
            let rule = match () {
                () if count > MAX_MEMBERS => Violation::TooMany,
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
    Baggage { members }
}
