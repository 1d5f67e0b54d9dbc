//! Regular expressions.
//!
//! ```text
//!   JSRegExp   +24 data   +32 source   +40 flags, Smi   +48 lastIndex (an ordinary in-object property)
//! ```
//!
//! From V8 15 on the source is in the data.
//!
//! (V8: `src/objects/js-regexp.tq`, `JSRegExp`, `JSRegExpFlags`.)

use crate::layout::Kind;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Error, Result, Tagged};

/// Letters of the flags, by bit.
const LETTERS: &[u8] = b"gimyusldv";
/// The order in which `RegExp.prototype.flags` gives them.
const PRINTED: &str = "dgimlsuvy";

/// A regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegExp {
    /// Its pattern, as a string.
    pub source: Tagged,
    /// Its flags, as the program sees them: `gi`.
    pub flags: String,
}

impl View<'_> {
    /// Pattern and flags of a regular expression.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn regexp(&self, object: HeapObject<'_>) -> Result<RegExp> {
        if object.kind() != Kind::JsRegExp {
            return Err(self.wrong_type(object.value(), "JSRegExp"));
        }
        let (words, fields) = (self.words(), self.fields());
        let source = match (fields.regexp_source, fields.regexp_data_source) {
            (Some(source), _) => words.tagged(object.address + source, "source of a JSRegExp")?,
            (None, source) => {
                let data = words.trusted(object.address + fields.regexp_data, "data of a JSRegExp")?;
                let source = source.ok_or_else(|| self.wrong_type(data, "RegExpData"))?;
                words.tagged(self.object(data)?.address + source, "source of a RegExpData")?
            }
        };
        let flags = words.tagged(object.address + fields.regexp_flags, "flags of a JSRegExp")?;
        let bits = flags.smi().ok_or_else(|| Error::Implausible {
            what: "flags",
            object: object.value(),
            found: flags.to_string(),
        })?;
        Ok(RegExp { source, flags: flag_letters(bits as u32) })
    }
}

fn flag_letters(bits: u32) -> String {
    let is_set = |letter: char| {
        LETTERS.iter().position(|known| char::from(*known) == letter).is_some_and(|bit| bits >> bit & 1 == 1)
    };
    PRINTED.chars().filter(|letter| is_set(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Values of `RegExp.prototype.flags` for the bits that V8's `JSRegExp::FlagsToString` gives.
    #[test]
    fn flags_are_spelt_as_programs_see_them() {
        assert_eq!(flag_letters(0), "");
        assert_eq!(flag_letters(0b11), "gi");
        assert_eq!(flag_letters(0b1_0000), "u");
        assert_eq!(flag_letters(0b1011_1111), "dgimsuy");
        assert_eq!(flag_letters(0x100), "v");
    }
}
