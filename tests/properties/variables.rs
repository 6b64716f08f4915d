//! The variables of the programs, all behind one trait whatever their type.

use contextvars::{Binding, Context, ContextVar, Entry, ResetErrorKind, Token};
use std::sync::LazyLock;

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

/// By their numbers in `program`.
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

/// A token of one of the variables, whatever its type.
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

/// A guard of one of the variables, which restores it when dropped.
pub(crate) trait Guard {}

impl<T: Send + Sync> Guard for Binding<'static, T> {}

/// What a value of the programs must be capable of.
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

/// The methods of a `ContextVar`, and those of a `Context` that take one, with the values as numbers.
pub(crate) trait Variable: Sync {
    fn get(&self) -> u32;
    fn try_get(&self) -> Option<u32>;
    fn get_or(&self, fallback: u32, counter: &Counter) -> u32;
    /// Hands `f` something that reads the lent value.
    fn with(&self, f: &mut dyn FnMut(&dyn Fn() -> u32));
    fn set(&self, value: u32, counter: &Counter) -> AnyToken;
    fn reset(&self, token: AnyToken) -> Result<(), (Event, AnyToken)>;
    fn scope(&self, value: u32, counter: &Counter, f: &mut dyn FnMut());
    fn bind(&'static self, value: u32, counter: &Counter) -> Box<dyn Guard>;
    fn in_context(&self, context: &Context) -> Option<u32>;
    fn with_value(&self, context: Context, value: u32, counter: &Counter) -> Context;
    fn remove(&self, context: &mut Context) -> bool;
    fn is(&self, entry: Entry<'_>) -> bool;
}

impl<T: Held> Variable for ContextVar<T> {
    fn get(&self) -> u32 {
        self.get().number()
    }

    fn try_get(&self) -> Option<u32> {
        self.try_get().ok().map(|value| value.number())
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

    fn reset(&self, token: AnyToken) -> Result<(), (Event, AnyToken)> {
        let token = T::reveal(token).map_err(|token| (Event::Untypable, token))?;
        self.reset(token).map_err(|error| {
            let event = match error.kind() {
                ResetErrorKind::WrongVariable => Event::WrongVariable,
                ResetErrorKind::WrongContext => Event::WrongContext,
                kind => panic!("{kind:?} is not known here"),
            };
            (event, T::hide(error.into_token()))
        })
    }

    fn scope(&self, value: u32, counter: &Counter, f: &mut dyn FnMut()) {
        self.sync_scope(T::make(value, counter), f);
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

    fn remove(&self, context: &mut Context) -> bool {
        context.remove(self)
    }

    fn is(&self, entry: Entry<'_>) -> bool {
        let is = entry.is(self);
        assert!(!is || entry.name() == self.name() && entry.downcast_ref::<T>().is_some());
        is
    }
}
