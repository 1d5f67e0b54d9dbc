//! `::v8print`: print a heap object field by field, as V8 keeps it.
//!
//! Every field of its class and of the classes that that extends, with the address of the field, its name in V8's sources, the
//! word in it, and what the word stands for: in brackets, or as a plain number where the field is one. Flags are taken apart.
//! JavaScript objects show their properties inside the object by name, arrays and tables their elements; `-n` says how many.
//!
//! With the name of a class, the fields of that class are read from the object, whatever it is itself: for objects that share
//! an instance type, such as the contexts of functions, or for memory that was overwritten. `::v8classes` lists the classes.
//!
//! Values of type `pointer` are addresses outside the heap. What is weak is said to be.

use std::io::Write;

use serde_json::{Value, json};
use v8_heap::layout::{Class, ClassId, Classes, Field, FieldKind};
use v8_heap::objects::place::{FieldValue, Place};
use v8_heap::objects::value::HeapObject;
use v8_heap::{Heap, Tagged};

use crate::answers::place_name::place_name;
use crate::answers::summary::summary;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::output::{escape, hex};
use crate::stage::Out;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "8ba8239fd91::v8print",
    r#"
8ba8239fd91 JSObject {
    8ba8239fd91 JSReceiver {
        8ba8239fd91 HeapObject {
            8ba8239fd90 map = 1950f7e1a2e1 (Map: of JSObject)
        }
        8ba8239fd98 properties_or_hash = 29b83c0c0cf9 (FixedArray)
    }
    8ba8239fda0 elements = 29b83c0c0cf9 (FixedArray)
    8ba8239fda8 .request = 3a85474bbc31 (JSObject: IncomingRequest)
    8ba8239fdb0 .limits = 1950f7e3f5f9 (JSObject: Object)
    8ba8239fdb8 .pending = eab7c8c4909 (JSArray: Array)
    8ba8239fdc0 .load = eab7c8c4929 (HeapNumber: 6.25)
    8ba8239fdc8 .resume = 15cb4477d409 (JSFunction: <anonymous> (as UpstreamConnection.resume))
}
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "v8print",
    aliases: &[],
    summary: "print a heap object field by field, as V8 keeps it",
    family: Family::V8,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::number('n', "count", "print so many elements of arrays and tables; 16 if not said"),
        Opt::JSON,
    ],
    operands: Operands::optional("[class]"),
    needs: &[Capability::V8Heap],
    manual: include_str!("v8print.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let count = args.number('n').unwrap_or(16);
        let as_json = args.has('j');
        let class = args.operands().first().and_then(|word| word.text()).map(str::to_owned);
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let value = Tagged(item.word);
            let object = heap
                .object(value)
                .or_else(|_| heap.object(Tagged::pointer(item.word & !1)))
                .map_err(|_| DcmdError::failed(format!("{value} is no heap object")))?;
            let own = heap.layout().type_info(object.map.instance_type).and_then(|info| info.class);
            let class = match &class {
                Some(name) => Some(heap.classes().find(name).ok_or_else(|| unknown(name))?),
                None => own,
            };
            let is_own = class == own;
            let fields = as_json.then(Vec::new);
            let mut printer = ObjectPrinter { context, heap, object, out, count, is_own, fields, more: 0 };
            match class {
                Some(class) => printer.print(class),
                None => Err(DcmdError::failed(format!(
                    "{value} is a {}, of which no fields are known",
                    escape(heap.class_name(value))
                ))),
            }
        }))
    },
};

/// Why there is no such class.
pub(super) fn unknown(name: &str) -> DcmdError {
    DcmdError::abort(format!("no such class: \"{}\" (::v8classes lists them)", escape(name)))
}

struct ObjectPrinter<'a, 'o> {
    context: &'a Context,
    heap: &'a Heap<'static>,
    object: HeapObject<'a>,
    out: &'a mut Out<'o>,
    count: u64,
    /// Printed as what it is, not as some other class.
    is_own: bool,
    /// What is gathered for JSON, if that is wanted in place of text.
    fields: Option<Vec<Value>>,
    /// Words that are left out.
    more: u64,
}

impl ObjectPrinter<'_, '_> {
    fn print(&mut self, id: ClassId) -> Result<(), DcmdError> {
        let classes = self.heap.classes();
        let class = classes.class(id);
        self.open(classes, class, 0)?;
        if self.is_own {
            self.rest(class)?;
        }
        if let Some(fields) = self.fields.take() {
            return self.out.json(&json!({
                "object": hex(self.object.value().0),
                "class": class.name,
                "is": summary(self.heap, self.object.value()),
                "fields": fields,
                "more": self.more,
            }));
        }
        self.line(0, format_args!("}}"))
    }

    /// One field, as a line or for JSON: at which offset it is, and which class it belongs to, if it is no entry of a tail.
    fn told(
        &mut self,
        depth: usize,
        offset: u64,
        class: Option<&str>,
        name: &str,
        shown: &str,
    ) -> Result<(), DcmdError> {
        let at = self.object.address + offset;
        if let Some(fields) = &mut self.fields {
            self.context.check_interrupt()?;
            fields.push(json!({ "address": hex(at), "class": class, "name": name, "value": shown }));
            return Ok(());
        }
        self.line(depth, format_args!("{at:x} {name} = {shown}"))
    }

    fn line(&mut self, depth: usize, text: std::fmt::Arguments<'_>) -> Result<(), DcmdError> {
        self.context.check_interrupt()?;
        if self.fields.is_some() {
            return Ok(());
        }
        Ok(writeln!(self.out.text(), "{:indent$}{text}", "", indent = 4 * depth)?)
    }

    /// The head of a class, its parents inside it, and its own fields.
    fn open(&mut self, classes: &Classes, class: &Class, depth: usize) -> Result<(), DcmdError> {
        self.line(depth, format_args!("{} {} {{", self.object.value(), class.name))?;
        if let Some(parent) = class.parent {
            self.open(classes, classes.class(parent), depth + 1)?;
            self.line(depth + 1, format_args!("}}"))?;
        }
        for field in class.fields.iter().filter(|field| !field.name.starts_with("padding")) {
            // Some fields are left out in some objects: what is there then is something else.
            let is_there = matches!(self.heap.place_at(self.object, field.offset),
                Place::Field(_, other) if std::ptr::eq(other, field));
            if is_there || !self.is_own {
                self.field(class, field, depth + 1)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, class: &Class, field: &Field, depth: usize) -> Result<(), DcmdError> {
        let heap = self.heap;
        let shown = match heap.field_value(self.object, field.offset, field.kind) {
            Ok(value) => show(heap, value, field.kind),
            Err(error) => format!("<cannot be read: {}>", crate::error::reasons(&error)),
        };
        let mut more = String::new();
        if let Ok(value) = heap.field_value(self.object, field.offset, field.kind) {
            if let (Some(flags), Some(bits)) = (field.flags, bits_of(value)) {
                more = taken_apart(heap, flags, class, bits);
            } else if let ("instance_type", FieldValue::Unsigned(number)) = (field.name, value) {
                let name = u16::try_from(number).map_or("no type", |number| heap.layout().type_name(number));
                more = format!(" ({})", escape(name));
            }
        }
        self.told(depth, field.offset, Some(class.name), field.name, &format!("{shown}{more}"))
    }

    /// What follows the fields of the class.
    fn rest(&mut self, class: &Class) -> Result<(), DcmdError> {
        let size = self.heap.object_size(self.object)?;
        let heap = self.heap;
        let is_fixed = heap.body(self.object.map).is_fixed();
        let mut offset = match (&class.tail, is_fixed) {
            (Some(tail), false) => tail.offset,
            _ => self.fields_end(class),
        };
        let (mut shown, mut last) = (0, None);
        while offset < size {
            let place = heap.place_at(self.object, offset);
            let (kind, entry) = match &place {
                Place::Entry { part, .. } if part.starts_with("padding") => {
                    let word = heap.fields().words.tagged;
                    offset += word - offset % word;
                    continue;
                }
                // Behind the fields there is a tail, or nothing at all.
                Place::Nothing if class.tail.is_none() && !is_fixed => break,
                Place::Field(..) | Place::Nothing => {
                    let word = heap.fields().words.tagged;
                    offset += word - offset % word;
                    continue;
                }
                Place::EmbedderField(_) => (FieldKind::Embedder, None),
                Place::Entry { index, kind, .. } => (*kind, Some(*index)),
                Place::ContextSlot(slot, _) | Place::NativeSlot(slot, _) => (FieldKind::Tagged, Some(*slot)),
                Place::Bytes(_, behind) => (FieldKind::Unsigned(8), Some(behind / 8)),
                Place::Property(_) | Place::UnusedProperty(_) | Place::ScopePart(..) => {
                    (FieldKind::Tagged, None)
                }
            };
            let name = place_name(heap, &place);
            if entry.is_some() && entry != last {
                last = entry;
                shown += 1;
            }
            if shown > self.count {
                let left = (size - offset).div_ceil(heap.fields().words.tagged);
                self.more = left;
                return self.line(1, format_args!("... {left} more words (-n says how many elements)"));
            }
            let value = match (&place, heap.field_value(self.object, offset, kind)) {
                (_, Err(error)) => return Err(error.into()),
                (Place::Bytes(..), Ok(FieldValue::Unsigned(bytes))) => format!("{bytes:016x} (bytes)"),
                (_, Ok(value)) => show(heap, value, kind),
            };
            self.told(1, offset, None, &name, &value)?;
            offset += kind.size(heap.fields().words);
        }
        Ok(())
    }

    /// Where the fields of the class end in this object.
    fn fields_end(&self, class: &Class) -> u64 {
        let word = self.heap.fields().words.tagged;
        let start = word * u64::from(self.object.map.inobject_start_words);
        let end = class.size.next_multiple_of(word);
        if self.object.kind().is_js_object() && start > 0 { end.min(start) } else { end }
    }
}

/// A value with what it stands for.
pub(super) fn show(heap: &Heap<'static>, value: FieldValue, kind: FieldKind) -> String {
    match (value, kind) {
        (FieldValue::Tagged(word), FieldKind::Held) => format!("{word} (not held: {})", summary(heap, word)),
        (FieldValue::Tagged(word), _) => format!("{word} ({})", summary(heap, word)),
        (FieldValue::Pointer(address), FieldKind::Code) => format!("{address:x} (code)"),
        (FieldValue::Pointer(address), _) => format!("{address:x} (pointer)"),
        (FieldValue::Unsigned(number), _) => number.to_string(),
        (FieldValue::Signed(number), _) => number.to_string(),
        (FieldValue::Double(number), _) => format!("{number:?}"),
    }
}

fn bits_of(value: FieldValue) -> Option<u64> {
    match value {
        FieldValue::Unsigned(bits) => Some(bits),
        FieldValue::Signed(bits) => Some(bits as u64),
        FieldValue::Tagged(word) => word.smi().map(|bits| u64::from(bits as u32)),
        _ => None,
    }
}

/// The flags that are set, and the numbers that are not 0: ` { is_callable, elements_kind = 3 }`.
pub(super) fn taken_apart(heap: &Heap<'_>, name: &str, class: &Class, bits: u64) -> String {
    let flags = heap.layout().flags(name);
    let shown: Vec<String> = flags
        .iter()
        .filter(|flag| flag.of(bits) != 0 || heap.layout().value_name(name, flag.name, 0).is_some())
        .map(|flag| match (flag.width, flag.of(bits)) {
            (1, _) => flag.name.to_owned(),
            (_, kind) if flag.name == "elements_kind" && class.name == "Map" => {
                format!("elements_kind = {}", heap.elements_kind_name(kind as u8))
            }
            (_, number) => match heap.layout().value_name(name, flag.name, number) {
                Some(value) => format!("{} = {value}", flag.name),
                None => format!("{} = {number}", flag.name),
            },
        })
        .collect();
    if shown.is_empty() { String::new() } else { format!(" {{ {} }}", shown.join(", ")) }
}
