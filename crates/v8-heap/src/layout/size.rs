//! How large an object is, when its map does not say.
//!
//! A map gives the size of most objects. Where it says 0, the size follows from a count in the object
//! (V8: `HeapObject::SizeFromMap`). For nearly all types the rule has one form, which [`SizeFormula`] computes without a
//! branch; the handful of others are [`SpecialSize`].

use super::class;
use super::versions::Version;
use super::{
    ClassId, Classes, Facts, FieldKind, Fields, Kind, Layout, ProcessorLayout, ScopeInfoParts, TailLayout,
    WordModel,
};
use crate::Tagged;

/// `size = round(base + ((u32 at offset >> shift) & mask) * unit)`, in bytes, rounded up to whole words. With `mask` 0 the size is
/// fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeFormula {
    /// Bytes beside the counted ones.
    pub base: u32,
    /// Of the count; 0 for a fixed size.
    pub mask: u32,
    /// Bytes each.
    pub unit: u32,
    /// Where in the object the 32 bits with the count are.
    pub offset: u8,
    /// Right shift of the count.
    pub shift: u8,
    /// The rule, if it is none of this form.
    pub special: Option<SpecialSize>,
}

/// Sizes that no [`SizeFormula`] computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialSize {
    /// `FeedbackMetadata`: slot kinds, six in 32 bits, and from V8 13 on two bytes for each parameter of a created closure.
    FeedbackMetadata,
    /// `PreparseData`: bytes, then child pointers.
    PreparseData,
    /// `ScopeInfo`: a sum over what its flags announce.
    ScopeInfo,
    /// `Map`: some have an extension, which says how large they are (V8 15).
    Map,
    /// `InstructionStream`
    InstructionStream,
    /// `Code` with instructions in it: these, then their metadata (V8 up to 10).
    Code,
}

/// What a rule of no plain form reads of an object, offsets in bytes from its start.
pub(crate) trait ObjectBytes {
    /// Why a word cannot be read.
    type Error;

    /// The 32 bits at an offset.
    fn word32(&mut self, offset: u64, what: &'static str) -> Result<u32, Self::Error>;

    /// The tagged word at an offset.
    fn tagged(&mut self, offset: u64, what: &'static str) -> Result<Tagged, Self::Error>;

    /// The address of the object, and how many bytes there are from it to the end of what can hold objects.
    fn room(&self) -> (u64, u64);

    /// Whether a word is the map of memory between objects.
    fn is_map_of_gap(&mut self, word: Tagged) -> bool;
}

impl Layout {
    /// The size of an object whose type has a rule of its own, in bytes; `None` if its counts cannot be right.
    pub(crate) fn special_size<B: ObjectBytes>(
        &self,
        special: SpecialSize,
        object: &mut B,
    ) -> Result<Option<u64>, B::Error> {
        let fields = &self.fields;
        let tagged = fields.words.tagged;
        let processor = self.processor;
        Ok(match special {
            SpecialSize::FeedbackMetadata => {
                let slots = object.word32(fields.feedback_slots, "slots of FeedbackMetadata")?;
                let closures = match self.facts.feedback_metadata_counts_closures {
                    true => object.word32(fields.feedback_closures, "closures of FeedbackMetadata")?,
                    false => 0,
                };
                // The kinds of six slots are in four bytes.
                let slots = u64::from(slots).div_ceil(6) * 4;
                let size = fields.feedback_metadata_slots + slots + u64::from(closures) * 2;
                Some(size.next_multiple_of(tagged))
            }
            SpecialSize::PreparseData => {
                let bytes = object.word32(fields.preparse_bytes, "length of PreparseData")?;
                let children = object.word32(fields.preparse_children, "children of PreparseData")?;
                let data = fields.preparse_data + u64::from(bytes);
                Some(data.next_multiple_of(tagged) + tagged * u64::from(children))
            }
            SpecialSize::Map => {
                let Some(extension) = fields.map_extension else { return Ok(None) };
                let bits = object.word32(fields.map_bit_field, "bits of a Map")? & 0xff;
                if self.bits.map_extended.is_set(bits) {
                    let bits = object.word32(extension, "bits of an extended Map")? & 0xff;
                    Some(self.bits.map_extended_size.of(bits.into()) * tagged)
                        .filter(|size| *size > extension)
                } else {
                    Some(extension)
                }
            }
            SpecialSize::ScopeInfo => {
                let start = fields.scope_info_flags;
                let failure = std::cell::Cell::new(None);
                let reader = std::cell::RefCell::new(object);
                let flags = match self.scope_info_flags_are_bits() {
                    true => Some(reader.borrow_mut().word32(start, "flags of a ScopeInfo")?),
                    false => None,
                };
                let parts = ScopeInfoParts::parse(self, flags, |index| {
                    match reader.borrow_mut().tagged(start + tagged * index, "ScopeInfo") {
                        Ok(word) => Some(word),
                        Err(error) => {
                            failure.set(Some(error));
                            None
                        }
                    }
                });
                match (parts, failure.into_inner()) {
                    (None, Some(error)) => return Err(error),
                    (parts, _) => parts.map(|parts| start + tagged * parts.words),
                }
            }
            SpecialSize::Code => {
                let instructions = object.word32(fields.code_instruction_size, "size of instructions")?;
                let metadata = match fields.code_metadata_size {
                    Some(at) => object.word32(at, "size of a Code's metadata")?,
                    // It counts as instructions.
                    None => 0,
                };
                let size = fields.machine_instructions + u64::from(instructions) + u64::from(metadata);
                Some(size.next_multiple_of(self.code_alignment()))
            }
            SpecialSize::InstructionStream => Some(match fields.instruction_stream_body_size {
                Some(at) => {
                    let body = object.word32(at, "size of an InstructionStream")?;
                    let size = fields.machine_instructions + u64::from(body);
                    size.next_multiple_of(self.code_alignment())
                }
                // The next object of its page begins where it ends: code is followed by code, or by free memory.
                None => {
                    let own_map = object.tagged(0, "map of an InstructionStream")?;
                    let (address, room) = object.room();
                    let mut offset = tagged;
                    while offset + tagged <= room {
                        // What the core lacks is no object.
                        let word = object.tagged(offset, "end of an InstructionStream").unwrap_or_default();
                        let starts = (address + offset) % self.code_alignment() == processor.code_start
                            && word == own_map;
                        if starts || object.is_map_of_gap(word) {
                            break;
                        }
                        offset += tagged;
                    }
                    offset
                }
            }),
        })
    }
}

impl SizeFormula {
    /// The same size for all.
    pub const fn fixed(bytes: u32) -> SizeFormula {
        SizeFormula { base: bytes, mask: 0, unit: 0, offset: 0, shift: 0, special: None }
    }

    const fn counted(base: u32, offset: u8, unit: u32) -> SizeFormula {
        SizeFormula { base, mask: u32::MAX, unit, offset, shift: 0, special: None }
    }

    /// A `WasmStruct`, whose map holds its size in units of eight bytes, in two bytes that maps of other objects use otherwise.
    pub(crate) const fn of_wasm_struct(low: u8, high: u8) -> SizeFormula {
        SizeFormula::fixed((low as u32 | (high as u32) << 8) * 8)
    }

    /// A `WasmArray`, whose map holds the size of an element in bytes.
    pub(crate) fn of_wasm_array(fields: &Fields, element: u8) -> SizeFormula {
        let (base, count) = (fields.wasm_array_elements as u32, fields.wasm_array_length as u8);
        SizeFormula::counted(base, count, element.into())
    }

    const fn special(special: SpecialSize) -> SizeFormula {
        SizeFormula { special: Some(special), ..SizeFormula::fixed(0) }
    }

    /// The size in bytes, given the 32 bits at [`SizeFormula::offset`], rounded up to tagged words of so many bytes.
    #[inline]
    pub fn apply(&self, count: u32, word: u64) -> u64 {
        let count = u64::from((count >> self.shift) & self.mask);
        (u64::from(self.base) + count * u64::from(self.unit) + (word - 1)) & !(word - 1)
    }
}

/// What fields are called that count the entries of a tail; of several that a class has, the first counts what there is room
/// for.
const COUNTS: [&str; 7] = [
    "capacity",
    "length",
    "length_and_hash",
    "slot_count",
    "supertypes_length",
    "number_of_all_descriptors",
    "bitfield",
];

/// What sizes follow from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes<'l> {
    pub version: Version,
    pub words: WordModel,
    pub processor: &'static ProcessorLayout,
    pub facts: &'l Facts,
    pub classes: &'l Classes,
}

impl Sizes<'_> {
    /// The rule for instances of a type whose map gives no size; `None` if unknown.
    pub fn of_variable_sized(&self, name: &str, kind: Kind, class: Option<ClassId>) -> Option<SizeFormula> {
        let tagged = self.words.tagged as u32;
        Some(match (kind, name) {
            (Kind::FreeSpace, _) => {
                let size = self.classes.offset("FreeSpace", "size")? + self.words.smi_number();
                let unit = self.facts.free_space_unit.bytes(self.words) as u32;
                let shift = self.words.smi_bits() as u8;
                SizeFormula { shift, ..SizeFormula::counted(0, size as u8, unit) }
            }
            // One that is an array says how long it is, and the empty one has no flags.
            (Kind::ScopeInfo, _) if self.classes.kind("ScopeInfo", "length").is_some() => {
                let length = self.classes.offset("ScopeInfo", "length")? + self.words.smi_number();
                let base = self.classes.offset("FixedArray", "objects[]")? as u32;
                let shift = self.words.smi_bits() as u8;
                SizeFormula { shift, ..SizeFormula::counted(base, length as u8, tagged) }
            }
            (Kind::ScopeInfo, _) => SizeFormula::special(SpecialSize::ScopeInfo),
            (Kind::Map, _) => SizeFormula::special(SpecialSize::Map),
            // From V8 14 on a hole is one word before an unreadable block.
            (Kind::Hole, _) | (_, "WasmNull") => SizeFormula::fixed(tagged),
            // Of this only the empty one is ever made.
            (_, "SwissNameDictionary") => {
                let header = self.classes.offset("SwissNameDictionary", "data[]")?;
                SizeFormula::fixed((header + self.processor.swiss_group) as u32)
            }
            (_, "FeedbackMetadata") => SizeFormula::special(SpecialSize::FeedbackMetadata),
            (_, "PreparseData") => SizeFormula::special(SpecialSize::PreparseData),
            (_, "InstructionStream") => SizeFormula::special(SpecialSize::InstructionStream),
            (_, "Code") => SizeFormula::special(SpecialSize::Code),
            _ if !kind.is_js_object() => self.of_tail(class?)?,
            _ => return None,
        })
    }

    /// As many entries of the tail of a class as its own count says.
    fn of_tail(&self, id: ClassId) -> Option<SizeFormula> {
        let class = self.classes.class(id);
        let tail = class.tail.as_ref()?;
        let field = COUNTS.iter().find_map(|name| {
            self.classes.lineage(id).flat_map(|class| &class.fields).find(|field| field.name == *name)
        })?;
        let (unit, behind) = match &tail.layout {
            TailLayout::Entries(_) => (tail.layout.entry_size(), 0),
            TailLayout::Ephemeron => (self.words.tagged, 0),
            // The pointer to the microtask queue follows the slots.
            TailLayout::NativeContext => (self.words.tagged, self.words.pointer),
            _ => return None,
        };
        let at = match field.kind {
            FieldKind::Smi => field.offset + self.words.smi_number(),
            _ => field.offset,
        };
        let smi_bits = match field.kind {
            FieldKind::Smi => self.words.smi_bits() as u8,
            _ => 0,
        };
        let bits = field.flags.and_then(|flags| {
            class::flags(flags, self.version).into_iter().find(|flag| flag.name == "length")
        });
        let (shift, mask) = match bits {
            Some(bits) => (bits.shift as u8 + smi_bits, u32::try_from(bits.of(u64::MAX)).ok()?),
            None if field.size == 2 => (0, u16::MAX.into()),
            None => (smi_bits, u32::MAX),
        };
        let counted = SizeFormula::counted(
            u32::try_from(tail.offset + behind).ok()?,
            u8::try_from(at).ok()?,
            u32::try_from(unit).ok()?,
        );
        Some(SizeFormula { shift, mask, ..counted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_round_up_to_words() {
        let one_byte_string = SizeFormula::counted(16, 12, 1);
        assert_eq!(one_byte_string.apply(0, 8), 16);
        assert_eq!(one_byte_string.apply(1, 8), 24);
        assert_eq!(one_byte_string.apply(8, 8), 24);
        assert_eq!(one_byte_string.apply(9, 8), 32);
        assert_eq!(one_byte_string.apply(1, 4), 20);
        assert_eq!(SizeFormula::fixed(24).apply(u32::MAX, 8), 24, "a fixed size ignores the word");
        let property_array = SizeFormula { mask: 0x3ff, ..SizeFormula::counted(16, 12, 8) };
        assert_eq!(property_array.apply(0xffff_fc03, 8), 40, "the hash in the upper bits is no length");
        assert_eq!(one_byte_string.apply(u32::MAX, 8), 0x1_0000_0010, "no overflow");
    }
}
