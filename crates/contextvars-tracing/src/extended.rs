//! Events with more fields than their call site has.

use contextvars::fields::Value;
use tracing_core::field::Value as Recordable;
use tracing_core::{Event, Metadata};

use crate::copied::{Copied, Slot, slot_of};
use crate::keys::display_name;
use crate::sites;

/// Fields that an event does not have.
pub(crate) type Added = Vec<(String, Value)>;

/// Calls `f` with an event that has the added fields as well; with the event itself if there are none.
pub(crate) fn dispatch(event: &Event<'_>, added: &Added, f: impl FnOnce(&Event<'_>)) {
    let metadata = event.metadata();
    let (declared, mut new): (Vec<_>, Vec<_>) = added
        .iter()
        .filter_map(|(key, value)| Some((key.as_str(), Some(slot_of(value)?))))
        .partition(|(key, _)| metadata.fields().iter().any(|field| display_name(&field) == *key));
    leave_out_long(&mut new);
    if declared.is_empty() && new.is_empty() {
        return f(event);
    }
    let keys: Vec<_> = new.iter().map(|(key, _)| *key).collect();
    let extended = sites::extended(metadata, &keys);

    let mut slots = Copied::of(event); // user code: Debug
    // A key that the call site declares, but without a value this time.
    for (key, slot) in declared {
        if let Some(field) = metadata.fields().iter().find(|field| display_name(field) == key) {
            slots[field.index()] = slot;
        }
    }
    // The kept keys may have another order, and there may be more of them.
    slots.extend(extended.fields().iter().skip(metadata.fields().len()).map(|field| {
        new.iter_mut().find(|(key, _)| *key == field.name()).and_then(|(_, slot)| slot.take())
    }));
    with_slots(event, extended, &slots, f);
}

/// Removes the fields whose keys would make those of the event too long together.
fn leave_out_long(fields: &mut Vec<(&str, Option<Slot>)>) {
    let mut left = sites::MAX_KEY_BYTES;
    fields.retain(|(key, _)| match left.checked_sub(key.len() + 1) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
}

/// Calls `f` with an event of this metadata and these values, which has the parent of `event`.
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
