//! Members of values: `a.b[3]['x.y']`.
//!
//! ```text
//!   member := step, then any of:  .step  [123]  ['any name']  [any name]  [[InternalSlot]]  .get(key)
//! ```
//!
//! The shell takes quotes away, so `['x.y']` arrives as `[x.y]`: what stands in brackets and is no number is a name as it is. A
//! symbol is named as it prints, `[Symbol(x)]`, and a private member as in the program, `#x`. `get(key)` is the entry of a Map
//! under a key as it prints, or as text. Accessors are not run.

use v8_heap::layout::{Kind, TypedElement};
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, PropertyValue, Tagged};

use super::{Place, head, number, object, typed_array};

/// A parsed member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    steps: Vec<MemberStep>,
}

/// A step of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberStep {
    /// A property.
    Name(String),
    /// An element.
    Index(u64),
    /// An internal slot.
    Slot(String),
    /// An entry of a Map by its key.
    Get(String),
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
            if let Some((key, after)) = got(rest) {
                steps.push(MemberStep::Get(key.to_owned()));
                if let Some(c) = after.chars().next().filter(|c| !matches!(c, '.' | '[')) {
                    let c = crate::output::escape_char(c);
                    return Err(format!("illegal character '{c}' following the key of an entry"));
                }
                rest = after.strip_prefix('.').unwrap_or(after);
                continue;
            }
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
                    steps.push(MemberStep::Name(String::new()));
                }
                rest = rest.strip_prefix('.').unwrap_or(rest);
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                steps.push(named(&rest[..end]));
                let after = &rest[end..];
                if after == "." {
                    steps.push(MemberStep::Name(String::new()));
                }
                rest = after.strip_prefix('.').unwrap_or(after);
            }
        }
        if steps.is_empty() {
            steps.push(MemberStep::Name(String::new()));
        }
        Ok(Member { steps })
    }

    /// Its steps.
    pub fn steps(&self) -> &[MemberStep] {
        &self.steps
    }

    /// Finds the member in `value`. A member that does not exist is [`Place::Missing`]; if that is strange, the second part
    /// says why.
    ///
    /// # Errors
    /// Something on the way cannot be read.
    pub fn find(&self, heap: &Heap<'_>, value: Tagged) -> v8_heap::Result<(Place, Option<String>)> {
        let mut place = Place::Value(value);
        for step in &self.steps {
            let found = match place {
                Place::Value(value) => find_step(heap, value, step)?,
                other => find_in_place(other, step),
            };
            match found {
                Ok(found) => place = found,
                Err(strange) => return Ok((Place::Missing, strange)),
            }
        }
        Ok((place, None))
    }

    /// The same, but a getter that the last object inherits counts as its member: a program that asks for it is given something.
    ///
    /// # Errors
    /// As [`Member::find`].
    pub fn find_or_getter(&self, heap: &Heap<'_>, value: Tagged) -> v8_heap::Result<(Place, Option<String>)> {
        let found = self.find(heap, value)?;
        let (Place::Missing, Some((MemberStep::Name(name), before))) = (&found.0, self.steps.split_last())
        else {
            return Ok(found);
        };
        let holder = Member { steps: before.to_vec() }.find(heap, value)?.0;
        let Place::Value(holder) = holder else { return Ok(found) };
        Ok(match inherited_getter(heap, holder, name)? {
            Some(getter) => (getter, None),
            None => found,
        })
    }
}

/// The key in `get(key)`, and what follows it.
fn got(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix("get(")?;
    for quote in ['\'', '"'] {
        if inside.starts_with(quote) {
            let end = inside[1..].find(&format!("{quote})"))? + 2;
            return Some((&inside[..end], &inside[end + 1..]));
        }
    }
    // Brackets may stand in the key: `get(Symbol(x))`.
    let mut open = 0;
    let end = inside.find(|c| {
        match c {
            '(' => open += 1,
            ')' if open == 0 => return true,
            ')' => open -= 1,
            _ => {}
        }
        false
    })?;
    Some((&inside[..end], &inside[end + 1..]))
}

/// What follows `[`, and what follows the `]` that ends it.
fn bracketed(inside: &str) -> Result<(MemberStep, &str), String> {
    if let Some(slot) = inside.strip_prefix('[') {
        let end = slot.find("]]").ok_or("missing array index terminator")?;
        return Ok((MemberStep::Slot(slot[..end].to_owned()), &slot[end + 2..]));
    }
    for quote in ['\'', '"'] {
        if let Some(text) = inside.strip_prefix(quote) {
            let end = text.find(&format!("{quote}]")).ok_or("missing array index terminator")?;
            return Ok((MemberStep::Name(text[..end].to_owned()), &text[end + 2..]));
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
fn named(text: &str) -> MemberStep {
    let canonical = text == "0" || !text.starts_with('0');
    match text.parse() {
        Ok(index) if canonical && text.bytes().all(|byte| byte.is_ascii_digit()) => MemberStep::Index(index),
        _ => MemberStep::Name(text.to_owned()),
    }
}

/// One step; if there is nothing, perhaps why.
fn find_step(
    heap: &Heap<'_>,
    value: Tagged,
    step: &MemberStep,
) -> v8_heap::Result<Result<Place, Option<String>>> {
    let object = match heap.value(value)? {
        Value::Object(object) => object::behind_proxy(heap, object),
        Value::String(_) if *step == MemberStep::Name("length".to_owned()) => {
            return Ok(Ok(Place::Number(f64::from(heap.string_length(value)?))));
        }
        _ => return Ok(Err(None)),
    };
    match step {
        MemberStep::Name(name) => match (named_member(heap, object, name)?, named(name)) {
            (Some(place), _) => Ok(Ok(place)),
            // `x['1']` is `x[1]`.
            (None, MemberStep::Index(index)) => Ok(indexed_member(heap, object, index)?.map_err(|_| None)),
            (None, _) => Ok(Err(None)),
        },
        MemberStep::Slot(name) => Ok(head::slot(heap, object, name)?.ok_or(None)),
        MemberStep::Get(key) => Ok(map_entry(heap, object, key)?.ok_or(None)),
        MemberStep::Index(index) => indexed_member(heap, object, *index),
    }
}

/// The getter or setter of a name on the nearest prototype that has it.
fn inherited_getter(heap: &Heap<'_>, value: Tagged, name: &str) -> v8_heap::Result<Option<Place>> {
    /// Longer chains are not followed.
    const MOST_PROTOTYPES: usize = 64;
    let Value::Object(object) = heap.value(value)? else { return Ok(None) };
    let mut object = object::behind_proxy(heap, object);
    for _ in 0..MOST_PROTOTYPES {
        let Ok(Value::Object(prototype)) = heap.value(object.map.prototype) else { break };
        if let Some(property) = heap.own_property(prototype, name)? {
            let is_computed = !matches!(property, PropertyValue::Data(_) | PropertyValue::Double(_));
            return Ok(is_computed.then(|| Place::of_property(heap, property)));
        }
        object = prototype;
    }
    Ok(None)
}

/// One step into what is no value of its own.
fn find_in_place(place: Place, step: &MemberStep) -> Result<Place, Option<String>> {
    match (place, step) {
        (Place::List(mut places), MemberStep::Index(index)) => {
            let length = places.len();
            match usize::try_from(*index) {
                Ok(index) if index < length => Ok(places.swap_remove(index)),
                _ => Err(Some(format!("array index {index} exceeds size of {length}"))),
            }
        }
        (Place::List(places), MemberStep::Name(name)) if name == "length" => {
            Ok(Place::Number(places.len() as f64))
        }
        (Place::Record(mut fields), MemberStep::Name(name)) => {
            let found = fields.iter().position(|(field, _)| field == name);
            found.map(|at| fields.swap_remove(at).1).ok_or(None)
        }
        _ => Err(None),
    }
}

/// The value of a Map under a key: of those that read like `key`, first one that is no string. Of a Set, the value itself.
fn map_entry(heap: &Heap<'_>, object: HeapObject<'_>, key: &str) -> v8_heap::Result<Option<Place>> {
    if !matches!(object.kind(), Kind::JsMap | Kind::JsSet | Kind::JsWeakMap | Kind::JsWeakSet) {
        return Ok(None);
    }
    let quoted = ['\'', '"'].into_iter().find_map(|quote| key.strip_prefix(quote)?.strip_suffix(quote));
    let (mut other, mut text) = (None, None);
    heap.for_each_collection_entry(object, |found, value| {
        let reads_like = match heap.value(found) {
            Ok(Value::Smi(number)) => number::double(f64::from(number)) == key,
            Ok(Value::Double(number)) => number::double(number) == key,
            Ok(Value::Undefined) => key == "undefined",
            Ok(Value::Null) => key == "null",
            Ok(Value::Boolean(truth)) => key == if truth { "true" } else { "false" },
            Ok(Value::BigInt(bigint)) => {
                let digits = heap.bigint(bigint);
                digits.is_ok_and(|(negative, digits)| number::bigint(negative, digits) == key)
            }
            Ok(Value::Symbol(_)) => heap.name_text(found).is_some_and(|name| name == key),
            Ok(Value::String(_)) => {
                if text.is_none() && heap.is_text(found, quoted.unwrap_or(key)) {
                    text = Some(Place::Value(value));
                }
                return true;
            }
            // Any other object is its address.
            Ok(_) => format!("{found}") == key || format!("0x{found}") == key,
            Err(_) => false,
        };
        if reads_like && quoted.is_none() {
            other = Some(Place::Value(value));
        }
        other.is_none()
    })?;
    Ok(other.or(text))
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
        (_, "stack") => {
            if let Some(stack) = head::error_stack(heap, object) {
                return Ok(Some(stack));
            }
        }
        (Kind::JsObject | Kind::JsFunction, name) if name.starts_with('#') => {
            if let Some(value) = heap.own_property(object, name)? {
                return Ok(Some(Place::of_property(heap, value)));
            }
            let methods = heap.private_methods(object)?;
            let found =
                methods.into_iter().find(|(found, _)| heap.name_text(*found).as_deref() == Some(name));
            return Ok(found.map(|(_, value)| Place::of_property(heap, value)));
        }
        (Kind::JsModuleNamespace, _) => {
            let exports = heap.module_exports(object)?;
            if let Some((_, value)) = exports
                .into_iter()
                .find(|(export, _)| heap.name_text(*export).is_some_and(|text| text == name))
            {
                return Ok(Some(Place::of_binding(heap, value)));
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

    fn steps(text: &str) -> Vec<MemberStep> {
        Member::parse(text).expect(text).steps
    }

    fn name(text: &str) -> MemberStep {
        MemberStep::Name(text.to_owned())
    }

    #[test]
    fn members_are_names_and_indexes() {
        assert_eq!(steps("host"), [name("host")]);
        assert_eq!(steps("a.b[3].c"), [name("a"), name("b"), MemberStep::Index(3), name("c")]);
        assert_eq!(steps("[0].x"), [MemberStep::Index(0), name("x")]);
        assert_eq!(steps("a[1][2]"), [name("a"), MemberStep::Index(1), MemberStep::Index(2)]);
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
        assert_eq!(steps("[[ProxyTarget]].a"), [MemberStep::Slot("ProxyTarget".to_owned()), name("a")]);
    }

    #[test]
    fn entries_of_maps_are_found_by_key() {
        let get = |key: &str| MemberStep::Get(key.to_owned());
        assert_eq!(steps("get(k1)"), [get("k1")]);
        assert_eq!(steps("users.get(7).name"), [name("users"), get("7"), name("name")]);
        assert_eq!(steps("get('7')[0]"), [get("'7'"), MemberStep::Index(0)]);
        assert_eq!(steps("get('a)b').c"), [get("'a)b'"), name("c")]);
        assert_eq!(steps("get(Symbol(x)).y"), [get("Symbol(x)"), name("y")]);
        assert_eq!(steps("get"), [name("get")]);
        assert_eq!(
            Member::parse("get(1)x").unwrap_err(),
            "illegal character 'x' following the key of an entry"
        );
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
