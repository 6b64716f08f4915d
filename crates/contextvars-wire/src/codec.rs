//! [`Codec`]: how a variable's value becomes text, and text its value.

use std::fmt::{self, Display, Write as _};
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::str::FromStr;
use std::sync::Arc;

use super::rule::Violation;
use contextvars::{Context, ContextVar};

/// Unless a codec says otherwise. Of the text, before it is encoded for a header.
const MAX_LEN: usize = 4096;

type Read = dyn Fn(&str, Context) -> Result<Context, Context> + Send + Sync;
type Write = dyn Fn(&Context) -> Option<Result<String, Violation>> + Send + Sync;

/// A variable together with the way its values are written and read: [`text`], `json`, or one's [own](Self::new).
#[derive(Clone)]
pub struct Codec {
    read: Arc<Read>,
    write: Arc<Write>,
    /// From any text to what may stand in a plain header.
    for_header: fn(String) -> String,
    variable: &'static str,
    local: bool,
    max_len: usize,
    trusted_only: bool,
}

/// Writes the variable's values with `Display` and reads them with `FromStr`. A value whose `Display` fails is not sent,
/// which is a [`Problem`](super::Problem).
///
/// ```
/// use contextvars::{Context, ContextVar};
/// use contextvars_wire::{Propagator, text};
/// use std::collections::HashMap;
///
/// static ATTEMPT: ContextVar<u32> = ContextVar::new("attempt");
///
/// let wire = Propagator::builder().header("x-attempt", text(&ATTEMPT)).build()?;
/// let mut headers = HashMap::new();
/// wire.inject_from(&Context::new().with_value(&ATTEMPT, 2), &mut headers);
/// assert_eq!(headers["x-attempt"], "2");
/// assert_eq!(wire.extract(&headers).context.get(&ATTEMPT), Some(&2));
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
pub fn text<T: FromStr + Display + Send + Sync>(variable: &'static ContextVar<T>) -> Codec {
    let write = |value: &T| {
        let mut text = String::new();
        Some(write!(text, "{value}").map(|()| text).map_err(|_| Violation::Refused))
    };
    Codec::checked(variable, |text| text.parse().ok(), write)
}

/// Writes the variable's values as JSON and reads them; in a plain header, with ASCII characters only.
///
/// ```
/// use contextvars::{Context, ContextVar};
/// use contextvars_wire::{Propagator, json};
/// use std::collections::HashMap;
///
/// static FLAGS: ContextVar<Vec<String>> = ContextVar::new("flags");
///
/// let wire = Propagator::builder().header("x-flags", json(&FLAGS)).build()?;
/// let mut headers = HashMap::new();
/// wire.inject_from(&Context::new().with_value(&FLAGS, vec!["größe".to_string()]), &mut headers);
/// assert_eq!(headers["x-flags"], r#"["gr\u00f6\u00dfe"]"#);
/// assert_eq!(wire.extract(&headers).context.get(&FLAGS).unwrap(), &["größe"]);
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
#[cfg(feature = "serde")]
pub fn json<T>(variable: &'static ContextVar<T>) -> Codec
where
    T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync,
{
    let write = |value: &T| Some(serde_json::to_string(value).map_err(|_| Violation::Refused));
    let codec = Codec::checked(variable, |text| serde_json::from_str(text).ok(), write);
    Codec { for_header: |json| in_ascii(&json), ..codec }
}

/// JSON has characters other than printable ASCII in strings only, where they may be escaped.
#[cfg(feature = "serde")]
fn in_ascii(json: &str) -> String {
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
    /// A codec of one's own: `read` returns `None` for a text that it refuses, and `write` for a value that is not to be
    /// sent.
    ///
    /// `read` runs in an empty context, and `write` in a copy of the one whose values are sent.
    ///
    /// ```
    /// use contextvars::ContextVar;
    /// use contextvars_wire::{Codec, Propagator};
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
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    pub fn new<T: Send + Sync>(
        variable: &'static ContextVar<T>,
        read: impl Fn(&str) -> Option<T> + Send + Sync + 'static,
        write: impl Fn(&T) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self::checked(variable, read, move |value| write(value).map(Ok))
    }

    /// A codec whose `write` may also fail, which is a problem.
    fn checked<T: Send + Sync>(
        variable: &'static ContextVar<T>,
        read: impl Fn(&str) -> Option<T> + Send + Sync + 'static,
        write: impl Fn(&T) -> Option<Result<String, Violation>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            // user code: `read`
            read: Arc::new(move |text, context| match read(text) {
                Some(value) => Ok(context.with_value(variable, value)),
                None => Err(context),
            }),
            write: Arc::new(move |context| context.get(variable).and_then(&write)), // user code: `write`
            for_header: |text| text,
            variable: variable.name(),
            local: variable.is_local(),
            max_len: MAX_LEN,
            trusted_only: false,
        }
    }

    /// Refuses text of more than `bytes` before `read` sees it, and does not send it either. Otherwise 4096. In a
    /// baggage member, the text before it is encoded; one that came in and is still the same is passed on at any length.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{Propagator, Violation, text};
    /// static USER: ContextVar<String> = ContextVar::new("user");
    ///
    /// let wire = Propagator::builder().header("x-user", text(&USER).max_len(8)).build()?;
    /// let got = wire.extract(&vec![("x-user", "ann-the-third")]);
    /// assert_eq!(got.problems[0].rule, Violation::TooLong);
    /// assert!(!got.context.contains(&USER));
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    #[must_use = "this is the codec with the limit"]
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.max_len = bytes;
        self
    }

    /// Refuses text that does not pass `check`, before `read` sees it: an id that is echoed may be of letters and digits
    /// only, say, and must not be empty, as an empty header is a value like any other. What is sent is not checked.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{Propagator, Violation, text};
    /// static REQUEST_ID: ContextVar<String> = ContextVar::new("request_id");
    ///
    /// let is_id = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    /// let wire = Propagator::builder().header("x-request-id", text(&REQUEST_ID).accept(is_id)).build()?;
    /// for refused in ["", "r 7", "<r7>"] {
    ///     let got = wire.extract(&vec![("x-request-id", refused)]);
    ///     assert_eq!(got.problems[0].rule, Violation::Refused);
    /// }
    /// assert!(wire.extract(&vec![("x-request-id", "r7")]).problems.is_empty());
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    #[must_use = "this is the codec with the check"]
    pub fn accept(self, check: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        let read = self.read;
        // user code: `check`
        let read =
            move |text: &str, context| if check(text) { read(text, context) } else { Err(context) };
        Self { read: Arc::new(read), ..self }
    }

    /// Has the entry taken by [`extract_trusted`](super::Propagator::extract_trusted) only: what a stranger must not
    /// be able to set, such as a log level. It is sent like any other.
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{Propagator, Violation, text};
    /// static LEVEL: ContextVar<String> = ContextVar::new("level");
    ///
    /// let wire = Propagator::builder().baggage("level", text(&LEVEL).trusted_only()).build()?;
    /// let headers = vec![("baggage", "level=trace")];
    /// assert_eq!(wire.extract(&headers).problems[0].rule, Violation::Untrusted);
    /// assert_eq!(wire.extract_trusted(&headers).context.get(&LEVEL).unwrap(), "trace");
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    #[must_use = "this is the codec that asks for trust"]
    pub fn trusted_only(mut self) -> Self {
        self.trusted_only = true;
        self
    }

    pub(super) fn limit(&self) -> usize {
        self.max_len
    }

    /// Whether anything is taken from this sender.
    pub(super) fn allows(&self, trusted: bool) -> Result<(), Violation> {
        match self {
            Self { local: true, .. } => Err(Violation::Local),
            Self { trusted_only: true, .. } if !trusted => Err(Violation::Untrusted),
            _ => Ok(()),
        }
    }

    pub(super) fn within_limit(&self, text: String) -> Result<String, Violation> {
        if text.len() > self.max_len { Err(Violation::TooLong) } else { Ok(text) }
    }

    /// Binds the variable in `context` to the value of `text`. An empty context is current meanwhile.
    pub(super) fn read(&self, text: &str, context: &mut Context) -> Result<(), Violation> {
        if text.len() > self.max_len {
            return Err(Violation::TooLong);
        }
        let read = || (self.read)(text, mem::take(context));
        let (bound, result) = match Context::new().run(read) {
            Ok(bound) => (bound, Ok(())),
            Err(unchanged) => (unchanged, Err(Violation::Refused)),
        };
        *context = bound;
        result
    }

    /// The text of the variable's value in `holder`, if it has one there. A copy of `context` is current meanwhile.
    fn write(&self, holder: &Context, context: &Context) -> Option<Result<String, Violation>> {
        context.clone().run(|| (self.write)(holder))
    }

    /// The text for a baggage member, if the variable has a value in `context`.
    pub(super) fn text(&self, context: &Context) -> Option<Result<String, Violation>> {
        self.write(context, context)
    }

    /// The text for a plain header, if the variable has a value in `context`.
    pub(super) fn header_text(&self, context: &Context) -> Option<Result<String, Violation>> {
        let text = self.text(context)?.map(self.for_header);
        Some(text.and_then(|text| self.within_limit(text)))
    }

    /// Whether what came in has the value of `text`, however it was written: `text` is how it is written in `context`.
    pub(super) fn is_same(&self, came: &str, text: &str, context: &Context) -> bool {
        let again = || {
            let mut holder = Context::new();
            self.read(came, &mut holder).ok()?;
            self.write(&holder, context)?.ok()
        };
        came == text || again().is_some_and(|again| again == text)
    }
}

// A codec does not change, whatever panics; what its closures share with others is theirs to keep whole.
impl UnwindSafe for Codec {}
impl RefUnwindSafe for Codec {}

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
