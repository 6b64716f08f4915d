//! Runs a codec: reading in an empty context, writing in a copy of the context that is sent.

use std::mem;
use std::slice;

use super::Codec;
use crate::rule::Violation;
use contextvars::Context;

impl Codec {
    pub(crate) fn variable(&self) -> &'static str {
        self.variable
    }

    /// Returns the number of headers that hold the value.
    pub(crate) fn headers(&self) -> usize {
        self.headers
    }

    pub(crate) fn limit(&self) -> usize {
        self.max_len
    }

    /// Checks whether the entry is read from this sender.
    pub(crate) fn allows(&self, trusted: bool) -> Result<(), Violation> {
        match self {
            Self { local: true, .. } => Err(Violation::Local),
            Self { trusted_only: true, .. } if !trusted => Err(Violation::Untrusted),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_limit(&self, text: &str) -> Result<(), Violation> {
        if text.len() > self.max_len { Err(Violation::TooLong) } else { Ok(()) }
    }

    /// Binds the variable in `context` to the value of `texts`, one for each header. An empty context is current meanwhile.
    pub(crate) fn read(
        &self,
        texts: &[Option<&str>],
        context: &mut Context,
    ) -> Result<(), Violation> {
        texts.iter().flatten().try_for_each(|text| self.check_limit(text))?;
        let read = || (self.read)(texts, mem::take(context));
        let (bound, result) = match Context::new().run(read) {
            Ok(bound) => (bound, Ok(())),
            Err(unchanged) => (unchanged, Err(Violation::Refused)),
        };
        *context = bound;
        result
    }

    /// Fills in the texts of the variable's value in `holder`, if it has one there. A copy of `context` is current
    /// meanwhile.
    fn write(
        &self,
        holder: &Context,
        context: &Context,
        texts: &mut [Option<String>],
    ) -> Result<(), Violation> {
        context.clone().run(|| (self.write)(holder, texts))
    }

    /// Returns the text for a baggage member, or `None` if there is nothing to send.
    pub(crate) fn member_text(&self, context: &Context) -> Result<Option<String>, Violation> {
        let mut text = None;
        self.write(context, context, slice::from_mut(&mut text))?;
        Ok(text)
    }

    /// Fills in the texts for plain headers. Leaves them empty if there is nothing to send.
    pub(crate) fn header_texts(
        &self,
        context: &Context,
        texts: &mut [Option<String>],
    ) -> Result<(), Violation> {
        self.write(context, context, texts)?;
        for text in texts {
            *text = text.take().map(self.for_header);
        }
        Ok(())
    }

    /// Returns `true` if the text that came in stands for the same value as `text`, which was written in `context`.
    pub(crate) fn is_same(&self, came: &str, text: &str, context: &Context) -> bool {
        let again = || {
            let mut holder = Context::new();
            self.read(&[Some(came)], &mut holder).ok()?;
            let mut again = None;
            self.write(&holder, context, slice::from_mut(&mut again)).ok()?;
            again
        };
        came == text || again().is_some_and(|again| again == text)
    }
}
