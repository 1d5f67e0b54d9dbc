//! The instructions that compilers make of C++: those of the base architecture with SSE and SSE2, and a few more.
//!
//! Source: Intel, *64 and IA-32 Architectures Software Developer's Manual*, volume 2. Flags that the manual calls undefined have any value.

mod integer;
mod multiply;
mod operands;
mod strings;
mod vector;
mod vector_numbers;

use std::collections::HashMap;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

use crate::Address;
use crate::architecture::halt::{CallFrame, Halt};
use crate::architecture::private_memory::{ByNumber, PrivateMemory};
use crate::architecture::processor::{Processor, Stops};

/// Numbers of registers in instructions.
const RAX: usize = 0;
const RCX: usize = 1;
const RDX: usize = 2;
const RSP: usize = 4;
const RSI: usize = 6;
const RDI: usize = 7;
/// Those that hold the first arguments of a function (System V ABI, figure 3.4).
const ARGUMENTS: [usize; 6] = [RDI, RSI, RDX, RCX, 8, 9];
const GENERAL: usize = 16;
/// No instruction is longer, in bytes.
const LONGEST: usize = 15;
/// Instructions that are kept decoded, at most.
const MOST_DECODED: usize = 1 << 18;
/// Calls within calls.
const MOST_CALLS: usize = 1 << 16;

/// Flags of the last arithmetic instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flags {
    carry: bool,
    parity: bool,
    adjust: bool,
    zero: bool,
    sign: bool,
    overflow: bool,
    /// Strings are gone through downwards.
    direction: bool,
}

impl Flags {
    const PLACES: [u32; 7] = [0, 2, 4, 6, 7, 11, 10];

    fn each(self) -> [bool; 7] {
        [self.carry, self.parity, self.adjust, self.zero, self.sign, self.overflow, self.direction]
    }

    /// As `rflags` has them.
    fn word(self) -> u64 {
        let bits = Self::PLACES.into_iter().zip(self.each());
        bits.fold(2, |word, (place, is_set)| word | u64::from(is_set) << place)
    }

    fn of(word: u64) -> Flags {
        let [carry, parity, adjust, zero, sign, overflow, direction] =
            Self::PLACES.map(|place| word >> place & 1 == 1);
        Flags { carry, parity, adjust, zero, sign, overflow, direction }
    }
}

/// An x86-64 processor.
pub(super) struct X86Processor {
    general: [u64; GENERAL],
    vectors: [u128; GENERAL],
    flags: Flags,
    at: u64,
    /// Where thread-local variables are.
    thread_pointer: u64,
    decoded: HashMap<u64, Instruction, ByNumber>,
    calls: Vec<CallFrame>,
}

impl std::fmt::Debug for X86Processor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("X86Processor").field("at", &self.at).field("general", &self.general).finish()
    }
}

/// One in a thread.
pub(super) fn new(thread_pointer: u64) -> Box<dyn Processor> {
    Box::new(X86Processor::new(thread_pointer))
}

/// What an instruction does to the order of things.
enum Flow {
    Next,
    To(u64),
    /// To a function or out of one, where it may have to stop; with the word that the address was read from.
    Called(u64, Option<u64>),
    /// The same instruction once more.
    Again,
}

impl X86Processor {
    fn new(thread_pointer: u64) -> X86Processor {
        X86Processor {
            general: [0; GENERAL],
            vectors: [0; GENERAL],
            flags: Flags::default(),
            at: 0,
            thread_pointer,
            decoded: HashMap::default(),
            calls: Vec::new(),
        }
    }

    fn instruction(&mut self, memory: &PrivateMemory<'_>) -> Result<Instruction, Halt> {
        if let Some(known) = self.decoded.get(&self.at) {
            return Ok(*known);
        }
        let mut joined = [0; LONGEST];
        let mut code = memory.process().bytes_from(Address(self.at))?;
        if code.len() < LONGEST {
            // On to the next piece, if there is one.
            let first = code.len();
            joined[..first].copy_from_slice(code);
            let next = self.at.checked_add(first as u64).map(Address);
            let rest = next.and_then(|next| memory.process().bytes_from(next).ok()).unwrap_or_default();
            let take = rest.len().min(LONGEST - first);
            joined[first..first + take].copy_from_slice(&rest[..take]);
            code = &joined[..first + take];
        }
        let code = &code[..code.len().min(LONGEST)];
        let instruction = Decoder::with_ip(64, code, self.at, DecoderOptions::NONE).decode();
        if instruction.is_invalid() {
            return Err(Halt::Unknown(Address(self.at)));
        }
        if self.decoded.len() >= MOST_DECODED {
            self.decoded.clear();
        }
        self.decoded.insert(self.at, instruction);
        Ok(instruction)
    }

    fn unknown<T>(&self) -> Result<T, Halt> {
        Err(Halt::Unknown(Address(self.at)))
    }

    fn push(&mut self, memory: &mut PrivateMemory<'_>, value: u64) -> Result<(), Halt> {
        let top = self.general[RSP].wrapping_sub(8);
        memory.set_number(top, 8, value)?;
        self.general[RSP] = top;
        Ok(())
    }

    fn pop(&mut self, memory: &mut PrivateMemory<'_>) -> Result<u64, Halt> {
        let value = memory.number(self.general[RSP], 8)?;
        self.general[RSP] = self.general[RSP].wrapping_add(8);
        Ok(value)
    }

    /// Where a call or jump leads, and the word it was read from.
    fn destination(
        &self,
        instruction: &Instruction,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<(u64, Option<u64>), Halt> {
        match instruction.op0_kind() {
            OpKind::NearBranch64 => Ok((instruction.near_branch64(), None)),
            OpKind::Register if instruction.op0_register().is_gpr64() => {
                Ok((self.register(instruction.op0_register()), None))
            }
            OpKind::Memory if instruction.memory_size().size() == 8 => {
                let at = self.address(instruction);
                Ok((memory.number(at, 8)?, Some(at)))
            }
            _ => self.unknown(),
        }
    }

    fn flow(&mut self, instruction: &Instruction, memory: &mut PrivateMemory<'_>) -> Result<Flow, Halt> {
        match instruction.flow_control() {
            FlowControl::Call | FlowControl::IndirectCall if instruction.mnemonic() == Mnemonic::Call => {
                let (to, slot) = self.destination(instruction, memory)?;
                self.push(memory, instruction.next_ip())?;
                if self.calls.len() >= MOST_CALLS {
                    return Err(Halt::Room);
                }
                let stack = self.general[RSP];
                self.calls.push(CallFrame { function: to, first: self.general[RDI], stack });
                Ok(Flow::Called(to, slot))
            }
            FlowControl::UnconditionalBranch => Ok(Flow::To(self.destination(instruction, memory)?.0)),
            FlowControl::IndirectBranch => {
                let (to, slot) = self.destination(instruction, memory)?;
                Ok(Flow::Called(to, slot))
            }
            FlowControl::ConditionalBranch => {
                let count = self.general[RCX];
                let is_taken = match instruction.mnemonic() {
                    Mnemonic::Jrcxz => count == 0,
                    Mnemonic::Jecxz => count as u32 == 0,
                    Mnemonic::Loop | Mnemonic::Loope | Mnemonic::Loopne => return self.unknown(),
                    _ => self.holds(instruction.condition_code()),
                };
                Ok(if is_taken { Flow::To(instruction.near_branch64()) } else { Flow::Next })
            }
            FlowControl::Return if instruction.mnemonic() == Mnemonic::Ret => {
                let stack = self.general[RSP];
                let to = self.pop(memory)?;
                if instruction.op_count() == 1 {
                    self.general[RSP] = self.general[RSP].wrapping_add(instruction.immediate(0));
                }
                self.returned(stack);
                Ok(Flow::Called(to, None))
            }
            FlowControl::Interrupt | FlowControl::Exception => Err(Halt::Trap(Address(self.at))),
            FlowControl::Next => self.work(instruction, memory),
            _ => self.unknown(),
        }
    }

    /// Calls that this return ends.
    fn returned(&mut self, stack: u64) {
        while self.calls.last().is_some_and(|call| call.stack <= stack) {
            self.calls.pop();
        }
    }

    /// An instruction that the next one follows.
    fn work(&mut self, instruction: &Instruction, memory: &mut PrivateMemory<'_>) -> Result<Flow, Halt> {
        if instruction.is_string_instruction() {
            return self.string(instruction, memory);
        }
        if self.integer(instruction, memory)? || self.multiply(instruction, memory)? {
            return Ok(Flow::Next);
        }
        if self.vector(instruction, memory)? || self.vector_number(instruction, memory)? {
            return Ok(Flow::Next);
        }
        self.unknown()
    }
}

impl Processor for X86Processor {
    fn run(&mut self, memory: &mut PrivateMemory<'_>, stops: &Stops, steps: &mut u64) -> Result<u64, Halt> {
        loop {
            *steps = steps.checked_sub(1).ok_or(Halt::Steps)?;
            let instruction = self.instruction(memory)?;
            match self.flow(&instruction, memory)? {
                Flow::Next => self.at = instruction.next_ip(),
                Flow::To(at) => self.at = at,
                Flow::Again => {}
                Flow::Called(at, slot) => {
                    self.at = at;
                    if let Some(stop) = slot.into_iter().chain([at]).find(|at| stops.contains(at)) {
                        return Ok(stop);
                    }
                }
            }
        }
    }

    fn enter(
        &mut self,
        memory: &mut PrivateMemory<'_>,
        function: u64,
        arguments: &[u64],
        back: u64,
    ) -> Result<(), Halt> {
        for (register, argument) in ARGUMENTS.into_iter().zip(arguments) {
            self.general[register] = *argument;
        }
        // Below what the caller may use below its stack pointer; a multiple of 16 before the call.
        self.general[RSP] = self.general[RSP].wrapping_sub(super::X86_64.red_zone) & !15;
        self.flags = Flags::default();
        self.push(memory, back)?;
        let (first, stack) = (self.general[RDI], self.general[RSP]);
        self.calls.push(CallFrame { function, first, stack });
        self.at = function;
        Ok(())
    }

    fn leave(&mut self, memory: &mut PrivateMemory<'_>, values: (u64, u64)) -> Result<(), Halt> {
        let stack = self.general[RSP];
        self.at = self.pop(memory)?;
        self.returned(stack);
        (self.general[RAX], self.general[RDX]) = values;
        Ok(())
    }

    fn argument(&self, number: usize) -> u64 {
        ARGUMENTS.get(number).map_or(0, |register| self.general[*register])
    }

    fn result(&self) -> u64 {
        self.general[RAX]
    }

    fn registers(&self) -> Vec<u64> {
        let vectors = self.vectors.iter().flat_map(|vector| [*vector as u64, (*vector >> 64) as u64]);
        self.general.iter().copied().chain([self.at, self.flags.word()]).chain(vectors).collect()
    }

    fn set_registers(&mut self, registers: &[u64]) {
        let Some((general, rest)) = registers.split_first_chunk::<GENERAL>() else { return };
        let [at, flags, vectors @ ..] = rest else { return };
        (self.general, self.at, self.flags) = (*general, *at, Flags::of(*flags));
        for (vector, words) in self.vectors.iter_mut().zip(vectors.chunks_exact(2)) {
            *vector = u128::from(words[0]) | u128::from(words[1]) << 64;
        }
    }

    fn set_stack(&mut self, stack: u64) {
        self.general[RSP] = stack;
        self.calls.clear();
    }

    fn at(&self) -> u64 {
        self.at
    }

    fn calls(&self) -> &[CallFrame] {
        &self.calls
    }
}

/// Whether a register is one of SSE's.
fn is_vector(register: Register) -> bool {
    register.is_xmm() && register.number() < GENERAL
}
