//! Properties of values: `req.url`, `headers['x-id']`, `[0]`, `[[PromiseState]]`.
//!
//! Own properties only, as `::jsprint` shows them, and `length`, `size` and the like where the language computes them. Where a
//! named property is in the objects of one map is found once and kept.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use v8_heap::layout::Kind;
use v8_heap::objects::promise::Promise;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, MapId, PropertyValue, Tagged};

use super::value::JsValue;
use crate::output::escape;
use crate::print::{Member, Place};

/// Maps whose property names are looked through for one that may have been meant.
const MOST_MAPS: usize = 200;

/// A path from a value to another one.
#[derive(Debug)]
pub(super) struct Path {
    steps: Vec<Step>,
}

/// A step of a path.
#[derive(Debug)]
pub(super) struct Step {
    kind: StepKind,
    /// The same step for objects that are not ordinary.
    member: Option<Member>,
    /// By map: the number of the property, if objects of the map have it.
    known: RefCell<HashMap<MapId, Option<usize>>>,
    /// The answer of the map that was asked about last.
    last: Cell<Option<(MapId, Option<usize>)>>,
    /// Some value had it.
    met: Cell<bool>,
}

#[derive(Debug)]
enum StepKind {
    Name(String),
    Index,
    Slot(String),
}

impl Step {
    fn new(kind: StepKind, text: &str) -> Step {
        let member = Member::parse(text).ok();
        Step { kind, member, known: RefCell::default(), last: Cell::new(None), met: Cell::new(false) }
    }

    pub(super) fn name(name: &str) -> Step {
        // Whichever quote does not end the name too early.
        let quote = if name.contains("']") { '"' } else { '\'' };
        Step::new(StepKind::Name(name.to_owned()), &format!("[{quote}{name}{quote}]"))
    }

    pub(super) fn index(index: u64) -> Step {
        Step::new(StepKind::Index, &format!("[{index}]"))
    }

    pub(super) fn slot(name: &str) -> Step {
        Step::new(StepKind::Slot(name.to_owned()), &format!("[[{name}]]"))
    }

    /// Where the step leads from `value`; nothing if there is nothing.
    fn from(&self, heap: &Heap<'_>, value: Tagged) -> v8_heap::Result<Option<JsValue>> {
        let found = match (&self.kind, heap.value(value)?) {
            (StepKind::Name(name), Value::Object(object)) if is_ordinary(object, name) => {
                match self.number_in(heap, object, name) {
                    Some(number) => heap.property_at(object, number)?.map(|value| of_property(heap, value)),
                    None => None,
                }
            }
            (StepKind::Slot(name), Value::Object(object))
                if name == "PromiseState" && object.kind() == Kind::JsPromise =>
            {
                let state = match heap.promise(object)? {
                    Promise::Pending => "pending",
                    Promise::Fulfilled(_) => "fulfilled",
                    Promise::Rejected(_) => "rejected",
                };
                Some(Ok(JsValue::Text(state.into())))
            }
            _ => match &self.member {
                Some(member) => of_place(heap, member.find(heap, value)?.0),
                None => None,
            },
        };
        if found.is_some() {
            self.met.set(true);
        }
        found.transpose()
    }

    fn number_in(&self, heap: &Heap<'_>, object: HeapObject<'_>, name: &str) -> Option<usize> {
        if let Some((map, number)) = self.last.get()
            && map == object.map_id
        {
            return number;
        }
        let mut known = self.known.borrow_mut();
        let number = *known.entry(object.map_id).or_insert_with(|| heap.property_number(object.map, name));
        self.last.set(Some((object.map_id, number)));
        number
    }

    /// What the step is called in messages, and what may have been meant by it.
    fn complaint(&self, heap: &Heap<'_>) -> Option<String> {
        let StepKind::Name(name) = &self.kind else { return None };
        let known = self.known.borrow();
        if self.met.get() || known.is_empty() {
            return None;
        }
        let maps = known.keys().take(MOST_MAPS).map(|id| heap.map(*id));
        let names: Vec<String> = maps
            .flat_map(|map| heap.shape(map).properties.iter().map(|property| property.text.to_string()))
            .collect();
        let hint = match crate::spelling::nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!(" (did you mean '{}'?)", escape(near)),
            None => String::new(),
        };
        Some(format!("no value has a property '{}'{hint}", escape(name)))
    }
}

impl Path {
    pub(super) fn new(steps: Vec<Step>) -> Path {
        Path { steps }
    }

    /// What is at the end of the path; nothing if there is no such thing.
    ///
    /// # Errors
    /// Something on the way cannot be read.
    pub(super) fn find(&self, heap: &Heap<'_>, this: Tagged) -> v8_heap::Result<Option<JsValue>> {
        let Some((last, steps)) = self.steps.split_last() else { return JsValue::of(heap, this).map(Some) };
        let mut at = this;
        for step in steps {
            at = match step.from(heap, at)? {
                Some(JsValue::Object(value) | JsValue::String(value)) => value,
                _ => return Ok(None),
            };
        }
        last.from(heap, at)
    }

    /// The first step that no value had.
    pub(super) fn complaint(&self, heap: &Heap<'_>) -> Option<String> {
        self.steps.iter().find_map(|step| step.complaint(heap))
    }
}

/// Whether the property is where the map of the object says. It is not where the language computes it, nor in dictionaries.
fn is_ordinary(object: HeapObject<'_>, name: &str) -> bool {
    !object.map.is_dictionary
        && !matches!(object.kind(), Kind::JsProxy | Kind::JsModuleNamespace)
        && !matches!(name, "length" | "size" | "byteLength" | "stack")
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn of_property(heap: &Heap<'_>, value: PropertyValue) -> v8_heap::Result<JsValue> {
    match value {
        PropertyValue::Data(value) => JsValue::of(heap, value),
        PropertyValue::Double(number) => Ok(JsValue::Number(number)),
        PropertyValue::Accessor { .. } | PropertyValue::Native => Ok(JsValue::Undefined),
    }
}

fn of_place(heap: &Heap<'_>, place: Place) -> Option<v8_heap::Result<JsValue>> {
    Some(match place {
        Place::Value(value) => JsValue::of(heap, value),
        Place::Number(number) => Ok(JsValue::Number(number)),
        Place::BigInt(digits) => Ok(JsValue::BigInt(digits.into())),
        Place::Boolean(truth) => Ok(JsValue::Boolean(truth)),
        Place::Text(text) => Ok(JsValue::Text(text.into())),
        Place::Stack(stack) => Ok(JsValue::Text(stack.to_text().into())),
        Place::Prototypes(first) => JsValue::of(heap, first),
        Place::Accessor { .. }
        | Place::List(_)
        | Place::Record(_)
        | Place::Address(_)
        | Place::Unreadable(_)
        | Place::Native => Ok(JsValue::Undefined),
        Place::Hole | Place::Missing | Place::Uninitialized => return None,
    })
}
