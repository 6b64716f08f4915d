//! Environment variables as a carrier: read from the process that started this one, written to child processes.

use std::env;
use std::process::Command;

use super::carrier::{Extract, Inject};

/// The environment of this process, as a carrier to read from. A [`Command`] is the carrier to write to.
///
/// The names are OpenTelemetry's: `traceparent` becomes `TRACEPARENT`, `x-request-id` becomes `X_REQUEST_ID`.
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

/// Writes environment variables of a child process. The child inherits this process's environment, except for the listed
/// entries that have no value: those are removed.
///
/// Different keys may become the same variable, such as `x-a` and `x_a`, and a key named `path` becomes `PATH`: see
/// [`env_name`].
impl Inject for Command {
    fn set(&mut self, key: &str, value: &str) {
        self.env(env_name(key), value);
    }

    /// Removes the variable, so the child does not inherit it either.
    fn remove(&mut self, key: &str) {
        self.env_remove(env_name(key));
    }
}

/// Returns the name of the environment variable for a key: in upper case, with `_` for everything except letters and
/// digits, and with `_` before a leading digit. An empty key becomes `_`.
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
