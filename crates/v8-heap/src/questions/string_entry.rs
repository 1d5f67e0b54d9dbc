//! A string as the searches over all of them know it.

use crate::Tagged;
use crate::layout::StringShape;
use crate::shape::map::Map;

/// How a string is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // V8's own names
pub enum Representation {
    SequentialOneByte,
    SequentialTwoByte,
    InternalizedOneByte,
    InternalizedTwoByte,
    Cons,
    Sliced,
    Thin,
    ExternalOneByte,
    ExternalTwoByte,
}

/// `kIsNotInternalizedMask` of `instance-type.h`.
const NOT_INTERNALIZED: u16 = 1 << 5;

impl Representation {
    /// All, in the order of their numbers.
    pub const ALL: [Representation; 9] = [
        Representation::SequentialOneByte,
        Representation::SequentialTwoByte,
        Representation::InternalizedOneByte,
        Representation::InternalizedTwoByte,
        Representation::Cons,
        Representation::Sliced,
        Representation::Thin,
        Representation::ExternalOneByte,
        Representation::ExternalTwoByte,
    ];

    /// For users.
    pub fn name(self) -> &'static str {
        match self {
            Representation::SequentialOneByte => "sequential, one byte",
            Representation::SequentialTwoByte => "sequential, two bytes",
            Representation::InternalizedOneByte => "internalized, one byte",
            Representation::InternalizedTwoByte => "internalized, two bytes",
            Representation::Cons => "cons",
            Representation::Sliced => "sliced",
            Representation::Thin => "thin",
            Representation::ExternalOneByte => "external, one byte",
            Representation::ExternalTwoByte => "external, two bytes",
        }
    }

    /// Characters outside the heap.
    pub fn is_external(self) -> bool {
        matches!(self, Representation::ExternalOneByte | Representation::ExternalTwoByte)
    }

    /// Characters of its own, not those of other strings.
    pub fn has_characters(self) -> bool {
        !matches!(self, Representation::Cons | Representation::Sliced | Representation::Thin)
    }

    pub(crate) fn of(map: &Map) -> Option<Representation> {
        let internalized = map.instance_type & NOT_INTERNALIZED == 0;
        Some(match map.string_shape()? {
            StringShape::Sequential { one_byte: true } if internalized => Representation::InternalizedOneByte,
            StringShape::Sequential { one_byte: false } if internalized => {
                Representation::InternalizedTwoByte
            }
            StringShape::Sequential { one_byte: true } => Representation::SequentialOneByte,
            StringShape::Sequential { one_byte: false } => Representation::SequentialTwoByte,
            StringShape::Cons => Representation::Cons,
            StringShape::Sliced => Representation::Sliced,
            StringShape::Thin => Representation::Thin,
            StringShape::External { one_byte: true, .. } => Representation::ExternalOneByte,
            StringShape::External { one_byte: false, .. } => Representation::ExternalTwoByte,
        })
    }
}

/// One string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringEntry {
    /// The string.
    pub value: Tagged,
    /// Number of UTF-16 code units.
    pub length: u32,
    /// Bytes in the heap.
    pub in_heap: u32,
    /// How it is stored.
    pub representation: Representation,
}

impl StringEntry {
    /// Bytes in the heap, and bytes outside.
    pub fn bytes(&self) -> (u64, u64) {
        let outside = match self.representation {
            Representation::ExternalOneByte => u64::from(self.length),
            Representation::ExternalTwoByte => 2 * u64::from(self.length),
            _ => 0,
        };
        (u64::from(self.in_heap), outside)
    }

    /// Bytes in the heap and outside together.
    pub fn total(&self) -> u64 {
        let (inside, outside) = self.bytes();
        inside + outside
    }
}
