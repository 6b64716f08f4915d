//! The variables of the programs, behind one trait that hides their types.

use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;

use contextvars::{Binding, Context, ContextVar, Entry, LookupError, ResetErrorKind, Token};

use crate::program::{self, Event};
use crate::support::{Counted, Counter};

static DEFAULTS: LazyLock<Counter> = LazyLock::new(Counter::new);

static PLAIN: ContextVar<u32> = ContextVar::new("plain");
static FIRST: ContextVar<Counted> = ContextVar::new("first");
static COUNTED_DEFAULT: ContextVar<Counted> =
    ContextVar::with_default("counted default", || Counted::numbered(&DEFAULTS, 1002));
static PLAIN_DEFAULT: ContextVar<u32> = ContextVar::with_default("plain default", || 1003);
static MORE: [ContextVar<Counted>; 6] = [const { ContextVar::new("more") }; 6];
static LOCAL: [ContextVar<Counted>; 2] = [const { ContextVar::new("local").local() }; 2];

/// The variables in the order of their numbers in `program`.
pub(crate) static VARIABLES: [&dyn Variable; program::VARIABLES] = [
    &PLAIN,
    &FIRST,
    &COUNTED_DEFAULT,
    &PLAIN_DEFAULT,
    &MORE[0],
    &MORE[1],
    &MORE[2],
    &MORE[3],
    &MORE[4],
    &MORE[5],
    &LOCAL[0],
    &LOCAL[1],
];

/// A token of one of the variables, of either type.
pub(crate) enum AnyToken {
    Plain(Token<u32>),
    Counted(Token<Counted>),
}

impl AnyToken {
    pub(crate) fn old_value(&self) -> Option<u32> {
        match self {
            Self::Plain(token) => token.old_value().copied(),
            Self::Counted(token) => token.old_value().map(Counted::number),
        }
    }
}

/// A guard that restores a variable or log fields when it is dropped.
pub(crate) trait Guard {}

impl<T: Send + Sync> Guard for Binding<'static, T> {}
impl Guard for contextvars::fields::Binding {}

pub(crate) type Running = Pin<Box<dyn Future<Output = ()>>>;

/// A type of the variables' values.
pub(crate) trait Held: Clone + Send + Sync + Sized + 'static {
    fn make(number: u32, counter: &Counter) -> Self;
    fn number(&self) -> u32;
    fn hide(token: Token<Self>) -> AnyToken;
    fn reveal(token: AnyToken) -> Result<Token<Self>, AnyToken>;
}

impl Held for u32 {
    fn make(number: u32, _: &Counter) -> Self {
        number
    }

    fn number(&self) -> u32 {
        *self
    }

    fn hide(token: Token<Self>) -> AnyToken {
        AnyToken::Plain(token)
    }

    fn reveal(token: AnyToken) -> Result<Token<Self>, AnyToken> {
        match token {
            AnyToken::Plain(token) => Ok(token),
            AnyToken::Counted(_) => Err(token),
        }
    }
}

impl Held for Counted {
    fn make(number: u32, counter: &Counter) -> Self {
        Self::numbered(counter, number)
    }

    fn number(&self) -> u32 {
        self.number()
    }

    fn hide(token: Token<Self>) -> AnyToken {
        AnyToken::Counted(token)
    }

    fn reveal(token: AnyToken) -> Result<Token<Self>, AnyToken> {
        match token {
            AnyToken::Counted(token) => Ok(token),
            AnyToken::Plain(_) => Err(token),
        }
    }
}

/// The methods of a `ContextVar`, and the methods of a `Context` that take one, with numbers for the values.
pub(crate) trait Variable: Sync {
    fn get(&self) -> u32;
    fn try_get(&self) -> Result<u32, LookupError>;
    fn get_or(&self, fallback: u32, counter: &Counter) -> u32;
    /// Calls `f` with a closure that reads the borrowed value.
    fn with(&self, f: &mut dyn FnMut(&dyn Fn() -> u32));
    fn set(&self, value: u32, counter: &Counter) -> AnyToken;
    fn unset(&self) -> AnyToken;
    fn reset(&self, token: AnyToken) -> Result<(), (Event, AnyToken)>;
    fn sync_scope(&self, value: u32, counter: &Counter, f: &mut dyn FnMut());
    fn scope(&'static self, value: u32, counter: &Counter, future: Running) -> Running;
    fn bind(&'static self, value: u32, counter: &Counter) -> Box<dyn Guard>;
    fn in_context(&self, context: &Context) -> Option<u32>;
    fn with_value(&self, context: Context, value: u32, counter: &Counter) -> Context;
    fn insert(&self, context: &mut Context, value: u32, counter: &Counter) -> bool;
    fn remove(&self, context: &mut Context) -> bool;
    /// Returns the value of `entry` if it is one of this variable.
    fn read(&self, entry: Entry<'_>) -> Option<u32>;
}

impl<T: Held> Variable for ContextVar<T> {
    fn get(&self) -> u32 {
        self.get().number()
    }

    fn try_get(&self) -> Result<u32, LookupError> {
        self.try_get().map(|value| value.number())
    }

    fn get_or(&self, fallback: u32, counter: &Counter) -> u32 {
        self.get_or(T::make(fallback, counter)).number()
    }

    fn with(&self, f: &mut dyn FnMut(&dyn Fn() -> u32)) {
        self.with(|value| f(&|| value.number()));
    }

    fn set(&self, value: u32, counter: &Counter) -> AnyToken {
        T::hide(self.set(T::make(value, counter)))
    }

    fn unset(&self) -> AnyToken {
        T::hide(self.unset())
    }

    fn reset(&self, token: AnyToken) -> Result<(), (Event, AnyToken)> {
        let token = T::reveal(token).map_err(|token| (Event::Untypable, token))?;
        self.reset(token).map_err(|error| {
            let event = match error.kind() {
                ResetErrorKind::WrongVariable => Event::WrongVariable,
                ResetErrorKind::WrongContext => Event::WrongContext,
                kind => panic!("this test does not know {kind:?}"),
            };
            (event, T::hide(error.into_token()))
        })
    }

    fn sync_scope(&self, value: u32, counter: &Counter, f: &mut dyn FnMut()) {
        self.sync_scope(T::make(value, counter), f);
    }

    fn scope(&'static self, value: u32, counter: &Counter, future: Running) -> Running {
        Box::pin(self.scope(T::make(value, counter), future))
    }

    fn bind(&'static self, value: u32, counter: &Counter) -> Box<dyn Guard> {
        Box::new(self.bind(T::make(value, counter)))
    }

    fn in_context(&self, context: &Context) -> Option<u32> {
        assert_eq!(context.get(self).is_some(), context.contains(self));
        context.get(self).map(T::number)
    }

    fn with_value(&self, context: Context, value: u32, counter: &Counter) -> Context {
        context.with_value(self, T::make(value, counter))
    }

    fn insert(&self, context: &mut Context, value: u32, counter: &Counter) -> bool {
        context.insert(self, T::make(value, counter))
    }

    fn remove(&self, context: &mut Context) -> bool {
        context.remove(self)
    }

    fn read(&self, entry: Entry<'_>) -> Option<u32> {
        let value = entry.is(self).then(|| entry.downcast_ref().map(T::number))?;
        assert!(value.is_some() && entry.name() == self.name());
        value
    }
}
