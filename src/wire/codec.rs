//! [`Codec`]: how a variable's value becomes text, and text its value.

use std::fmt::{self, Display};
use std::mem;
use std::str::FromStr;
use std::sync::Arc;

use super::rule::Rule;
use crate::{Context, ContextVar};

/// Unless a codec says otherwise. Of the text, before it is encoded for a header.
const MAX_LEN: usize = 4096;

type Read = dyn Fn(&str, Context) -> Result<Context, Context> + Send + Sync;
type Write = dyn Fn(&Context) -> Option<String> + Send + Sync;

/// A variable together with the way its values are written and read: [`text`], `json`, or one's [own](Self::new).
#[derive(Clone)]
pub struct Codec {
    read: Arc<Read>,
    write: Arc<Write>,
    variable: &'static str,
    max_len: usize,
    trusted_only: bool,
}

/// Writes the variable's values with `Display` and reads them with `FromStr`.
///
/// ```
/// use contextvars::{Context, ContextVar};
/// use contextvars::wire::{Propagator, text};
/// use std::collections::HashMap;
///
/// static ATTEMPT: ContextVar<u32> = ContextVar::new("attempt");
///
/// let wire = Propagator::builder().header("x-attempt", text(&ATTEMPT)).build()?;
/// let mut headers = HashMap::new();
/// wire.inject_from(&Context::new().with_value(&ATTEMPT, 2), &mut headers);
/// assert_eq!(headers["x-attempt"], "2");
/// assert_eq!(wire.extract(&headers).context.get(&ATTEMPT), Some(&2));
/// # Ok::<(), contextvars::wire::BuildError>(())
/// ```
pub fn text<T: FromStr + Display + Send + Sync>(variable: &'static ContextVar<T>) -> Codec {
    Codec::new(variable, |text| text.parse().ok(), |value| Some(value.to_string()))
}

/// Writes the variable's values as JSON, in ASCII characters only, and reads them.
///
/// ```
/// use contextvars::{Context, ContextVar};
/// use contextvars::wire::{Propagator, json};
/// use std::collections::HashMap;
///
/// static FLAGS: ContextVar<Vec<String>> = ContextVar::new("flags");
///
/// let wire = Propagator::builder().header("x-flags", json(&FLAGS)).build()?;
/// let mut headers = HashMap::new();
/// wire.inject_from(&Context::new().with_value(&FLAGS, vec!["größe".to_string()]), &mut headers);
/// assert_eq!(headers["x-flags"], r#"["gr\u00f6\u00dfe"]"#);
/// assert_eq!(wire.extract(&headers).context.get(&FLAGS).unwrap(), &["größe"]);
/// # Ok::<(), contextvars::wire::BuildError>(())
/// ```
#[cfg(feature = "serde")]
pub fn json<T>(variable: &'static ContextVar<T>) -> Codec
where
    T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync,
{
    Codec::new(
        variable,
        |text| serde_json::from_str(text).ok(),
        |value| serde_json::to_string(value).ok().map(|json| in_ascii(&json)),
    )
}

/// JSON has characters other than printable ASCII in strings only, where they may be escaped.
#[cfg(feature = "serde")]
fn in_ascii(json: &str) -> String {
    use std::fmt::Write as _;

    let mut ascii = String::with_capacity(json.len());
    for char in json.chars() {
        if char.is_ascii() && char != '\x7f' {
            ascii.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            let _ = write!(ascii, "\\u{unit:04x}"); // a `String` takes everything
        }
    }
    ascii
}

impl Codec {
    /// A codec of one's own: `read` and `write` return `None` for what they refuse.
    ///
    /// ```
    /// use contextvars::ContextVar;
    /// use contextvars::wire::{Codec, Propagator};
    /// use std::time::Duration;
    ///
    /// static BUDGET: ContextVar<Duration> = ContextVar::new("budget");
    ///
    /// let millis = Codec::new(
    ///     &BUDGET,
    ///     |text| text.parse().ok().map(Duration::from_millis),
    ///     |budget| Some(budget.as_millis().to_string()),
    /// );
    /// let wire = Propagator::builder().header("x-budget-ms", millis).build()?;
    /// let got = wire.extract(&vec![("x-budget-ms", "250")]);
    /// assert_eq!(got.context.get(&BUDGET), Some(&Duration::from_millis(250)));
    /// # Ok::<(), contextvars::wire::BuildError>(())
    /// ```
    pub fn new<T: Send + Sync>(
        variable: &'static ContextVar<T>,
        read: impl Fn(&str) -> Option<T> + Send + Sync + 'static,
        write: impl Fn(&T) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            // user code: `read`
            read: Arc::new(move |text, context| match read(text) {
                Some(value) => Ok(context.with_value(variable, value)),
                None => Err(context),
            }),
            // user code: `write`; a value that it refuses is as good as none
            write: Arc::new(move |context| context.get(variable).and_then(&write)),
            variable: variable.name(),
            max_len: MAX_LEN,
            trusted_only: false,
        }
    }

    /// Refuses text of more than `bytes`, without looking at it, and does not send it either. Otherwise 4096. In a
    /// baggage member, the text before it is encoded.
    #[must_use = "this is the codec with the limit"]
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.max_len = bytes;
        self
    }

    /// Has the entry taken by [`extract_trusted`](super::Propagator::extract_trusted) only: what a stranger must not
    /// be able to set, such as a log level. It is sent like any other.
    #[must_use = "this is the codec that asks for trust"]
    pub fn trusted_only(mut self) -> Self {
        self.trusted_only = true;
        self
    }

    pub(super) fn limit(&self) -> usize {
        self.max_len
    }

    pub(super) fn allows(&self, trusted: bool) -> bool {
        trusted || !self.trusted_only
    }

    /// Binds the variable in `context` to the value of `text`.
    pub(super) fn read(&self, text: &str, context: &mut Context) -> Result<(), Rule> {
        if text.len() > self.max_len {
            return Err(Rule::TooLong);
        }
        let (bound, result) = match (self.read)(text, mem::take(context)) {
            Ok(bound) => (bound, Ok(())),
            Err(unchanged) => (unchanged, Err(Rule::Refused)),
        };
        *context = bound;
        result
    }

    /// The text of the variable's value in `context`, if it has one there.
    pub(super) fn write(&self, context: &Context) -> Option<Result<String, Rule>> {
        let text = (self.write)(context)?;
        Some(if text.len() > self.max_len { Err(Rule::TooLong) } else { Ok(text) })
    }
}

/// The variable's name and the limits.
impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec")
            .field("var", &self.variable)
            .field("max_len", &self.max_len)
            .field("trusted_only", &self.trusted_only)
            .finish_non_exhaustive()
    }
}
