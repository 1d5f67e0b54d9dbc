//! How large an object is, when its map does not say.
//!
//! A map gives the size of most objects. Where it says 0, the size follows from a count in the object
//! (V8: `HeapObject::SizeFromMap`). For nearly all types the rule has one form, which [`SizeFormula`] computes without a
//! branch; the handful of others are [`SpecialSize`].

use super::{Class, FieldKind, Fields, FreeSpaceUnit, Kind, StringShape};

/// `size = round8(base + ((u32 at offset >> shift) & mask) * unit)`, in bytes. With `mask` 0 the size is fixed.
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
    /// `InstructionStream`
    InstructionStream,
}

/// Where an `InstructionStream` says how large its body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionStreamSize {
    /// u32 at this offset.
    Field(u64),
    /// Nowhere; the next object starts at an address that is 48 modulo 64 (V8 11: `kCodeAlignment`).
    ByAlignment,
}

/// Which words a `ScopeInfo` has, and what its flags mean (see [`crate::objects`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScopeInfoLayout {
    /// Positions near the end, number of module variables behind the module info.
    V11,
    /// Number of module variables before the names.
    V12,
    /// Positions after the counts, scope types renumbered, flags a raw u32.
    V13,
    /// Unused parameters at the end of functions' scope infos.
    V14,
}

impl SizeFormula {
    /// The same size for all.
    pub const fn fixed(bytes: u32) -> SizeFormula {
        SizeFormula { base: bytes, mask: 0, unit: 0, offset: 0, shift: 0, special: None }
    }

    const fn counted(base: u32, offset: u8, unit: u32) -> SizeFormula {
        SizeFormula { base, mask: u32::MAX, unit, offset, shift: 0, special: None }
    }

    /// As many entries of the tail of `class` as its own field `count` says.
    fn of_tail(class: &Class, count: &str) -> Option<SizeFormula> {
        let field = class.fields.iter().find(|field| field.name == count)?;
        let tail = class.tail.as_ref()?;
        let at = match field.kind {
            // The number of a Smi is in its high half.
            FieldKind::Smi => field.offset + 4,
            _ => field.offset,
        };
        Some(SizeFormula::counted(
            u32::try_from(tail.offset).ok()?,
            u8::try_from(at).ok()?,
            u32::try_from(tail.layout.entry_size()).ok()?,
        ))
    }

    /// A `WasmStruct`, whose map holds its size in units of eight bytes, in two bytes that maps of other objects use otherwise.
    pub(crate) const fn of_wasm_struct(low: u8, high: u8) -> SizeFormula {
        SizeFormula::fixed((low as u32 | (high as u32) << 8) * 8)
    }

    /// A `WasmArray`, whose map holds the size of an element in bytes.
    pub(crate) const fn of_wasm_array(element: u8) -> SizeFormula {
        SizeFormula::counted(24, 16, element as u32)
    }

    /// A `FreeSpace`, which holds its own size.
    pub(super) const fn of_free_space(unit: FreeSpaceUnit) -> SizeFormula {
        SizeFormula::counted(0, SMI_AT_8, unit.bytes() as u32)
    }

    const fn special(special: SpecialSize) -> SizeFormula {
        SizeFormula { base: 0, mask: 0, unit: 0, offset: 0, shift: 0, special: Some(special) }
    }

    /// The size in bytes, given the 32 bits at [`SizeFormula::offset`].
    #[inline]
    pub fn apply(&self, word: u32) -> u64 {
        let count = u64::from((word >> self.shift) & self.mask);
        (u64::from(self.base) + count * u64::from(self.unit) + 7) & !7
    }
}

/// High half of a Smi at 8: most counts.
const SMI_AT_8: u8 = 12;

/// The rule for instances of a type whose map gives no size; `None` if unknown.
pub(super) fn of_variable_sized(
    number: u16,
    name: &str,
    kind: Kind,
    fields: &Fields,
    class: Option<&Class>,
) -> Option<SizeFormula> {
    if let Some(shape) = StringShape::of(number) {
        return match shape {
            StringShape::Sequential { one_byte } => {
                Some(SizeFormula::counted(16, 12, if one_byte { 1 } else { 2 }))
            }
            _ => None,
        };
    }
    let formula = match (kind, name) {
        (Kind::Context, _) => SizeFormula::counted(16, SMI_AT_8, 8),
        // The microtask queue pointer follows the slots.
        (Kind::NativeContext, _) => SizeFormula::counted(24, SMI_AT_8, 8),
        (
            Kind::FixedArray
            | Kind::NameDictionary
            | Kind::GlobalDictionary
            | Kind::NumberDictionary
            | Kind::OrderedHashMap
            | Kind::OrderedHashSet
            | Kind::EphemeronHashTable
            | Kind::FixedDoubleArray,
            _,
        ) => SizeFormula::counted(16, SMI_AT_8, 8),
        (Kind::ByteArray, _) => SizeFormula::counted(16, SMI_AT_8, 1),
        (Kind::PropertyArray, _) => SizeFormula { mask: 0x3ff, ..SizeFormula::counted(16, SMI_AT_8, 8) },
        (Kind::SloppyArgumentsElements, _) => SizeFormula::counted(32, SMI_AT_8, 8),
        (Kind::BigInt, _) => SizeFormula { shift: 1, mask: 0x3fff_ffff, ..SizeFormula::counted(16, 8, 8) },
        (Kind::DescriptorArray, _) => {
            SizeFormula { mask: 0xffff, ..SizeFormula::counted(fields.descriptor_array_header as u32, 8, 24) }
        }
        (Kind::FreeSpace, _) => SizeFormula::of_free_space(if fields.free_space_counts_words {
            FreeSpaceUnit::Words
        } else {
            FreeSpaceUnit::Bytes
        }),
        (Kind::ScopeInfo, _) => SizeFormula::special(SpecialSize::ScopeInfo),
        (_, "NameToIndexHashTable" | "WeakFixedArray" | "TransitionArray" | "ClosureFeedbackCellArray") => {
            SizeFormula::counted(16, SMI_AT_8, 8)
        }
        // From V8 14 on a hole is one word before an unreadable block.
        (Kind::Hole, _) => SizeFormula::fixed(8),
        (
            _,
            "EmbedderDataArray"
            | "ExternalPointerArray"
            | "TrustedWeakFixedArray"
            | "ProtectedWeakFixedArray",
        ) => SizeFormula::counted(16, SMI_AT_8, 8),
        (_, "WeakArrayList" | "ArrayList") => SizeFormula::counted(24, SMI_AT_8, 8),
        (_, "ScriptContextTable" | "ObjectBoilerplateDescription") => SizeFormula::counted(32, SMI_AT_8, 8),
        (_, "RegExpMatchInfo") => SizeFormula::counted(40, SMI_AT_8, 8),
        (_, "BytecodeArray") => SizeFormula::counted(fields.bytecode_data as u32, SMI_AT_8, 1),
        (_, "FeedbackVector") => SizeFormula::counted(fields.feedback_vector_header as u32, 8, 8),
        (_, "DoubleStringCache") => SizeFormula::counted(16, 8, 16),
        (_, "CoverageInfo") => SizeFormula::counted(16, 8, 16),
        (_, "WasmDispatchTable") => return SizeFormula::of_tail(class?, "capacity"),
        (_, "WasmDispatchTableForImports") => return SizeFormula::of_tail(class?, "length"),
        (_, "WasmTypeInfo") => return SizeFormula::of_tail(class?, "supertypes_length"),
        (_, "SwissNameDictionary") => SizeFormula::fixed(40),
        (_, "WasmNull") => SizeFormula::fixed(8),
        (_, "FeedbackMetadata") => SizeFormula::special(SpecialSize::FeedbackMetadata),
        (_, "PreparseData") => SizeFormula::special(SpecialSize::PreparseData),
        (_, "InstructionStream") => SizeFormula::special(SpecialSize::InstructionStream),
        _ => return None,
    };
    Some(formula)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_round_up_to_words() {
        let one_byte_string = SizeFormula::counted(16, 12, 1);
        assert_eq!(one_byte_string.apply(0), 16);
        assert_eq!(one_byte_string.apply(1), 24);
        assert_eq!(one_byte_string.apply(8), 24);
        assert_eq!(one_byte_string.apply(9), 32);
        assert_eq!(SizeFormula::fixed(24).apply(u32::MAX), 24, "a fixed size ignores the word");
        let property_array = SizeFormula { mask: 0x3ff, ..SizeFormula::counted(16, 12, 8) };
        assert_eq!(property_array.apply(0xffff_fc03), 40, "the hash in the upper bits is no length");
        assert_eq!(one_byte_string.apply(u32::MAX), 0x1_0000_0010, "no overflow");
    }
}
