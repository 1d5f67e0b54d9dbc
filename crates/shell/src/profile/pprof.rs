//! The protocol buffer of pprof (pprof: `proto/profile.proto`), not compressed, as its readers take it too.
//!
//! ```text
//! Profile   1 sample_type  2 sample  4 location  5 function  6 string_table
//! ValueType 1 type  2 unit     Sample 1 location_id, innermost first  2 value
//! Location  1 id  4 line       Line   1 function_id                   Function  1 id  2 name
//! ```

use std::collections::HashMap;

use super::Profile;

/// The file of a profile.
pub(super) fn written(profile: &Profile) -> Vec<u8> {
    let mut strings = Strings::default();
    strings.number("");
    let mut out = Vec::new();
    let mut value_type = Vec::new();
    let what = match profile.unit {
        super::Unit::Bytes => "retained",
        super::Unit::Threads => "stacks",
    };
    number(&mut value_type, 1, strings.number(what));
    number(&mut value_type, 2, strings.number(profile.unit.name()));
    bytes(&mut out, 1, &value_type);
    let mut functions: HashMap<&str, u64> = HashMap::new();
    let mut defined = Vec::new();
    for stack in profile.stacks.iter().filter(|stack| stack.weight > 0) {
        let mut sample = Vec::new();
        let mut locations = Vec::new();
        for frame in stack.frames.iter().rev() {
            let next = functions.len() as u64 + 1;
            let id = *functions.entry(frame).or_insert_with(|| {
                let mut line = Vec::new();
                number(&mut line, 1, next);
                let mut location = Vec::new();
                number(&mut location, 1, next);
                bytes(&mut location, 4, &line);
                bytes(&mut defined, 4, &location);
                let mut function = Vec::new();
                number(&mut function, 1, next);
                number(&mut function, 2, strings.number(frame));
                bytes(&mut defined, 5, &function);
                next
            });
            varint(&mut locations, id);
        }
        bytes(&mut sample, 1, &locations);
        let mut value = Vec::new();
        varint(&mut value, stack.weight);
        bytes(&mut sample, 2, &value);
        bytes(&mut out, 2, &sample);
    }
    out.extend(defined);
    for text in &strings.texts {
        bytes(&mut out, 6, text.as_bytes());
    }
    out
}

#[derive(Default)]
struct Strings {
    texts: Vec<String>,
    numbers: HashMap<String, u64>,
}

impl Strings {
    fn number(&mut self, text: &str) -> u64 {
        let next = self.texts.len() as u64;
        *self.numbers.entry(text.to_owned()).or_insert_with(|| {
            self.texts.push(text.to_owned());
            next
        })
    }
}

/// A number of variable length: seven bits a byte, the lowest first.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A field that is a number.
fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

/// A field that has a length.
fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::super::{Stack, Unit};
    use super::*;

    #[test]
    fn a_profile_is_these_bytes() {
        let stacks = vec![Stack { frames: vec!["a".into()], weight: 300 }];
        let file = written(&Profile { title: "t".into(), unit: Unit::Bytes, stacks });
        // By hand from profile.proto: value type, sample, location, function, strings.
        let expected = b"\x0a\x04\x08\x01\x10\x02\x12\x07\x0a\x01\x01\x12\x02\xac\x02\x22\x06\x08\x01\x22\x02\x08\x01\x2a\x04\x08\x01\x10\x03\
            \x32\x00\x32\x08retained\x32\x05bytes\x32\x01a";
        assert_eq!(file, expected);
    }
}
