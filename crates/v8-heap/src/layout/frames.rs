//! Frames of V8 on the stack: what differs between versions (V8: `src/execution/frame-constants.h`, `frames.h`). What does not is
//! in [`super::native::frame`].

/// Where an exit frame has the number of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentCount {
    /// So many bytes above the frame pointer, a small integer that counts so many more.
    Above(u64, u64),
    /// So many bytes below it, as it is.
    Below(u64),
}

/// A frame by which a builtin written in C++ was called, as a function of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitLayout {
    /// Its name among the published types.
    pub name: &'static str,
    /// Its type.
    pub kind: u64,
    /// Distance of the function above the frame pointer, in bytes.
    pub function: u64,
    /// Distance of the value of `new.target`, if it is there.
    pub new_target: Option<u64>,
    /// Distance of `this`; the arguments follow.
    pub receiver: u64,
    /// How many there are.
    pub arguments: ArgumentCount,
}

/// Frames of WebAssembly, and what V8 knows of their code (V8: `src/wasm/wasm-code-manager.h`, `WasmCode`). V8 publishes none of the
/// offsets; they were found by value, and each object is checked to begin as one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WasmFrameLayout {
    /// `WASM`
    pub kind: u64,
    /// `WasmCode::instructions_size_`, 32 bits.
    pub code_size: u64,
    /// `WasmCode::index_`, 32 bits.
    pub code_index: u64,
    /// Calls of WebAssembly are merged, and what says which are is kept with the code.
    pub merges_calls: bool,
}

impl WasmFrameLayout {
    /// `WasmCode::meta_data_`, distance before the size.
    pub const META_DATA_BEFORE: u64 = 8;
    /// `reloc_info_size_`, `source_positions_size_` and `inlining_positions_size_`, distances behind the size.
    pub const SIZES_BEHIND: [u64; 3] = [4, 8, 12];
    /// `protected_instructions_size_`, distance before the index; what that is of comes first in the metadata.
    pub const PROTECTED_BEFORE: u64 = 4;
    /// `WasmInliningPosition`, packed: number of the function, whether it was the last call, position of the call.
    pub const INLINING_POSITION: usize = 13;
    /// Where in it the position is.
    pub const CALLER_POSITION: usize = 5;
}

/// Its name among the published types.
pub(super) const WASM: &str = "WasmFrame";
/// From V8 11 to 12.4; in 10, which has flags in front; in 12.9, which keeps what is merged; and from 13.6 on, where one more word is in front of them.
const WASM_EARLY: WasmFrameLayout =
    WasmFrameLayout { kind: 4, code_size: 24, code_index: 44, merges_calls: false };
const WASM_10_2: WasmFrameLayout =
    WasmFrameLayout { kind: 4, code_size: 32, code_index: 48, merges_calls: false };
const WASM_12_9: WasmFrameLayout =
    WasmFrameLayout { kind: 4, code_size: 24, code_index: 48, merges_calls: true };
const WASM_13_6: WasmFrameLayout =
    WasmFrameLayout { kind: 4, code_size: 32, code_index: 56, merges_calls: true };
const WASM_14_6: WasmFrameLayout = WasmFrameLayout { kind: 0x18, ..WASM_13_6 };

/// Where frames have their parts, and what their types are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLayout {
    /// Distance of the `BytecodeArray` below the frame pointer, in bytes (`InterpreterFrameConstants::kBytecodeArrayFromFp`).
    pub bytecode: u64,
    /// Distance of the place in it: a small integer that counts from the tagged pointer to the `BytecodeArray` (`kBytecodeOffsetFromFp`).
    pub bytecode_offset: u64,
    /// Distance of the first register of bytecode below the frame pointer, in bytes.
    pub registers: u64,
    /// `ARGUMENTS_ADAPTOR`, in versions where a function is called with as many arguments as it declares, and another frame in front of it
    /// has those that were passed, if they are not as many (V8 up to 8): then the last argument is the nearest to the frame pointer, and
    /// the receiver the furthest. Else the receiver is the nearest, and each frame says how many arguments follow.
    pub adaptor: Option<u64>,
    /// `CONSTRUCT` and `FAST_CONSTRUCT`: what calls a function with `new`; 0 where there is none.
    pub construct: [u64; 2],
    /// `STUB`
    pub stub: u64,
    /// Calls of builtins, and of functions of the embedder.
    pub exits: [Option<ExitLayout>; 2],
    /// WebAssembly.
    pub wasm: WasmFrameLayout,
}

/// What all versions from 9 on have.
const COUNTED: FrameLayout = FrameLayout {
    bytecode: 32,
    bytecode_offset: 40,
    registers: 48,
    adaptor: None,
    construct: [0, 0],
    stub: 0,
    exits: [None, None],
    wasm: WASM_EARLY,
};

/// Types of frames by their published names.
pub(super) const CONSTRUCT: [&str; 2] = ["ConstructFrame", "FastConstructFrame"];
pub(super) const STUB: &str = "StubFrame";
const ADAPTOR: &str = "ArgumentsAdaptorFrame";

const fn builtin(kind: u64, receiver: u64) -> Option<ExitLayout> {
    // What lies between counts as well: `kNumExtraArgsWithReceiver`.
    let arguments = ArgumentCount::Above(32, (receiver - 16) / 8 + 1);
    Some(ExitLayout {
        name: "BuiltinExitFrame",
        kind,
        function: 24,
        new_target: Some(16),
        receiver,
        arguments,
    })
}

const fn api(kind: u64, function: u64, receiver: u64, arguments: ArgumentCount) -> Option<ExitLayout> {
    Some(ExitLayout { name: "ApiCallbackExitFrame", kind, function, new_target: None, receiver, arguments })
}

impl FrameLayout {
    pub(super) const V8_4: FrameLayout = FrameLayout {
        bytecode: 24,
        bytecode_offset: 32,
        registers: 40,
        adaptor: Some(19),
        construct: [18, 0],
        stub: 13,
        exits: [builtin(21, 48), None],
        wasm: WasmFrameLayout { kind: 5, ..WASM_10_2 },
    };
    pub(super) const V9_4: FrameLayout = FrameLayout {
        registers: 48,
        construct: [19, 0],
        stub: 14,
        exits: [builtin(21, 48), None],
        wasm: WASM_10_2,
        ..COUNTED
    };
    pub(super) const V10_2: FrameLayout = FrameLayout {
        registers: 48,
        construct: [20, 0],
        stub: 15,
        exits: [builtin(22, 48), None],
        wasm: WASM_10_2,
        ..COUNTED
    };
    pub(super) const V11_3: FrameLayout = FrameLayout {
        registers: 48,
        construct: [23, 0],
        stub: 17,
        exits: [builtin(25, 48), None],
        wasm: WASM_EARLY,
        ..COUNTED
    };
    pub(super) const V11_8: FrameLayout = FrameLayout {
        registers: 48,
        construct: [23, 24],
        stub: 17,
        exits: [builtin(26, 48), api(27, 16, 88, ArgumentCount::Above(24, 0))],
        wasm: WASM_EARLY,
        ..COUNTED
    };
    pub(super) const V12_4: FrameLayout = FrameLayout {
        registers: 56,
        construct: [23, 24],
        stub: 17,
        exits: [builtin(26, 48), api(27, 16, 88, ArgumentCount::Above(24, 0))],
        wasm: WASM_EARLY,
        ..COUNTED
    };
    pub(super) const V12_9: FrameLayout = FrameLayout {
        registers: 56,
        construct: [23, 24],
        stub: 17,
        exits: [builtin(26, 48), api(27, 48, 64, ArgumentCount::Below(24))],
        wasm: WASM_12_9,
        ..COUNTED
    };
    pub(super) const V13_6: FrameLayout = FrameLayout {
        registers: 56,
        construct: [24, 25],
        stub: 18,
        exits: [builtin(27, 48), api(28, 48, 64, ArgumentCount::Below(24))],
        wasm: WASM_13_6,
        ..COUNTED
    };
    pub(super) const V14_1: FrameLayout = FrameLayout::V13_6;
    pub(super) const V14_6: FrameLayout = FrameLayout {
        registers: 56,
        construct: [14, 15],
        stub: 8,
        exits: [builtin(17, 40), api(18, 40, 48, ArgumentCount::Below(24))],
        wasm: WASM_14_6,
        ..COUNTED
    };

    /// Where the stack pointer is a multiple of `alignment`: what is pushed before the receiver is filled up to one.
    pub(super) fn aligned(self, alignment: u64) -> FrameLayout {
        /// The saved frame pointer and the return address.
        const PUSHED: u64 = 16;
        let mut found = self;
        for exit in found.exits.iter_mut().flatten() {
            let receiver = PUSHED + (exit.receiver - PUSHED).next_multiple_of(alignment);
            if let ArgumentCount::Above(_, extra) = &mut exit.arguments
                && *extra > 0
            {
                // The padding counts as well.
                *extra += (receiver - exit.receiver) / 8;
            }
            exit.receiver = receiver;
        }
        found
    }

    /// With the types that a binary publishes in place of those of the table.
    pub(super) fn published(self, kind_of: impl Fn(&str) -> Option<u64>) -> FrameLayout {
        let mut found = self;
        for (kind, name) in found.construct.iter_mut().zip(CONSTRUCT) {
            *kind = kind_of(name).unwrap_or(*kind);
        }
        found.stub = kind_of(STUB).unwrap_or(found.stub);
        found.adaptor = found.adaptor.map(|known| kind_of(ADAPTOR).unwrap_or(known));
        found.wasm.kind = kind_of(WASM).unwrap_or(found.wasm.kind);
        for exit in found.exits.iter_mut().flatten() {
            exit.kind = kind_of(exit.name).unwrap_or(exit.kind);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adaptor_has_the_type_that_is_published_where_there_is_one() {
        let published = |name: &str| (name == ADAPTOR).then_some(20);
        assert_eq!(FrameLayout::V8_4.published(published).adaptor, Some(20));
        assert_eq!(FrameLayout::V8_4.published(|_| None).adaptor, Some(19));
        assert_eq!(FrameLayout::V9_4.published(published).adaptor, None);
    }
}
