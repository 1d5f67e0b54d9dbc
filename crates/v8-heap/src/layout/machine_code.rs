//! What V8 keeps beside optimised machine code, so that it can leave it for bytecode: the list of what a translation is written
//! with, and where its parts are (V8: `src/deoptimizer/translation-opcode.h`, `src/objects/deoptimization-data.h`,
//! `src/codegen/safepoint-table.h`, `maglev-safepoint-table.h`).
//!
//! Operand counts are in every binary (`TranslationOpcodeOperandCount`); a list whose counts differ from those is not used.

use core_reader::Symbols;

/// What an instruction of a translation means, as far as stacks need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// A translation begins: distance to the one that it repeats parts of, frames, frames of JavaScript.
    Begin,
    /// A function in bytecode: offset, number of its `SharedFunctionInfo` among the literals, then as
    /// [`DeoptimizationLayout::height_operand`] says.
    InterpretedFrame,
    /// A builtin that JavaScript sees: number, literal, values.
    BuiltinFunctionFrame,
    /// A function called with `new` follows.
    ConstructFrame,
    /// Another frame, which stack traces do not show.
    OtherFrame,
    /// An object that was never allocated: so many fields follow.
    CapturedObject,
    /// One of those again, by number.
    DuplicatedObject,
    /// Two strings that were never put together follow.
    StringConcat,
    /// The object of `arguments` that was never allocated.
    ArgumentsElements,
    /// A value that nothing needs any more.
    OptimizedOut,
    /// One of the literals.
    Literal,
    /// A tagged word of the frame.
    TaggedSlot,
    /// A number of the frame, 32 bits with a sign.
    Int32Slot,
    /// The same without a sign.
    Uint32Slot,
    /// 64 bits with a sign.
    Int64Slot,
    /// 64 bits that stand for a `BigInt`, with a sign.
    SignedBigIntSlot,
    /// The same without a sign.
    UnsignedBigIntSlot,
    /// `true` or `false`.
    BoolSlot,
    /// Four bytes of a floating-point number.
    FloatSlot,
    /// Eight bytes of one.
    DoubleSlot,
    /// Eight bytes of one, or the hole.
    HoleyDoubleSlot,
    /// A value that is not read: in a register, a length of arguments, a vector.
    OtherValue,
    /// No value and no frame.
    Feedback,
    /// So many instructions of the translation before.
    MatchPrevious,
}

use Opcode::*;

/// An instruction and the number of its operands.
type Entry = (Opcode, u8);

/// Where the parts of deoptimization data are, and what translations are written with.
#[derive(Debug, PartialEq, Eq)]
pub struct DeoptimizationLayout {
    /// By number.
    pub opcodes: &'static [Entry],
    /// Which operand of an interpreted frame is the number of its registers.
    pub height_operand: usize,
    /// That operand has a sign.
    pub height_is_signed: bool,
    /// Elements of `DeoptimizationData`: the translations.
    pub translations: u64,
    /// The literals.
    pub literals: u64,
    /// `PodArray<InliningPosition>`
    pub inlining_positions: u64,
    /// The first entry.
    pub first_entry: u64,
    /// Elements of an entry.
    pub entry_size: u64,
    /// Where in an entry is the place of the translation.
    pub entry_translation: u64,
    /// A translation can repeat parts of one before; the first number of its beginning says how far before that is.
    pub repeats: bool,
    /// The number of an instruction has a sign, as other numbers.
    pub signed_opcodes: bool,
    /// The lowest bit of each byte of a number says whether another follows (else the highest).
    pub lowest_bit_continues: bool,
    /// An entry of a safepoint table has three words of 32 bits: the return address, the number of the entry, and the address that the call
    /// may have been led to; one that is not there has all bits (else they are as long as a configuration in front of them says).
    pub wide_safepoints: bool,
    /// 32-bit words in front of the length of a safepoint table.
    pub safepoint_length: u64,
    /// 32-bit words in front of the entries of one of TurboFan.
    pub turbofan_header: u64,
    /// The same of one of Maglev; `None` if it makes no code in this version.
    pub maglev_header: Option<u64>,
}

impl DeoptimizationLayout {
    /// Bytes of an `InliningPosition`: a position (u64), the number of the function, padding.
    pub const INLINING_POSITION: usize = 16;
    /// Where in it the number is.
    pub const INLINED_FUNCTION: usize = 8;
}

/// V8 11.3, 36 of them: in the order of the alphabet, almost. Order and operands: `TranslationOpcodeToString` and
/// `TranslationOpcodeOperandCount` of Node.js 20.
static OPCODES_11_3: &[Entry] = &[
    (ArgumentsElements, 1),
    (OtherValue, 0), // arguments length
    (Begin, 3),
    (Begin, 3),
    (OtherValue, 1), // bool register
    (BoolSlot, 1),
    (OtherFrame, 3), // builtin continuation
    (CapturedObject, 1),
    (ConstructFrame, 3),
    (OtherValue, 1), // double register
    (DoubleSlot, 1),
    (DuplicatedObject, 1),
    (OtherValue, 1), // float register
    (FloatSlot, 1),
    (OtherFrame, 2), // inlined extra arguments
    (OtherValue, 1), // int32 register
    (Int32Slot, 1),
    (OtherValue, 1), // int64 register
    (Int64Slot, 1),
    (OtherValue, 1), // signed BigInt register
    (SignedBigIntSlot, 1),
    (OtherValue, 1), // unsigned BigInt register
    (UnsignedBigIntSlot, 1),
    (InterpretedFrame, 5),
    (InterpretedFrame, 3),
    (BuiltinFunctionFrame, 3),
    (BuiltinFunctionFrame, 3), // with catch
    (OtherFrame, 4),           // JavaScript to WebAssembly
    (OptimizedOut, 0),
    (Literal, 1),
    (OtherValue, 1), // register
    (TaggedSlot, 1),
    (OtherValue, 1), // uint32 register
    (Uint32Slot, 1),
    (Feedback, 2),
    (MatchPrevious, 1),
];

/// V8 10.2, 28 of them. Order and operands: `TranslationOpcodeOperandCount` of Node.js 18.
static OPCODES_10_2: &[Entry] = &[
    (OtherFrame, 2), // arguments adaptor
    (ArgumentsElements, 1),
    (OtherValue, 0), // arguments length
    (Begin, 3),
    (OtherValue, 1), // bool register
    (BoolSlot, 1),
    (OtherFrame, 3), // builtin continuation
    (CapturedObject, 1),
    (ConstructFrame, 3),
    (OtherValue, 1), // double register
    (DoubleSlot, 1),
    (DuplicatedObject, 1),
    (OtherValue, 1), // float register
    (FloatSlot, 1),
    (OtherValue, 1), // int32 register
    (Int32Slot, 1),
    (OtherValue, 1), // int64 register
    (Int64Slot, 1),
    (InterpretedFrame, 5),
    (BuiltinFunctionFrame, 3),
    (BuiltinFunctionFrame, 3), // with catch
    (OtherFrame, 4),           // JavaScript to WebAssembly
    (Literal, 1),
    (OtherValue, 1), // register
    (TaggedSlot, 1),
    (OtherValue, 1), // uint32 register
    (Uint32Slot, 1),
    (Feedback, 2),
];

/// V8 7.8 and 8.4, 27 of them: `Translation::NumberOfOperandsFor` in `src/deoptimizer/deoptimizer.cc`.
static OPCODES_8_4: &[Entry] = &[
    (Begin, 3),
    (InterpretedFrame, 5),
    (OtherFrame, 3), // builtin continuation
    (BuiltinFunctionFrame, 3),
    (BuiltinFunctionFrame, 3), // with catch
    (ConstructFrame, 3),
    (OtherFrame, 2), // arguments adaptor
    (DuplicatedObject, 1),
    (ArgumentsElements, 1),
    (OtherValue, 1), // arguments length
    (CapturedObject, 1),
    (OtherValue, 1), // register
    (OtherValue, 1), // int32 register
    (OtherValue, 1), // int64 register
    (OtherValue, 1), // uint32 register
    (OtherValue, 1), // bool register
    (OtherValue, 1), // float register
    (OtherValue, 1), // double register
    (TaggedSlot, 1),
    (Int32Slot, 1),
    (Int64Slot, 1),
    (Uint32Slot, 1),
    (BoolSlot, 1),
    (FloatSlot, 1),
    (DoubleSlot, 1),
    (Literal, 1),
    (Feedback, 2),
];

/// V8 11.8 and 12.4, 40 of them.
static OPCODES_11_8: &[Entry] = &[
    (InterpretedFrame, 5),
    (InterpretedFrame, 3),
    (BuiltinFunctionFrame, 3),
    (BuiltinFunctionFrame, 3), // with catch
    (ConstructFrame, 2),       // create stub
    (ConstructFrame, 1),       // invoke stub
    (OtherFrame, 3),           // builtin continuation
    (OtherFrame, 4),           // JavaScript to WebAssembly
    (OtherFrame, 3),           // inlined WebAssembly
    (OtherFrame, 2),           // inlined extra arguments
    (ArgumentsElements, 1),
    (OtherValue, 0), // arguments length
    (Begin, 3),
    (Begin, 3),
    (OtherValue, 1), // bool register
    (BoolSlot, 1),
    (CapturedObject, 1),
    (OtherValue, 1), // double register
    (DoubleSlot, 1),
    (OtherValue, 1), // holey double register
    (HoleyDoubleSlot, 1),
    (DuplicatedObject, 1),
    (OtherValue, 1), // float register
    (FloatSlot, 1),
    (OtherValue, 1), // int32 register
    (Int32Slot, 1),
    (OtherValue, 1), // int64 register
    (Int64Slot, 1),
    (OtherValue, 1), // signed BigInt register
    (SignedBigIntSlot, 1),
    (OtherValue, 1), // unsigned BigInt register
    (UnsignedBigIntSlot, 1),
    (OptimizedOut, 0),
    (Literal, 1),
    (OtherValue, 1), // register
    (TaggedSlot, 1),
    (OtherValue, 1), // uint32 register
    (Uint32Slot, 1),
    (Feedback, 2),
    (MatchPrevious, 1),
];

/// V8 12.9, 44 of them.
static OPCODES_12_9: &[Entry] = &[
    (InterpretedFrame, 5),
    (InterpretedFrame, 3),
    (BuiltinFunctionFrame, 3),
    (BuiltinFunctionFrame, 3), // with catch
    (ConstructFrame, 2),       // create stub
    (ConstructFrame, 1),       // invoke stub
    (OtherFrame, 3),           // builtin continuation
    (OtherFrame, 4),           // JavaScript to WebAssembly
    (OtherFrame, 3),           // inlined WebAssembly
    (OtherFrame, 3),           // Liftoff
    (OtherFrame, 2),           // inlined extra arguments
    (ArgumentsElements, 1),
    (OtherValue, 0), // arguments length
    (OtherValue, 0), // rest length
    (Begin, 3),
    (Begin, 3),
    (OtherValue, 1), // bool register
    (BoolSlot, 1),
    (CapturedObject, 1),
    (OtherValue, 1), // double register
    (DoubleSlot, 1),
    (OtherValue, 1), // SIMD slot
    (OtherValue, 1), // holey double register
    (HoleyDoubleSlot, 1),
    (OtherValue, 1), // SIMD register
    (DuplicatedObject, 1),
    (OtherValue, 1), // float register
    (FloatSlot, 1),
    (OtherValue, 1), // int32 register
    (Int32Slot, 1),
    (OtherValue, 1), // int64 register
    (Int64Slot, 1),
    (OtherValue, 1), // signed BigInt register
    (SignedBigIntSlot, 1),
    (OtherValue, 1), // unsigned BigInt register
    (UnsignedBigIntSlot, 1),
    (OptimizedOut, 0),
    (Literal, 1),
    (OtherValue, 1), // register
    (TaggedSlot, 1),
    (OtherValue, 1), // uint32 register
    (Uint32Slot, 1),
    (Feedback, 2),
    (MatchPrevious, 1),
];

/// V8 13.6 to 14.6, 45 of them.
static OPCODES_13_6: &[Entry] = &[
    (InterpretedFrame, 6),
    (InterpretedFrame, 4),
    (BuiltinFunctionFrame, 3),
    (BuiltinFunctionFrame, 3), // with catch
    (ConstructFrame, 2),       // create stub
    (ConstructFrame, 1),       // invoke stub
    (OtherFrame, 3),           // builtin continuation
    (OtherFrame, 4),           // JavaScript to WebAssembly
    (OtherFrame, 3),           // inlined WebAssembly
    (OtherFrame, 3),           // Liftoff
    (OtherFrame, 3),           // inlined extra arguments
    (ArgumentsElements, 1),
    (OtherValue, 0), // arguments length
    (OtherValue, 0), // rest length
    (Begin, 3),
    (Begin, 3),
    (OtherValue, 1), // bool register
    (BoolSlot, 1),
    (CapturedObject, 1),
    (StringConcat, 0),
    (OtherValue, 1), // double register
    (DoubleSlot, 1),
    (OtherValue, 1), // SIMD slot
    (OtherValue, 1), // holey double register
    (HoleyDoubleSlot, 1),
    (OtherValue, 1), // SIMD register
    (DuplicatedObject, 1),
    (OtherValue, 1), // float register
    (FloatSlot, 1),
    (OtherValue, 1), // int32 register
    (Int32Slot, 1),
    (OtherValue, 1), // int64 register
    (Int64Slot, 1),
    (OtherValue, 1), // signed BigInt register
    (SignedBigIntSlot, 1),
    (OtherValue, 1), // unsigned BigInt register
    (UnsignedBigIntSlot, 1),
    (OptimizedOut, 0),
    (Literal, 1),
    (OtherValue, 1), // register
    (TaggedSlot, 1),
    (OtherValue, 1), // uint32 register
    (Uint32Slot, 1),
    (Feedback, 2),
    (MatchPrevious, 1),
];

const EARLY: DeoptimizationLayout = DeoptimizationLayout {
    opcodes: OPCODES_11_3,
    height_operand: 2,
    height_is_signed: true,
    translations: 0,
    literals: 2,
    inlining_positions: 7,
    first_entry: 11,
    entry_size: 3,
    entry_translation: 1,
    repeats: true,
    signed_opcodes: false,
    lowest_bit_continues: false,
    wide_safepoints: false,
    safepoint_length: 0,
    turbofan_header: 2,
    maglev_header: None,
};

const EARLY_10_2: DeoptimizationLayout =
    DeoptimizationLayout { opcodes: OPCODES_10_2, repeats: false, signed_opcodes: true, ..EARLY };

/// V8 7.8, by its sources: the same, with one word less in front of the entries.
pub(crate) static V7_8: DeoptimizationLayout = DeoptimizationLayout {
    opcodes: OPCODES_8_4,
    first_entry: 9,
    lowest_bit_continues: true,
    wide_safepoints: true,
    ..EARLY_10_2
};
/// V8 8.4, by its sources: `src/deoptimizer/deoptimizer.cc`, `src/objects/code.h`, `src/codegen/safepoint-table.h`.
pub(crate) static V8_4: DeoptimizationLayout = DeoptimizationLayout {
    opcodes: OPCODES_8_4,
    first_entry: 10,
    lowest_bit_continues: true,
    wide_safepoints: true,
    ..EARLY_10_2
};
/// V8 9.0, by its sources: `src/deoptimizer/translation-array.cc`.
pub(crate) static V9_0: DeoptimizationLayout =
    DeoptimizationLayout { lowest_bit_continues: true, wide_safepoints: true, ..EARLY_10_2 };
/// V8 9.1 to 9.4, by its sources: `src/codegen/safepoint-table.h`, `src/objects/code.h`, `src/deoptimizer/translation-opcode.h`.
pub(crate) static V9_4: DeoptimizationLayout = DeoptimizationLayout { wide_safepoints: true, ..EARLY_10_2 };
/// V8 10.2
pub(crate) static V10_2: DeoptimizationLayout = EARLY_10_2;
/// V8 11.3
pub(crate) static V11_3: DeoptimizationLayout = EARLY;
/// V8 11.8 and 12.4
/// (Maglev is on in Node.js 22.0 to 22.8.)
pub(crate) static V11_8: DeoptimizationLayout =
    DeoptimizationLayout { opcodes: OPCODES_11_8, maglev_header: Some(4), ..EARLY };
/// V8 12.9
pub(crate) static V12_9: DeoptimizationLayout =
    DeoptimizationLayout { opcodes: OPCODES_12_9, maglev_header: Some(4), ..EARLY };
/// V8 13.6 to 14.6
pub(crate) static V13_6: DeoptimizationLayout = DeoptimizationLayout {
    opcodes: OPCODES_13_6,
    height_operand: 3,
    height_is_signed: false,
    translations: 0,
    literals: 3,
    inlining_positions: 8,
    first_entry: 12,
    entry_size: 3,
    entry_translation: 1,
    repeats: true,
    signed_opcodes: false,
    lowest_bit_continues: false,
    wide_safepoints: false,
    safepoint_length: 1,
    turbofan_header: 3,
    maglev_header: Some(4),
};

/// Where binaries have the operand counts.
const OPERAND_COUNTS: &str =
    "_ZZN2v88internal29TranslationOpcodeOperandCountENS0_17TranslationOpcodeEE6counts";

/// Whether the binary has the same operand counts, or does not say.
pub(super) fn agrees(
    layout: &DeoptimizationLayout,
    symbols: &dyn Symbols,
    read_int: &dyn Fn(u64) -> Option<i32>,
) -> bool {
    const SIZE: u64 = size_of::<i32>() as u64;
    let Some(symbol) = symbols.find(OPERAND_COUNTS) else { return true };
    if symbol.size != SIZE * layout.opcodes.len() as u64 {
        return false;
    }
    (0..).zip(layout.opcodes).all(|(index, (_, operands))| {
        // A core that lacks the page of the binary says nothing.
        read_int(symbol.address.0 + SIZE * index).is_none_or(|count| count == i32::from(*operands))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core_reader::{Address, Symbol, Thread};

    struct One(u64);

    impl Symbols for One {
        fn find(&self, name: &str) -> Option<Symbol> {
            let symbol = Symbol { name: name.to_owned(), address: Address(0x1000), size: self.0 };
            (name == OPERAND_COUNTS).then_some(symbol)
        }
        fn with_prefix(&self, _: &str) -> Vec<Symbol> {
            Vec::new()
        }
        fn thread_local(&self, _: &str, _: &Thread) -> Option<Address> {
            None
        }
        fn at(&self, _: Address) -> Option<Symbol> {
            None
        }
    }

    #[test]
    fn a_list_that_the_binary_contradicts_is_not_used() {
        let counts = |at: u64| V13_6.opcodes.get(((at - 0x1000) / 4) as usize).map(|(_, n)| i32::from(*n));
        assert!(agrees(&V13_6, &One(4 * 45), &counts));
        assert!(!agrees(&V12_9, &One(4 * 45), &counts), "another number of them");
        assert!(!agrees(&V13_6, &One(4 * 45), &|at| if at == 0x1000 { Some(5) } else { counts(at) }));
        assert!(agrees(&V13_6, &One(4 * 45), &|_| None), "not in the core");
    }

    #[test]
    fn every_list_can_copy_from_the_translation_before() {
        for (layout, count) in [(&V11_3, 36), (&V11_8, 40), (&V12_9, 44), (&V13_6, 45)] {
            assert_eq!(layout.opcodes.len(), count);
            assert_eq!(layout.opcodes.last(), Some(&(MatchPrevious, 1)));
        }
    }
}
