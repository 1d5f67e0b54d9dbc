//! `jselement`, `jsprop` and `jsmapentry`: what one object holds.

use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, PropertyValue, Tagged};

use crate::dcmd::{AddressUse, Capability, Takes};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::stage::Flow;
use crate::value::{Item, Kind};
use crate::walker::{Visit, Walker};

/// `jselement`: the elements of an array. Missing ones are left out, for what takes values could do nothing with them; `::jsarray` has them.
pub(crate) static JSELEMENT: Walker = Walker {
    name: "jselement",
    summary: "walk the elements of a JavaScript array; holes are left out (::jsarray has them)",
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Kind::Value,
    needs: &[Capability::Graph],
    walk: |context, item, visit| {
        if context.snapshot().is_some() {
            return of_snapshot::held(context, item, of_snapshot::Held::Elements, visit);
        }
        let heap = context.heap()?;
        let object = object(heap, item, "a JavaScript array")?;
        if heap.array_length(object).is_none() || object.kind() != HeapKind::JsArray {
            return Err(DcmdError::failed(format!("{} is not a JavaScript array", object.value())));
        }
        let mut walk = Walk { visit, flow: Flow::Continue };
        walk.elements(heap, object)
    },
};

/// `jsprop`: the values of an object's properties, elements first; accessors left out.
pub(crate) static JSPROP: Walker = Walker {
    name: "jsprop",
    summary: "walk the values of a JavaScript object's properties",
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Kind::Value,
    needs: &[Capability::Graph],
    walk: |context, item, visit| {
        if context.snapshot().is_some() {
            return of_snapshot::held(context, item, of_snapshot::Held::Properties, visit);
        }
        let heap = context.heap()?;
        let object = object(heap, item, "a JSObject")?;
        let mut walk = Walk { visit, flow: Flow::Continue };
        walk.elements(heap, object)?;
        for property in heap.own_properties(object)? {
            walk.value(property.value)?;
            if walk.flow == Flow::Enough {
                break;
            }
        }
        Ok(())
    },
};

fn object<'h>(heap: &'h Heap<'_>, item: Option<Item>, what: &str) -> Result<HeapObject<'h>, DcmdError> {
    let value = Tagged(item.map_or(0, |item| item.word));
    match heap.value(value) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(DcmdError::failed(format!("{value} is not {what}"))),
    }
}

struct Walk<'w, 'v> {
    visit: &'w mut Visit<'v>,
    flow: Flow,
}

impl Walk<'_, '_> {
    fn elements(&mut self, heap: &Heap<'_>, object: HeapObject<'_>) -> Result<(), DcmdError> {
        let elements = heap.elements(object)?;
        let mut ended = Ok(());
        heap.for_each_element(&elements, |_, value| {
            ended = self.value(value);
            ended.is_ok() && self.flow == Flow::Continue
        })?;
        ended
    }

    fn value(&mut self, value: PropertyValue) -> Result<(), DcmdError> {
        match value {
            PropertyValue::Data(value) => self.flow = (self.visit)(Item::value(value.0))?,
            PropertyValue::Double(number) => self.flow = (self.visit)(Item::double(number))?,
            PropertyValue::Accessor { .. } | PropertyValue::Native => {}
        }
        Ok(())
    }
}

/// `jsmapentry`: the values of a Map's or WeakMap's entries, the members of a Set or WeakSet.
pub(crate) static JSMAPENTRY: Walker = Walker {
    name: "jsmapentry",
    summary: "walk the values of a Map, or the members of a Set",
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Kind::Value,
    needs: &[Capability::Graph],
    walk: |context, item, visit| {
        if context.snapshot().is_some() {
            return of_snapshot::held(context, item, of_snapshot::Held::Entries, visit);
        }
        let heap = context.heap()?;
        let object = object(heap, item, "a Map or Set")?;
        let is_set = match object.kind() {
            HeapKind::JsMap | HeapKind::JsWeakMap => false,
            HeapKind::JsSet | HeapKind::JsWeakSet => true,
            _ => return Err(DcmdError::failed(format!("{} is not a Map or Set", object.value()))),
        };
        let mut ended = Ok(Flow::Continue);
        heap.for_each_collection_entry(object, |key, value| {
            ended = visit(Item::value(if is_set { key.0 } else { value.0 }));
            matches!(ended, Ok(Flow::Continue))
        })?;
        ended.map(|_| ())
    },
};
