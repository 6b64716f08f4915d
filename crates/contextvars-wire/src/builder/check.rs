//! Checks a list before it becomes a propagator.

use std::collections::HashSet;

use crate::chars;
use crate::codec::{Codec, Direction};
use crate::config::{Config, Header, Member};
use crate::rule::{BuildError, BuildErrorKind};

/// Headers that have methods of their own.
pub(super) const RESERVED: [&str; 3] = ["traceparent", "tracestate", "baggage"];
/// The limit of a name. Some libraries that send headers do not accept longer ones.
const MAX_NAME: usize = 1024;

pub(super) fn check(config: &Config) -> Result<(), BuildError> {
    names(&RESERVED, config.header_names())?;
    names(&[], config.members.iter().map(|member| member.key.as_str()))?;
    for Header { names, codec } in &config.headers {
        let name = names.first().map_or(codec.variable(), String::as_str);
        count(name, names.len(), codec)?;
        if codec.direction() == Direction::Conflict {
            return Err(BuildError::new(name, BuildErrorKind::Direction));
        }
    }
    for Member { key, codec } in &config.members {
        count(key, 1, codec)?;
        if codec.direction() != Direction::Both {
            return Err(BuildError::new(key, BuildErrorKind::Direction));
        }
    }
    let has_settings = config.trace_from.is_some() || config.sample_new.is_some();
    if has_settings && config.trace.is_none() {
        return Err(BuildError::new(RESERVED[0], BuildErrorKind::NoTrace));
    }
    Ok(())
}

/// Checks that the names are valid, distinct and not yet `taken`.
fn names<'a>(taken: &[&'a str], names: impl Iterator<Item = &'a str>) -> Result<(), BuildError> {
    let mut taken: HashSet<&str> = taken.iter().copied().collect();
    for name in names {
        if !chars::is_token(name.as_bytes()) || name.len() > MAX_NAME {
            return Err(BuildError::new(name, BuildErrorKind::Invalid));
        }
        if !taken.insert(name) {
            return Err(BuildError::new(name, BuildErrorKind::Duplicate));
        }
    }
    Ok(())
}

/// Checks that the codec is for this number of headers, and that there are any.
fn count(name: &str, headers: usize, codec: &Codec) -> Result<(), BuildError> {
    if codec.headers() == headers && headers > 0 {
        Ok(())
    } else {
        Err(BuildError::new(name, BuildErrorKind::HeaderCount))
    }
}
