//! Printing JavaScript values.
//!
//! One [`Printer`] prints one value, with all it holds down to a depth, straight to its output: nothing is gathered first, so
//! the largest array costs no memory. Everything in a core may be wrong, so every value may turn out to be unreadable; then the
//! reason stands in its place, `<cannot read ...>`, and the rest is printed all the same.
//!
//! - [`number`] and [`text`]: numbers, BigInts, dates and strings as text
//! - [`head`]: what stands in front of the braces: `function parse`, `Map(3)`
//! - [`object`]: what stands between them
//! - [`typed_array`]: the contents of buffers
//! - [`json`]: the same as JSON
//! - [`member`]: finding `a.b[3]` in a value

pub mod function;
mod head;
mod json;
mod member;
mod number;
mod object;
pub mod stack;
mod temporal;
mod text;
mod typed_array;

pub(crate) use head::named_class;
pub(crate) use number::date;
pub(crate) use text::quoted;
pub(crate) use typed_array::element_value;

use std::io::Write;

use v8_heap::objects::call_site::StackText;
use v8_heap::objects::context::VariableValue;
use v8_heap::objects::symbol::Privacy;
use v8_heap::objects::value::{HeapObject, Value};
use v8_heap::{Heap, PropertyValue, Tagged};

use crate::error::{DcmdError, reasons};
use crate::output::{Colours, Ink, escape};

pub use member::{Member, MemberStep};
pub(crate) use number::{bigint as format_bigint, double as format_number};

/// How values are printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Levels of objects to descend into.
    pub depth: u64,
    /// Print the tagged address of every value in front of it.
    pub addresses: bool,
    /// Cut strings behind this many characters.
    pub longest_string: usize,
    /// Print this many elements, entries and properties of each object and count the others; all of them if not said, but of
    /// typed arrays and buffers.
    pub most: Option<u64>,
    /// Print the contents of buffers and typed arrays as bytes and text.
    pub bytes: bool,
    /// Print the prototypes of each object.
    pub prototypes: bool,
    /// Print what V8 and Node.js keep on objects for themselves.
    pub internals: bool,
    /// Say of properties what cannot be done with them.
    pub attributes: bool,
    /// Colours, where somebody looks at them.
    pub colours: Colours,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            depth: 2,
            addresses: false,
            longest_string: usize::MAX,
            most: None,
            bytes: false,
            prototypes: false,
            internals: false,
            attributes: false,
            colours: Colours::Never,
        }
    }
}

/// Levels that are never descended into, whatever depth is asked for: some programs link hundreds of thousands of objects
/// into one list.
const DEEPEST: u64 = 500;

/// What can stand at a place that is printed: a value, or what a property or element has instead.
#[derive(Clone, Debug)]
pub enum Place {
    /// A value.
    Value(Tagged),
    /// A number that is no value of its own: an element of an array of unboxed numbers.
    Number(f64),
    /// A BigInt that is no value of its own, in decimal.
    BigInt(String),
    /// True or false where no value of the program says so.
    Boolean(bool),
    /// Text that is no string of the program's.
    Text(String),
    /// A native address.
    Address(u64),
    /// Functions that run on access; they are not called.
    Accessor {
        /// What reads it.
        getter: Option<Tagged>,
        /// What assigns it.
        setter: Option<Tagged>,
    },
    /// Places with no object around them.
    List(Vec<Place>),
    /// Places under names, with no object of the program's around them.
    Record(Vec<(String, Place)>),
    /// The text of a stack trace that no program has asked for.
    Stack(StackText),
    /// Why there is nothing to be read.
    Unreadable(String),
    /// A prototype, and those behind it.
    Prototypes(Tagged),
    /// Something that native code computes on access.
    Native,
    /// Nothing: an array has no element here.
    Hole,
    /// Nothing: there is no such member.
    Missing,
    /// Nothing yet: a variable whose declaration has not been reached.
    Uninitialized,
}

/// The C++ object behind an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NativeSide {
    /// Where it is.
    pub(crate) address: u64,
    /// Its class, if it has virtual functions and the binary has symbols.
    pub(crate) class: Option<String>,
    /// How many blocks it owns, the one that it is in included, and their bytes: an estimate. Nothing if that was not asked for or
    /// cannot be told.
    pub(crate) owns: Option<(u64, u64)>,
    /// Bytes that Node.js itself counts for it and its parts. Nothing if that was not asked for or cannot be told.
    pub(crate) counted: Option<u64>,
}

/// Tells of objects which C++ object is behind them.
pub(crate) trait NativeSides {
    /// That of an object, if there is one.
    ///
    /// # Errors
    /// The user has interrupted it.
    fn of(&self, object: HeapObject<'_>) -> Result<Option<NativeSide>, DcmdError>;
}

/// Prints values to one output.
pub struct Printer<'a> {
    heap: &'a Heap<'static>,
    style: Style,
    out: &'a mut dyn Write,
    /// Asked before every line whether to go on.
    check: &'a dyn Fn() -> Result<(), DcmdError>,
    /// Untagged addresses of the objects that the present place is inside of.
    open: Vec<u64>,
    faults: u64,
    /// What C++ objects are behind objects, where that is told.
    native: Option<&'a dyn NativeSides>,
}

impl std::fmt::Debug for Printer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer")
            .field("style", &self.style)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl<'a> Printer<'a> {
    /// Prints values of `heap` to `out`; stops with the error of `check` once that has one.
    pub fn new(
        heap: &'a Heap<'static>,
        style: Style,
        out: &'a mut dyn Write,
        check: &'a dyn Fn() -> Result<(), DcmdError>,
    ) -> Printer<'a> {
        let style = Style { depth: style.depth.min(DEEPEST), ..style };
        Printer { heap, style, out, check, open: Vec::new(), faults: 0, native: None }
    }

    /// Says of objects which C++ objects are behind them as well.
    #[must_use]
    pub(crate) fn with_native(mut self, native: &'a dyn NativeSides) -> Printer<'a> {
        self.native = Some(native);
        self
    }

    /// How many values could not be read, and were printed as the reason.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// Prints what stands at a place, without a newline at its end.
    ///
    /// # Errors
    /// Those of the output and of `check`; what cannot be read is printed.
    pub fn print(&mut self, place: &Place) -> Result<(), DcmdError> {
        self.place(place, 0)
    }

    /// A blank between two values on one line.
    ///
    /// # Errors
    /// Those of the output.
    pub fn separate(&mut self) -> Result<(), DcmdError> {
        Ok(self.out.write_all(b" ")?)
    }

    /// Prints a name, another one for the same in brackets, and what stands behind it on a line of its own, as if inside of an
    /// object, without a comma.
    ///
    /// # Errors
    /// As [`Printer::print`].
    pub fn print_named(&mut self, name: Tagged, other: Option<&str>, place: &Place) -> Result<(), DcmdError> {
        self.indent(1)?;
        self.name(name)?;
        if let Some(other) = other {
            write!(self.out, " ({})", crate::output::escape(other))?;
        }
        self.out.write_all(b": ")?;
        self.place(place, 1)?;
        Ok(self.out.write_all(b"\n")?)
    }

    /// Prints something in the colour for it.
    fn inked(
        &mut self,
        ink: Ink,
        print: impl FnOnce(&mut Self) -> Result<(), DcmdError>,
    ) -> Result<(), DcmdError> {
        let (on, off) = self.style.colours.switches(ink);
        self.out.write_all(on.as_bytes())?;
        let printed = print(self);
        self.out.write_all(off.as_bytes())?;
        printed
    }

    /// A word in the colour for it.
    fn word(&mut self, ink: Ink, word: impl std::fmt::Display) -> Result<(), DcmdError> {
        Ok(write!(self.out, "{}", self.style.colours.ink(ink, word))?)
    }

    fn place(&mut self, place: &Place, level: u64) -> Result<(), DcmdError> {
        match place {
            Place::Value(value) => return self.value(*value, level),
            Place::Number(number) => self.word(Ink::Number, number::double(*number))?,
            Place::BigInt(text) => self.word(Ink::Number, text)?,
            Place::Boolean(truth) => self.word(Ink::Number, truth)?,
            Place::Text(text) => {
                let units: Vec<u16> = text.encode_utf16().collect();
                self.inked(Ink::Text, |printer| printer.units(&units))?;
            }
            Place::Address(address) => write!(self.out, "{address:x}")?,
            Place::Accessor { getter, setter } => {
                let (getter, setter) = (*getter, *setter);
                self.inked(Ink::Special, |printer| printer.accessor(getter, setter))?;
            }
            Place::List(places) => return self.list(places, level),
            Place::Record(fields) => return self.record(fields, level),
            Place::Stack(stack) => {
                self.out.write_all(b"[Not formatted yet] ")?;
                self.units(&stack.units)?;
            }
            Place::Unreadable(reason) => {
                self.faults += 1;
                write!(self.out, "<{}>", escape(reason))?;
            }
            Place::Prototypes(first) => self.prototypes(*first)?,
            Place::Native => self.out.write_all(b"[Native accessor]")?,
            Place::Hole => self.out.write_all(b"hole")?,
            Place::Missing => self.word(Ink::Undefined, "undefined")?,
            Place::Uninitialized => self.out.write_all(b"uninitialized")?,
        }
        Ok(())
    }

    /// `[Getter]`, with the addresses of the functions if addresses are wanted.
    fn accessor(&mut self, getter: Option<Tagged>, setter: Option<Tagged>) -> Result<(), DcmdError> {
        let name = match (getter, setter) {
            (Some(_), Some(_)) => "Getter/Setter",
            (None, Some(_)) => "Setter",
            _ => "Getter",
        };
        write!(self.out, "[{name}")?;
        if self.style.addresses {
            for function in [getter, setter].into_iter().flatten() {
                write!(self.out, " {function}")?;
            }
        }
        Ok(self.out.write_all(b"]")?)
    }

    /// Text in quotes that is no string of the heap.
    fn units(&mut self, units: &[u16]) -> Result<(), DcmdError> {
        let limit = self.style.longest_string;
        self.out.write_all(b"\"")?;
        let mut quoting = text::Quoting::new(self.out, Some('"'));
        units.iter().take(limit).try_for_each(|unit| quoting.unit(*unit))?;
        quoting.finish()?;
        self.out.write_all(b"\"")?;
        if units.len() > limit {
            self.out.write_all(b"[...]")?;
        }
        Ok(())
    }

    fn value(&mut self, value: Tagged, level: u64) -> Result<(), DcmdError> {
        if self.style.addresses {
            self.word(Ink::Address, format_args!("{value}: "))?;
        }
        match self.heap.value(value) {
            Ok(Value::Smi(number)) => self.word(Ink::Number, number)?,
            Ok(Value::Double(number)) => self.word(Ink::Number, number::double(number))?,
            Ok(Value::Undefined) => self.word(Ink::Undefined, "undefined")?,
            Ok(Value::Null) => self.word(Ink::Null, "null")?,
            Ok(Value::Boolean(truth)) => self.word(Ink::Number, truth)?,
            Ok(Value::Hole) => self.out.write_all(b"hole")?,
            Ok(Value::String(_)) => self.inked(Ink::Text, |printer| printer.string(value))?,
            Ok(Value::Symbol(symbol)) => self.inked(Ink::Text, |printer| printer.symbol(symbol))?,
            Ok(Value::BigInt(bigint)) => match self.heap.bigint(bigint) {
                Ok((negative, digits)) => self.word(Ink::Number, number::bigint(negative, digits))?,
                Err(error) => self.fault(&error)?,
            },
            Ok(Value::Object(object)) => self.object(object, level)?,
            Ok(Value::Marker | Value::Internal(_)) => self.type_name(value)?,
            Err(error) => self.fault(&error)?,
        }
        Ok(())
    }

    /// `<JSCollator>`: all that is known of it.
    fn type_name(&mut self, value: Tagged) -> Result<(), DcmdError> {
        Ok(write!(self.out, "<{}>", self.heap.class_name(value))?)
    }

    /// Prints why a value cannot be printed.
    fn fault(&mut self, error: &v8_heap::Error) -> Result<(), DcmdError> {
        self.faults += 1;
        Ok(write!(self.out, "<{}>", reasons(error))?)
    }

    /// A string in quotes.
    fn string(&mut self, value: Tagged) -> Result<(), DcmdError> {
        self.out.write_all(b"\"")?;
        let result = self.characters(value, self.style.longest_string, Some('"'))?;
        self.out.write_all(b"\"")?;
        match result {
            Ok(length) if length as usize > self.style.longest_string => self.out.write_all(b"[...]")?,
            Ok(_) => {}
            Err(error) => self.fault(&error)?,
        }
        Ok(())
    }

    /// The first characters of a string, escaped; gives its length, or why not all could be read.
    fn characters(
        &mut self,
        value: Tagged,
        limit: usize,
        quote: Option<char>,
    ) -> Result<v8_heap::Result<u32>, DcmdError> {
        /// Code units written between two looks at the interrupt flag.
        const STEP: usize = 1 << 16;
        let mut quoting = text::Quoting::new(self.out, quote);
        let mut ended: Result<(), DcmdError> = Ok(());
        let check = self.check;
        let length = self.heap.for_each_piece(value, limit, |piece| {
            ended = (|| {
                match piece {
                    v8_heap::objects::string::Piece::OneByte(bytes) => {
                        for bytes in bytes.chunks(STEP) {
                            check()?;
                            quoting.latin1(bytes)?;
                        }
                    }
                    v8_heap::objects::string::Piece::TwoByte(_) => {
                        for (index, unit) in piece.units().enumerate() {
                            if index % STEP == 0 {
                                check()?;
                            }
                            quoting.unit(unit)?;
                        }
                    }
                }
                Ok(())
            })();
            ended.is_ok()
        });
        ended.and_then(|()| Ok(quoting.finish()?))?;
        Ok(length)
    }

    /// `Symbol(description)`, or `#x` for the name of a private member.
    fn symbol(&mut self, symbol: HeapObject<'_>) -> Result<(), DcmdError> {
        let heap = self.heap;
        let read =
            heap.symbol_privacy(symbol).and_then(|privacy| Ok((privacy, heap.symbol_description(symbol)?)));
        let (privacy, description) = match read {
            Ok(read) => read,
            Err(error) => return self.fault(&error),
        };
        let bare = privacy == Privacy::Member;
        if !bare {
            self.out.write_all(b"Symbol(")?;
        }
        if let Some(description) = description
            && let Err(error) = self.characters(description, self.style.longest_string, None)?
        {
            self.fault(&error)?;
        }
        if !bare {
            self.out.write_all(b")")?;
        }
        Ok(())
    }

    /// The name of a property, in front of its value.
    fn name(&mut self, name: Tagged) -> Result<(), DcmdError> {
        let heap = self.heap;
        match heap.value(name) {
            Ok(Value::Symbol(symbol)) => {
                let bare = matches!(heap.symbol_privacy(symbol), Ok(Privacy::Member));
                if bare {
                    return self.symbol(symbol);
                }
                self.out.write_all(b"[")?;
                self.symbol(symbol)?;
                Ok(self.out.write_all(b"]")?)
            }
            Ok(_) => {
                self.out.write_all(b"\"")?;
                let written = self.characters(name, usize::MAX, Some('"'))?;
                self.out.write_all(b"\"")?;
                match written {
                    Ok(_) => Ok(()),
                    Err(error) => self.fault(&error),
                }
            }
            Err(error) => self.fault(&error),
        }
    }
}

impl Place {
    /// What an export of a module holds: the hole until its declaration has been run.
    fn of_binding(heap: &Heap<'_>, value: Tagged) -> Place {
        match heap.value(value) {
            Ok(Value::Hole) => Place::Uninitialized,
            _ => Place::Value(value),
        }
    }

    /// What a variable of a scope has.
    pub fn of_variable(heap: &Heap<'_>, value: VariableValue) -> Place {
        match value {
            VariableValue::Tagged(value) => Place::of_binding(heap, value),
            VariableValue::Number(number) => Place::Number(number),
            VariableValue::Uninitialized => Place::Uninitialized,
            VariableValue::Property(value) => Place::of_property(heap, value),
        }
    }

    /// What a property has.
    pub fn of_property(heap: &Heap<'_>, value: PropertyValue) -> Place {
        match value {
            PropertyValue::Data(value) => Place::Value(value),
            PropertyValue::Double(number) => Place::Number(number),
            PropertyValue::Accessor { getter, setter } => {
                let is_there = |function: &Tagged| {
                    matches!(heap.value(*function), Ok(Value::Object(_) | Value::Internal(_)))
                };
                Place::Accessor {
                    getter: Some(getter).filter(is_there),
                    setter: Some(setter).filter(is_there),
                }
            }
            PropertyValue::Native => Place::Native,
        }
    }
}
