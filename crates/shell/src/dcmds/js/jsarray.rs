//! `::jsarray`: list the elements of an array.
//!
//! One element a line, up to the length of the array: the tagged value in hexadecimal, as the other dcmds take it. Missing elements
//! are there as the hole value. With `-i` the index, in decimal, stands in front.
//!
//! Also lists what `arguments` and other objects have under integer keys, and the elements of typed arrays. Of sparse arrays, which
//! V8 keeps in a dictionary, those elements are listed that are there.
//!
//! Arrays of numbers alone, and typed arrays, keep numbers without the form of a value. They are printed as numbers, missing ones
//! as `hole`; into a pipe they cannot flow, and how many were left out is said.

use std::io::Write;

use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::elements::Slot;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, Tagged};

use crate::context::Context;
use crate::dcmd::{
    AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each_item,
};
use crate::error::DcmdError;
use crate::of_snapshot;
use crate::print::{Place, Printer, Style, element_value};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "12fd195c8d49::jsarray -i",
        r#"
0 12fd195d2039
1 12fd195d2069
2 12fd195d2099
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c8d49::jsarray | ::jsprint sequence",
        r#"
0
1
2
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "@104457::jsarray | ::head -1 | ::jsprint name",
        r#"
"client-0"
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsarray",
    aliases: &[],
    summary: "list the elements of an array",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Items(Kind::Value),
    options: &[Opt::flag('i', "print the index of each element in front")],
    operands: Operands::NONE,
    needs: &[Capability::Graph],
    manual: include_str!("jsarray.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let indexed = args.has('i');
        if context.snapshot().is_some() {
            return Ok(for_each_item(move |context, item, out| {
                of_snapshot::elements(context, item, indexed, out)
            }));
        }
        Ok(for_each_item(move |context, item, out| {
            let heap = context.heap()?;
            let value = Tagged(item.word);
            let Ok(Value::Object(object)) = heap.value(value) else {
                return Err(DcmdError::failed(format!("{value} is not a JavaScript array")));
            };
            let mut list = List { context, heap, out, indexed, left_out: 0, ended: Ok(Flow::Continue) };
            if object.kind() == HeapKind::JsTypedArray {
                list.typed_array(object)?
            } else {
                list.elements(object)?
            }
            list.finish()
        }))
    },
};

struct List<'l, 'o> {
    context: &'l Context,
    heap: &'l Heap<'static>,
    out: &'l mut Out<'o>,
    indexed: bool,
    /// Elements that cannot flow.
    left_out: u64,
    ended: Result<Flow, DcmdError>,
}

impl List<'_, '_> {
    fn elements(&mut self, object: HeapObject<'_>) -> Result<(), DcmdError> {
        let elements = self.heap.elements(object)?;
        self.heap.for_each_index(&elements, |index, slot| {
            self.ended = match slot {
                Slot::Value(value) => self.value(index, value),
                Slot::Number(number) => self.place(index, &Place::Number(number)),
                Slot::Hole => self.place(index, &Place::Hole),
                Slot::Accessor(value) => self.place(index, &Place::of_property(self.heap, value)),
            };
            matches!(self.ended, Ok(Flow::Continue))
        })?;
        Ok(())
    }

    fn typed_array(&mut self, array: HeapObject<'_>) -> Result<(), DcmdError> {
        let view = self.heap.view(array)?;
        let element = view.element.unwrap_or(v8_heap::layout::TypedElement::Uint8);
        let size = element.size() as usize;
        if view.byte_length == 0 {
            return Ok(());
        }
        let length = usize::try_from(view.byte_length).unwrap_or(usize::MAX);
        let bytes = self.heap.raw_bytes(view.address, length)?;
        for (index, bytes) in bytes.chunks_exact(size).enumerate() {
            self.ended = self.place(index as u64, &element_value(element, bytes));
            if !matches!(self.ended, Ok(Flow::Continue)) {
                break;
            }
        }
        Ok(())
    }

    fn value(&mut self, index: u64, value: Tagged) -> Result<Flow, DcmdError> {
        if self.out.is_pipe() {
            return self.out.emit(Item::value(value.0));
        }
        self.context.check_interrupt()?;
        let mut text = self.out.text();
        if self.indexed {
            write!(text, "{index} ")?;
        }
        text.hex_line(value.0)?;
        Ok(Flow::Continue)
    }

    /// What is no value of its own.
    fn place(&mut self, index: u64, place: &Place) -> Result<Flow, DcmdError> {
        if self.out.is_pipe() {
            if let Place::Number(number) = place {
                return self.out.emit(Item::double(*number));
            }
            self.left_out += 1;
            return Ok(Flow::Continue);
        }
        self.context.check_interrupt()?;
        let style = Style { depth: 0, ..Style::default() };
        let check = || Ok(());
        let mut text = self.out.text();
        if self.indexed {
            write!(text, "{index} ")?;
        }
        Printer::new(self.heap, style, &mut *text, &check).print(place)?;
        writeln!(text)?;
        Ok(Flow::Continue)
    }

    fn finish(self) -> Result<(), DcmdError> {
        self.ended?;
        if self.left_out > 0 {
            self.context.warn(&format!(
                "{} elements left out: they are no values, ::jsprint prints them",
                self.left_out
            ));
        }
        Ok(())
    }
}
