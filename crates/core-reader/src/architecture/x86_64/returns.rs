//! The caller of a function that has neither unwind tables nor a frame pointer, told by its instructions.
//!
//! C libraries such as musl are built without tables, and their functions use `rbp` for anything. But what a function will do to the
//! stack until it returns stands in its code, and the registers that it gives back come from there:
//!
//! ```text
//!   epoll_pwait:   push %rbp ... sub $0x18,%rsp ... call __syscall_cp
//!            here: add $0x18,%rsp       rsp + 0x18
//!                  pop %rbp             rbp = what the caller had, rsp + 8
//!                  ret                  the return address is at rsp
//! ```
//!
//! So its instructions are followed from where it is, along every way, until one returns behind a call. Only what moves the
//! stack pointer and the registers that a function gives back is worked out; a value that nothing is known of stays unknown, and a call
//! in between leaves the stack as it was.
//!
//! A function that never returns, such as `abort`, has no such way. If it is known where a function begins, it is rather followed from
//! there to where it is: what it had taken from the stack by then, and where it had put the registers of its caller. If it has no
//! name and never returns, each place before that may be the start of a function is tried.
//!
//! Source: System V ABI for x86-64, section 3.2.1 (registers).

use std::collections::{HashMap, HashSet};

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind,
    Register,
};

use super::{RIP, RSP};
use crate::architecture::{MOST_UNWOUND, Unwound};
use crate::{Address, Memory};

/// General registers.
const GENERAL: usize = 16;
/// Instructions that are followed for one frame, at most.
const MOST_STEPS: usize = 1 << 11;
/// Functions begin at multiples of it, and one is followed from no more such places.
const ALIGNMENT: u64 = 16;
const MOST_STARTS: u64 = 32;
/// No instruction is longer, in bytes.
const LONGEST: usize = 15;
/// What the stack pointer is taken for at the start of a function that is followed from there.
const START: u64 = 1 << 40;
/// Registers by their number in instructions; the DWARF numbers of them.
const DWARF: [usize; GENERAL] = [0, 2, 1, 3, RSP, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
/// Those that a function gives back as they were, and those that a call need not.
const PRESERVED: [Register; 6] =
    [Register::RBX, Register::RBP, Register::R12, Register::R13, Register::R14, Register::R15];
const SCRATCH: [Register; 9] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RSI,
    Register::RDI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
];

/// What is known of a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Word {
    Known(u64),
    /// What a register had when the function began.
    Caller(usize),
    Unknown,
}

/// Registers, and what the instructions that were followed have written to memory.
#[derive(Clone)]
struct State {
    registers: [Word; GENERAL],
    written: HashMap<u64, Word>,
}

/// Where control goes behind an instruction.
enum Next {
    /// To the next one, or also elsewhere.
    On(Option<u64>),
    To(u64),
    Return,
    /// Nobody can tell, or nowhere.
    End,
}

/// The registers of the caller, by the instructions of the function that has these; `begins` is where it does, if that is known.
/// `is_return_address` tells whether an address is behind a call.
pub(super) fn caller(
    memory: &dyn Memory,
    registers: &Unwound,
    begins: Option<u64>,
    is_return_address: &dyn Fn(u64) -> bool,
) -> Option<Unwound> {
    let pc = registers[RIP]?;
    let by_start = |begins: u64| {
        from_start(memory, registers, begins, pc).filter(|caller| caller[RIP].is_some_and(is_return_address))
    };
    begins
        .and_then(by_start)
        .or_else(|| to_return(memory, registers, pc, is_return_address))
        .or_else(|| starts_before(memory, pc).find_map(by_start))
}

/// Where the function around an instruction may begin, if it has no name: functions are aligned, behind padding or the end of another
/// one.
fn starts_before(memory: &dyn Memory, pc: u64) -> impl Iterator<Item = u64> + '_ {
    /// Padding (`nop`, the zeros at the end of a long one, `int3`), and `ret`.
    const BEFORE: [u8; 4] = [0x90, 0, 0xcc, 0xc3];
    let last = pc.wrapping_sub(1) & !(ALIGNMENT - 1);
    let starts = (0..MOST_STARTS).map_while(move |step| last.checked_sub(step * ALIGNMENT));
    starts.filter(move |start| {
        let mut before = [0];
        let at = start.checked_sub(1).map(Address);
        at.is_some_and(|at| memory.read_into(at, &mut before).is_ok()) && BEFORE.contains(&before[0])
    })
}

/// Follows the function to its end.
fn to_return(
    memory: &dyn Memory,
    registers: &Unwound,
    pc: u64,
    is_return_address: &dyn Fn(u64) -> bool,
) -> Option<Unwound> {
    let start = State {
        registers: DWARF.map(|number| registers[number].map_or(Word::Unknown, Word::Known)),
        written: HashMap::new(),
    };
    follow(memory, start, pc, true, &mut |at, state| {
        let Place::Return = at else { return None };
        let Word::Known(top) = state.registers[Register::RSP.number()] else { return None };
        let back = state.load(memory, top, true).known().filter(|back| is_return_address(*back))?;
        let mut caller = [None; MOST_UNWOUND];
        for register in PRESERVED {
            caller[DWARF[register.number()]] = state.registers[register.number()].known();
        }
        caller[RSP] = top.checked_add(8);
        caller[RIP] = Some(back);
        Some(caller)
    })
}

/// Follows the function from its start to where it is.
fn from_start(memory: &dyn Memory, registers: &Unwound, begins: u64, pc: u64) -> Option<Unwound> {
    let mut start = State { registers: std::array::from_fn(Word::Caller), written: HashMap::new() };
    start.registers[Register::RSP.number()] = Word::Known(START);
    let sp = registers[RSP]?;
    follow(memory, start, begins, false, &mut |at, state| {
        let Place::At(at) = at else { return None };
        let Word::Known(now) = state.registers[Register::RSP.number()] else { return None };
        if at != pc {
            return None;
        }
        let entered = sp.checked_add(START.checked_sub(now)?)?;
        let mut caller = [None; MOST_UNWOUND];
        for register in PRESERVED {
            let number = register.number();
            // The last word wins: where it has been put twice, both are the same.
            let slot =
                state.written.iter().filter(|(_, word)| **word == Word::Caller(number)).map(|it| *it.0).max();
            caller[DWARF[number]] = match slot {
                Some(slot) => memory.read_u64(Address(entered.wrapping_sub(START).wrapping_add(slot))).ok(),
                None if state.registers[number] == Word::Caller(number) => registers[DWARF[number]],
                None => None,
            };
        }
        caller[RSP] = entered.checked_add(8);
        caller[RIP] = memory.read_u64(Address(entered)).ok();
        Some(caller)
    })
}

/// A place that instructions lead to.
enum Place {
    /// Before the instruction at an address.
    At(u64),
    /// Before one that returns.
    Return,
}

/// Follows instructions along every way until `look` gives something. With `reads` what nothing was written to is read.
fn follow(
    memory: &dyn Memory,
    start: State,
    at: u64,
    reads: bool,
    look: &mut dyn FnMut(Place, &State) -> Option<Unwound>,
) -> Option<Unwound> {
    let mut information = InstructionInfoFactory::new();
    let mut waiting = vec![(at, start)];
    let mut seen = HashSet::new();
    while let Some((mut at, mut state)) = waiting.pop() {
        while seen.len() < MOST_STEPS && seen.insert(at) {
            if let Some(found) = look(Place::At(at), &state) {
                return Some(found);
            }
            let mut bytes = [0; LONGEST];
            let Ok(code) = memory.bytes_from(Address(at)) else { break };
            let length = code.len().min(LONGEST);
            bytes[..length].copy_from_slice(&code[..length]);
            let instruction = Decoder::with_ip(64, &bytes[..length], at, DecoderOptions::NONE).decode();
            if instruction.is_invalid() {
                break;
            }
            match state.step(memory, &instruction, reads, &mut information) {
                Next::On(other) => {
                    waiting.extend(other.map(|other| (other, state.clone())));
                    at = instruction.next_ip();
                }
                Next::To(other) => at = other,
                Next::Return => {
                    if let Some(found) = look(Place::Return, &state) {
                        return Some(found);
                    }
                    break;
                }
                Next::End => break,
            }
        }
    }
    None
}

impl Word {
    fn known(self) -> Option<u64> {
        match self {
            Word::Known(value) => Some(value),
            Word::Caller(_) | Word::Unknown => None,
        }
    }

    fn map(self, change: impl Fn(u64) -> u64) -> Word {
        self.known().map_or(Word::Unknown, |value| Word::Known(change(value)))
    }
}

impl State {
    fn load(&self, memory: &dyn Memory, at: u64, reads: bool) -> Word {
        match self.written.get(&at) {
            Some(word) => *word,
            None if reads => memory.read_u64(Address(at)).map_or(Word::Unknown, Word::Known),
            None => Word::Unknown,
        }
    }

    fn get(&self, register: Register) -> Word {
        match register.is_gpr64() {
            true => self.registers[register.number()],
            false => Word::Unknown,
        }
    }

    fn set(&mut self, register: Register, word: Word) {
        if register.is_gpr() {
            self.registers[register.full_register().number()] =
                if register.is_gpr64() { word } else { Word::Unknown };
        }
    }

    /// Where an operand in memory is.
    fn place(&self, instruction: &Instruction) -> Option<u64> {
        let part = |register: Register| match register {
            Register::None => Some(0),
            Register::RIP => Some(0),
            register => self.get(register).known(),
        };
        if !matches!(instruction.memory_segment(), Register::DS | Register::SS) {
            return None;
        }
        let scaled =
            part(instruction.memory_index())?.wrapping_mul(u64::from(instruction.memory_index_scale()));
        Some(
            part(instruction.memory_base())?
                .wrapping_add(scaled)
                .wrapping_add(instruction.memory_displacement64()),
        )
    }

    /// The value of an operand of 64 bits.
    fn operand(&self, memory: &dyn Memory, instruction: &Instruction, index: u32, reads: bool) -> Word {
        match instruction.op_kind(index) {
            OpKind::Register => self.get(instruction.op_register(index)),
            OpKind::Memory if instruction.memory_size().size() == 8 => {
                self.place(instruction).map_or(Word::Unknown, |at| self.load(memory, at, reads))
            }
            OpKind::Memory => Word::Unknown,
            _ => instruction.try_immediate(index).map_or(Word::Unknown, Word::Known),
        }
    }

    fn push(&mut self, word: Word) {
        let sp = self.registers[Register::RSP.number()].map(|sp| sp.wrapping_sub(8));
        self.registers[Register::RSP.number()] = sp;
        if let Word::Known(at) = sp {
            self.written.insert(at, word);
        }
    }

    fn pop(&mut self, memory: &dyn Memory, reads: bool) -> Word {
        let sp = self.registers[Register::RSP.number()];
        self.registers[Register::RSP.number()] = sp.map(|sp| sp.wrapping_add(8));
        sp.known().map_or(Word::Unknown, |at| self.load(memory, at, reads))
    }

    /// What an instruction does.
    fn step(
        &mut self,
        memory: &dyn Memory,
        instruction: &Instruction,
        reads: bool,
        information: &mut InstructionInfoFactory,
    ) -> Next {
        match instruction.flow_control() {
            FlowControl::Next => {}
            FlowControl::Return => return Next::Return,
            FlowControl::UnconditionalBranch => return Next::To(instruction.near_branch_target()),
            FlowControl::ConditionalBranch => return Next::On(Some(instruction.near_branch_target())),
            FlowControl::Call | FlowControl::IndirectCall => {
                for register in SCRATCH {
                    self.set(register, Word::Unknown);
                }
                return Next::On(None);
            }
            _ => return Next::End,
        }
        let value = |state: &State, index| state.operand(memory, instruction, index, reads);
        let target = instruction.op0_register();
        let is_register = instruction.op_count() > 0 && instruction.op0_kind() == OpKind::Register;
        match instruction.mnemonic() {
            Mnemonic::Hlt => return Next::End,
            Mnemonic::Push => {
                let word = value(self, 0);
                self.push(word);
            }
            Mnemonic::Pop => {
                let word = self.pop(memory, reads);
                if is_register {
                    self.set(target, word);
                }
            }
            Mnemonic::Leave => {
                self.registers[Register::RSP.number()] = self.registers[Register::RBP.number()];
                let word = self.pop(memory, reads);
                self.set(Register::RBP, word);
            }
            Mnemonic::Mov if is_register => {
                let word = value(self, 1);
                self.set(target, word);
            }
            Mnemonic::Mov => {
                let word = value(self, 1);
                if let (Some(at), 8) = (self.place(instruction), instruction.memory_size().size()) {
                    self.written.insert(at, word);
                }
            }
            Mnemonic::Lea => {
                let word = self.place(instruction).map_or(Word::Unknown, Word::Known);
                self.set(target, word);
            }
            Mnemonic::Add | Mnemonic::Sub | Mnemonic::And if is_register => {
                let (one, other) = (value(self, 0), value(self, 1));
                let result = match (one, other) {
                    (Word::Known(one), Word::Known(other)) => Word::Known(match instruction.mnemonic() {
                        Mnemonic::Add => one.wrapping_add(other),
                        Mnemonic::Sub => one.wrapping_sub(other),
                        _ => one & other,
                    }),
                    _ => Word::Unknown,
                };
                self.set(target, result);
            }
            _ => {
                for used in information.info(instruction).used_registers() {
                    let writes = matches!(
                        used.access(),
                        OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
                    );
                    if writes {
                        self.set(used.register().full_register(), Word::Unknown);
                    }
                }
            }
        }
        Next::On(None)
    }
}
