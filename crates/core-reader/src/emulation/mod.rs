//! Functions of the dumped program, followed over its memory: what they would return, and whom they would call.
//!
//! ```text
//!   call f(a, b) --> instruction by instruction, over the core and copies of what is written
//!                      |         |
//!                      |         '--> malloc, memcpy, ...: done by us (`library`)
//!                      '--> an address that was named before: its host answers
//! ```
//!
//! Nothing is run: no instruction of the program reaches the processor, nothing outside of copies changes, and there are no system calls.
//! What is not known ends it with an error, as does the end of its steps or of its memory.

mod allocator;
mod library;
mod text;

use std::collections::HashMap;
use std::fmt;

use allocator::Allocator;
use library::Function;

use crate::architecture::{CallFrame, Halt, PrivateMemory, Processor, Stops};
use crate::symbols::Symbols;
use crate::{Address, Memory, MemoryError};

/// Instructions between two questions whether to go on.
const SLICE: u64 = 1 << 18;
/// Bytes of the stack.
const STACK: u64 = 8 << 20;
/// Bytes of addresses that stand for functions of the host, at which nothing is.
const STAND_INS: u64 = 1 << 16;
/// Calls of the host within calls of the host.
const MOST_NESTED: usize = 64;

/// How far code is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Instructions in all.
    pub steps: u64,
    /// Bytes of memory that is written to, in all.
    pub bytes: u64,
}

/// What a host answers a call with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The function has returned this.
    Value(u64),
    /// The function has returned a pair of words.
    Pair(u64, u64),
    /// The function is followed after all.
    Follow,
}

/// Who answers the calls that stop.
pub trait Host {
    /// The program calls what was named by [`Emulator::stop_at`], or [`Emulator::stand_in`].
    ///
    /// # Errors
    /// Ends the outermost call.
    fn called(&mut self, emulator: &mut Emulator<'_>, at: u64) -> Result<Reply, Halt>;

    /// So many more instructions have been followed: whether to go on.
    fn goes_on(&mut self, _steps: u64) -> bool {
        true
    }
}

/// A copy of a dumped process in which functions can be followed.
pub struct Emulator<'a> {
    memory: PrivateMemory<'a>,
    processor: Box<dyn Processor>,
    stops: Stops,
    library: HashMap<u64, Function>,
    allocator: Allocator,
    /// Where outermost functions return to.
    back: u64,
    next_stand_in: u64,
    steps: u64,
    nested: usize,
}

impl fmt::Debug for Emulator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("processor", &self.processor).field("steps", &self.steps).finish()
    }
}

impl<'a> Emulator<'a> {
    /// Of a thread with this thread pointer. None where the instructions of the processor are not known, or the process has
    /// no addresses left.
    pub fn new(
        memory: &'a dyn Memory,
        symbols: &dyn Symbols,
        thread_pointer: u64,
        limits: Limits,
    ) -> Option<Emulator<'a>> {
        let processor = memory.architecture().processor?;
        let bytes = limits.bytes.checked_add(STACK + STAND_INS)?;
        let memory = PrivateMemory::new(memory, bytes)?;
        let room = memory.room();
        let stack_end = room.start + STAND_INS + STACK;
        let mut processor = processor(thread_pointer);
        processor.set_stack(stack_end);
        let library = library::places(symbols);
        let mut stops: Stops = library.keys().copied().collect();
        stops.insert(room.start);
        Some(Emulator {
            memory,
            processor,
            stops,
            library,
            allocator: Allocator::new(stack_end..room.end),
            back: room.start,
            next_stand_in: room.start,
            steps: limits.steps,
            nested: 0,
        })
    }

    /// An address that stands for a function of the host. None if there are too many.
    pub fn stand_in(&mut self) -> Option<u64> {
        let at = self.next_stand_in.checked_add(16)?;
        if at >= self.back + STAND_INS {
            return None;
        }
        self.next_stand_in = at;
        self.stops.insert(at);
        Some(at)
    }

    /// Asks the host at each call of a function.
    pub fn stop_at(&mut self, function: u64) {
        self.stops.insert(function);
    }

    /// How many instructions are left.
    pub fn steps_left(&self) -> u64 {
        self.steps
    }

    /// What the function that is being called was given: the first six arguments.
    pub fn argument(&self, number: usize) -> u64 {
        self.processor.argument(number)
    }

    /// The calls that have not returned, outermost first.
    pub fn calls(&self) -> &[CallFrame] {
        self.processor.calls()
    }

    /// The instruction that is next.
    pub fn instruction(&self) -> Address {
        Address(self.processor.at())
    }

    /// Memory of its own, filled with zeros.
    ///
    /// # Errors
    /// [`Halt::Room`]
    pub fn allocate(&mut self, bytes: u64) -> Result<u64, Halt> {
        self.allocator.allocate_zeros(&mut self.memory, bytes, 16)
    }

    /// The word at an address, as the program would see it.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn word(&mut self, at: u64) -> Result<u64, Halt> {
        self.memory.number(at, size_of::<u64>())
    }

    /// Writes a word.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn set_word(&mut self, at: u64, value: u64) -> Result<(), Halt> {
        self.memory.set_number(at, size_of::<u64>(), value)
    }

    /// The text at an address, up to its zero; `most` bytes of it.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn text(&mut self, at: u64, most: usize) -> Result<Vec<u8>, Halt> {
        let length = text::length(&mut self.memory, at, most as u64)?;
        let mut bytes = vec![0; length as usize];
        self.memory.read(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Follows a function of up to six arguments to its end, and says what it returned.
    ///
    /// # Errors
    /// Why it did not end. What the host called before stays in its memory; calls in between are over.
    pub fn call(&mut self, function: u64, arguments: &[u64], host: &mut dyn Host) -> Result<u64, Halt> {
        if self.nested >= MOST_NESTED {
            return Err(Halt::Room);
        }
        let held = self.processor.registers();
        self.nested += 1;
        let result = self.follow(function, arguments, host);
        self.nested -= 1;
        if result.is_ok() {
            self.processor.set_registers(&held);
        }
        result
    }

    fn follow(&mut self, function: u64, arguments: &[u64], host: &mut dyn Host) -> Result<u64, Halt> {
        self.processor.enter(&mut self.memory, function, arguments, self.back)?;
        // A function of the host may be called directly.
        let mut at = Some(function).filter(|function| self.stops.contains(function));
        loop {
            let stop = match at.take() {
                Some(stop) => stop,
                None => self.run(host)?,
            };
            if stop == self.back {
                return Ok(self.processor.result());
            }
            let reply = match self.library.get(&stop) {
                Some(function) => function.call(self, stop)?,
                None => host.called(self, stop)?,
            };
            match reply {
                Reply::Value(value) => self.processor.leave(&mut self.memory, (value, 0))?,
                Reply::Pair(one, other) => self.processor.leave(&mut self.memory, (one, other))?,
                Reply::Follow => continue,
            }
            // It may have been a jump at the end of the outermost function.
            at = Some(self.processor.at()).filter(|at| *at == self.back);
        }
    }

    fn run(&mut self, host: &mut dyn Host) -> Result<u64, Halt> {
        loop {
            let mut slice = self.steps.min(SLICE);
            let allowed = slice;
            let stopped = self.processor.run(&mut self.memory, &self.stops, &mut slice);
            self.steps -= allowed - slice;
            match stopped {
                Err(Halt::Steps) if self.steps > 0 => {
                    if !host.goes_on(allowed) {
                        return Err(Halt::Interrupted);
                    }
                }
                stopped => return stopped,
            }
        }
    }

    /// Gives up what is being followed, after an error: the stack is empty again.
    pub fn abandon(&mut self) {
        self.nested = 0;
        self.processor.set_stack(self.back + STAND_INS + STACK);
    }
}

/// An address that no memory is at.
fn nowhere(at: u64) -> Halt {
    Halt::Memory(MemoryError::Unmapped(Address(at)))
}
