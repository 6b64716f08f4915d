//! [`Codec`]: how the value of a variable becomes text, and text a value.

mod direction;
mod ready;
mod run;

use std::any::Any;
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::rule::Violation;
use super::trace::TraceContext;
use contextvars::{Context, ContextVar};
pub(super) use direction::Direction;
#[cfg(feature = "serde")]
pub use ready::json;
pub use ready::text;

/// The default limit of one text, before it is encoded for a header.
const MAX_LEN: usize = 4096;

/// Takes the text of each header, and returns the context with the value, or unchanged if the text is refused.
type Read = dyn Fn(&[Option<&str>], Context) -> Result<Context, Context> + Send + Sync;
/// Fills in the text for each header from the variable's value in the context. Leaves all of them empty if it has none.
type Write = dyn Fn(&Context, &mut [Option<String>]) -> Result<(), Violation> + Send + Sync;

/// A variable together with the format of its values: [`text`], `json`, or [a format of your own](Self::new), in one header
/// or in [several](Self::many).
///
/// # Directions
///
/// An entry is read by an extraction and written by an injection, unless its codec is restricted to one direction:
///
/// | | extraction | injection | echo in the response |
/// |---|---|---|---|
/// | (default) | reads it | writes or removes it | if listed in [`echo`](super::Propagator::echo) |
/// | [`incoming_only`](Self::incoming_only) | reads it | leaves it alone | if listed in `echo` |
/// | [`outgoing_only`](Self::outgoing_only) | ignores it | writes or removes it | if listed in `echo` |
/// | [`response_only`](Self::response_only) | ignores it | leaves it alone | if listed in `echo` |
///
/// The members of the `baggage` header pass through as a whole, so they have no directions: a restricted codec on a member
/// is a [`BuildError`](super::BuildError), and so are two restrictions on one codec.
#[derive(Clone)]
pub struct Codec {
    read: Arc<Read>,
    write: Arc<Write>,
    /// Replaces the characters that a plain header cannot contain, if the format has another way to write them.
    for_header: fn(String) -> String,
    variable: &'static str,
    /// The number of headers that hold the value.
    headers: usize,
    local: bool,
    max_len: usize,
    trusted_only: bool,
    direction: Direction,
}

impl Codec {
    /// Creates a codec for a format of your own, in one header or baggage member. `read` returns `None` to refuse a text,
    /// and `write` returns `None` for a value that is not to be sent.
    ///
    /// `read` runs in an empty context, and `write` in a copy of the context whose values are sent.
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
    #[track_caller]
    pub fn new<T: Send + Sync>(
        variable: &'static ContextVar<T>,
        read: impl Fn(&str) -> Option<T> + Send + Sync + 'static,
        write: impl Fn(&T) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self::many(variable, move |[text]| read(text?), move |value| [write(value)])
    }

    /// Creates a codec for one value in `N` headers, which [`headers`](super::PropagatorBuilder::headers) names.
    ///
    /// `read` gets the text of each header, in the order of the names, or `None` for a header that did not come; it is
    /// called if at least one came, and returns `None` to refuse them. `write` returns the text of each header, or `None`
    /// for a header that is not to be sent.
    ///
    /// The headers are taken and sent together: if one of them breaks a rule, such as the limit, none is.
    ///
    /// ```
    /// use contextvars::{Context, ContextVar};
    /// use contextvars_wire::{Codec, Propagator, TraceContext};
    /// use std::collections::BTreeMap;
    ///
    /// static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
    ///
    /// let b3 = Codec::many(
    ///     &TRACE,
    ///     |[trace, span, sampled]| {
    ///         let trace = TraceContext::from_ids(trace?.parse().ok()?, span?.parse().ok()?, 0);
    ///         Some(trace.with_sampled(sampled == Some("1")))
    ///     },
    ///     |trace| {
    ///         let sampled = if trace.is_sampled() { "1" } else { "0" };
    ///         let ids = (trace.trace_id().to_string(), trace.parent_id().to_string());
    ///         [Some(ids.0), Some(ids.1), Some(sampled.to_string())]
    ///     },
    /// );
    /// let names = ["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"];
    /// let wire = Propagator::builder().headers(&names, b3).build()?;
    ///
    /// let sent = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "1"];
    /// let headers: BTreeMap<_, _> = std::iter::zip(names.map(String::from), sent.map(String::from)).collect();
    /// let got = wire.extract(&headers);
    /// assert!(got.context.get(&TRACE).is_some_and(|trace| trace.is_sampled() && trace.is_remote()));
    ///
    /// let mut forwarded = BTreeMap::new();
    /// wire.inject_from(&got.context, &mut forwarded);
    /// assert_eq!(forwarded, headers);
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    #[track_caller]
    pub fn many<T: Send + Sync, const N: usize>(
        variable: &'static ContextVar<T>,
        read: impl Fn([Option<&str>; N]) -> Option<T> + Send + Sync + 'static,
        write: impl Fn(&T) -> [Option<String>; N] + Send + Sync + 'static,
    ) -> Self {
        Self::checked(variable, read, move |value| Ok(write(value)))
    }

    /// Creates a codec whose `write` may also fail, which is reported as a problem. The values that it reads are shown as
    /// set at the line where the codec is created.
    #[track_caller]
    fn checked<T: Send + Sync, const N: usize>(
        variable: &'static ContextVar<T>,
        read: impl Fn([Option<&str>; N]) -> Option<T> + Send + Sync + 'static,
        write: impl Fn(&T) -> Result<[Option<String>; N], Violation> + Send + Sync + 'static,
    ) -> Self {
        let place = Location::caller();
        let read = move |texts: &[Option<&str>], mut context: Context| {
            let value = texts.try_into().ok().and_then(&read); // user code
            let Some(mut value) = value else { return Err(context) };
            mark_remote(&mut value);
            context.insert_at(variable, value, place);
            Ok(context)
        };
        let write = move |context: &Context, texts: &mut [Option<String>]| {
            let Some(value) = context.get(variable) else { return Ok(()) };
            let written = write(value)?; // user code
            std::iter::zip(texts, written).for_each(|(text, written)| *text = written);
            Ok(())
        };
        Self {
            read: Arc::new(read),
            write: Arc::new(write),
            for_header: |text| text,
            variable: variable.name(),
            headers: N,
            local: variable.is_local(),
            max_len: MAX_LEN,
            trusted_only: false,
            direction: Direction::Both,
        }
    }

    /// Limits each text to `bytes` instead of 4096. A longer text is refused before `read` gets it, and is not sent.
    ///
    /// For a baggage member the limit is that of the decoded text. A member that came in and whose value is unchanged is
    /// passed on at any length.
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
    #[must_use = "this returns the codec with the limit"]
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.max_len = bytes;
        self
    }

    /// Refuses texts that do not pass `check`, before `read` gets them. Texts that are sent are not checked.
    ///
    /// Use it for ids that are echoed or logged, for example to allow letters and digits only. An empty header is a value
    /// like any other, so reject it here if it is not valid.
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
    #[must_use = "this returns the codec with the check"]
    pub fn accept(self, check: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        let read = self.read;
        let read = move |texts: &[Option<&str>], context| {
            // user code: `check`
            if texts.iter().flatten().all(|text| check(text)) {
                read(texts, context)
            } else {
                Err(context)
            }
        };
        Self { read: Arc::new(read), ..self }
    }

    /// Reads the entry in [`extract_trusted`](super::Propagator::extract_trusted) only, because a stranger must not set it,
    /// such as a log level. It is sent like any other entry.
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
    #[must_use = "this returns the codec that requires trust"]
    pub fn trusted_only(mut self) -> Self {
        self.trusted_only = true;
        self
    }
}

/// Marks a trace as remote, whichever header it was read from.
fn mark_remote<T: 'static>(value: &mut T) {
    if let Some(trace) = (value as &mut dyn Any).downcast_mut::<TraceContext>() {
        trace.mark_remote();
    }
}

// A codec is immutable, so a panic cannot leave it inconsistent. State that its closures share with other code is the
// responsibility of that code.
impl UnwindSafe for Codec {}
impl RefUnwindSafe for Codec {}

/// Shows the variable's name and the settings.
impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec")
            .field("var", &self.variable)
            .field("headers", &self.headers)
            .field("max_len", &self.max_len)
            .field("trusted_only", &self.trusted_only)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}
