//! Values of expressions, and JavaScript's comparisons of them.

use std::cmp::Ordering;
use std::rc::Rc;

use super::values::Values;
use crate::print::format_number;

/// A value.
#[derive(Clone, Debug)]
pub enum JsValue {
    /// `undefined`, and whatever is not there or only a getter could tell.
    Undefined,
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number.
    Number(f64),
    /// A big integer, in decimal.
    BigInt(Rc<str>),
    /// A string of the expression's.
    Text(Rc<str>),
    /// A string of the program, by the word that stands for it.
    String(u64),
    /// A symbol.
    Symbol(u64),
    /// An object; compared by its identity.
    Object(u64),
    /// A value of which no more than its type is known, as `typeof` names it.
    Untold(&'static str),
}

/// A value that can be compared, hashed and kept: equal where JavaScript's `===` says so, and NaN to itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A number, as its bits; -0 is 0.
    Number(u64),
    /// A big integer.
    BigInt(Rc<str>),
    /// A string.
    Text(Rc<str>),
    /// `true` or `false`
    Boolean(bool),
    /// A symbol.
    Symbol(u64),
    /// An object.
    Object(u64),
    /// `null`
    Null,
    /// `undefined`
    Undefined,
}

impl JsValue {
    /// As a condition.
    ///
    /// # Errors
    /// A string cannot be read.
    pub fn is_true(&self, values: &dyn Values) -> v8_heap::Result<bool> {
        Ok(match self {
            JsValue::Undefined | JsValue::Null => false,
            JsValue::Boolean(truth) => *truth,
            JsValue::Number(number) => *number != 0.0 && !number.is_nan(),
            JsValue::BigInt(digits) => &**digits != "0",
            JsValue::Text(text) => !text.is_empty(),
            JsValue::String(string) => !values.is_empty(*string)?,
            JsValue::Symbol(_) | JsValue::Object(_) => true,
            JsValue::Untold(_) => false,
        })
    }

    /// What `typeof` says.
    pub fn type_name(&self, values: &dyn Values) -> &'static str {
        match self {
            JsValue::Undefined => "undefined",
            JsValue::Null => "object",
            JsValue::Boolean(_) => "boolean",
            JsValue::Number(_) => "number",
            JsValue::BigInt(_) => "bigint",
            JsValue::Text(_) | JsValue::String(_) => "string",
            JsValue::Symbol(_) => "symbol",
            JsValue::Object(object) if values.is_callable(*object) => "function",
            JsValue::Object(_) => "object",
            JsValue::Untold(name) => name,
        }
    }

    /// As a string, if it is one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn text(&self, values: &dyn Values) -> v8_heap::Result<Option<Rc<str>>> {
        Ok(match self {
            JsValue::Text(text) => Some(Rc::clone(text)),
            JsValue::String(string) => Some(values.text(*string)?),
            _ => None,
        })
    }

    /// As a string, where JavaScript makes one of it without running anything.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn to_text(&self, values: &dyn Values) -> v8_heap::Result<Option<Rc<str>>> {
        Ok(match self {
            JsValue::Undefined => Some("undefined".into()),
            JsValue::Null => Some("null".into()),
            JsValue::Boolean(truth) => Some(truth.to_string().into()),
            JsValue::Number(number) => Some(format_number(*number).into()),
            JsValue::BigInt(digits) => Some(Rc::clone(digits)),
            _ => self.text(values)?,
        })
    }

    /// As a number: JavaScript's `Number(…)`, where that runs nothing; a Date is its milliseconds.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn number(&self, values: &dyn Values) -> v8_heap::Result<f64> {
        Ok(match self {
            JsValue::Undefined | JsValue::Symbol(_) | JsValue::Untold(_) => f64::NAN,
            JsValue::Null => 0.0,
            JsValue::Boolean(truth) => f64::from(u8::from(*truth)),
            JsValue::Number(number) => *number,
            JsValue::BigInt(digits) => digits.parse().unwrap_or(f64::NAN),
            JsValue::Text(_) | JsValue::String(_) => {
                self.text(values)?.map_or(f64::NAN, |text| number_of_text(&text))
            }
            JsValue::Object(object) => values.date(*object)?,
        })
    }

    /// JavaScript's `===`.
    ///
    /// # Errors
    /// A string cannot be read.
    pub fn strictly_equals(&self, other: &JsValue, values: &dyn Values) -> v8_heap::Result<bool> {
        Ok(match (self, other) {
            (JsValue::Undefined, JsValue::Undefined) | (JsValue::Null, JsValue::Null) => true,
            (JsValue::Boolean(a), JsValue::Boolean(b)) => a == b,
            (JsValue::Number(a), JsValue::Number(b)) => a == b,
            (JsValue::BigInt(a), JsValue::BigInt(b)) => a == b,
            (JsValue::Symbol(a), JsValue::Symbol(b)) | (JsValue::Object(a), JsValue::Object(b)) => a == b,
            (JsValue::String(a), JsValue::String(b)) if a == b => true,
            (JsValue::String(string), JsValue::Text(text))
            | (JsValue::Text(text), JsValue::String(string)) => values.says(*string, text)?,
            _ if self.is_string() && other.is_string() => self.text(values)? == other.text(values)?,
            _ => false,
        })
    }

    /// JavaScript's `==`.
    ///
    /// # Errors
    /// A string cannot be read.
    pub fn equals(&self, other: &JsValue, values: &dyn Values) -> v8_heap::Result<bool> {
        let empty = |value: &JsValue| matches!(value, JsValue::Undefined | JsValue::Null);
        if empty(self) || empty(other) {
            return Ok(empty(self) && empty(other));
        }
        let identity = |value: &JsValue| matches!(value, JsValue::Object(_) | JsValue::Symbol(_));
        let same_type = std::mem::discriminant(self) == std::mem::discriminant(other)
            || (self.is_string() && other.is_string());
        if same_type || identity(self) || identity(other) {
            return self.strictly_equals(other, values);
        }
        if let (JsValue::BigInt(big), other) | (other, JsValue::BigInt(big)) = (self, other) {
            return Ok(compare_big(big, other, values)? == Some(Ordering::Equal));
        }
        Ok(self.number(values)? == other.number(values)?)
    }

    /// JavaScript's `<` and its kin: how the two compare, if they can be compared.
    ///
    /// # Errors
    /// A string cannot be read.
    pub fn compare(&self, other: &JsValue, values: &dyn Values) -> v8_heap::Result<Option<Ordering>> {
        if self.is_string() && other.is_string() {
            let (Some(a), Some(b)) = (self.text(values)?, other.text(values)?) else { return Ok(None) };
            return Ok(Some(compare_text(&a, &b)));
        }
        match (self, other) {
            (JsValue::BigInt(big), other) => compare_big(big, other, values),
            (other, JsValue::BigInt(big)) => Ok(compare_big(big, other, values)?.map(Ordering::reverse)),
            _ => Ok(self.number(values)?.partial_cmp(&other.number(values)?)),
        }
    }

    /// Whether it is a string.
    pub fn is_string(&self) -> bool {
        matches!(self, JsValue::Text(_) | JsValue::String(_))
    }

    /// A form of it that can be kept and hashed.
    ///
    /// # Errors
    /// A string cannot be read.
    pub fn key(&self, values: &dyn Values) -> v8_heap::Result<Key> {
        Ok(match self {
            JsValue::Undefined | JsValue::Untold(_) => Key::Undefined,
            JsValue::Null => Key::Null,
            JsValue::Boolean(truth) => Key::Boolean(*truth),
            JsValue::Number(number) if *number == 0.0 => Key::Number(0),
            JsValue::Number(number) if number.is_nan() => Key::Number(f64::NAN.to_bits()),
            JsValue::Number(number) => Key::Number(number.to_bits()),
            JsValue::BigInt(digits) => Key::BigInt(Rc::clone(digits)),
            JsValue::Text(text) => Key::Text(Rc::clone(text)),
            JsValue::String(string) => Key::Text(values.text(*string)?),
            JsValue::Symbol(symbol) => Key::Symbol(*symbol),
            JsValue::Object(object) => Key::Object(*object),
        })
    }
}

impl Key {
    /// Sorted: numbers, big integers, strings, then the rest; what is not there comes last.
    pub fn order(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Number(a), Key::Number(b)) => f64::from_bits(*a).total_cmp(&f64::from_bits(*b)),
            (Key::BigInt(a), Key::BigInt(b)) => compare_digits(a, b),
            (Key::Text(a), Key::Text(b)) => compare_text(a, b),
            (Key::Boolean(a), Key::Boolean(b)) => a.cmp(b),
            (Key::Symbol(a), Key::Symbol(b)) | (Key::Object(a), Key::Object(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Key::Number(_) => 0,
            Key::BigInt(_) => 1,
            Key::Text(_) => 2,
            Key::Boolean(_) => 3,
            Key::Symbol(_) => 4,
            Key::Object(_) => 5,
            Key::Null => 6,
            Key::Undefined => 7,
        }
    }
}

/// Strings compare by their UTF-16 code units.
fn compare_text(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

/// A big integer with any other value.
fn compare_big(big: &str, other: &JsValue, values: &dyn Values) -> v8_heap::Result<Option<Ordering>> {
    if let JsValue::BigInt(other) = other {
        return Ok(Some(compare_digits(big, other)));
    }
    let number = other.number(values)?;
    if number.is_nan() {
        return Ok(None);
    }
    if number.is_infinite() {
        return Ok(Some(if number > 0.0 { Ordering::Less } else { Ordering::Greater }));
    }
    // Every double is a decimal with an end: its digits in front of the point, and whether any are behind.
    let whole = format!("{:.0}", number.trunc());
    let whole = if whole == "-0" { "0" } else { &whole };
    let by_whole = compare_digits(big, whole);
    let fraction = number.fract();
    Ok(Some(match by_whole {
        Ordering::Equal if fraction > 0.0 => Ordering::Less,
        Ordering::Equal if fraction < 0.0 => Ordering::Greater,
        other => other,
    }))
}

/// Decimal integers of any length.
fn compare_digits(a: &str, b: &str) -> Ordering {
    let parts = |text: &'_ str| -> (bool, usize) { (text.starts_with('-'), text.len()) };
    match (parts(a), parts(b)) {
        ((false, _), (true, _)) => Ordering::Greater,
        ((true, _), (false, _)) => Ordering::Less,
        ((negative, a_length), (_, b_length)) => {
            let size = a_length.cmp(&b_length).then_with(|| a.cmp(b));
            if negative { size.reverse() } else { size }
        }
    }
}

/// JavaScript's `Number(text)`.
fn number_of_text(text: &str) -> f64 {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if text.is_empty() {
        return 0.0;
    }
    for (prefixes, radix) in [(["0x", "0X"], 16), (["0o", "0O"], 8), (["0b", "0B"], 2)] {
        if let Some(digits) = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)) {
            return u64::from_str_radix(digits, radix).map_or(f64::NAN, |value| value as f64);
        }
    }
    match text {
        "Infinity" | "+Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) => {
            text.parse().unwrap_or(f64::NAN)
        }
        _ => f64::NAN,
    }
}
