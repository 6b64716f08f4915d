//! Environment variables as a carrier: from the process that started this one, to those that this one starts.

use std::env;
use std::process::Command;

use super::carrier::{Extract, Inject};

/// The environment of this process, as OpenTelemetry has it: `traceparent` is `TRACEPARENT`, `x-request-id` is
/// `X_REQUEST_ID`. A [`Command`] is the carrier to write to.
///
/// ```
/// use contextvars::ContextVar;
/// use contextvars_wire::{Environment, Propagator, TraceContext};
///
/// static TRACE: ContextVar<TraceContext> = ContextVar::new("trace");
///
/// let wire = Propagator::builder().trace_context(&TRACE).build()?;
/// let mut context = wire.extract(&Environment).context;
///
/// let mut child = std::process::Command::new("true");
/// context.run(|| wire.inject(&mut child));
/// assert!(child.get_envs().any(|(name, _)| name == "TRACEPARENT"));
/// # Ok::<(), contextvars_wire::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment;

impl Extract for Environment {
    fn visit(&self, key: &str, each: &mut dyn FnMut(&[u8])) {
        if let Some(value) = env::var_os(env_name(key)) {
            each(value.as_encoded_bytes());
        }
    }
}

/// The child inherits this process's environment, but for the entries that the propagator lists and has nothing to send
/// for: those are removed. Keys of which only one is left as an environment variable, such as `x-a` and `x_a`, are in
/// each other's way, and one named `path` means `PATH`: see [`env_name`].
impl Inject for Command {
    fn set(&mut self, key: &str, value: &str) {
        self.env(env_name(key), value);
    }

    /// Also has the child not inherit it.
    fn remove(&mut self, key: &str) {
        self.env_remove(env_name(key));
    }
}

/// The environment variable for a key: in upper case, `_` for everything but letters and digits, and before a digit
/// that would stand first; `_` for an empty key.
///
/// ```
/// use contextvars_wire::env_name;
///
/// assert_eq!(env_name("x-request-id"), "X_REQUEST_ID");
/// assert_eq!(env_name("2nd"), "_2ND");
/// assert_eq!(env_name(""), "_");
/// ```
pub fn env_name(key: &str) -> String {
    let first = key.chars().next();
    let before = first.is_none_or(|first| first.is_ascii_digit()).then_some('_');
    let upper =
        |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_uppercase() } else { '_' };
    before.into_iter().chain(key.chars().map(upper)).collect()
}
