//! What stands between the braces of an object.
//!
//! ```text
//!   head { internal slots, entries of a collection, elements, named properties }
//! ```
//!
//! Each on a line of its own, with a comma behind it, the last too. An object with a head and nothing inside has no braces.

use v8_heap::layout::Kind;
use v8_heap::objects::symbol::Privacy;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, Property, PropertyValue, Tagged};

use super::{Place, Printer, head};
use crate::error::DcmdError;
use crate::output::escape;

/// Longer prototype chains are cut.
const MOST_PROTOTYPES: usize = 100;
/// Missing elements in a row that are printed one by one; more are counted.
const MOST_HOLES: u64 = 8;

/// An object whose inside is being printed.
pub(super) struct Frame {
    /// Levels around it.
    pub(super) level: u64,
    brackets: bool,
    /// Something stands in front of the braces.
    headed: bool,
    /// It has braces even if there is nothing inside.
    always: bool,
    begun: bool,
    /// It is too deep inside: only that there is something has been printed.
    cut: bool,
}

impl Printer<'_> {
    /// Prints an object.
    pub(super) fn object(&mut self, object: HeapObject<'_>, level: u64) -> Result<(), DcmdError> {
        let heap = self.heap;
        let object = behind_proxy(heap, object);
        if self.open.contains(&object.address) {
            return Ok(write!(self.out, "[Circular {}]", object.value())?);
        }
        let mut frame = Frame {
            level,
            brackets: matches!(object.kind(), Kind::JsArray | Kind::JsArguments | Kind::JsTypedArray),
            headed: has_head(object.kind()) || head::is_null_prototype(heap, object),
            always: matches!(
                object.kind(),
                Kind::JsMap
                    | Kind::JsSet
                    | Kind::JsWeakMap
                    | Kind::JsWeakSet
                    | Kind::JsArguments
                    | Kind::JsTypedArray
                    | Kind::JsModuleNamespace
            ),
            begun: false,
            cut: false,
        };
        if !frame.headed && level >= self.style.depth {
            return Ok(self.out.write_all(b"[...]")?);
        }
        self.head(object)?;
        if level >= self.style.depth && matches!(object.kind(), Kind::JsFunction | Kind::JsBoundFunction) {
            // Nearly all that a function has is its name.
            return Ok(());
        }
        self.open.push(object.address);
        let printed = self.inside(object, &mut frame);
        self.open.pop();
        printed?;
        self.close(&frame)
    }

    fn inside(&mut self, object: HeapObject<'_>, frame: &mut Frame) -> Result<(), DcmdError> {
        let heap = self.heap;
        let style = self.style;
        for slots in [head::slots(heap, object), head::more_slots(heap, object, &style)] {
            match slots {
                Ok(slots) => {
                    for (name, place) in slots {
                        if self.begin(frame)? {
                            write!(self.out, "[[{name}]]: ")?;
                            self.end(&place, frame)?;
                        }
                    }
                }
                Err(error) => self.fault_line(&error, frame)?,
            }
        }
        self.native_side(object, frame)?;
        match object.kind() {
            Kind::JsMap
            | Kind::JsSet
            | Kind::JsWeakMap
            | Kind::JsWeakSet
            | Kind::JsMapIterator
            | Kind::JsSetIterator => self.collection(object, frame)?,
            Kind::JsTypedArray | Kind::JsArrayBuffer | Kind::JsDataView if self.style.bytes => {
                self.hexdump(object, frame)?;
            }
            Kind::JsTypedArray => self.typed_array(object, frame)?,
            Kind::JsArrayBuffer => self.buffer(object)?,
            Kind::JsModuleNamespace => match heap.module_exports(object) {
                Ok(exports) => {
                    for (name, value) in exports {
                        if self.begin(frame)? {
                            self.name(name)?;
                            self.out.write_all(b": ")?;
                            self.end(&Place::of_binding(heap, value), frame)?;
                        }
                    }
                }
                Err(error) => self.fault_line(&error, frame)?,
            },
            _ => {}
        }
        let properties = match heap.own_properties(object) {
            Ok(properties) => properties,
            Err(error) => {
                self.elements(object, frame)?;
                return self.fault_line(&error, frame);
            }
        };
        let shown: Vec<Property> =
            properties.into_iter().filter(|property| is_shown(heap, object, property)).collect();
        if object.kind() == Kind::JsArray && shown.is_empty() && self.only_element(object, frame)? {
            return Ok(());
        }
        self.elements(object, frame)?;
        let most = self.most();
        for (index, property) in shown.iter().enumerate() {
            if index as u64 == most {
                self.more(shown.len() as u64 - most, frame)?;
                break;
            }
            if !self.begin(frame)? {
                return Ok(());
            }
            self.name(property.name)?;
            self.attributes(property)?;
            self.out.write_all(b": ")?;
            self.end(&Place::of_property(heap, property.value), frame)?;
        }
        if let Some(stack) = head::error_stack(heap, object)
            && self.begin(frame)?
        {
            self.out.write_all(b"\"stack\": ")?;
            self.end(&stack, frame)?;
        }
        Ok(())
    }

    /// How many elements, entries and properties are printed.
    pub(super) fn most(&self) -> u64 {
        self.style.most.unwrap_or(u64::MAX)
    }

    /// `... 17 more`
    pub(super) fn more(&mut self, count: u64, frame: &mut Frame) -> Result<(), DcmdError> {
        if self.begin(frame)? {
            writeln!(self.out, "... {count} more")?;
        }
        Ok(())
    }

    /// ` (not enumerable, not writable)`, if that is wanted and so.
    fn attributes(&mut self, property: &Property) -> Result<(), DcmdError> {
        if !self.style.attributes {
            return Ok(());
        }
        let is_accessor = matches!(property.value, PropertyValue::Accessor { .. });
        let lacking: Vec<&str> = [
            (property.enumerable, "not enumerable"),
            (property.writable || is_accessor, "not writable"),
            (property.configurable, "not configurable"),
        ]
        .into_iter()
        .filter_map(|(has, name)| (!has).then_some(name))
        .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        Ok(write!(self.out, " ({})", lacking.join(", "))?)
    }

    /// Starts a line inside an object; false if it is too deep to print any.
    pub(super) fn begin(&mut self, frame: &mut Frame) -> Result<bool, DcmdError> {
        (self.check)()?;
        if frame.cut {
            return Ok(false);
        }
        if !frame.begun {
            if frame.headed {
                self.out.write_all(b" ")?;
            }
            if frame.level >= self.style.depth {
                frame.cut = true;
                self.out.write_all(b"[...]")?;
                return Ok(false);
            }
            self.out.write_all(if frame.brackets { b"[\n" } else { b"{\n" })?;
            frame.begun = true;
        }
        self.indent(frame.level + 1)?;
        Ok(true)
    }

    /// Ends a line inside an object with a value.
    pub(super) fn end(&mut self, place: &Place, frame: &Frame) -> Result<(), DcmdError> {
        self.place(place, frame.level + 1)?;
        Ok(self.out.write_all(b",\n")?)
    }

    /// The C++ object behind an object: its class, and with internals where it is and what it owns.
    fn native_side(&mut self, object: HeapObject<'_>, frame: &mut Frame) -> Result<(), DcmdError> {
        let Some(side) = self.native.map(|native| native.of(object)).transpose()?.flatten() else {
            return Ok(());
        };
        if !(self.style.internals || side.class.is_some()) || !self.begin(frame)? {
            return Ok(());
        }
        write!(self.out, "[[Native]]: {}", side.class.as_deref().unwrap_or("an object of no known class"))?;
        if self.style.internals {
            write!(self.out, " at {:#x}", side.address)?;
        }
        if let Some((blocks, bytes)) = side.owns {
            let plural = if blocks == 1 { "" } else { "s" };
            write!(self.out, ", which owns {bytes} bytes in {blocks} block{plural}, estimated")?;
        }
        if let Some(bytes) = side.counted {
            write!(self.out, ", {bytes} bytes as Node.js counts")?;
        }
        Ok(self.out.write_all(b",\n")?)
    }

    fn close(&mut self, frame: &Frame) -> Result<(), DcmdError> {
        if frame.cut {
            return Ok(());
        }
        if frame.begun {
            self.indent(frame.level)?;
            return Ok(self.out.write_all(if frame.brackets { b"]" } else { b"}" })?);
        }
        if frame.headed && !frame.always {
            return Ok(());
        }
        if frame.headed {
            self.out.write_all(b" ")?;
        }
        Ok(self.out.write_all(if frame.brackets { b"[]" } else { b"{}" })?)
    }

    pub(super) fn indent(&mut self, level: u64) -> Result<(), DcmdError> {
        const BLANKS: &[u8] = &[b' '; 64];
        let mut left = 4 * level as usize;
        while left > 0 {
            let take = left.min(BLANKS.len());
            self.out.write_all(&BLANKS[..take])?;
            left -= take;
        }
        Ok(())
    }

    /// A line that says why there is nothing more.
    pub(super) fn fault_line(&mut self, error: &v8_heap::Error, frame: &mut Frame) -> Result<(), DcmdError> {
        if !self.begin(frame)? {
            return Ok(());
        }
        self.fault(error)?;
        Ok(self.out.write_all(b",\n")?)
    }

    /// `[ x ]`, if an array is that.
    fn only_element(&mut self, object: HeapObject<'_>, frame: &mut Frame) -> Result<bool, DcmdError> {
        let heap = self.heap;
        if heap.array_length(object) != Some(1) {
            return Ok(false);
        }
        let Ok(element) = heap.elements(object).and_then(|elements| heap.element(&elements, 0)) else {
            return Ok(false);
        };
        self.out.write_all(b"[ ")?;
        let place = element.map_or(Place::Hole, |value| Place::of_property(heap, value));
        self.place(&place, frame.level + 1)?;
        self.out.write_all(b" ]")?;
        frame.cut = true;
        Ok(true)
    }

    /// Indexed elements: bare in arrays, under their index elsewhere.
    fn elements(&mut self, object: HeapObject<'_>, frame: &mut Frame) -> Result<(), DcmdError> {
        let heap = self.heap;
        if object.kind() == Kind::JsPrimitiveWrapper {
            // The characters of a boxed string are no elements of their own.
            if matches!(heap.wrapped_value(object).and_then(|value| heap.value(value)), Ok(Value::String(_)))
            {
                return Ok(());
            }
        }
        let elements = match heap.elements(object) {
            Ok(elements) => elements,
            Err(error) => return self.fault_line(&error, frame),
        };
        let bare = matches!(object.kind(), Kind::JsArray | Kind::JsArguments);
        let length = match object.kind() {
            Kind::JsArray => heap.array_length(object),
            Kind::JsArguments => arguments_length(heap, object),
            _ => None,
        };
        let most = self.most();
        let (mut next, mut count, mut left_out) = (0, 0, 0);
        let mut ended: Result<(), DcmdError> = Ok(());
        let walked = heap.for_each_element(&elements, |index, value| {
            // Elements of arguments beyond their number stand under their index.
            let bare = bare && length.is_none_or(|length| index < length);
            if count == most || bare && index >= most {
                left_out += 1;
                return !bare;
            }
            count += 1;
            let place = Place::of_property(heap, value);
            ended = (|| {
                if bare {
                    self.holes(index - next, frame)?;
                    next = index + 1;
                } else if let Some(length) = length {
                    self.holes(length.saturating_sub(next).min(most), frame)?;
                    next = length;
                }
                if self.begin(frame)? {
                    if !bare {
                        write!(self.out, "\"{index}\": ")?;
                    }
                    self.end(&place, frame)?;
                }
                Ok(())
            })();
            ended.is_ok() && !frame.cut
        });
        ended?;
        if let Err(error) = walked {
            return self.fault_line(&error, frame);
        }
        match length {
            Some(length) if bare && !frame.cut => {
                let shown = length.min(most);
                self.holes(shown.saturating_sub(next), frame)?;
                if length > shown { self.more(length - shown, frame) } else { Ok(()) }
            }
            None if left_out > 0 => self.more(left_out, frame),
            _ => Ok(()),
        }
    }

    /// `count` missing elements.
    fn holes(&mut self, count: u64, frame: &mut Frame) -> Result<(), DcmdError> {
        if count > MOST_HOLES {
            if self.begin(frame)? {
                writeln!(self.out, "hole x {count},")?;
            }
            return Ok(());
        }
        for _ in 0..count {
            if self.begin(frame)? {
                self.end(&Place::Hole, frame)?;
            }
        }
        Ok(())
    }

    /// Entries of a Map or Set, or those that an iterator has still to give.
    fn collection(&mut self, object: HeapObject<'_>, frame: &mut Frame) -> Result<(), DcmdError> {
        let heap = self.heap;
        let class = heap.class_name(object.value());
        let most = self.most();
        let (mut count, mut left_out) = (0, 0);
        let mut ended: Result<(), DcmdError> = Ok(());
        let mut visit = |key: Tagged, value: Tagged| {
            if count == most {
                left_out += 1;
                return true;
            }
            count += 1;
            ended = (|| {
                if !self.begin(frame)? {
                    return Ok(());
                }
                match class {
                    "JSMap" | "JSWeakMap" | "JSMapKeyValueIterator" => {
                        self.value(key, frame.level + 1)?;
                        self.out.write_all(b" => ")?;
                        self.end(&Place::Value(value), frame)
                    }
                    "JSMapValueIterator" => self.end(&Place::Value(value), frame),
                    _ => self.end(&Place::Value(key), frame),
                }
            })();
            ended.is_ok() && !frame.cut
        };
        let walked = match object.kind() {
            Kind::JsMapIterator | Kind::JsSetIterator => {
                heap.for_each_remaining_entry(object, &mut visit).map(|_| ())
            }
            _ => heap.for_each_collection_entry(object, &mut visit),
        };
        ended?;
        match walked {
            Ok(()) if left_out > 0 => self.more(left_out, frame),
            Ok(()) => Ok(()),
            Err(error) => self.fault_line(&error, frame),
        }
    }

    /// Places that stand in no object of the program's: the brackets count as no level.
    pub(super) fn list(&mut self, places: &[Place], level: u64) -> Result<(), DcmdError> {
        if level >= self.style.depth {
            return Ok(self.out.write_all(b"[...]")?);
        }
        self.style.depth += 1;
        let printed = self.list_inside(places, level);
        self.style.depth -= 1;
        printed
    }

    fn list_inside(&mut self, places: &[Place], level: u64) -> Result<(), DcmdError> {
        if let [only] = places
            && !matches!(only, Place::Record(_))
        {
            self.out.write_all(b"[ ")?;
            self.place(only, level + 1)?;
            return Ok(self.out.write_all(b" ]")?);
        }
        let mut frame =
            Frame { level, brackets: true, headed: false, always: true, begun: false, cut: false };
        let most = self.most();
        for (index, place) in places.iter().enumerate() {
            if index as u64 == most {
                self.more(places.len() as u64 - most, &mut frame)?;
                break;
            }
            if self.begin(&mut frame)? {
                self.end(place, &frame)?;
            }
        }
        self.close(&frame)
    }

    /// Places under names, in no object of the program's: the braces count as no level.
    pub(super) fn record(&mut self, fields: &[(String, Place)], level: u64) -> Result<(), DcmdError> {
        if level >= self.style.depth {
            return Ok(self.out.write_all(b"[...]")?);
        }
        self.style.depth += 1;
        let mut frame =
            Frame { level, brackets: false, headed: false, always: true, begun: false, cut: false };
        let printed: Result<(), DcmdError> = fields.iter().try_for_each(|(name, place)| {
            if self.begin(&mut frame)? {
                let units: Vec<u16> = name.encode_utf16().collect();
                self.units(&units)?;
                self.out.write_all(b": ")?;
                self.end(place, &frame)?;
            }
            Ok(())
        });
        self.style.depth -= 1;
        printed?;
        self.close(&frame)
    }

    /// `Point 2b1e00c0ffe9 -> Object 2b1e00c0ff01 -> null`
    pub(super) fn prototypes(&mut self, first: Tagged) -> Result<(), DcmdError> {
        let heap = self.heap;
        let mut next = first;
        for _ in 0..MOST_PROTOTYPES {
            match heap.value(next) {
                Ok(Value::Object(prototype)) => {
                    let name = match heap.own_property(prototype, "constructor") {
                        Ok(Some(PropertyValue::Data(function))) => heap
                            .object(function)
                            .ok()
                            .filter(|function| function.kind() == Kind::JsFunction)
                            .and_then(|function| head::function_name(heap, function).ok()),
                        _ => None,
                    };
                    let name = name
                        .unwrap_or_else(|| escape(heap.name(heap.constructor_name(prototype))).into_owned());
                    write!(self.out, "{name} {next} -> ")?;
                    next = prototype.map.prototype;
                }
                Ok(Value::Null) => return Ok(self.out.write_all(b"null")?),
                Ok(_) => return self.type_name(next),
                Err(error) => return self.fault(&error),
            }
        }
        Ok(self.out.write_all(b"...")?)
    }
}

/// The object that has the properties: a global object hides behind a proxy of V8's own.
pub(super) fn behind_proxy<'h>(heap: &'h Heap<'_>, object: HeapObject<'h>) -> HeapObject<'h> {
    if object.kind() != Kind::JsGlobalProxy {
        return object;
    }
    match heap.object(object.map.prototype) {
        Ok(global) if global.kind() == Kind::JsGlobalObject => global,
        _ => object,
    }
}

/// Number of arguments that the program sees.
pub(super) fn arguments_length(heap: &Heap<'_>, object: HeapObject<'_>) -> Option<u64> {
    match heap.own_property(object, "length") {
        Ok(Some(PropertyValue::Data(length))) => u64::try_from(length.smi()?).ok(),
        _ => None,
    }
}

fn has_head(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::JsObject | Kind::JsApiObject | Kind::JsArray | Kind::JsGlobalObject | Kind::JsGlobalProxy
    )
}

/// Whether a named property is one that V8 computes from what is shown anyway: `length` of arrays and strings; `name`,
/// `length`, `prototype` of functions; exports of modules.
pub(super) fn is_computed_by_v8(object: HeapObject<'_>, property: &Property) -> bool {
    property.value == PropertyValue::Native
        && matches!(
            object.kind(),
            Kind::JsArray
                | Kind::JsFunction
                | Kind::JsBoundFunction
                | Kind::JsPrimitiveWrapper
                | Kind::JsModuleNamespace
        )
}

/// Whether a named property is printed: not what the head has shown already, and not what only V8 sees.
fn is_shown(heap: &Heap<'_>, object: HeapObject<'_>, property: &Property) -> bool {
    if object.kind() == Kind::JsArguments {
        return property.enumerable;
    }
    if let Ok(Value::Symbol(symbol)) = heap.value(property.name) {
        return !matches!(heap.symbol_privacy(symbol), Ok(Privacy::Internal));
    }
    let is = |name: &str| heap.name_text(property.name).is_some_and(|text| text == name);
    let is_string = || matches!(property.value, PropertyValue::Data(value) if heap.is_string(value));
    match object.kind() {
        _ if is_computed_by_v8(object, property) => false,
        Kind::JsFunction => !(is("name") && matches!(head::set_name(heap, object), Ok(Some(_)))),
        Kind::JsError if is("message") => !is_string(),
        _ if is("stack") => head::error_stack(heap, object).is_none(),
        Kind::JsRegExp => !(is("lastIndex") && property.value == PropertyValue::Data(Tagged::from_smi(0))),
        _ => true,
    }
}
