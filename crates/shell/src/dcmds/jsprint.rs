//! `::jsprint`: print JavaScript values.
//!
//! Prints a value with everything in it down to two levels, or as many as `-d` says; what lies deeper is `[...]`. Strings
//! are printed whole, quoted as in JSON. With members, only those are printed, on one line; a member that does not exist
//! is `undefined`. Members are paths: `name`, `headers.host`, `tags[3].text`, `['any name']`, `[Symbol(x)]`, `#private`,
//! `[[ProxyTarget]]`.
//!
//! ```text
//! > 1bc583adada1::jsconstructor
//! Timeout
//! > 1bc583adada1::jsprint -d 1
//! {
//!     "_idleTimeout": 134217727,
//!     "_idlePrev": [...],
//!     "_idleNext": [...],
//!     "_idleStart": 94,
//!     "_onTimeout": function ksTimer,
//!     "_timerArgs": undefined,
//!     "_repeat": null,
//!     "_destroyed": false,
//!     [Symbol(refed)]: false,
//!     [Symbol(kHasPrimitive)]: false,
//!     [Symbol(asyncId)]: 4,
//!     [Symbol(triggerId)]: 1,
//!     [Symbol(kAsyncContextFrame)]: undefined,
//! }
//! > 1bc583adada1::jsprint -b _idleTimeout _idleNext.expiry
//! 1bc583adada1: 134217727 134217821
//! ```
//!
//! # What is printed how
//!
//! Property names are quoted, symbols are in brackets, private members begin with `#`. Numbers are printed with as many
//! digits as make them exact; a BigInt ends in `n`. Of an array, missing elements are `hole`, and more than eight of
//! them in a row `hole x N`. An array with one element is printed on one line.
//!
//! Objects that are more than their properties say what they are in front of the braces, and what the language keeps inside
//! them is printed like a property, under the name that its specification gives it:
//!
//! ```text
//! Map(2) {
//!     "k1" => "v1",
//!     2 => [...],
//! }
//! Promise (fulfilled) {
//!     [[PromiseResult]]: "value",
//! }
//! Int16Array(2) [
//!     -1, 300,
//! ]
//! ArrayBuffer(4) <de ad be ef>
//! 1234567890123 (2009-02-13T23:31:30.123Z)
//! /(\d+)-(\d+)/u
//! RangeError: "out of bounds"
//! function parse
//! function <anonymous> (as Session.get)
//! class Session
//! Generator pages (suspended)
//! Number: 5.5
//! ```
//!
//! Accessors are never run: they are printed as `[Getter]`, `[Setter]`, `[Getter/Setter]`, or `[Native accessor]` if native
//! code computes the value. An object inside itself is `[Circular address]`. Of typed arrays the first 128 elements are printed,
//! of buffers the first 32 bytes. An object of which no more is known than its type is `<JSCollator>`. Where something cannot be
//! read, the reason stands in its place, and the exit status tells.
//!
//! No more than 500 levels are printed.
//!
//! `-j` prints each value as one line of JSON, for programs; `docs/json.md` is the schema:
//!
//! ```text
//! > 1bc583adada1::jsprint -j _idleTimeout _idleNext.expiry
//! {"address":"0x1bc583adada1","members":{"_idleTimeout":134217727,"_idleNext.expiry":134217821}}
//! ```

use std::cell::RefCell;
use std::io::Write;

use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::symbol::Privacy;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Error, Heap, Tagged};

use crate::context::Context;
use crate::dcmd::{AddressUse, Args, Capability, Dcmd, Operands, Opt, Takes, Word, Yields, for_each_item};
use crate::error::{DcmdError, reasons};
use crate::output::escape;
use crate::pipeline::Out;
use crate::print::{Member, Place, Printer, Style};
use crate::value::{Item, Kind};

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsprint",
    aliases: &[],
    summary: "print JavaScript values",
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[
        Opt::flag(
            'a',
            "print the address of every value in front of it; of a small integer, the word that encodes it",
        ),
        Opt::flag('A', "say of each property whether it is not enumerable, writable, or configurable"),
        Opt::flag('b', "print the given address in front"),
        Opt::number('d', "depth", "levels to print; 2 if not said"),
        Opt::flag('i', "print what V8, Node.js and classes keep on objects for themselves"),
        Opt::number('n', "count", "print this many elements, entries and properties of each object"),
        Opt::number('N', "length", "cut strings behind this many characters"),
        Opt::flag('p', "print the prototypes of each object"),
        Opt::flag('v', "say how the value is stored"),
        Opt::flag('x', "print the contents of buffers and typed arrays as bytes and text"),
        Opt::flag('j', "print one line of JSON, as docs/json.md describes it"),
    ],
    operands: Operands::any("[member ...]"),
    needs: &[Capability::V8Heap],
    manual: include_str!("jsprint.rs"),
    start: |_, args| {
        let wanted = Wanted::of(args)?;
        Ok(for_each_item(move |context, item, out| wanted.print(context, item, out)))
    },
};

/// What to print of each value.
struct Wanted {
    style: Style,
    base_address: bool,
    storage: bool,
    json: bool,
    /// Members as they were typed, each with what it means; why it means nothing, if it was mistyped.
    members: Vec<(String, Result<Member, String>)>,
}

impl Wanted {
    fn of(args: &Args) -> Result<Wanted, DcmdError> {
        let members = args.operands().iter().map(|word| {
            let text = match word {
                Word::Text(text) => text.clone(),
                Word::Number(number) => number.to_string(),
            };
            let member = Member::parse(&text);
            (text, member)
        });
        Ok(Wanted {
            style: Style {
                depth: args.number('d').unwrap_or(2),
                addresses: args.has('a'),
                longest_string: args
                    .number('N')
                    .map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX)),
                most: args.number('n'),
                bytes: args.has('x'),
                prototypes: args.has('p'),
                internals: args.has('i'),
                attributes: args.has('A'),
            },
            base_address: args.has('b'),
            storage: args.has('v'),
            json: args.has('j'),
            members: members.collect(),
        })
    }

    fn print(&self, context: &Context, item: Item, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let value = Tagged(item.word);
        check_printable(heap, value)?;
        // Warnings come behind the line that they are about.
        let warnings = RefCell::new(Vec::new());
        let mut faults = 0;
        {
            let mut text = out.text();
            if self.base_address && !self.json {
                write!(text, "{value}: ")?;
            }
            let check = || context.check_interrupt();
            let mut places = Vec::new();
            if self.members.is_empty() {
                places.push(Place::Value(value));
            }
            for (_, member) in &self.members {
                places.push(match member {
                    Ok(member) => match member.find(heap, value) {
                        Ok((place, strange)) => {
                            warnings.borrow_mut().extend(strange);
                            place
                        }
                        Err(error) => {
                            faults += 1;
                            warnings.borrow_mut().push(reasons(&error));
                            Place::Missing
                        }
                    },
                    Err(reason) => {
                        warnings.borrow_mut().push(reason.clone());
                        Place::Missing
                    }
                });
            }
            let mut printer = Printer::new(heap, self.style, &mut *text, &check);
            if self.json {
                self.print_json(value, &places, &mut printer)?;
            } else {
                for (index, place) in places.iter().enumerate() {
                    if index > 0 {
                        printer.separate()?;
                    }
                    printer.print(place)?;
                }
            }
            faults += printer.faults();
            writeln!(text)?;
            if self.storage
                && !self.json
                && self.members.is_empty()
                && let Ok(Value::Object(object)) = heap.value(value)
            {
                write_storage(heap, object, &mut *text)?;
            }
        }
        for warning in warnings.into_inner() {
            context.warn(&warning);
        }
        match faults {
            0 => Ok(()),
            1 => Err(DcmdError::failed(format!("{value}: 1 value could not be read"))),
            _ => Err(DcmdError::failed(format!("{value}: {faults} values could not be read"))),
        }
    }
}

impl Wanted {
    /// The value, or an object with the members asked for: `{"address":"0x2b1e00c0ffe9","members":{"req.url":"/"}}`.
    fn print_json(
        &self,
        value: Tagged,
        places: &[Place],
        printer: &mut Printer<'_>,
    ) -> Result<(), DcmdError> {
        if self.members.is_empty() {
            return places.iter().try_for_each(|place| printer.print_json(place));
        }
        printer.print_json_members(value, self.members.iter().map(|(text, _)| text.as_str()).zip(places))
    }
}

/// Refuses what is no JavaScript value.
fn check_printable(heap: &Heap<'_>, value: Tagged) -> Result<(), DcmdError> {
    match heap.value(value) {
        Ok(Value::Internal(_)) => {
            let name = escape(heap.class_name(value)).into_owned();
            Err(DcmdError::failed(format!("{value}: <unknown JavaScript object type \"{name}\">")))
        }
        Ok(_) => Ok(()),
        Err(Error::NotAnObject(_)) => Err(DcmdError::failed(format!("{value}: <not a heap object>"))),
        Err(error) => Err(DcmdError::failed(format!("{value}: <couldn't read type>: {}", reasons(&error)))),
    }
}

/// How an object is stored, for `-v`.
fn write_storage(heap: &Heap<'_>, object: HeapObject<'_>, out: &mut dyn Write) -> Result<(), DcmdError> {
    writeln!(out, "type: {}", escape(heap.class_name(object.value())))?;
    writeln!(out, "map: {}", Tagged::pointer(object.map.address))?;
    let elements = heap.elements(object);
    let properties = heap.own_properties(object);
    let mut kinds = Vec::new();
    if elements.as_ref().is_ok_and(|elements| elements.capacity > 0) {
        kinds.push("numeric");
    }
    let named = properties.as_ref().map_or(0, Vec::len);
    if object.map.is_dictionary {
        kinds.push("dictionary");
    } else if object.kind() != HeapKind::JsProxy {
        let inobject = object.map.inobject_properties() as usize;
        if named > 0 && inobject > 0 {
            kinds.push("in-object");
        }
        if named > inobject {
            kinds.push("\"properties\" array");
        }
    }
    writeln!(out, "property kind: {}", if kinds.is_empty() { "none".to_owned() } else { kinds.join(" ") })?;
    let hidden = properties.as_ref().map_or(0, |properties| {
        let is_hidden = |name: Tagged| {
            matches!(heap.value(name), Ok(Value::Symbol(symbol))
                if matches!(heap.symbol_privacy(symbol), Ok(Privacy::Internal)))
        };
        properties.iter().filter(|property| is_hidden(property.name)).count()
    });
    if hidden > 0 {
        writeln!(out, "not shown: {hidden} under private symbols of V8 or Node.js")?;
    }
    Ok(())
}
