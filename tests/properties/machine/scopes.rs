//! Futures inside of a scope of a variable or of log fields.

use std::rc::Rc;

use super::Machine;
use crate::program::{Event, Op};
use crate::quiet_panic_text;
use crate::support::poll_once;
use crate::variables::{Running, VARIABLES};

pub(super) struct Scoped {
    scope: Running,
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq)]
enum Progress {
    Unfinished,
    Completed,
    /// A poll panicked.
    Broken,
}

impl Scoped {
    pub(super) fn new(scope: Running) -> Self {
        Self { scope, progress: Progress::Unfinished }
    }
}

impl Machine {
    pub(super) fn op_on_scope(self: &Rc<Self>, op: &Op) {
        match *op {
            Op::Scope(var, value, ref future) => {
                let future = self.future(future);
                let scope = VARIABLES[var].scope(value, &self.counter, future);
                self.scopes.add(Scoped::new(scope));
            }
            Op::PollScope(pick) => self.poll_scope(pick),
            Op::DropScope(pick) => self.done(self.scopes.take(pick).map(drop)),
            Op::Fields(ref op) => self.op_on_fields(op),
            _ => unreachable!("no function runs {op:?}"),
        }
    }

    fn poll_scope(&self, pick: usize) {
        let Some((place, mut scoped)) = self.scopes.take(pick) else {
            return self.see(Event::Nothing);
        };
        let Scoped { scope, progress } = &mut scoped;
        if *progress == Progress::Unfinished {
            *progress = Progress::Broken;
            self.caught(|| {
                let ready = poll_once(scope.as_mut()).is_ready();
                *progress = if ready { Progress::Completed } else { Progress::Unfinished };
                self.see(if ready { Event::Ready } else { Event::Pending });
            });
        } else {
            let text = quiet_panic_text(|| poll_once(scope.as_mut()));
            let broken = *progress == Progress::Broken;
            let expected = if broken { "resumed after panicking" } else { "completion" };
            assert!(text.contains(expected), "{text}");
            self.see(Event::Over);
            self.see_state();
        }
        self.scopes.put_back(place, scoped);
    }
}
