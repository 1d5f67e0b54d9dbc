//! What a place inside a heap object is called: `elements`, `.name`, `objects[3]`, `slot 4 "cache"`.

use v8_heap::objects::place::Place;
use v8_heap::{Heap, Tagged};

use crate::output::escape;

/// The name of a place.
pub fn place_name(heap: &Heap<'_>, place: &Place<'_>) -> String {
    let name = |name: Tagged| {
        escape(&heap.name_text(name).unwrap_or_else(|| "<unreadable name>".to_owned())).into_owned()
    };
    match *place {
        Place::Field(_, field) => field.name.to_owned(),
        Place::EmbedderField(index) => format!("embedder field {index}"),
        Place::Property(property) => format!(".{}", name(property)),
        Place::UnusedProperty(slot) => format!("unused in-object slot {slot}"),
        Place::Entry { tail, index, part: "", .. } => format!("{tail}[{index}]"),
        Place::Entry { tail, index, part, .. } => format!("{tail}[{index}].{part}"),
        Place::ContextSlot(slot, Some(variable)) => format!("slot {slot} \"{}\"", name(variable)),
        Place::NativeSlot(slot, name) => format!("slot {slot} {name}"),
        Place::ContextSlot(0, None) => "slot 0 scope_info".to_owned(),
        Place::ContextSlot(1, None) => "slot 1 previous".to_owned(),
        Place::ContextSlot(slot, None) => format!("slot {slot}"),
        Place::ScopePart(part, None) => part.to_owned(),
        Place::ScopePart(part, Some(index)) => format!("{part}[{index}]"),
        Place::Bytes(tail, behind) => format!("{tail}+0x{behind:x}"),
        Place::Nothing => "padding".to_owned(),
    }
}
