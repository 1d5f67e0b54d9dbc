//! Unwind tables (`.eh_frame`, found through `.eh_frame_hdr`), read by the `gimli` crate.
//!
//! The tables are taken from the memory of the process: read-only, so the core leaves them to the binary, except those
//! of the vDSO.

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EhFrameOffset, Encoding, EndianSlice, EvaluationResult,
    Format, LittleEndian, Location, ParsedEhFrameHdr, Register, RegisterRule, UnwindContext,
    UnwindExpression, UnwindSection, Value,
};

use crate::address_space::AddressSpace;
use crate::architecture::{Unwound, forget_scratch};
use crate::elf::Segment;
use crate::modules::Module;
use crate::{Address, Memory, MemoryError};

type Reader<'c> = EndianSlice<'c, LittleEndian>;

/// Operations of an expression that are run at most.
const OPERATIONS_LIMIT: u32 = 256;
/// An entry for one function is not believed to be longer, in bytes.
const ENTRY_LIMIT: usize = 1 << 18;
/// Entries of a module in which only functions written in assembler have them, at most (musl: 4).
const FEW: usize = 16;
/// Bytes of `.eh_frame` that are looked at; the largest programs have some tens of megabytes.
const SECTION_LIMIT: usize = 1 << 30;

const ENCODING: Encoding = Encoding { address_size: 8, format: Format::Dwarf32, version: 4 };

/// Room for evaluating tables, used again and again.
#[derive(Default)]
pub(super) struct Context(UnwindContext<usize>);

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Context")
    }
}

/// The unwind tables of one module.
#[derive(Debug)]
pub(super) struct ModuleUnwinder<'c> {
    header: ParsedEhFrameHdr<Reader<'c>>,
    frames: EhFrame<Reader<'c>>,
    bases: BaseAddresses,
    /// Address of `.eh_frame`.
    start: u64,
}

/// What the tables say of a frame.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made once for each frame, and taken apart at once")]
pub(super) enum Row {
    /// It has no caller.
    Outermost,
    /// Its caller.
    Caller {
        registers: Unwound,
        /// The canonical frame address.
        end: u64,
        /// The caller was interrupted by a signal.
        signal: bool,
    },
    /// They refer to memory that cannot be read.
    Memory(MemoryError),
}

/// Why a rule gives no value.
enum NoValue {
    Memory(MemoryError),
    /// It needs a register that is not known, or makes no sense.
    Unknown,
}

impl<'c> ModuleUnwinder<'c> {
    /// The tables of `module`, if it has them and they can be read.
    pub fn new(memory: &'c AddressSpace, module: &Module) -> Option<ModuleUnwinder<'c>> {
        let segment = module.segments.iter().find(|segment| segment.kind == Segment::EH_FRAME)?;
        let at = segment.vaddr.wrapping_add(module.bias);
        let bytes = memory.bytes_from(Address(at)).ok()?;
        let bytes = &bytes[..bytes.len().min(usize::try_from(segment.memory_size).ok()?)];
        let bases = BaseAddresses::default().set_eh_frame_hdr(at);
        let header = EhFrameHdr::new(bytes, LittleEndian).parse(&bases, 8).ok()?;
        let start = header.eh_frame_ptr().direct().ok()?;
        let section = memory.bytes_from(Address(start)).ok()?;
        let frames = EhFrame::new(&section[..section.len().min(SECTION_LIMIT)], LittleEndian);
        Some(ModuleUnwinder { header, frames, bases: bases.set_eh_frame(start), start })
    }

    /// They are of more than a few functions: those of a module whose code was compiled with tables.
    pub fn covers_much(&self) -> bool {
        let more = self.header.table().map(|table| table.iter(&self.bases).nth(FEW));
        matches!(more, Some(Ok(Some(_))))
    }

    /// What the tables say of the frame at `lookup` with these registers; `None` if they say nothing about that place. With
    /// `by_frame_record` the stack pointer among the registers is not known exactly, and the frame pointer is.
    pub fn caller(
        &self,
        memory: &AddressSpace,
        context: &mut Context,
        lookup: u64,
        registers: &Unwound,
        by_frame_record: bool,
    ) -> Option<Row> {
        let table = self.header.table()?;
        let place = table.lookup(lookup, &self.bases).ok()?;
        // `pointer_to_offset` would not bear a place before the section.
        let offset = usize::try_from(place.direct().ok()?.checked_sub(self.start)?).ok()?;
        let offset = EhFrameOffset(offset);
        let entry = self.frames.fde_from_offset(&self.bases, offset, EhFrame::cie_from_offset).ok()?;
        if !entry.contains(lookup) || entry.entry_len() > ENTRY_LIMIT || entry.cie().entry_len() > ENTRY_LIMIT
        {
            return None;
        }
        let signal = entry.is_signal_trampoline();
        let row = entry.unwind_info_for_address(&self.frames, &self.bases, &mut context.0, lookup).ok()?;
        let evaluation = Evaluation { memory, frames: &self.frames, registers, by_frame_record };
        match evaluation.apply(row, signal, usize::from(entry.cie().return_address_register().0)) {
            Ok(row) => Some(row),
            Err(NoValue::Memory(error)) => Some(Row::Memory(error)),
            Err(NoValue::Unknown) => None,
        }
    }
}

struct Evaluation<'e, 'c> {
    memory: &'e AddressSpace,
    frames: &'e EhFrame<Reader<'c>>,
    registers: &'e Unwound,
    by_frame_record: bool,
}

impl Evaluation<'_, '_> {
    fn register(&self, register: Register) -> Result<u64, NoValue> {
        self.registers.get(usize::from(register.0)).copied().flatten().ok_or(NoValue::Unknown)
    }

    fn read(&self, at: u64) -> Result<u64, NoValue> {
        self.memory.read_u64(Address(at)).map_err(NoValue::Memory)
    }

    fn apply(
        &self,
        row: &gimli::UnwindTableRow<usize>,
        signal: bool,
        return_address: usize,
    ) -> Result<Row, NoValue> {
        let architecture = self.memory.architecture();
        let unwinding = &architecture.unwinding;
        let end = match row.cfa() {
            CfaRule::RegisterAndOffset { register, .. }
                if self.by_frame_record && usize::from(register.0) == unwinding.stack_pointer =>
            {
                self.end_by_frame_record(row).ok_or(NoValue::Unknown)?
            }
            CfaRule::RegisterAndOffset { register, offset } => {
                self.register(*register)?.wrapping_add_signed(*offset)
            }
            CfaRule::Expression(expression) => self.expression(expression, None)?,
        };
        let mut caller = *self.registers;
        if !signal {
            forget_scratch(architecture, &mut caller);
        }
        caller[unwinding.stack_pointer] = Some(end);
        // A function that has not saved the link register has it as it was.
        let mut back =
            unwinding.link.filter(|link| *link == return_address).and_then(|link| self.registers[link]);
        for (register, rule) in row.registers() {
            let number = usize::from(register.0);
            let value = match rule {
                RegisterRule::Undefined if number == return_address => return Ok(Row::Outermost),
                RegisterRule::Undefined | RegisterRule::Architectural => None,
                RegisterRule::SameValue => self.register(*register).ok(),
                RegisterRule::Offset(offset) => Some(self.read(end.wrapping_add_signed(*offset))?),
                RegisterRule::ValOffset(offset) => Some(end.wrapping_add_signed(*offset)),
                RegisterRule::Register(other) => self.register(*other).ok(),
                RegisterRule::Expression(expression) => {
                    Some(self.read(self.expression(expression, Some(end))?)?)
                }
                RegisterRule::ValExpression(expression) => Some(self.expression(expression, Some(end))?),
                RegisterRule::Constant(value) => Some(*value),
            };
            if number == return_address {
                back = value;
            } else if let Some(place) = caller.get_mut(number) {
                *place = value;
            }
        }
        if let Some(link) = unwinding.link {
            caller[link] = back;
        }
        caller[unwinding.instruction_pointer] = back.map(unwinding.plain);
        Ok(Row::Caller { registers: caller, end, signal })
    }

    /// Where a frame ends whose frame pointer points to where the one of its caller is saved.
    fn end_by_frame_record(&self, row: &gimli::UnwindTableRow<usize>) -> Option<u64> {
        let number = self.memory.architecture().unwinding.frame_pointer;
        let record = self.registers.get(number).copied().flatten()?;
        let rule = row.registers().find(|(register, _)| usize::from(register.0) == number);
        match rule?.1 {
            RegisterRule::Offset(offset) => Some(record.wrapping_add_signed(offset.checked_neg()?)),
            _ => None,
        }
    }

    fn expression(&self, expression: &UnwindExpression<usize>, initial: Option<u64>) -> Result<u64, NoValue> {
        let expression = expression.get(self.frames).map_err(|_| NoValue::Unknown)?;
        let mut evaluation = expression.evaluation(ENCODING);
        evaluation.set_max_iterations(OPERATIONS_LIMIT);
        if let Some(initial) = initial {
            evaluation.set_initial_value(initial);
        }
        let mut step = evaluation.evaluate().map_err(|_| NoValue::Unknown)?;
        loop {
            step = match step {
                EvaluationResult::Complete => break,
                EvaluationResult::RequiresMemory { address, size, .. } if (1..=8).contains(&size) => {
                    let mut word = [0; 8];
                    let bytes = word.get_mut(..usize::from(size)).ok_or(NoValue::Unknown)?;
                    self.memory.read_into(Address(address), bytes).map_err(NoValue::Memory)?;
                    evaluation.resume_with_memory(Value::Generic(u64::from_le_bytes(word)))
                }
                EvaluationResult::RequiresRegister { register, .. } => {
                    evaluation.resume_with_register(Value::Generic(self.register(register)?))
                }
                EvaluationResult::RequiresRelocatedAddress(address) => {
                    evaluation.resume_with_relocated_address(address)
                }
                _ => return Err(NoValue::Unknown),
            }
            .map_err(|_| NoValue::Unknown)?;
        }
        match evaluation.result().first().map(|piece| piece.location) {
            Some(Location::Address { address }) => Ok(address),
            Some(Location::Value { value }) => value.to_u64(u64::MAX).map_err(|_| NoValue::Unknown),
            _ => Err(NoValue::Unknown),
        }
    }
}
