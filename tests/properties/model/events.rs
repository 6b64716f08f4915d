//! The events that the model predicts.

use super::{Context, Model, ROOT};
use crate::program::{Event, VARIABLES};

impl Model {
    pub(super) fn see(&mut self, event: Event) {
        self.trace.push(event);
    }

    pub(super) fn see_value(&mut self, value: Option<u32>) {
        let context = &self.current;
        let others = (context.identity != ROOT).then_some(context.values.len());
        self.see(value.map_or(Event::Missing(others), Event::Value));
    }

    pub(super) fn see_state(&mut self) {
        let read = (0..VARIABLES).filter_map(|var| Some((var, self.read(var)?))).collect();
        self.see(Event::State(read));
        let fields = self.current.fields.clone();
        self.see_fields(&fields);
    }

    pub(super) fn see_contents(&mut self, context: &Context) {
        let contents = context.values.iter().map(|(&var, value)| (var, value.number)).collect();
        self.see(Event::Contents(contents));
        self.see_fields(&context.fields);
    }

    pub(super) fn done(&mut self, done: bool) {
        self.see(if done { Event::Done } else { Event::Nothing });
    }
}
