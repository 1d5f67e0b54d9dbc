//! The contents of typed arrays and buffers.
//!
//! The first [`MOST_ELEMENTS`] are printed, [`PER_LINE`] on a line; how many more there are is said. As hexadecimal and text it
//! is the first [`MOST_DUMPED`] bytes.

use v8_heap::layout::TypedElement;
use v8_heap::objects::value::HeapObject;

use super::object::Frame;
use super::{Place, Printer, number};
use crate::error::DcmdError;

/// Elements on a line.
const PER_LINE: u64 = 16;
/// Elements that are printed.
const MOST_ELEMENTS: u64 = 128;
/// Bytes of an ArrayBuffer that are printed.
const MOST_BYTES: u64 = 32;
/// Bytes that are printed as hexadecimal and text.
const MOST_DUMPED: u64 = 256;

impl Printer<'_> {
    /// Elements of a typed array, on lines of their own.
    pub(super) fn typed_array(&mut self, object: HeapObject<'_>, frame: &mut Frame) -> Result<(), DcmdError> {
        let most = self.style.most.unwrap_or(MOST_ELEMENTS);
        let read = self.heap.view(object).and_then(|view| {
            let element = view.element.unwrap_or(TypedElement::Uint8);
            let shown = (view.byte_length / element.size()).min(most);
            let bytes = match shown {
                0 => &[],
                _ => self.heap.raw_bytes(view.address, (shown * element.size()) as usize)?,
            };
            Ok((view.byte_length / element.size(), element, bytes))
        });
        let (length, element, bytes) = match read {
            Ok(read) => read,
            Err(error) => return self.fault_line(&error, frame),
        };
        for line in bytes.chunks((PER_LINE * element.size()) as usize) {
            if !self.begin(frame)? {
                return Ok(());
            }
            for (index, bytes) in line.chunks_exact(element.size() as usize).enumerate() {
                if index > 0 {
                    self.out.write_all(b" ")?;
                }
                self.place(&element_value(element, bytes), frame.level + 1)?;
                self.out.write_all(b",")?;
            }
            self.out.write_all(b"\n")?;
        }
        if length > most { self.more(length - most, frame) } else { Ok(()) }
    }

    /// Bytes as hexadecimal and text, 16 on a line behind their offset.
    pub(super) fn hexdump(&mut self, object: HeapObject<'_>, frame: &mut Frame) -> Result<(), DcmdError> {
        let most = self.style.most.unwrap_or(MOST_DUMPED);
        let read = self.heap.view(object).and_then(|view| {
            let shown = view.byte_length.min(most) as usize;
            let bytes = if shown == 0 { &[] } else { self.heap.raw_bytes(view.address, shown)? };
            Ok((view.byte_length, bytes))
        });
        let (length, bytes) = match read {
            Ok(read) => read,
            Err(error) => return self.fault_line(&error, frame),
        };
        for (index, line) in bytes.chunks(PER_LINE as usize).enumerate() {
            if !self.begin(frame)? {
                return Ok(());
            }
            let mut hex = String::new();
            for (at, byte) in line.iter().enumerate() {
                hex += if at == 8 { "  " } else { " " };
                hex += &format!("{byte:02x}");
            }
            let text: String = line
                .iter()
                .map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' })
                .collect();
            writeln!(self.out, "{:6x}:{hex:<49}  {text}", index as u64 * PER_LINE)?;
        }
        if length > most { self.more(length - most, frame) } else { Ok(()) }
    }

    /// ` <de ad be ef ...>`
    pub(super) fn buffer(&mut self, object: HeapObject<'_>) -> Result<(), DcmdError> {
        let most = self.style.most.unwrap_or(MOST_BYTES);
        let read = self.heap.view(object).and_then(|view| {
            let shown = view.byte_length.min(most) as usize;
            let bytes = if shown == 0 { &[] } else { self.heap.raw_bytes(view.address, shown)? };
            Ok((view.byte_length, bytes))
        });
        self.out.write_all(b" ")?;
        let (length, bytes) = match read {
            Ok(read) => read,
            Err(error) => return self.fault(&error),
        };
        let mut shown: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if length > most {
            shown.push(format!("... {} more", length - most));
        }
        Ok(write!(self.out, "<{}>", shown.join(" "))?)
    }
}

/// An element from its bytes.
pub(crate) fn element_value(element: TypedElement, bytes: &[u8]) -> Place {
    let mut word = [0u8; 8];
    let size = bytes.len().min(8);
    word[..size].copy_from_slice(&bytes[..size]);
    let word = u64::from_le_bytes(word);
    Place::Number(match element {
        TypedElement::Uint8 | TypedElement::Uint8Clamped | TypedElement::Uint16 | TypedElement::Uint32 => {
            word as f64
        }
        TypedElement::Int8 => f64::from(word as u8 as i8),
        TypedElement::Int16 => f64::from(word as u16 as i16),
        TypedElement::Int32 => f64::from(word as u32 as i32),
        TypedElement::Float16 => number::half(word as u16),
        TypedElement::Float32 => f64::from(f32::from_bits(word as u32)),
        TypedElement::Float64 => f64::from_bits(word),
        TypedElement::BigUint64 => return Place::BigInt(format!("{word}n")),
        TypedElement::BigInt64 => return Place::BigInt(format!("{}n", word as i64)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(element: TypedElement, bytes: &[u8]) -> f64 {
        match element_value(element, bytes) {
            Place::Number(number) => number,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn elements_decode_from_little_endian_bytes() {
        assert_eq!(number(TypedElement::Uint8, &[0xab]), 171.0);
        assert_eq!(number(TypedElement::Int8, &[0xff]), -1.0);
        assert_eq!(number(TypedElement::Int16, &[0x2c, 0x01]), 300.0);
        assert_eq!(number(TypedElement::Uint32, &[0xff; 4]), 4_294_967_295.0);
        assert_eq!(number(TypedElement::Int32, &[0xfe, 0xff, 0xff, 0xff]), -2.0);
        assert_eq!(number(TypedElement::Float32, &[0, 0, 0xc0, 0xbf]), -1.5);
        assert!(matches!(element_value(TypedElement::BigInt64, &[0xfb, 255, 255, 255, 255, 255, 255, 255]),
            Place::BigInt(text) if text == "-5n"));
    }
}
