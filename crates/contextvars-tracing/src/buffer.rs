//! Where a formatter writes while its line is not complete.
//!
//! A [`Writer`] that is made from a string has lost whether the line may have colours. Those that remember it are made
//! by [`FormattedFields`], which the layer of tracing-subscriber gives to each span: so a span is opened in a registry
//! that nobody sees, and its buffer taken out. That happens once for each thread and setting; afterwards the buffer is
//! used again.

use std::cell::Cell;
use std::fmt;

use tracing_core::callsite::{DefaultCallsite, Identifier};
use tracing_core::field::FieldSet;
use tracing_core::metadata::{Kind, Metadata};
use tracing_core::span::Attributes;
use tracing_core::{Level, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::{FormattedFields, Layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan as _;

type Buffer = FormattedFields<DefaultFields>;

/// A buffer that grew larger is not kept.
const MAX_RETAINED: usize = 1 << 16;

thread_local! {
    /// One for each pair of `Settings`, unless it is in use. Boxed: the words of a buffer are slow to move right after they
    /// were written.
    static SPARE: [Cell<Option<Box<Buffer>>>; 4] = const { [const { Cell::new(None) }; 4] };
}

/// What a writer says of itself.
#[derive(Clone, Copy)]
struct Settings {
    colours: bool,
    sanitizes: bool,
}

impl Settings {
    fn place(self) -> usize {
        usize::from(self.colours) * 2 + usize::from(self.sanitizes)
    }

    #[expect(clippy::unnecessary_box_returns, reason = "most of the time it is in its box already")]
    fn buffer(self) -> Box<Buffer> {
        let spare = SPARE.try_with(|spare| spare[self.place()].take()).ok().flatten();
        spare.unwrap_or_else(|| {
            // The registry panics in a thread-local destructor that runs after its own.
            std::panic::catch_unwind(|| self.new_buffer())
                .unwrap_or_else(|_| Buffer::new(String::new()))
                .into()
        })
    }

    #[cold]
    fn new_buffer(self) -> Buffer {
        if !self.colours && self.sanitizes {
            return Buffer::new(String::new());
        }
        let layer = Layer::new().with_ansi(self.colours).with_ansi_sanitization(self.sanitizes);
        let registry = Registry::default().with(layer);
        let id = registry.new_span(&Attributes::new_root(&SPAN, &SPAN.fields().value_set_all(&[])));
        let span = registry.span(&id);
        let buffer = span.and_then(|span| span.extensions_mut().remove::<Buffer>());
        buffer.unwrap_or_else(|| Buffer::new(String::new()))
    }
}

static CALLSITE: DefaultCallsite = DefaultCallsite::new(&SPAN);

static SPAN: Metadata<'static> = Metadata::new(
    "buffer",
    "contextvars",
    Level::ERROR,
    None,
    None,
    None,
    FieldSet::new(&[], Identifier(&CALLSITE)),
    Kind::SPAN,
);

/// Runs `format` with a writer like `writer`, and then `finish` with `writer` and what was written.
pub(crate) fn buffered(
    mut writer: Writer<'_>,
    format: impl FnOnce(Writer<'_>) -> fmt::Result,
    finish: impl FnOnce(&mut Writer<'_>, &str) -> fmt::Result,
) -> fmt::Result {
    let settings =
        Settings { colours: writer.has_ansi_escapes(), sanitizes: writer.sanitizes_ansi_escapes() };
    let mut buffer = settings.buffer();
    let outcome = format(buffer.as_writer()) // user code
        .and_then(|()| finish(&mut writer, &buffer.fields));
    if buffer.fields.capacity() <= MAX_RETAINED {
        buffer.fields.clear();
        let _ = SPARE.try_with(|spare| spare[settings.place()].set(Some(buffer)));
    }
    outcome
}
