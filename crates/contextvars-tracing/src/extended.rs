//! Events with more fields than their call site has.

use tracing_core::field::Value as Recordable;
use tracing_core::{Event, Metadata};

use crate::copied::{Copied, Slot, slot_of};
use crate::{display_name, sites};
use contextvars::fields::Value;

/// Fields that an event does not have.
pub(crate) type Added = Vec<(String, Value)>;

/// Calls `f` with the event and what is added; with the event as it is, if that is nothing or cannot be done.
pub(crate) fn dispatch(event: &Event<'_>, added: &Added, f: impl FnOnce(&Event<'_>)) {
    let metadata = event.metadata();
    let (held, new): (Vec<_>, Vec<_>) = added
        .iter()
        .filter_map(|(key, value)| Some((key.as_str(), slot_of(value)?)))
        .partition(|(key, _)| metadata.fields().iter().any(|field| display_name(&field) == *key));
    if held.is_empty() && new.is_empty() {
        return f(event);
    }
    let keys: Vec<_> = new.iter().map(|(key, _)| *key).collect();
    let Some(extended) = sites::extended(metadata, &keys) else { return f(event) };

    let mut slots = Copied::of(event); // user code: Debug
    // A key that the call site has, but without a value this time.
    for (key, slot) in held {
        if let Some(field) = metadata.fields().iter().find(|field| display_name(field) == key) {
            slots[field.index()] = Some(slot);
        }
    }
    // The same keys may have been kept in another order.
    let mut new: Vec<_> = new.into_iter().map(|(key, slot)| (key, Some(slot))).collect();
    slots.extend(extended.fields().iter().skip(metadata.fields().len()).map(|field| {
        new.iter_mut().find(|(key, _)| *key == field.name()).and_then(|(_, slot)| slot.take())
    }));
    with_slots(event, extended, &slots, f);
}

/// Calls `f` with an event of this metadata and these values, and the parent of the given one.
fn with_slots(
    event: &Event<'_>,
    metadata: &'static Metadata<'static>,
    slots: &[Option<Slot>],
    f: impl FnOnce(&Event<'_>),
) {
    let values: Vec<_> =
        slots.iter().map(|slot| slot.as_ref().map(|slot| &**slot as &dyn Recordable)).collect();
    let values = metadata.fields().value_set_all(&values);
    f(&if event.is_contextual() {
        Event::new(metadata, &values)
    } else {
        Event::new_child_of(event.parent().cloned(), metadata, &values)
    });
}
