//! Values as JSON, one line each, for programs. `docs/json.md` is the schema.
//!
//! What JSON has is written as itself; everything else is an object with a `type`. Nothing is left out in silence: what is too
//! deep is marked `cut`, what is inside itself `circular`, what there is more of is counted under `more`.

use v8_heap::layout::{Kind, TypedElement};
use v8_heap::objects::string::Piece;
use v8_heap::objects::symbol::Privacy;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Property, Tagged};

use super::object::{arguments_length, behind_proxy, is_computed_by_v8};
use super::{Place, Printer, head, number, text, typed_array};
use crate::error::{DcmdError, reasons};

/// Elements of a typed array, or bytes of a buffer, that are written; more are counted.
const MOST_ELEMENTS: u64 = 128;

/// The fields of a JSON object, in the order they are written.
struct Fields {
    begun: bool,
}

impl Printer<'_> {
    /// Prints what stands at a place as JSON, without a newline at its end.
    ///
    /// # Errors
    /// Those of the output and of `check`; what cannot be read is said in its place.
    pub fn print_json(&mut self, place: &Place) -> Result<(), DcmdError> {
        self.json_place(place, 0)
    }

    /// Prints members of a value as one JSON object.
    ///
    /// # Errors
    /// As [`Printer::print_json`].
    pub fn print_json_members<'p>(
        &mut self,
        value: Tagged,
        members: impl Iterator<Item = (&'p str, &'p Place)>,
    ) -> Result<(), DcmdError> {
        write!(self.out, "{{\"address\":\"{:#x}\",\"members\":", value.0)?;
        let mut fields = Fields { begun: false };
        for (name, place) in members {
            self.json_key(&mut fields)?;
            self.json_quoted(name)?;
            self.out.write_all(b":")?;
            self.json_place(place, 0)?;
        }
        self.json_end(&fields)?;
        Ok(self.out.write_all(b"}")?)
    }

    /// Text that does not come from the heap as a JSON string.
    fn json_quoted(&mut self, text: &str) -> Result<(), DcmdError> {
        self.out.write_all(b"\"")?;
        let mut quoting = text::Quoting::new(self.out, Some('"'));
        text.encode_utf16().try_for_each(|unit| quoting.unit(unit))?;
        Ok(self.out.write_all(b"\"")?)
    }

    fn json_place(&mut self, place: &Place, level: u64) -> Result<(), DcmdError> {
        match place {
            Place::Value(value) => return self.json_value(*value, level),
            Place::Number(number) => return self.json_number(*number),
            Place::BigInt(text) => {
                write!(self.out, "{{\"type\":\"bigint\",\"value\":\"{}\"}}", text.trim_end_matches('n'))?;
            }
            Place::Boolean(truth) => write!(self.out, "{truth}")?,
            Place::Text(text) => self.json_quoted(text)?,
            Place::Address(address) => write!(self.out, "\"{address:#x}\"")?,
            Place::Accessor { getter, setter } => {
                let (get, set) = (getter.is_some(), setter.is_some());
                write!(self.out, "{{\"type\":\"accessor\",\"get\":{get},\"set\":{set}}}")?;
            }
            Place::List(places) => {
                self.out.write_all(b"[")?;
                for (index, place) in places.iter().enumerate() {
                    if index > 0 {
                        self.out.write_all(b",")?;
                    }
                    self.json_place(place, level)?;
                }
                self.out.write_all(b"]")?;
            }
            Place::Record(record) => {
                let mut fields = Fields { begun: false };
                for (name, place) in record {
                    self.json_key(&mut fields)?;
                    self.json_quoted(name)?;
                    self.out.write_all(b":")?;
                    self.json_place(place, level)?;
                }
                self.json_end(&fields)?;
            }
            Place::Stack(stack) => {
                self.out.write_all(b"{\"type\":\"stack\",\"formatted\":false,\"value\":")?;
                self.json_quoted(&stack.to_text())?;
                self.out.write_all(b"}")?;
            }
            Place::Unreadable(reason) => {
                self.faults += 1;
                self.out.write_all(b"{\"type\":\"unreadable\",\"reason\":")?;
                self.json_quoted(reason)?;
                self.out.write_all(b"}")?;
            }
            Place::Prototypes(first) => write!(self.out, "\"{:#x}\"", first.0)?,
            Place::Uninitialized => self.out.write_all(b"{\"type\":\"uninitialized\"}")?,
            Place::Native => self.out.write_all(b"{\"type\":\"native accessor\"}")?,
            Place::Hole => self.out.write_all(b"{\"type\":\"hole\"}")?,
            Place::Missing => self.out.write_all(b"{\"type\":\"undefined\",\"missing\":true}")?,
        }
        Ok(())
    }

    fn json_value(&mut self, value: Tagged, level: u64) -> Result<(), DcmdError> {
        match self.heap.value(value) {
            Ok(Value::Smi(number)) => write!(self.out, "{number}")?,
            Ok(Value::Double(number)) => self.json_number(number)?,
            Ok(Value::Undefined) => self.out.write_all(b"{\"type\":\"undefined\"}")?,
            Ok(Value::Null) => self.out.write_all(b"null")?,
            Ok(Value::Boolean(truth)) => write!(self.out, "{truth}")?,
            Ok(Value::Hole) => self.out.write_all(b"{\"type\":\"hole\"}")?,
            Ok(Value::String(_)) => self.json_string(value)?,
            Ok(Value::Symbol(symbol)) => {
                self.out.write_all(b"{\"type\":\"symbol\",\"description\":")?;
                match self.heap.symbol_description(symbol) {
                    Ok(Some(description)) => self.json_text(description)?,
                    Ok(None) => self.out.write_all(b"null")?,
                    Err(error) => self.json_fault(&error)?,
                }
                self.out.write_all(b"}")?;
            }
            Ok(Value::BigInt(bigint)) => match self.heap.bigint(bigint) {
                Ok((negative, digits)) => {
                    let text = number::bigint(negative, digits);
                    self.json_place(&Place::BigInt(text), level)?;
                }
                Err(error) => self.json_fault(&error)?,
            },
            Ok(Value::Object(object)) => self.json_object(object, level)?,
            Ok(Value::Marker | Value::Internal(_)) => {
                write!(self.out, "{{\"type\":\"internal\",\"address\":\"{:#x}\",\"class\":", value.0)?;
                self.json_quoted(self.heap.class_name(value))?;
                self.out.write_all(b"}")?;
            }
            Err(error) => self.json_fault(&error)?,
        }
        Ok(())
    }

    /// A number; as an object if JSON has none such.
    fn json_number(&mut self, value: f64) -> Result<(), DcmdError> {
        let text = number::double(value);
        if value.is_finite() && text != "-0" {
            write!(self.out, "{text}")?;
        } else {
            write!(self.out, "{{\"type\":\"number\",\"value\":\"{text}\"}}")?;
        }
        Ok(())
    }

    /// A string; as an object if it is cut, or if it has half a surrogate pair, which strict readers of JSON refuse.
    fn json_string(&mut self, value: Tagged) -> Result<(), DcmdError> {
        let limit = self.style.longest_string;
        let read = self.heap.string_length(value).and_then(|length| Ok((length, self.is_unicode(value)?)));
        match read {
            Ok((length, true)) if length as usize <= limit => self.json_text(value),
            Ok((length, is_unicode)) => {
                self.out.write_all(b"{\"type\":\"string\",\"value\":")?;
                self.json_text(value)?;
                write!(self.out, ",\"length\":{length}")?;
                if !is_unicode {
                    self.json_units(value)?;
                }
                Ok(self.out.write_all(b"}")?)
            }
            Err(error) => self.json_fault(&error),
        }
    }

    /// Whether the part of a string that is printed has no surrogate without its partner.
    fn is_unicode(&self, value: Tagged) -> v8_heap::Result<bool> {
        let (mut high, mut lone) = (false, false);
        self.heap.for_each_piece(value, self.style.longest_string, |piece| {
            match piece {
                Piece::OneByte(bytes) => lone |= high && !bytes.is_empty(),
                Piece::TwoByte(_) => {
                    for unit in piece.units() {
                        let is_low = matches!(unit, 0xdc00..=0xdfff);
                        lone |= high != is_low;
                        high = matches!(unit, 0xd800..=0xdbff);
                    }
                }
            }
            high &= matches!(piece, Piece::TwoByte(_));
            !lone
        })?;
        Ok(!lone && !high)
    }

    /// The code units of a string.
    fn json_units(&mut self, value: Tagged) -> Result<(), DcmdError> {
        self.json_field("units")?;
        let (mut begun, mut ended) = (false, Ok(()));
        let read = self.heap.for_each_piece(value, self.style.longest_string, |piece| {
            ended = piece.units().try_for_each(|unit| {
                let comma = if begun { "," } else { "[" };
                begun = true;
                write!(self.out, "{comma}{unit}")
            });
            ended.is_ok()
        });
        ended?;
        self.faults += u64::from(read.is_err());
        Ok(self.out.write_all(if begun { b"]" } else { b"[]" })?)
    }

    /// The characters of a string in quotes, as far as they can be read; U+FFFD for half a surrogate pair.
    fn json_text(&mut self, value: Tagged) -> Result<(), DcmdError> {
        if matches!(self.is_unicode(value), Ok(false)) {
            let text = self.heap.string(value, self.style.longest_string).map(|string| string.to_text());
            return self.json_quoted(&text.unwrap_or_default());
        }
        self.out.write_all(b"\"")?;
        let written = self.characters(value, self.style.longest_string, Some('"'))?;
        self.faults += u64::from(written.is_err());
        Ok(self.out.write_all(b"\"")?)
    }

    fn json_fault(&mut self, error: &v8_heap::Error) -> Result<(), DcmdError> {
        self.faults += 1;
        self.out.write_all(b"{\"type\":\"unreadable\",\"reason\":")?;
        self.json_quoted(&reasons(error))?;
        Ok(self.out.write_all(b"}")?)
    }

    fn json_object(&mut self, object: HeapObject<'_>, level: u64) -> Result<(), DcmdError> {
        let heap = self.heap;
        (self.check)()?;
        write!(self.out, "{{\"type\":\"object\",\"address\":\"{:#x}\",\"class\":", object.value().0)?;
        self.json_quoted(heap.class_name(object.value()))?;
        self.out.write_all(b",\"constructor\":")?;
        self.json_quoted(heap.name(heap.constructor_name(object)))?;
        let object = behind_proxy(heap, object);
        let head = self.head_alone(object)?;
        if !head.is_empty() {
            self.out.write_all(b",\"text\":")?;
            self.json_quoted(&String::from_utf8_lossy(&head))?;
        }
        if self.open.contains(&object.address) {
            return Ok(self.out.write_all(b",\"circular\":true}")?);
        }
        if level >= self.style.depth {
            return Ok(self.out.write_all(b",\"cut\":true}")?);
        }
        self.open.push(object.address);
        let written = self.json_inside(object, level);
        self.open.pop();
        written?;
        Ok(self.out.write_all(b"}")?)
    }

    /// What `::jsprint` prints in front of the braces.
    fn head_alone(&mut self, object: HeapObject<'_>) -> Result<Vec<u8>, DcmdError> {
        let mut text = Vec::new();
        let mut printer = Printer {
            heap: self.heap,
            style: super::Style { addresses: false, ..self.style },
            out: &mut text,
            check: self.check,
            open: Vec::new(),
            faults: 0,
            native: None,
        };
        printer.head(object)?;
        self.faults += printer.faults;
        Ok(text)
    }

    /// A comma, if need be, and the name of a field.
    fn json_field(&mut self, name: &str) -> Result<(), DcmdError> {
        Ok(write!(self.out, ",\"{name}\":")?)
    }

    /// The C++ object behind an object.
    fn json_native_side(&mut self, object: HeapObject<'_>) -> Result<(), DcmdError> {
        let Some(side) = self.native.map(|native| native.of(object)).transpose()?.flatten() else {
            return Ok(());
        };
        self.json_field("native")?;
        write!(self.out, "{{\"address\":\"{:#x}\",\"class\":", side.address)?;
        match &side.class {
            Some(class) => self.json_quoted(class)?,
            None => self.out.write_all(b"null")?,
        }
        if let Some((blocks, bytes)) = side.owns {
            write!(self.out, ",\"blocks\":{blocks},\"bytes\":{bytes}")?;
        }
        Ok(self.out.write_all(b"}")?)
    }

    fn json_inside(&mut self, object: HeapObject<'_>, level: u64) -> Result<(), DcmdError> {
        let heap = self.heap;
        self.json_native_side(object)?;
        match head::slots(heap, object) {
            Ok(slots) if slots.is_empty() => {}
            Ok(slots) => {
                self.json_field("slots")?;
                let mut fields = Fields { begun: false };
                for (name, place) in slots {
                    self.json_key(&mut fields)?;
                    write!(self.out, "\"{name}\":")?;
                    self.json_place(&place, level + 1)?;
                }
                self.json_end(&fields)?;
            }
            Err(error) => {
                self.json_field("slots")?;
                self.json_fault(&error)?;
            }
        }
        match object.kind() {
            Kind::JsMap
            | Kind::JsSet
            | Kind::JsWeakMap
            | Kind::JsWeakSet
            | Kind::JsMapIterator
            | Kind::JsSetIterator => self.json_entries(object, level)?,
            Kind::JsTypedArray => self.json_typed_array(object)?,
            Kind::JsArrayBuffer => self.json_bytes(object)?,
            Kind::JsArray | Kind::JsArguments => self.json_elements(object, level)?,
            _ => {}
        }
        if object.kind() == Kind::JsModuleNamespace {
            self.json_exports(object, level)?;
        }
        self.json_properties(object, level)
    }

    fn json_key(&mut self, fields: &mut Fields) -> Result<(), DcmdError> {
        self.out.write_all(if fields.begun { b"," } else { b"{" })?;
        fields.begun = true;
        (self.check)()
    }

    fn json_end(&mut self, fields: &Fields) -> Result<(), DcmdError> {
        Ok(self.out.write_all(if fields.begun { b"}" } else { b"{}" })?)
    }

    /// Named properties: those with strings as names under `properties`, members `#x` under `private`, those with symbols
    /// as pairs under `symbols`; which of the first do not show in `for in` under `hidden`.
    fn json_properties(&mut self, object: HeapObject<'_>, level: u64) -> Result<(), DcmdError> {
        let heap = self.heap;
        let properties = match heap.own_properties(object) {
            Ok(properties) => properties,
            Err(error) => {
                self.json_field("properties")?;
                return self.json_fault(&error);
            }
        };
        let (mut named, mut private, mut symbols) = (Vec::new(), Vec::new(), Vec::new());
        for property in properties {
            match heap.value(property.name) {
                Ok(Value::Symbol(symbol)) => match heap.symbol_privacy(symbol) {
                    Ok(Privacy::Public) => symbols.push(property),
                    Ok(Privacy::Member) => private.push(property),
                    _ => {}
                },
                _ if is_computed_by_v8(object, &property) => {}
                _ => named.push(property),
            }
        }
        self.json_field("properties")?;
        let mut fields = Fields { begun: false };
        if !matches!(object.kind(), Kind::JsArray | Kind::JsArguments | Kind::JsPrimitiveWrapper) {
            self.json_indexed(object, &mut fields, level)?;
        }
        let stack = head::error_stack(heap, object);
        if stack.is_some() {
            named.retain(|property| !heap.is_text(property.name, "stack"));
        }
        self.json_named(&named, fields, level, stack)?;
        if !private.is_empty() {
            self.json_field("private")?;
            self.json_named(&private, Fields { begun: false }, level, None)?;
        }
        if !symbols.is_empty() {
            self.json_field("symbols")?;
            for (index, property) in symbols.iter().enumerate() {
                self.out.write_all(if index == 0 { b"[[" } else { b",[" })?;
                self.json_value(property.name, level + 1)?;
                self.out.write_all(b",")?;
                self.json_place(&Place::of_property(heap, property.value), level + 1)?;
                self.out.write_all(b"]")?;
            }
            self.out.write_all(b"]")?;
        }
        if named.iter().any(|property| !property.enumerable) {
            self.json_field("hidden")?;
            for (index, property) in named.iter().filter(|property| !property.enumerable).enumerate() {
                self.out.write_all(if index == 0 { b"[" } else { b"," })?;
                self.json_name(property.name)?;
            }
            self.out.write_all(b"]")?;
        }
        Ok(())
    }

    fn json_named(
        &mut self,
        properties: &[Property],
        mut fields: Fields,
        level: u64,
        stack: Option<Place>,
    ) -> Result<(), DcmdError> {
        for property in properties {
            self.json_key(&mut fields)?;
            self.json_name(property.name)?;
            self.out.write_all(b":")?;
            self.json_place(&Place::of_property(self.heap, property.value), level + 1)?;
        }
        if let Some(stack) = stack {
            self.json_key(&mut fields)?;
            self.out.write_all(b"\"stack\":")?;
            self.json_place(&stack, level + 1)?;
        }
        self.json_end(&fields)
    }

    /// The name of a property in quotes, never cut.
    fn json_name(&mut self, name: Tagged) -> Result<(), DcmdError> {
        let text = match self.heap.value(name) {
            Ok(Value::Symbol(symbol)) => self.heap.symbol_description(symbol).ok().flatten(),
            _ => Some(name),
        };
        let longest = std::mem::replace(&mut self.style.longest_string, usize::MAX);
        let written = match text {
            Some(text) => self.json_text(text),
            None => self.json_quoted(""),
        };
        self.style.longest_string = longest;
        written
    }

    fn json_exports(&mut self, object: HeapObject<'_>, level: u64) -> Result<(), DcmdError> {
        self.json_field("exports")?;
        match self.heap.module_exports(object) {
            Ok(exports) => {
                let mut fields = Fields { begun: false };
                for (name, value) in exports {
                    self.json_key(&mut fields)?;
                    self.json_name(name)?;
                    self.out.write_all(b":")?;
                    self.json_place(&Place::of_binding(self.heap, value), level + 1)?;
                }
                self.json_end(&fields)
            }
            Err(error) => self.json_fault(&error),
        }
    }

    /// Pairs of a Map, values of a Set; of an iterator those that it has still to give.
    fn json_entries(&mut self, object: HeapObject<'_>, level: u64) -> Result<(), DcmdError> {
        let heap = self.heap;
        let pairs = matches!(object.kind(), Kind::JsMap | Kind::JsWeakMap)
            || heap.class_name(object.value()) == "JSMapKeyValueIterator";
        let values = heap.class_name(object.value()) == "JSMapValueIterator";
        self.json_field("entries")?;
        self.out.write_all(b"[")?;
        let mut ended: Result<(), DcmdError> = Ok(());
        let mut begun = false;
        let mut visit = |key: Tagged, value: Tagged| {
            ended = (|| {
                (self.check)()?;
                self.out.write_all(if begun { b"," } else { b"" })?;
                begun = true;
                if !pairs {
                    return self.json_value(if values { value } else { key }, level + 1);
                }
                self.out.write_all(b"[")?;
                self.json_value(key, level + 1)?;
                self.out.write_all(b",")?;
                self.json_value(value, level + 1)?;
                Ok(self.out.write_all(b"]")?)
            })();
            ended.is_ok()
        };
        let walked = match object.kind() {
            Kind::JsMapIterator | Kind::JsSetIterator => {
                heap.for_each_remaining_entry(object, &mut visit).map(|_| ())
            }
            _ => heap.for_each_collection_entry(object, &mut visit),
        };
        ended?;
        self.json_end_of_list(begun, walked)
    }

    /// The end of a list, with the reason if it ends before its time.
    fn json_end_of_list(&mut self, begun: bool, walked: v8_heap::Result<()>) -> Result<(), DcmdError> {
        if let Err(error) = walked {
            self.out.write_all(if begun { b"," } else { b"" })?;
            self.json_fault(&error)?;
        }
        Ok(self.out.write_all(b"]")?)
    }

    /// Elements of arrays and arguments, with the `length` beside them.
    fn json_elements(&mut self, object: HeapObject<'_>, level: u64) -> Result<(), DcmdError> {
        let heap = self.heap;
        let length = match object.kind() {
            Kind::JsArray => heap.array_length(object),
            _ => arguments_length(heap, object),
        };
        if let Some(length) = length {
            self.json_field("length")?;
            write!(self.out, "{length}")?;
        }
        self.json_field("elements")?;
        let elements = match heap.elements(object) {
            Ok(elements) => elements,
            Err(error) => return self.json_fault(&error),
        };
        self.out.write_all(b"[")?;
        let length = length.unwrap_or(elements.capacity);
        let mut next = 0;
        let mut ended: Result<(), DcmdError> = Ok(());
        let walked = heap.for_each_element(&elements, |index, value| {
            if index >= length {
                return false;
            }
            ended = (|| {
                (self.check)()?;
                self.json_holes(index - next, next > 0)?;
                self.out.write_all(if index > 0 { b"," } else { b"" })?;
                next = index + 1;
                self.json_place(&Place::of_property(heap, value), level + 1)
            })();
            ended.is_ok()
        });
        ended?;
        let missing = if walked.is_ok() { length.saturating_sub(next) } else { 0 };
        self.json_holes(missing, next > 0)?;
        self.json_end_of_list(next + missing > 0, walked)
    }

    /// Indexed elements of other objects, as the first of their properties.
    fn json_indexed(
        &mut self,
        object: HeapObject<'_>,
        fields: &mut Fields,
        level: u64,
    ) -> Result<(), DcmdError> {
        let heap = self.heap;
        let mut ended: Result<(), DcmdError> = Ok(());
        let walked = heap.elements(object).and_then(|elements| {
            heap.for_each_element(&elements, |index, value| {
                ended = (|| {
                    self.json_key(fields)?;
                    write!(self.out, "\"{index}\":")?;
                    self.json_place(&Place::of_property(heap, value), level + 1)
                })();
                ended.is_ok()
            })
        });
        ended?;
        if let Err(error) = walked {
            self.json_key(fields)?;
            self.out.write_all(b"\"<elements>\":")?;
            self.json_fault(&error)?;
        }
        Ok(())
    }

    /// Missing elements in a row, counted.
    fn json_holes(&mut self, count: u64, begun: bool) -> Result<(), DcmdError> {
        if count == 0 {
            return Ok(());
        }
        self.out.write_all(if begun { b"," } else { b"" })?;
        Ok(write!(self.out, "{{\"type\":\"hole\",\"count\":{count}}}")?)
    }

    fn json_typed_array(&mut self, object: HeapObject<'_>) -> Result<(), DcmdError> {
        let read = self.heap.view(object).and_then(|view| {
            let element = view.element.unwrap_or(TypedElement::Uint8);
            let length = view.byte_length / element.size();
            let shown = length.min(MOST_ELEMENTS);
            let bytes = match shown {
                0 => &[],
                _ => self.heap.raw_bytes(view.address, (shown * element.size()) as usize)?,
            };
            Ok((length, element, bytes))
        });
        let (length, element, bytes) = match read {
            Ok(read) => read,
            Err(error) => {
                self.json_field("elements")?;
                return self.json_fault(&error);
            }
        };
        self.json_field("length")?;
        write!(self.out, "{length},\"elements\":[")?;
        for (index, bytes) in bytes.chunks_exact(element.size() as usize).enumerate() {
            self.out.write_all(if index > 0 { b"," } else { b"" })?;
            self.json_place(&typed_array::element_value(element, bytes), 0)?;
        }
        self.out.write_all(b"]")?;
        self.json_more(length)
    }

    fn json_bytes(&mut self, object: HeapObject<'_>) -> Result<(), DcmdError> {
        let read = self.heap.view(object).and_then(|view| {
            let shown = view.byte_length.min(MOST_ELEMENTS) as usize;
            let bytes = if shown == 0 { &[] } else { self.heap.raw_bytes(view.address, shown)? };
            Ok((view.byte_length, bytes))
        });
        match read {
            Ok((length, bytes)) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                self.json_field("length")?;
                write!(self.out, "{length},\"bytes\":\"{hex}\"")?;
                self.json_more(length)
            }
            Err(error) => {
                self.json_field("bytes")?;
                self.json_fault(&error)
            }
        }
    }

    fn json_more(&mut self, length: u64) -> Result<(), DcmdError> {
        match length.checked_sub(MOST_ELEMENTS) {
            Some(more @ 1..) => {
                self.json_field("more")?;
                Ok(write!(self.out, "{more}")?)
            }
            _ => Ok(()),
        }
    }
}
