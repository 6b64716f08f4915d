//! [`Generator`]: values for a variable that a request did not bring.

use std::any::Any;
use std::panic::Location;

use contextvars::{Context, ContextVar};
use contextvars_wire::TraceContext;

/// A variable and the closure that makes its values, with their type erased.
pub(crate) trait Generate: Send + Sync {
    /// Sets the variable in the context of a request that has just been extracted, if a value is wanted there.
    fn fill(&self, context: &mut Context);

    /// Sets the variable in the current context, which an outer layer made, unless it has a value there.
    fn fill_current(&self);
}

/// The arguments of [`ContextLayer::generate`](crate::ContextLayer::generate).
pub(crate) struct Generator<T: Send + Sync + 'static, F> {
    variable: &'static ContextVar<T>,
    value: F,
    /// The line that called [`ContextLayer::generate`](crate::ContextLayer::generate).
    place: &'static Location<'static>,
}

impl<T: Send + Sync + 'static, F> Generator<T, F> {
    pub(crate) fn new(
        variable: &'static ContextVar<T>,
        value: F,
        place: &'static Location<'static>,
    ) -> Self {
        Self { variable, value, place }
    }

    /// Returns `true` if a request that was just extracted needs a generated value. The trace variable always has a value after
    /// an extraction, and needs a generated one if that trace started here.
    ///
    /// This is the only place where that is decided for an outermost layer.
    fn is_wanted(&self, extracted: &Context) -> bool {
        let Some(value) = extracted.get(self.variable) else { return true };
        let trace = (value as &dyn Any).downcast_ref::<TraceContext>();
        trace.is_some_and(|trace| !trace.is_remote())
    }
}

impl<T: Send + Sync + 'static, F: Fn() -> T + Send + Sync> Generate for Generator<T, F> {
    fn fill(&self, context: &mut Context) {
        if self.is_wanted(context) {
            let value = context.run(&self.value); // user code
            context.insert_at(self.variable, value, self.place);
        }
    }

    fn fill_current(&self) {
        if !is_set(self.variable) {
            let value = (self.value)(); // user code
            self.variable.set(value);
        }
    }
}

/// Returns `true` if the current context has a value for `variable`; a default does not count.
fn is_set<T: Send + Sync>(variable: &ContextVar<T>) -> bool {
    if !variable.is_local() {
        return Context::current().contains(variable);
    }
    // A copy of the context leaves local variables out, so the only way to ask is to unset the variable for a moment.
    let token = variable.unset();
    let was_set = token.old_value().is_some();
    assert!(
        variable.reset(token).is_ok(),
        "the context in which the token was made is still current"
    );
    was_set
}
