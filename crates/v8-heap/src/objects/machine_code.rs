//! The machine code that an instruction belongs to.
//!
//! ```text
//!   InstructionStream   map   code --> Code   instructions ...  safepoint table ...
//!                                      Code   instruction start, size, flags
//! ```
//!
//! An `InstructionStream` is looked for from the instruction backwards: it is the next word that is its map, if its `Code` says that the
//! instruction is its own.

use crate::objects::shared_function_info::Maker;
use crate::objects::value::HeapObject;
use crate::view::View;
use crate::{Result, Tagged};

/// No code of one function is longer, in bytes.
const LONGEST_CODE: u64 = 16 << 20;

/// What runs a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// The interpreter.
    Interpreted,
    /// Machine code without optimisations (Sparkplug).
    Baseline,
    /// Code of the quick optimising compiler.
    Maglev,
    /// Code of the slow one.
    Turbofan,
    /// Code of V8's own.
    Builtin,
    /// Code made of WebAssembly.
    WebAssembly,
    /// Something that V8 does not say.
    Unknown,
}

impl Tier {
    /// As users know it.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Interpreted => "interpreted",
            Tier::Baseline => "baseline",
            Tier::Maglev => "Maglev",
            Tier::Turbofan => "TurboFan",
            Tier::Builtin => "builtin",
            Tier::WebAssembly => "WebAssembly",
            Tier::Unknown => "unknown",
        }
    }
}

/// Machine code.
#[derive(Clone, Copy, Debug)]
pub struct MachineCode<'h> {
    /// The `Code`.
    pub object: HeapObject<'h>,
    /// The first instruction.
    pub start: u64,
    /// Bytes of instructions.
    pub size: u32,
    /// Who made it.
    pub tier: Tier,
}

impl MachineCode<'_> {
    /// Whether it was made with optimisations, so that several functions can be in one frame.
    pub fn is_optimized(&self) -> bool {
        matches!(self.tier, Tier::Maglev | Tier::Turbofan)
    }
}

impl View<'_> {
    /// The code in which an instruction is; nothing outside of V8's pages.
    pub fn machine_code_at(&self, instruction: u64) -> Option<MachineCode<'_>> {
        let page = self.spaces().page_of(instruction)?;
        let lowest = page.area_start.max(instruction.saturating_sub(LONGEST_CODE));
        let mut at = instruction & !7;
        while at >= lowest {
            if let Some(code) = self.code_of_stream(at) {
                return (code.start..=code.start + u64::from(code.size))
                    .contains(&instruction)
                    .then_some(code);
            }
            at = at.checked_sub(8)?;
        }
        None
    }

    /// The function that code was made for, a `SharedFunctionInfo`; nothing if it does not say.
    pub fn function_of_code(&self, code: HeapObject<'_>) -> Option<Tagged> {
        match self.maker_of_code(code.value()).ok()? {
            Maker::Function(shared) => Some(shared),
            Maker::Bytecode(_) | Maker::Unknown => None,
        }
    }

    /// The code of the `InstructionStream` at an address, if there is one.
    fn code_of_stream(&self, address: u64) -> Option<MachineCode<'_>> {
        let words = self.words();
        let map = words.heap_tagged(address)?.strong()?;
        // Instructions are seldom the address of anything on a page.
        self.spaces().page_index(map)?;
        let (_, map) = self.map_at(address).ok()?;
        if !self.layout().is_machine_code(map.instance_type) {
            return None;
        }
        let code =
            self.machine_code(self.code_of_instructions(self.object(Tagged::pointer(address)).ok()?).ok()?)?;
        (code.start == address + self.fields().machine_instructions).then_some(code)
    }

    /// The `Code` of an object with instructions: the object itself, or what it leads to.
    ///
    /// # Errors
    /// If the object cannot be read.
    pub(crate) fn code_of_instructions<'h>(&'h self, holder: HeapObject<'h>) -> Result<HeapObject<'h>> {
        if self.layout().type_name(holder.map.instance_type) == "Code" {
            return Ok(holder);
        }
        let at = holder.address + self.fields().instruction_stream_code;
        self.object(self.words().protected(at, "Code of an InstructionStream")?)
    }

    /// Where the instructions of a `Code` begin, which in a sandbox a table says.
    fn entry_point(&self, code: HeapObject<'_>) -> Option<u64> {
        let at = code.address + self.fields().code_handle?;
        let handle = self.words().word32(at, "handle of a Code").ok()?;
        self.spaces().sandbox_at(code.address)?.entry_point(self.memory(), handle)
    }

    /// A `Code`, decoded; nothing of another object.
    pub fn machine_code<'h>(&'h self, object: HeapObject<'h>) -> Option<MachineCode<'h>> {
        let (words, fields) = (self.words(), self.fields());
        if self.layout().type_name(object.map.instance_type) != "Code" {
            return None;
        }
        let start = match fields.code_instruction_start {
            Some(at) => words.word(object.address + at, "start of instructions").ok()?,
            None if self.spaces().is_sandboxed() => self.entry_point(object)?,
            None => object.address + fields.machine_instructions,
        };
        let size =
            words.word32(object.address + fields.code_instruction_size, "size of instructions").ok()?;
        let flags = words.word32(object.address + fields.code_flags, "flags of a Code").ok()?;
        let kind = self.bits().code_kind.of(flags.into());
        let tier = match self.layout().value_name("CodeFlags", "kind", kind) {
            Some("BASELINE") => Tier::Baseline,
            Some("MAGLEV") => Tier::Maglev,
            Some("OPTIMIZED_FUNCTION" | "TURBOFAN" | "TURBOFAN_JS") => Tier::Turbofan,
            Some("BUILTIN") => Tier::Builtin,
            Some("INTERPRETED_FUNCTION") => Tier::Interpreted,
            _ => Tier::Unknown,
        };
        Some(MachineCode { object, start, size, tier })
    }
}
