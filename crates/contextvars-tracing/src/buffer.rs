//! The buffers that a formatter writes to while its line is not complete.
//!
//! A [`Writer`] made from a `String` does not know whether the line may have colours. Writers that know it are made by
//! [`FormattedFields`], which the `fmt` layer of tracing-subscriber creates for each span. So this module opens a span in
//! a registry of its own and takes the buffer out of it. That happens once for each thread and each pair of settings;
//! afterwards the buffer is reused.

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

/// The capacity beyond which buffers are freed instead of reused.
const MAX_RETAINED: usize = 1 << 16;

/// The inner formatter's line, and the line with the fields.
struct Buffers {
    line: Buffer,
    extended: String,
}

thread_local! {
    /// One for each pair of `Settings`, unless it is in use. Boxed, because moving a buffer whose words have just been
    /// written is slow.
    static SPARE: [Cell<Option<Box<Buffers>>>; 4] = const { [const { Cell::new(None) }; 4] };
}

/// The settings of a writer that a buffer has to share.
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
    fn buffers(self) -> Box<Buffers> {
        let spare = SPARE.try_with(|spare| spare[self.place()].take()).ok().flatten();
        spare.unwrap_or_else(|| {
            // The registry panics in a thread-local destructor that runs after its own.
            let line = std::panic::catch_unwind(|| self.new_buffer())
                .unwrap_or_else(|_| Buffer::new(String::new()));
            Box::new(Buffers { line, extended: String::new() })
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

/// Runs `format` with a buffer that has the settings of `writer`, then writes the line that `extend` makes of the result.
pub(crate) fn buffered(
    mut writer: Writer<'_>,
    format: impl FnOnce(Writer<'_>) -> fmt::Result,
    extend: impl FnOnce(&str, &mut String),
) -> fmt::Result {
    let settings =
        Settings { colours: writer.has_ansi_escapes(), sanitizes: writer.sanitizes_ansi_escapes() };
    let mut buffers = settings.buffers();
    let Buffers { line, extended } = &mut *buffers;
    let outcome = format(line.as_writer()).and_then(|()| {
        // user code, as in `format`
        extend(&line.fields, extended);
        writer.write_str(extended)
    });
    if line.fields.capacity() + extended.capacity() <= MAX_RETAINED {
        line.fields.clear();
        extended.clear();
        let _ = SPARE.try_with(|spare| spare[settings.place()].set(Some(buffers)));
    }
    outcome
}
