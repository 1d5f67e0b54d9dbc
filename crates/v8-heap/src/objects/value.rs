//! Any value: what a tagged word stands for.

use crate::layout::Kind;
pub use crate::shape::heap_object::HeapObject;
use crate::view::View;
use crate::{Error, Result, Tagged};

/// What a tagged word stands for.
#[derive(Clone, Copy, Debug)]
pub enum Value<'h> {
    /// A small integer.
    Smi(i32),
    /// A number kept in a `HeapNumber`.
    Double(f64),
    /// `undefined`
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A missing array element or an uninitialised variable.
    Hole,
    /// Another of V8's own marker values.
    Marker,
    /// A string.
    String(HeapObject<'h>),
    /// A symbol.
    Symbol(HeapObject<'h>),
    /// A big integer.
    BigInt(HeapObject<'h>),
    /// A JavaScript object.
    Object(HeapObject<'h>),
    /// An object of V8's own.
    Internal(HeapObject<'h>),
}

/// `Oddball::kTheHole` and the kinds behind it.
mod oddball {
    pub const FALSE: i32 = 0;
    pub const TRUE: i32 = 1;
    pub const THE_HOLE: i32 = 2;
    pub const NULL: i32 = 3;
}

impl View<'_> {
    /// What a tagged word stands for.
    ///
    /// # Errors
    /// If it points to something that cannot be read or is no object.
    pub fn value(&self, value: Tagged) -> Result<Value<'_>> {
        if let Some(smi) = value.smi() {
            return Ok(Value::Smi(smi));
        }
        let object = self.object(value)?;
        Ok(match object.kind() {
            Kind::String => Value::String(object),
            Kind::HeapNumber => Value::Double(f64::from_bits(
                self.words().word(object.address + self.fields().heap_number_value, "HeapNumber")?,
            )),
            Kind::Oddball => self.oddball(object.address)?,
            Kind::Hole => Value::Hole,
            Kind::Symbol => Value::Symbol(object),
            Kind::BigInt => Value::BigInt(object),
            kind if kind.is_js_object() => Value::Object(object),
            _ => Value::Internal(object),
        })
    }

    fn oddball(&self, address: u64) -> Result<Value<'_>> {
        let kind = self.words().tagged(address + self.fields().oddball_kind, "kind of an Oddball")?.smi();
        Ok(match kind {
            Some(oddball::FALSE) => Value::Boolean(false),
            Some(oddball::TRUE) => Value::Boolean(true),
            Some(oddball::NULL) => Value::Null,
            Some(kind) if kind == self.layout().facts.undefined_kind => Value::Undefined,
            Some(oddball::THE_HOLE) => Value::Hole,
            _ => Value::Marker,
        })
    }

    /// Whether a word stands for a value that optimised code has not kept.
    pub(super) fn is_optimized_out(&self, value: Tagged) -> bool {
        let Some(wanted) = self.layout().facts.optimized_out_kind else { return false };
        let Some(object) = self.object(value).ok().filter(|object| object.kind() == Kind::Oddball) else {
            return false;
        };
        let kind = self.words().tagged(object.address + self.fields().oddball_kind, "kind of an Oddball");
        kind.is_ok_and(|kind| kind.smi() == Some(wanted))
    }

    /// Whether a word is the hole (or one of V8's other markers), which no program sees.
    pub fn is_hole(&self, value: Tagged) -> bool {
        self.well_known().markers.binary_search(&value).is_ok()
    }

    /// A number, from a Smi or a `HeapNumber`.
    pub fn number(&self, value: Tagged) -> Option<f64> {
        match self.value(value).ok()? {
            Value::Smi(smi) => Some(f64::from(smi)),
            Value::Double(double) => Some(double),
            _ => None,
        }
    }

    /// Name of the class of an object, as V8 spells it.
    pub fn class_name(&self, value: Tagged) -> &str {
        match self.object(value) {
            Ok(object) => self.layout().type_name(object.map.instance_type),
            Err(_) => "no heap object",
        }
    }

    pub(crate) fn wrong_type(&self, value: Tagged, expected: &'static str) -> Error {
        Error::WrongType { object: value, expected, found: self.class_name(value).to_owned() }
    }

    /// The digits of a `BigInt`: negative or not, and 64 bits each, least significant first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn bigint(&self, object: HeapObject<'_>) -> Result<(bool, Vec<u64>)> {
        let words = self.words();
        let bits = words.word32(object.address + self.fields().bigint_bits, "BigInt")?;
        let digits = self.bits().bigint_length.of(bits.into()) as usize;
        let bytes =
            words.slice(object.address + self.fields().bigint_digits, digits * 8, "digits of a BigInt")?;
        let digits =
            bytes.chunks_exact(8).map(|d| u64::from_le_bytes(d.try_into().expect("eight bytes"))).collect();
        Ok((self.bits().bigint_sign.is_set(bits), digits))
    }

    /// Whether a word is a string.
    pub fn is_string(&self, value: Tagged) -> bool {
        self.object(value).is_ok_and(|object| object.kind() == Kind::String)
    }
}
