//! The directions in which an entry is handled: see the table at [`Codec`].

use super::Codec;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Both,
    Incoming,
    Outgoing,
    Response,
    /// Two of the restrictions were combined; the builder rejects the codec.
    Conflict,
}

impl Codec {
    /// Restricts the entry to extraction: injection neither writes nor removes the header. Use it for a value that only
    /// this process may see, or that another component sends.
    ///
    /// See the [table of directions](Self#directions).
    ///
    /// ```
    /// # use contextvars::ContextVar;
    /// # use contextvars_wire::{Propagator, text};
    /// static API_KEY: ContextVar<String> = ContextVar::new("api_key");
    ///
    /// let wire = Propagator::builder().header("x-api-key", text(&API_KEY).incoming_only()).build()?;
    /// let got = wire.extract(&[("x-api-key", "k-7")]);
    /// assert_eq!(got.context.get(&API_KEY).unwrap(), "k-7");
    ///
    /// let mut headers = vec![("x-api-key".to_string(), "set by hand".to_string())];
    /// wire.inject_from(&got.context, &mut headers);
    /// assert_eq!(headers[0].1, "set by hand");
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    #[must_use = "this returns the restricted codec"]
    pub fn incoming_only(self) -> Self {
        self.restricted(Direction::Incoming)
    }

    /// Restricts the entry to injection: extraction ignores the header, and reports no problem. Use it for a value that
    /// this process decides, such as its own name.
    ///
    /// See the [table of directions](Self#directions).
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_wire::{Propagator, text};
    /// static CALLER: ContextVar<String> = ContextVar::new("caller");
    ///
    /// let wire = Propagator::builder().header("x-caller", text(&CALLER).outgoing_only()).build()?;
    /// let got = wire.extract(&[("x-caller", "somebody else")]);
    /// assert!(got.problems.is_empty() && !got.context.contains(&CALLER));
    ///
    /// let mut headers = Vec::<(String, String)>::new();
    /// wire.inject_from(&got.context.with_value(&CALLER, "shop".to_string()), &mut headers);
    /// assert_eq!(headers[0].1, "shop");
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    #[must_use = "this returns the restricted codec"]
    pub fn outgoing_only(self) -> Self {
        self.restricted(Direction::Outgoing)
    }

    /// Restricts the entry to responses: extraction ignores the header, injection neither writes nor removes it, and
    /// [`inject_response`](crate::Propagator::inject_response) sends it if it is [echoed](crate::Propagator::echo).
    ///
    /// See the [table of directions](Self#directions).
    ///
    /// ```
    /// # use contextvars::{Context, ContextVar};
    /// # use contextvars_wire::{Propagator, text};
    /// static NODE: ContextVar<String> = ContextVar::new("node");
    ///
    /// let wire = Propagator::builder().header("x-served-by", text(&NODE).response_only()).build()?;
    /// let wire = wire.echo("x-served-by")?;
    /// assert!(wire.extract(&[("x-served-by", "?")]).context.is_empty());
    ///
    /// let context = Context::new().with_value(&NODE, "n-3".to_string());
    /// let (mut request, mut response) = (Vec::<(String, String)>::new(), Vec::<(String, String)>::new());
    /// wire.inject_from(&context, &mut request);
    /// wire.inject_response_from(&context, &mut response);
    /// assert!(request.is_empty());
    /// assert_eq!(response[0].1, "n-3");
    /// # Ok::<(), contextvars_wire::BuildError>(())
    /// ```
    #[must_use = "this returns the restricted codec"]
    pub fn response_only(self) -> Self {
        self.restricted(Direction::Response)
    }

    fn restricted(mut self, to: Direction) -> Self {
        let is_free = self.direction == Direction::Both || self.direction == to;
        self.direction = if is_free { to } else { Direction::Conflict };
        self
    }

    pub(crate) fn direction(&self) -> Direction {
        self.direction
    }

    /// Returns `true` if an extraction reads the entry.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self.direction, Direction::Both | Direction::Incoming)
    }

    /// Returns `true` if an injection into a request writes the entry.
    pub(crate) fn is_written(&self) -> bool {
        matches!(self.direction, Direction::Both | Direction::Outgoing)
    }
}
