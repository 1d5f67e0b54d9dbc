//! Properties of values: `req.url`, `headers['x-id']`, `[0]`, `[[PromiseState]]`.
//!
//! Own properties only, as `::jsprint` shows them, and `length`, `size` and the like where the language computes them. Where a
//! named property is in the objects of one shape is found once and kept.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::value::JsValue;
use super::values::Values;
use crate::output::escape;
use crate::print::Member;

/// What no program has as a slot: how much memory an object takes, alone and with all that would be freed with it.
const OWN_SIZE: &str = "ShallowSize";
const RETAINED_SIZE: &str = "RetainedSize";

/// A path from a value to another one.
#[derive(Debug)]
pub(super) struct Path {
    steps: Vec<Step>,
}

/// A step of a path.
#[derive(Debug)]
pub struct Step {
    kind: StepKind,
    /// The same step as a member that is printed.
    member: Option<Member>,
    /// By the number of a shape: where objects of that shape have the property, if they do.
    known: RefCell<HashMap<u32, Option<usize>>>,
    /// The answer of the shape that was asked about last.
    last: Cell<Option<(u32, Option<usize>)>>,
    /// Some value had it.
    met: Cell<bool>,
}

/// What a step goes by.
#[derive(Debug)]
pub enum StepKind {
    /// A property.
    Name(String),
    /// An element.
    Index(u64),
    /// An internal slot.
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
        Step::new(StepKind::Index(index), &format!("[{index}]"))
    }

    pub(super) fn slot(name: &str) -> Step {
        Step::new(StepKind::Slot(name.to_owned()), &format!("[[{name}]]"))
    }

    /// What it goes by.
    pub fn kind(&self) -> &StepKind {
        &self.kind
    }

    /// The same step as a member that is printed.
    pub fn member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    /// Where objects of a shape have the property; `find` is asked once for each shape.
    pub fn place_in(&self, shape: u32, find: impl FnOnce() -> Option<usize>) -> Option<usize> {
        if let Some((last, place)) = self.last.get()
            && last == shape
        {
            return place;
        }
        let known = self.known.borrow().get(&shape).copied();
        let place = known.unwrap_or_else(find);
        if known.is_none() {
            self.known.borrow_mut().insert(shape, place);
        }
        self.last.set(Some((shape, place)));
        place
    }

    /// The shapes that were asked about.
    pub fn shapes(&self) -> Vec<u32> {
        self.known.borrow().keys().copied().collect()
    }

    /// Where the step leads from a value; nothing if there is nothing.
    fn from(&self, values: &dyn Values, from: u64) -> v8_heap::Result<Option<JsValue>> {
        let found = match &self.kind {
            StepKind::Slot(name) if name == OWN_SIZE || name == RETAINED_SIZE => match values.value(from)? {
                JsValue::Object(object) | JsValue::String(object) if name == OWN_SIZE => {
                    Some(values.own_size(object))
                }
                JsValue::Object(object) | JsValue::String(object) => Some(values.retained_size(object)?),
                _ => None,
            }
            .map(|bytes| JsValue::Number(bytes as f64)),
            _ => values.step(self, from)?,
        };
        if found.is_some() {
            self.met.set(true);
        }
        Ok(found)
    }

    /// What the step is called in messages, and what may have been meant by it.
    fn complaint(&self, values: &dyn Values) -> Option<String> {
        let StepKind::Name(name) = &self.kind else { return None };
        if self.met.get() || self.known.borrow().is_empty() {
            return None;
        }
        let names = values.names_beside(self);
        let hint = match crate::spelling::nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!(" (did you mean '{}'?)", escape(near)),
            None => values.untold().map_or(String::new(), |untold| format!(" ({untold})")),
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
    pub(super) fn find(&self, values: &dyn Values, this: u64) -> v8_heap::Result<Option<JsValue>> {
        let Some((last, steps)) = self.steps.split_last() else { return values.value(this).map(Some) };
        let mut at = this;
        for step in steps {
            at = match step.from(values, at)? {
                Some(JsValue::Object(value) | JsValue::String(value)) => value,
                _ => return Ok(None),
            };
        }
        last.from(values, at)
    }

    /// The first step that no value had.
    pub(super) fn complaint(&self, values: &dyn Values) -> Option<String> {
        self.steps.iter().find_map(|step| step.complaint(values))
    }
}
