//! Members of values: `a.b[3]['x.y']`.
//!
//! ```text
//!   member := step, then any of:  .step  [123]  ['any name']  [any name]  [[InternalSlot]]
//! ```
//!
//! The shell takes quotes away, so `['x.y']` arrives as `[x.y]`: what stands in brackets and is no number is a name as it is. A
//! symbol is named as it prints, `[Symbol(x)]`, and a private member as in the program, `#x`. Accessors are not run.

use v8_heap::layout::{Kind, TypedElement};
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, Tagged};

use super::{Place, head, object, typed_array};

/// A parsed member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(u64),
    Slot(String),
}

impl Member {
    /// Parses a member.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Member, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (step, after) = bracketed(inside)?;
                steps.push(step);
                rest = after;
                if let Some(c) = rest.chars().next().filter(|c| !matches!(c, '.' | '[')) {
                    let c = crate::output::escape_char(c);
                    return Err(format!("illegal character '{c}' following array index terminator"));
                }
                // A name must follow a dot.
                if rest == "." {
                    steps.push(Step::Name(String::new()));
                }
                rest = rest.strip_prefix('.').unwrap_or(rest);
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                steps.push(named(&rest[..end]));
                let after = &rest[end..];
                if after == "." {
                    steps.push(Step::Name(String::new()));
                }
                rest = after.strip_prefix('.').unwrap_or(after);
            }
        }
        if steps.is_empty() {
            steps.push(Step::Name(String::new()));
        }
        Ok(Member { steps })
    }

    /// Finds the member in `value`. A member that does not exist is [`Place::Missing`]; if that is strange, the second part
    /// says why.
    ///
    /// # Errors
    /// Something on the way cannot be read.
    pub fn find(&self, heap: &Heap<'_>, value: Tagged) -> v8_heap::Result<(Place, Option<String>)> {
        let mut place = Place::Value(value);
        for step in &self.steps {
            let Place::Value(value) = place else { return Ok((Place::Missing, None)) };
            match find_step(heap, value, step)? {
                Ok(found) => place = found,
                Err(strange) => return Ok((Place::Missing, strange)),
            }
        }
        Ok((place, None))
    }
}

/// What follows `[`, and what follows the `]` that ends it.
fn bracketed(inside: &str) -> Result<(Step, &str), String> {
    if let Some(slot) = inside.strip_prefix('[') {
        let end = slot.find("]]").ok_or("missing array index terminator")?;
        return Ok((Step::Slot(slot[..end].to_owned()), &slot[end + 2..]));
    }
    for quote in ['\'', '"'] {
        if let Some(text) = inside.strip_prefix(quote) {
            let end = text.find(&format!("{quote}]")).ok_or("missing array index terminator")?;
            return Ok((Step::Name(text[..end].to_owned()), &text[end + 2..]));
        }
    }
    let end = inside.find(']').ok_or("missing array index terminator")?;
    let text = &inside[..end];
    if text.is_empty() {
        return Err("missing array index".to_owned());
    }
    Ok((named(text), &inside[end + 1..]))
}

/// A name, or an index if it is written as one.
fn named(text: &str) -> Step {
    let canonical = text == "0" || !text.starts_with('0');
    match text.parse() {
        Ok(index) if canonical && text.bytes().all(|byte| byte.is_ascii_digit()) => Step::Index(index),
        _ => Step::Name(text.to_owned()),
    }
}

/// One step; if there is nothing, perhaps why.
fn find_step(heap: &Heap<'_>, value: Tagged, step: &Step) -> v8_heap::Result<Result<Place, Option<String>>> {
    let object = match heap.value(value)? {
        Value::Object(object) => object::behind_proxy(heap, object),
        Value::String(_) if *step == Step::Name("length".to_owned()) => {
            return Ok(Ok(Place::Number(f64::from(heap.string_length(value)?))));
        }
        _ => return Ok(Err(None)),
    };
    match step {
        Step::Name(name) => Ok(named_member(heap, object, name)?.ok_or(None)),
        Step::Slot(name) => {
            let slots = head::slots(heap, object)?;
            Ok(slots.into_iter().find(|(slot, _)| slot == name).map(|(_, place)| place).ok_or(None))
        }
        Step::Index(index) => indexed_member(heap, object, *index),
    }
}

fn named_member(heap: &Heap<'_>, object: HeapObject<'_>, name: &str) -> v8_heap::Result<Option<Place>> {
    match (object.kind(), name) {
        (Kind::JsArray, "length") => {
            return Ok(heap.array_length(object).map(|length| Place::Number(length as f64)));
        }
        (Kind::JsTypedArray, "length") => {
            let view = heap.view(object)?;
            let size = view.element.map_or(1, TypedElement::size);
            return Ok(Some(Place::Number((view.byte_length / size) as f64)));
        }
        (Kind::JsArrayBuffer | Kind::JsTypedArray | Kind::JsDataView, "byteLength") => {
            return Ok(Some(Place::Number(heap.view(object)?.byte_length as f64)));
        }
        (Kind::JsMap | Kind::JsSet, "size") => {
            return Ok(Some(Place::Number(heap.collection_size(object)? as f64)));
        }
        (Kind::JsError, "stack") => {
            if let Some(stack) = heap.error_stack(object) {
                return Ok(Some(Place::Value(stack)));
            }
        }
        (Kind::JsModuleNamespace, _) => {
            let exports = heap.module_exports(object)?;
            if let Some((_, value)) = exports
                .into_iter()
                .find(|(export, _)| heap.name_text(*export).is_some_and(|text| text == name))
            {
                return Ok(Some(Place::Value(value)));
            }
        }
        _ => {}
    }
    Ok(heap.own_property(object, name)?.map(|value| Place::of_property(heap, value)))
}

fn indexed_member(
    heap: &Heap<'_>,
    object: HeapObject<'_>,
    index: u64,
) -> v8_heap::Result<Result<Place, Option<String>>> {
    let length = match object.kind() {
        Kind::JsArray => heap.array_length(object),
        Kind::JsTypedArray => {
            let view = heap.view(object)?;
            let element = view.element.unwrap_or(TypedElement::Uint8);
            let length = view.byte_length / element.size();
            if index < length {
                let address = view.address.wrapping_add(index * element.size());
                let bytes = heap.raw_bytes(address, element.size() as usize)?;
                return Ok(Ok(typed_array::element_value(element, bytes)));
            }
            Some(length)
        }
        _ => None,
    };
    if let Some(length) = length
        && index >= length
    {
        return Ok(Err(Some(format!("array index {index} exceeds size of {length}"))));
    }
    let elements = heap.elements(object)?;
    match heap.element(&elements, index)? {
        Some(value) => Ok(Ok(Place::of_property(heap, value))),
        None if length.is_some() => Ok(Ok(Place::Hole)),
        // Beyond the largest index, or in objects that keep all under names.
        None => Ok(named_member(heap, object, &index.to_string())?.ok_or(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Vec<Step> {
        Member::parse(text).expect(text).steps
    }

    fn name(text: &str) -> Step {
        Step::Name(text.to_owned())
    }

    #[test]
    fn members_are_names_and_indexes() {
        assert_eq!(steps("host"), [name("host")]);
        assert_eq!(steps("a.b[3].c"), [name("a"), name("b"), Step::Index(3), name("c")]);
        assert_eq!(steps("[0].x"), [Step::Index(0), name("x")]);
        assert_eq!(steps("a[1][2]"), [name("a"), Step::Index(1), Step::Index(2)]);
        assert_eq!(steps("007"), [name("007")], "no index in JavaScript either");
        assert_eq!(steps("#secret"), [name("#secret")]);
    }

    #[test]
    fn brackets_take_any_name() {
        assert_eq!(steps("headers['x.y']"), [name("headers"), name("x.y")]);
        assert_eq!(steps("[\"a]b\"]"), [name("a]b")]);
        assert_eq!(
            steps("a[content-type]"),
            [name("a"), name("content-type")],
            "the shell has taken the quotes"
        );
        assert_eq!(steps("['3']"), [name("3")]);
        assert_eq!(steps("[Symbol(x)]"), [name("Symbol(x)")]);
        assert_eq!(steps("[[ProxyTarget]].a"), [Step::Slot("ProxyTarget".to_owned()), name("a")]);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, reason) in [
            ("a[3", "missing array index terminator"),
            ("a[]", "missing array index"),
            ("a['x]", "missing array index terminator"),
            ("a[3]b", "illegal character 'b' following array index terminator"),
        ] {
            assert_eq!(Member::parse(text).unwrap_err(), reason);
        }
    }
}
