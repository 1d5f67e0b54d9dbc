//! The values of a heap in a core.

use std::rc::Rc;

use v8_heap::layout::Kind;
use v8_heap::objects::promise::Promise;
use v8_heap::objects::string::Piece;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Error, Heap, MapId, Monitor, PropertyValue, Tagged};

use super::path::{Step, StepKind};
use super::value::JsValue;
use super::values::Values;
use crate::output::escape;
use crate::print::{Place, format_bigint};

/// Maps whose property names are looked through for one that may have been meant.
const MOST_MAPS: usize = 200;

/// The values of a heap in a core; they go by their tagged words.
pub struct OfHeap<'v, 'h> {
    heap: &'v Heap<'h>,
    monitor: Box<dyn Monitor + 'v>,
}

impl std::fmt::Debug for OfHeap<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OfHeap").finish_non_exhaustive()
    }
}

impl<'v, 'h> OfHeap<'v, 'h> {
    /// The values of `heap`; `monitor` watches what takes long.
    pub fn new(heap: &'v Heap<'h>, monitor: Box<dyn Monitor + 'v>) -> OfHeap<'v, 'h> {
        OfHeap { heap, monitor }
    }

    fn of(&self, value: Tagged) -> v8_heap::Result<JsValue> {
        Ok(match self.heap.value(value)? {
            Value::Smi(number) => JsValue::Number(f64::from(number)),
            Value::Double(number) => JsValue::Number(number),
            Value::Undefined | Value::Hole | Value::Marker => JsValue::Undefined,
            Value::Null => JsValue::Null,
            Value::Boolean(truth) => JsValue::Boolean(truth),
            Value::String(_) => JsValue::String(value.0),
            Value::Symbol(_) => JsValue::Symbol(value.0),
            Value::BigInt(bigint) => {
                let (negative, digits) = self.heap.bigint(bigint)?;
                let text = format_bigint(negative, digits);
                JsValue::BigInt(text.trim_end_matches('n').into())
            }
            Value::Object(_) | Value::Internal(_) => JsValue::Object(value.0),
        })
    }

    fn of_property(&self, value: PropertyValue) -> v8_heap::Result<JsValue> {
        match value {
            PropertyValue::Data(value) => self.of(value),
            PropertyValue::Double(number) => Ok(JsValue::Number(number)),
            PropertyValue::Accessor { .. } | PropertyValue::Native => Ok(JsValue::Undefined),
        }
    }

    fn of_place(&self, place: Place) -> Option<v8_heap::Result<JsValue>> {
        Some(match place {
            Place::Value(value) => self.of(value),
            Place::Number(number) => Ok(JsValue::Number(number)),
            Place::BigInt(digits) => Ok(JsValue::BigInt(digits.into())),
            Place::Boolean(truth) => Ok(JsValue::Boolean(truth)),
            Place::Text(text) => Ok(JsValue::Text(text.into())),
            Place::Stack(stack) => Ok(JsValue::Text(stack.to_text().into())),
            Place::Prototypes(first) => self.of(first),
            Place::Accessor { .. }
            | Place::List(_)
            | Place::Record(_)
            | Place::Address(_)
            | Place::Unreadable(_)
            | Place::Native => Ok(JsValue::Undefined),
            Place::Hole | Place::Missing | Place::Uninitialized => return None,
        })
    }
}

impl Values for OfHeap<'_, '_> {
    fn value(&self, word: u64) -> v8_heap::Result<JsValue> {
        self.of(Tagged(word))
    }

    fn step(&self, step: &Step, from: u64) -> v8_heap::Result<Option<JsValue>> {
        let (heap, value) = (self.heap, Tagged(from));
        match (step.kind(), heap.value(value)?) {
            (StepKind::Name(name), Value::Object(object)) if is_ordinary(object, name) => {
                let number = step.place_in(object.map_id.0, || heap.property_number(object.map, name));
                let Some(number) = number else { return Ok(None) };
                heap.property_at(object, number)?.map(|value| self.of_property(value)).transpose()
            }
            (StepKind::Slot(name), Value::Object(object))
                if name == "PromiseState" && object.kind() == Kind::JsPromise =>
            {
                let state = match heap.promise(object)? {
                    Promise::Pending => "pending",
                    Promise::Fulfilled(_) => "fulfilled",
                    Promise::Rejected(_) => "rejected",
                };
                Ok(Some(JsValue::Text(state.into())))
            }
            _ => match step.member() {
                Some(member) => self.of_place(member.find(heap, value)?.0).transpose(),
                None => Ok(None),
            },
        }
    }

    fn constructor(&self, object: u64) -> v8_heap::Result<Option<Rc<str>>> {
        Ok(match self.heap.value(Tagged(object))? {
            Value::Object(object) => Some(self.heap.name(self.heap.constructor_name(object)).into()),
            _ => None,
        })
    }

    fn is_callable(&self, object: u64) -> bool {
        self.heap.object(Tagged(object)).is_ok_and(|object| object.map.is_callable)
    }

    fn date(&self, object: u64) -> v8_heap::Result<f64> {
        match self.heap.object(Tagged(object)) {
            Ok(date) if date.kind() == Kind::JsDate => self.heap.date_value(date),
            _ => Ok(f64::NAN),
        }
    }

    fn text(&self, string: u64) -> v8_heap::Result<Rc<str>> {
        Ok(self.heap.string(Tagged(string), usize::MAX)?.to_text().into())
    }

    fn is_empty(&self, string: u64) -> v8_heap::Result<bool> {
        Ok(self.heap.string_length(Tagged(string))? == 0)
    }

    /// Without copying it.
    fn says(&self, string: u64, wanted: &str) -> v8_heap::Result<bool> {
        let (heap, string) = (self.heap, Tagged(string));
        // A character has one code unit or two, so the lengths tell most strings apart.
        let length = heap.string_length(string)? as usize;
        if length > wanted.len() || (wanted.is_ascii() && length != wanted.len()) {
            return Ok(false);
        }
        let mut same = true;
        if wanted.is_ascii() {
            let mut rest = wanted.as_bytes();
            heap.for_each_piece(string, usize::MAX, |piece| {
                let (length, equal) = match piece {
                    Piece::OneByte(bytes) => (bytes.len(), rest.starts_with(bytes)),
                    Piece::TwoByte(bytes) => {
                        let length = bytes.len() / 2;
                        let first = rest.get(..length).unwrap_or(rest);
                        (length, piece.units().eq(first.iter().map(|&byte| u16::from(byte))))
                    }
                };
                same = equal;
                rest = rest.get(length..).unwrap_or(&[]);
                same
            })?;
            return Ok(same && rest.is_empty());
        }
        let mut units = wanted.encode_utf16();
        heap.for_each_piece(string, usize::MAX, |piece| {
            same = piece.units().all(|unit| units.next() == Some(unit));
            same
        })?;
        Ok(same && units.next().is_none())
    }

    fn symbol_text(&self, symbol: u64) -> Option<String> {
        self.heap.name_text(Tagged(symbol))
    }

    fn label(&self, object: u64) -> String {
        match self.heap.value(Tagged(object)) {
            Ok(Value::Object(found)) => {
                format!("{} {object:x}", escape(self.heap.name(self.heap.constructor_name(found))))
            }
            _ => format!("<{}> {object:x}", self.heap.class_name(Tagged(object))),
        }
    }

    fn json(&self, object: u64) -> String {
        format!("{object:#x}")
    }

    fn own_size(&self, object: u64) -> u64 {
        let found = self.heap.object(Tagged(object));
        found.and_then(|object| self.heap.object_size(object)).unwrap_or(0)
    }

    fn retained_size(&self, object: u64) -> v8_heap::Result<u64> {
        let heap = self.heap;
        let dominators = heap.dominators(&*self.monitor)?;
        let table = heap.objects(&*self.monitor)?;
        let address = Tagged(object).strong().ok_or(Error::NotAnObject(Tagged(object)))?;
        let id = table.id_at(heap.spaces(), address).ok_or(Error::NotAnObject(Tagged(object)))?;
        Ok(dominators.total(id.0))
    }

    fn names_beside(&self, step: &Step) -> Vec<String> {
        let maps = step.shapes().into_iter().take(MOST_MAPS).map(|shape| self.heap.map(MapId(shape)));
        let names = |map| self.heap.shape(map).properties.iter().map(|property| property.text.to_string());
        maps.flat_map(names).collect()
    }

    fn untold(&self) -> Option<&'static str> {
        None
    }
}

/// Whether the property is where the map of the object says. It is not where the language computes it, nor in dictionaries.
fn is_ordinary(object: HeapObject<'_>, name: &str) -> bool {
    !object.map.is_dictionary
        && !matches!(object.kind(), Kind::JsProxy | Kind::JsModuleNamespace)
        && !matches!(name, "length" | "size" | "byteLength" | "stack")
        && !name.starts_with(|c: char| c.is_ascii_digit())
}
