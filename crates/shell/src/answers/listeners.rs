//! The listeners of an `EventEmitter`.

use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, PropertyValue};

use super::callback::Callback;

/// Listeners of one object that are shown.
const MOST: usize = 64;

/// A function that waits for an event.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The name of the event.
    pub event: String,
    /// The function.
    pub callback: Callback,
}

/// All listeners that an object keeps in `_events`, in the order of events, and of each the first in front.
pub fn listeners(heap: &Heap<'_>, emitter: HeapObject<'_>) -> Vec<Listener> {
    let mut listeners = Vec::new();
    let Ok(Some(PropertyValue::Data(events))) = heap.own_property(emitter, "_events") else {
        return listeners;
    };
    let Ok(Value::Object(events)) = heap.value(events) else { return listeners };
    for property in heap.own_properties(events).unwrap_or_default() {
        let PropertyValue::Data(value) = property.value else { continue };
        let Ok(Value::Object(object)) = heap.value(value) else { continue };
        let Some(event) = heap.name_text(property.name) else { continue };
        if heap.array_length(object).is_some() && object.kind() == v8_heap::layout::Kind::JsArray {
            let Ok(elements) = heap.elements(object) else { continue };
            // What could be read before an error is kept.
            let _ = heap.for_each_element(&elements, |_, value| {
                if let PropertyValue::Data(value) = value {
                    listeners.push(Listener { event: event.clone(), callback: Callback::of(heap, value) });
                }
                listeners.len() < MOST
            });
        } else {
            listeners.push(Listener { event, callback: Callback::of(heap, value) });
        }
        if listeners.len() >= MOST {
            break;
        }
    }
    listeners
}
