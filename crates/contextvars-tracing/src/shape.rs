//! Rewrites the members of a line: other names for its keys, and the event's own fields on the top level.

use std::borrow::Cow;
use std::collections::BTreeMap;

use contextvars::fields::Text;
use serde_json::value::RawValue;

use crate::escape;
use crate::object::Object;

/// The key under which the JSON formatter of tracing-subscriber writes the event's own fields.
const FIELDS: &str = "fields";

/// The settings of [`Json::flat`](crate::Json::flat), [`keys`](crate::Json::keys) and [`omit`](crate::Json::omit).
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    pub(crate) flat: bool,
    /// The new name of each listed key; `None` to leave the member out.
    pub(crate) names: BTreeMap<Text, Option<Text>>,
}

/// A member of the rewritten line.
struct Member<'a> {
    key: Cow<'a, str>,
    renamed: Option<&'a str>,
    /// Empty for the member that holds the lifted fields whose names are taken.
    value: &'a str,
    lifted: bool,
    /// `true` for the member that is written, if several have this name.
    wins: bool,
}

impl Member<'_> {
    fn name(&self) -> &str {
        self.renamed.unwrap_or(&self.key)
    }

    /// The order in which members of one name go before each other.
    fn precedence(&self) -> (bool, bool) {
        (self.renamed.is_none(), self.lifted)
    }
}

/// The members of a rewritten line, in the order in which they stood.
pub(crate) struct Members<'a>(Vec<Member<'a>>);

impl Shape {
    /// Rewrites the members of an object.
    ///
    /// # Complexity
    ///
    /// Linear in the length of the line, and n log n in the number of its members.
    pub(crate) fn apply<'a>(&'a self, object: &Object<'a, &'a RawValue>) -> Members<'a> {
        let mut members = Members(Vec::with_capacity(object.members.len() + 8));
        for (key, value) in &object.members {
            let value = value.get();
            let is_lifted = self.flat && key == FIELDS;
            let fields = if is_lifted { Object::<&RawValue>::parse(value) } else { None };
            self.push(&mut members, key.clone(), if fields.is_some() { "" } else { value }, false);
            for (key, value) in fields.iter().flat_map(|fields| &fields.members) {
                self.push(&mut members, key.clone(), value.get(), true);
            }
        }
        members.resolve();
        members
    }

    fn push<'a>(&'a self, to: &mut Members<'a>, key: Cow<'a, str>, value: &'a str, lifted: bool) {
        let renamed = match self.names.get(&*key) {
            Some(None) => return,
            Some(Some(name)) => Some(name.as_str()),
            None => None,
        };
        to.0.push(Member { key, renamed, value, lifted, wins: false });
    }
}

impl Members<'_> {
    /// Marks the member that is written of each name.
    fn resolve(&mut self) {
        let mut order: Vec<_> = (0..self.0.len()).collect();
        let members = &self.0;
        order.sort_by_key(|&at| (members[at].name(), members[at].precedence(), at));
        order.dedup_by_key(|at| members[*at].name());
        for at in order {
            self.0[at].wins = true;
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|member| member.name() == key && self.is_written(member))
    }

    /// Appends the members to `out`; returns `true` if there are none.
    pub(crate) fn write(&self, out: &mut String) -> bool {
        let mut is_first = true;
        for member in self.0.iter().filter(|member| self.is_written(member)) {
            escape::json_key(out, &mut is_first, member.name());
            if member.value.is_empty() {
                self.write_kept(out);
            } else {
                out.push_str(member.value);
            }
        }
        is_first
    }

    fn is_written(&self, member: &Member<'_>) -> bool {
        member.wins && (!member.value.is_empty() || self.kept().next().is_some())
    }

    /// The lifted fields whose names are taken.
    fn kept(&self) -> impl Iterator<Item = &Member<'_>> {
        self.0.iter().filter(|member| member.lifted && !member.wins)
    }

    fn write_kept(&self, out: &mut String) {
        let mut is_first = true;
        out.push('{');
        for member in self.kept() {
            escape::json_key(out, &mut is_first, &member.key);
            out.push_str(member.value);
        }
        out.push('}');
    }
}
