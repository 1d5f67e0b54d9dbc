//! `::jsprint`: print JavaScript values.
//!
//! Prints a value with everything in it down to two levels, or as many as `-d` says; what lies deeper is `[...]`. Strings
//! are printed whole, quoted as in JSON. With members, only those are printed, on one line; a member that does not exist
//! is `undefined`.
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
//! FinalizationRegistry
//! Iterator Helper (map)
//! DisposableStack (pending)
//! WebAssembly.Memory (3 pages, at most 5)
//! Temporal.PlainDate 2026-11-25
//! ```
//!
//! Accessors are never run: they are printed as `[Getter]`, `[Setter]`, `[Getter/Setter]`, with `-a` followed by the addresses of
//! their functions; or as `[Native accessor]` if native code computes the value. Variables and exports whose declaration has not
//! been reached are `uninitialized`. An object inside itself is `[Circular address]`. An object that inherits from nothing is
//! `[Object: null prototype]`. Where something cannot be read, the reason stands in its place, and the exit status tells.
//!
//! Arrays, collections and objects are printed whole, however long; `-n` limits the elements, entries and properties of each
//! object, and says how many more there are. Of typed arrays 128 elements are printed, and of buffers 32 bytes, unless `-n` says
//! otherwise. Properties stand in the order in which the program made them, integers first. All own properties are printed, also
//! those that `for in` leaves out; `-A` says of each what it is not.
//!
//! # Members
//!
//! A member is a path: `name`, `headers.host`, `tags[3].text`, `['any name']`, `[Symbol(x)]`, `#private`. Internal slots are part of
//! paths under the names that they are printed with, and `[[Prototype]]` is one of every object: `[[PromiseResult]].message`,
//! `[[PromiseReactions]][0].awaitedBy`, `[[ProxyTarget]].url`. `get(key)` is the entry of a Map under a key as it is printed, or
//! under that text: `sessions.get(17).user`; for the text `17` where there is also the number, `"sessions.get('17').user"`. A key
//! that is an object is its address. `[[Entries]][0].value` goes by number. In a pipe or with further blanks, quote the whole path.
//!
//! # Errors
//!
//! V8 keeps the stack of an error as frames until the program first reads `stack`. Of an error that nobody has read, what the
//! program would get is printed, marked as such.
//!
//! Names and positions are those that V8 itself would write, of async functions too. It cannot know what an
//! `Error.prepareStackTrace` of the program's own or source maps would make of it. Where V8 has kept no position for a frame,
//! it says `somewhere in the function at line 12`; frames of WebAssembly have no more than their number.
//!
//! # Promises and suspended functions
//!
//! A pending promise shows what waits for it, in the order in which it will be told: what `then` was given and the promise it
//! returned, or the function that awaits it, with the place where it stopped.
//!
//! `[[PromiseIsHandled]]` of a rejected promise is false if nothing would have noticed. A suspended function has its parameters in
//! the order of their declaration, variables that closures capture by name under `[[GeneratorVariables]]`, and the others by the
//! number of their register: V8 does not keep their names. An async generator has what was asked of it and not answered under
//! `[[AsyncGeneratorQueue]]`. The promise that a function awaits is not among these: V8 keeps the way from the promise to the
//! function only.
//!
//! # Buffers
//!
//! `-x` prints bytes of buffers, typed arrays and DataViews with their offset in hexadecimal, 256 of them or as many as `-n` says.
//! The head says more where there is more to say: `ArrayBuffer(12) (resizable to 64)`, `SharedArrayBuffer(8) (growable to 4096)`,
//! `ArrayBuffer(0) (detached)`, `Uint8Array(12) (length-tracking)`, `Uint8Array(0) (out of bounds)`.
//!
//! # Prototypes and what is hidden
//!
//! `-p` prints the prototypes of each object, by the name of their constructor. `-i` prints what V8 and Node.js keep on it: private
//! methods and accessors of its classes, values under private symbols, and the embedder fields of objects made by native code,
//! which hold the address of the C++ object.
//!
//! An object that stands for a C++ object, as the handle of a socket, a stream of zlib or a Blob does, says of which class that is:
//! `[[Native]]: node::TCPWrap`. With `-i` it says where it is, and how much native memory it owns, as far as that can be told
//! (`::malloc -o`); and how many bytes it has with all its parts as Node.js counts them for V8's heap snapshots, which says nothing of what
//! libraries such as OpenSSL keep for it. That is asked of Node.js's own code, so it takes the executable.
//!
//! # What is kept outside the heap
//!
//! The values of `Temporal` objects are printed as `toString()` gives them, without the name of a time zone; they are found in Node.js
//! 26 as its releases for x86-64 lay them out. Of `Intl` objects the locale is printed where V8 has it. A WebAssembly memory says
//! how many pages it has, a global has its value, a table its entries.
//!
//! No more than 500 levels are printed.
//!
//! `-j` prints each value as one line of JSON, for programs; `docs/json.md` is the schema.
//!
//! In a pipe it hands on the members asked for, or the value itself: `addr::jsprint request | ::jspath`.
//!
//! # Heap snapshots
//!
//! Of a node of a heap snapshot the properties, elements, entries and variables are printed that are in the file. Numbers are if it was
//! written by `v8.writeHeapSnapshot(file, { exposeNumericValues: true })`; else properties with small integers are missing, and of other
//! numbers it is only told that they are some, as of BigInts always. Of what is no JavaScript object, all references are printed, by V8's
//! names. `-d`, `-a` and `-j` mean what they mean of a core.

use std::cell::RefCell;
use std::io::Write;

use v8_heap::layout::Kind as HeapKind;
use v8_heap::objects::symbol::Privacy;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Error, Heap, Tagged};

use crate::answers::native_side::{KnownSides, OfProcess};
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Word, Yields, for_each_item,
};
use crate::error::{DcmdError, reasons};
use crate::of_snapshot;
use crate::output::{Colours, escape};
use crate::print::{Member, Place, Printer, Style};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "12fd195c4fb9::jsprint -d 1",
        r#"
{
    "request": [...],
    "limits": [...],
    "pending": [...],
    "load": 2.25,
    "resume": function <anonymous> (as UpstreamConnection.resume),
}
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c4fb9::jsprint request.url load",
        r#"
"/v1/images/12?size=160" 2.25
"#,
    ),
    Example::on(
        "leak-24",
        "::findjsobjects -c UpstreamConnection | ::findjsobjects | ::head -2 | ::jsprint -b request.id",
        r#"
8ba8239fd91: 996
8ba823be489: 1080
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c4fb9::jsprint -a -d 1 limits",
        r#"
1950f7e3f5f9: {
    "type": 29b83c0c7979: "number",
    "min": 100000000: 1,
    "max": 1000000000000: 65536,
    "default": 100000000000: 4096,
}
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c4fb9::jsprint request.receivedAt",
        r#"
1704067203000 (2024-01-01T00:00:03.000Z)
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c4fb9::jsprint -x pending[0].bytes",
        r#"
Buffer(16) [
         0: 0c 0c 0c 0c 0c 0c 0c 0c  0c 0c 0c 0c 0c 0c 0c 0c  ................
]
"#,
    ),
    Example::on(
        "leak-24",
        "12fd195c4fb9::jsprint -j request.url load",
        r#"
{"address":"0x12fd195c4fb9","members":{"request.url":"/v1/images/12?size=160","load":2.25}}
"#,
    ),
    Example::on(
        "exotic-24",
        "75b39fd34c1::jsprint -A",
        r#"
{
    "shown": 1,
    "hidden" (not enumerable): 2,
    "readOnly" (not writable, not configurable): 3,
    "hiddenGetter" (not enumerable, not configurable): [Getter],
    [Symbol(hiddenSymbol)] (not enumerable, not writable, not configurable): 4,
}
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "@70897::jsprint -d 1",
        r#"
Session {
    "id": "session-297",
    "client": Client {...},
    "history": [...],
    "body": Uint8Array {},
    "later": function,
}
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jsprint",
    aliases: &[],
    summary: "print JavaScript values",
    family: Family::JavaScript,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address, Kind::Double]),
    yields: Yields::Items(Kind::Value),
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
    needs: &[Capability::Graph],
    manual: include_str!("jsprint.rs"),
    examples: EXAMPLES,
    start: |context, args| {
        let wanted = Wanted::of(args)?;
        if context.snapshot().is_some() {
            let members: Result<Vec<(String, Member)>, String> =
                wanted.members.into_iter().map(|(text, member)| Ok((text, member?))).collect();
            let asked = of_snapshot::AskedOfPrint {
                depth: wanted.style.depth,
                with_ids: wanted.style.addresses,
                json: wanted.json,
                members: members.map_err(DcmdError::abort)?,
            };
            return Ok(for_each_item(move |context, item, out| {
                of_snapshot::print(context, item, &asked, out).map(|_| ())
            }));
        }
        Ok(for_each_item(move |context, item, out| wanted.print(context, item, out)))
    },
};

/// What to print of each value.
struct Wanted {
    style: Style,
    base_address: bool,
    storage: bool,
    json: bool,
    /// What C++ objects own, once that was asked for.
    native: KnownSides,
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
                ..Style::default()
            },
            base_address: args.has('b'),
            storage: args.has('v'),
            json: args.has('j'),
            native: KnownSides::default(),
            members: members.collect(),
        })
    }

    fn print(&self, context: &Context, item: Item, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        let value = Tagged(item.word);
        if item.kind == Kind::Double {
            return self.print_number(context, item, out);
        }
        check_printable(heap, value)?;
        if out.is_pipe() {
            return self.hand_on(context, item, out);
        }
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
                    Ok(member) => match member.find_or_getter(heap, value) {
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
            // What goes to a program, or into a file, is text alone.
            let colours = if text.is_watched() && !self.json { context.colours } else { Colours::Never };
            let style = Style { colours, ..self.style };
            let native = OfProcess::new(context, style.internals, &self.native);
            let mut printer = Printer::new(heap, style, &mut *text, &check).with_native(&native);
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
    /// Hands on the members asked for; the value itself, if none is.
    fn hand_on(&self, context: &Context, item: Item, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let heap = context.heap()?;
        if self.members.is_empty() {
            return out.emit(item).map(|_| ());
        }
        for (text, member) in &self.members {
            let member = member.as_ref().map_err(DcmdError::failed)?;
            let (place, strange) = member.find(heap, Tagged(item.word))?;
            if let Some(strange) = strange {
                context.warn(&strange);
            }
            let found = match place {
                Place::Value(value) => Item::value(value.0),
                Place::Number(number) => Item::double(number),
                Place::Address(address) => Item::address(address),
                Place::Missing => {
                    out.fault(&format_args!("{item}: there is no {} to hand on", escape(text)));
                    continue;
                }
                _ => {
                    out.fault(&format_args!("{item}: {} is no value that can be handed on", escape(text)));
                    continue;
                }
            };
            if out.emit(found)? == Flow::Enough {
                break;
            }
        }
        Ok(())
    }

    /// Prints a number that is no tagged value, or hands it on.
    fn print_number(&self, context: &Context, item: Item, out: &mut Out<'_>) -> Result<(), DcmdError> {
        let number = f64::from_bits(item.word);
        if !self.members.is_empty() {
            let number = crate::print::format_number(number);
            return Err(DcmdError::Failed(format!("{number} is a number: it has no members")));
        }
        if out.is_pipe() {
            return out.emit(item).map(|_| ());
        }
        let check = || context.check_interrupt();
        let mut text = out.text();
        let mut printer = Printer::new(context.heap()?, self.style, &mut *text, &check);
        match self.json {
            true => printer.print_json(&Place::Number(number))?,
            false => printer.print(&Place::Number(number))?,
        }
        Ok(writeln!(text)?)
    }

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
