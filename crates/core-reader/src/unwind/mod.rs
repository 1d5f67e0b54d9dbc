//! The stack of a thread: from the innermost frame to the outermost, whatever code they belong to.
//!
//! Where the caller of a frame is, is told by, in this order:
//!
//! ```text
//!   1. the unwind tables of the module that the code is in     exact; also says that a frame is the outermost
//!   2. the frame the kernel saved when it delivered a signal   exact
//!   3. the instructions of a module without unwind tables      exact: what they do to the stack until they return
//!   4. the frame pointer, in code that has no unwind tables    V8's generated code and builtins keep it
//!   5. the top of the stack, at the very start of a function   where 4 would leave a frame out
//!   6. the next word on the stack that is a return address     a guess, and said to be one
//! ```
//!
//! Sources: System V ABI for x86-64, section 3.2 (stack frame); Procedure Call Standard for the Arm 64-bit Architecture, section
//! 6.4.6 (frame pointer); DWARF 5, section 6.4
//! (call frame information); Linux Standard Base, section 10.6 (`.eh_frame`).
//!
//! Stacks grow downwards, so every frame lies above the one it called: what says otherwise is not believed, which also
//! ends a walk in circles. Only a signal handler may run on a stack of its own.

mod tables;

use crate::address_space::AddressSpace;
use crate::architecture::{MOST_UNWOUND, Registers, ReturnAddress, Unwinding, Unwound, forget_scratch};
use crate::module_symbols::ModuleSymbols;
use crate::modules::Module;
use crate::{Address, Core, Memory, MemoryError};

use tables::{ModuleUnwinder, Row};

/// No more frames are looked for. V8 stops a recursion after some 12,000.
const FRAMES_LIMIT: usize = 1 << 17;
/// Stacks that a thread may change to: one for signals, and one again for each signal in a signal handler.
const STACK_CHANGES_LIMIT: usize = 16;
/// Frames of a stack whose instructions are followed: calls into a C library are not deeper.
const MOST_FOLLOWED: usize = 64;
/// Words of the stack that a guess looks at.
const SCANNED_WORDS: usize = 512;
/// `AT_ENTRY`: see `getauxval(3)`. A C library's code there is no longer, in bytes.
const AT_ENTRY: u64 = 9;
const LONGEST_ENTRY: u64 = 64;
/// No call of any processor is longer, in bytes.
const LONGEST_CALL: usize = 16;

/// What tells where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// The registers of the thread, or those that the walk was to begin with: the innermost frame.
    Registers,
    /// The unwind tables of the frame that it called.
    UnwindTable,
    /// The registers that the kernel saved when it interrupted the frame by a signal.
    Signal,
    /// The instructions of the frame that it called, as its module has no unwind tables.
    Instructions,
    /// The frame pointer, as the code that it called has no unwind tables.
    FramePointer,
    /// The return address on top of the stack: the frame that it called had only begun.
    TopOfStack,
    /// A word on the stack that looks like a return address. A guess: the frame may have returned long ago.
    Scan,
}

/// One frame of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The instruction that runs next in this frame: in all frames but the innermost, where the call returns to.
    pub instruction: Address,
    /// The stack pointer in this frame.
    pub stack_pointer: Address,
    /// Where a frame pointer of this frame points or would point: 16 below its end, where the caller's frame pointer is
    /// saved if the frame saves it; the return address follows. `None` if the end is not known.
    pub frame_pointer: Option<Address>,
    /// The register that holds a frame pointer (`rbp`, `x29`), if its value in this frame is known.
    pub base_pointer: Option<u64>,
    /// How it was found.
    pub found: FoundBy,
    /// The frame was stopped at `instruction` and not in a call before it: it is the innermost, or a signal interrupted it.
    pub interrupted: bool,
}

impl Frame {
    /// An address in the instruction that the frame is in: of a call, not behind it, where another function may begin.
    pub fn lookup_address(&self) -> Address {
        Address(self.instruction.0.wrapping_sub(u64::from(!self.interrupted)))
    }
}

/// Why a stack ends where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StackEnd {
    /// The outermost frame: the unwind tables say so, or it has no return address.
    #[error("outermost frame")]
    Outermost,
    /// The stack itself cannot be read.
    #[error("{0}")]
    Memory(#[from] MemoryError),
    /// The return address leads to memory that is not code, and nothing on the stack looks better.
    #[error("no caller found: {0:#x} is not code")]
    NotCode(Address),
    /// The thread is the kernel's own ([`crate::Thread::has_user_stack`]).
    #[error("a worker of the kernel, which has no stack in the process")]
    KernelWorker,
    /// Nothing on the stack looks like a caller.
    #[error("no caller found")]
    NoCaller,
    /// There are more frames than are looked for.
    #[error("the stack has more frames than can be shown")]
    TooMany,
}

/// The frames of one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Innermost first.
    pub frames: Vec<Frame>,
    /// Why there are no more.
    pub end: StackEnd,
}

/// The registers of a frame, by DWARF number, as far as they are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub registers: Unwound,
    found: FoundBy,
    interrupted: bool,
}

impl State {
    fn get(&self, register: usize) -> Option<u64> {
        self.registers.get(register).copied().flatten()
    }
}

/// Walks stacks of one process; keeps what it learns about modules.
#[derive(Debug)]
pub struct Unwinder<'c> {
    memory: &'c AddressSpace,
    symbols: &'c ModuleSymbols,
    /// Where the process began.
    entry: Option<u64>,
    /// How often instructions were followed on the stack at hand.
    followed: usize,
    modules: &'c [Module],
    tables: Vec<Option<ModuleUnwinder<'c>>>,
    context: tables::Context,
}

impl<'c> Unwinder<'c> {
    /// For the stacks of `core`.
    pub fn new(core: &'c Core) -> Unwinder<'c> {
        let modules = core.modules();
        Unwinder {
            memory: core.memory(),
            symbols: core.symbols(),
            entry: core.auxv().get(AT_ENTRY),
            followed: 0,
            modules,
            tables: modules.iter().map(|module| ModuleUnwinder::new(core.memory(), module)).collect(),
            context: tables::Context::default(),
        }
    }

    /// The stack whose innermost frame has these registers; at most `limit` frames.
    pub fn stack(&mut self, registers: &Registers, limit: usize) -> Stack {
        if registers.are_of_kernel_worker() {
            return Stack { frames: Vec::new(), end: StackEnd::KernelWorker };
        }
        let registers = registers.unwound();
        self.walk(State { registers, found: FoundBy::Registers, interrupted: true }, limit)
    }

    /// The stack that begins with the caller of the frame whose frame pointer is `at`; at most `limit` frames. The frame
    /// pointer points to the saved frame pointer of the caller, the return address lies above it.
    pub fn stack_at(&mut self, at: Address, limit: usize) -> Stack {
        let read =
            |offset: u64| self.memory.read_u64(at.checked_add(offset).ok_or(MemoryError::Unmapped(at))?);
        let (saved, back) = match (read(0), read(8)) {
            (Ok(saved), Ok(back)) => (saved, (self.unwinding().plain)(back)),
            (Err(error), _) | (_, Err(error)) => return Stack { frames: Vec::new(), end: error.into() },
        };
        if !self.is_code(back) {
            return Stack { frames: Vec::new(), end: StackEnd::NotCode(Address(back)) };
        }
        let registers = self.registers(Some(saved), Some(at.0.wrapping_add(16)), back);
        self.walk(State { registers, found: FoundBy::FramePointer, interrupted: false }, limit)
    }

    fn walk(&mut self, mut state: State, limit: usize) -> Stack {
        let limit = limit.min(FRAMES_LIMIT);
        let mut frames: Vec<Frame> = Vec::new();
        let mut changes = 0;
        self.followed = 0;
        loop {
            let (Some(pc), Some(sp)) = (self.pc(&state), self.sp(&state)) else {
                return Stack { frames, end: StackEnd::NoCaller };
            };
            let mut frame = Frame {
                instruction: Address(pc),
                stack_pointer: Address(sp),
                frame_pointer: None,
                base_pointer: self.fp(&state),
                found: state.found,
                interrupted: state.interrupted,
            };
            if frames.len() == limit {
                let end = if limit == FRAMES_LIMIT { StackEnd::TooMany } else { StackEnd::NoCaller };
                return Stack { frames, end };
            }
            let caller = self.caller(&state, pc, sp);
            match caller {
                Ok((caller, end)) => {
                    frame.frame_pointer = end.and_then(|end| end.checked_sub(16)).map(Address);
                    frames.push(frame);
                    let below = !self.rises(&state, &caller, sp);
                    if below {
                        changes += 1;
                        if caller.found != FoundBy::Signal || changes > STACK_CHANGES_LIMIT {
                            return Stack { frames, end: StackEnd::NoCaller };
                        }
                    }
                    state = caller;
                }
                Err(end) => {
                    frames.push(frame);
                    return Stack { frames, end };
                }
            }
        }
    }

    /// The caller of a frame, and where the frame ends (its canonical frame address).
    fn caller(&mut self, state: &State, pc: u64, sp: u64) -> Result<(State, Option<u64>), StackEnd> {
        let lookup = pc.wrapping_sub(u64::from(!state.interrupted));
        let mut wrong = None;
        // The kernel starts a process there, by code that mostly has no tables.
        let is_entry = |entry: u64| (entry..entry.saturating_add(LONGEST_ENTRY)).contains(&lookup);
        if state.found == FoundBy::Instructions && self.entry.is_some_and(is_entry) {
            return Err(StackEnd::Outermost);
        }
        let module = self.modules.iter().position(|module| module.contains(Address(lookup)));
        let table = module.and_then(|index| self.tables[index].as_ref());
        if let Some(table) = table {
            // Code without tables may have saved registers between its frame pointer and the end of its frame.
            let by_frame_record = state.found == FoundBy::FramePointer && self.unwinding().has_frame_records;
            match table.caller(self.memory, &mut self.context, lookup, &state.registers, by_frame_record) {
                Some(Row::Outermost) => return Err(StackEnd::Outermost),
                Some(Row::Caller { registers, end, signal }) => {
                    let found = if signal { FoundBy::Signal } else { FoundBy::UnwindTable };
                    let caller = State { registers, found, interrupted: signal };
                    let rises = self.rises(state, &caller, sp);
                    match self.pc(&caller) {
                        None | Some(0) => return Err(StackEnd::Outermost),
                        _ if !signal && !rises => wrong = Some(StackEnd::NoCaller),
                        // A signal may have interrupted anything, such as a jump to nowhere.
                        Some(pc) if signal || self.is_code(pc) => {
                            return Ok((caller, (!signal).then_some(end)));
                        }
                        Some(pc) => wrong = Some(StackEnd::NotCode(Address(pc))),
                    }
                }
                Some(Row::Memory(error)) => wrong = Some(StackEnd::Memory(error)),
                None => {}
            }
        } else if let Some(registers) = self.signal_frame(pc, sp) {
            return Ok((State { registers, found: FoundBy::Signal, interrupted: true }, None));
        }
        if wrong.is_none() {
            if module.is_some()
                && !table.is_some_and(ModuleUnwinder::covers_much)
                && self.followed < MOST_FOLLOWED
            {
                self.followed += 1;
                if let Some(found) = self.by_instructions(state, lookup, sp) {
                    return Ok(found);
                }
            }
            if let Some(found) = self.by_top_of_stack(state, pc, sp) {
                return Ok(found);
            }
            if let Some(found) = self.by_frame_pointer(state, sp) {
                return Ok(found);
            }
            // The frame pointer of the first function of a thread is 0.
            let tells = matches!(state.found, FoundBy::FramePointer | FoundBy::Instructions)
                || self.unwinding().has_frame_records;
            if self.fp(state) == Some(0) && tells {
                return Err(StackEnd::Outermost);
            }
        }
        match self.by_scan(state, sp) {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(wrong.unwrap_or(StackEnd::NoCaller)),
            Err(error) => Err(wrong.unwrap_or(StackEnd::Memory(error))),
        }
    }

    fn unwinding(&self) -> &'static Unwinding {
        &self.memory.architecture().unwinding
    }

    fn pc(&self, state: &State) -> Option<u64> {
        state.get(self.unwinding().instruction_pointer)
    }

    fn sp(&self, state: &State) -> Option<u64> {
        state.get(self.unwinding().stack_pointer)
    }

    fn fp(&self, state: &State) -> Option<u64> {
        state.get(self.unwinding().frame_pointer)
    }

    /// The registers of a frame of which nothing else is known.
    fn registers(&self, frame_pointer: Option<u64>, stack_pointer: Option<u64>, pc: u64) -> Unwound {
        let unwinding = self.unwinding();
        let mut registers = [None; MOST_UNWOUND];
        registers[unwinding.frame_pointer] = frame_pointer;
        registers[unwinding.stack_pointer] = stack_pointer;
        registers[unwinding.instruction_pointer] = Some(pc);
        registers
    }

    /// Whether the caller of a frame lies above it. Where a call leaves the return address in a register, a function that has only
    /// begun, or calls none, may have no frame: its caller's begins at the same place.
    fn rises(&self, state: &State, caller: &State, sp: u64) -> bool {
        let may_be_level = state.interrupted && self.unwinding().link.is_some();
        self.sp(caller).is_some_and(|next| next > sp || next == sp && may_be_level)
    }

    /// Whether `address` can be an instruction: the process could execute it, or the core does not know.
    fn is_code(&self, address: u64) -> bool {
        self.memory.range_at(Address(address)).is_some_and(|range| {
            // Of a mapped file that gdb left out of the core, the permissions are known to the file alone.
            range.permissions.execute
                || (range.file.is_some() && range.permissions == crate::Permissions::default())
        })
    }

    fn is_return_address(&self, address: u64) -> bool {
        let unwinding = self.unwinding();
        let mut before = [0; LONGEST_CALL];
        let before = &mut before[..unwinding.longest_call.min(LONGEST_CALL)];
        let start = address.checked_sub(before.len() as u64);
        self.is_code(address)
            && start.is_some_and(|start| self.memory.read_into(Address(start), before).is_ok())
            && (unwinding.ends_with_call)(before, address)
    }

    /// The registers that the kernel saved for a signal handler that returns to `pc`.
    fn signal_frame(&self, pc: u64, sp: u64) -> Option<Unwound> {
        let frame = &self.unwinding().signal_frame;
        if !self.memory.bytes_from(Address(pc)).ok()?.starts_with(frame.code) {
            return None;
        }
        let mut registers = [None; MOST_UNWOUND];
        for (index, register) in frame.order.iter().enumerate() {
            let place = sp.checked_add(frame.saved + 8 * index as u64)?;
            registers[*register] = Some(self.memory.read_u64(Address(place)).ok()?);
        }
        Some(registers)
    }

    /// A function that has not yet saved the frame pointer, or has restored it: the return address is where the call has left it, on
    /// top of the stack or in a register, or the frame pointer of the caller has been saved below it. So it is where a call has led to
    /// nowhere.
    fn by_top_of_stack(&self, state: &State, pc: u64, sp: u64) -> Option<(State, Option<u64>)> {
        if !state.interrupted {
            return None;
        }
        let unwinding = self.unwinding();
        let place = match self.is_code(pc) {
            true => (unwinding.return_address)(self.memory.bytes_from(Address(pc)).ok()?)?,
            false => unwinding.link.map_or(ReturnAddress::Stack(0), ReturnAddress::Register),
        };
        let mut caller = State { found: FoundBy::TopOfStack, interrupted: false, ..*state };
        forget_scratch(self.memory.architecture(), &mut caller.registers);
        let (back, end) = match place {
            ReturnAddress::Register(number) => (state.get(number)?, sp),
            ReturnAddress::Stack(depth) => {
                let slot = sp.checked_add(8 * depth)?;
                if depth == 1 {
                    caller.registers[unwinding.frame_pointer] = self.memory.read_u64(Address(sp)).ok();
                }
                (self.memory.read_u64(Address(slot)).ok()?, slot.checked_add(8)?)
            }
        };
        let back = Some((unwinding.plain)(back)).filter(|back| self.is_return_address(*back))?;
        caller.registers[unwinding.instruction_pointer] = Some(back);
        caller.registers[unwinding.stack_pointer] = Some(end);
        Some((caller, Some(end)))
    }

    /// What the code of the frame will do to the stack until it returns, or has done to it since it began.
    fn by_instructions(&self, state: &State, lookup: u64, sp: u64) -> Option<(State, Option<u64>)> {
        let follow = self.unwinding().by_instructions?;
        let begins = self.symbols.nearest(Address(lookup), 0).map(|found| found.symbol.address.0);
        let is_return_address = |address: u64| self.is_return_address(address);
        let registers = follow(self.memory, &state.registers, begins, &is_return_address)?;
        let caller = State { registers, found: FoundBy::Instructions, interrupted: false };
        let end = self.sp(&caller)?;
        self.rises(state, &caller, sp).then_some((caller, Some(end)))
    }

    fn by_frame_pointer(&self, state: &State, sp: u64) -> Option<(State, Option<u64>)> {
        let base = self.fp(state).filter(|base| *base >= sp && base.is_multiple_of(8))?;
        let stack = self.memory.range_at(Address(sp))?;
        if base >= stack.end.0 {
            return None;
        }
        let (saved, back) = (
            self.memory.read_u64(Address(base)).ok()?,
            (self.unwinding().plain)(self.memory.read_u64(Address(base.checked_add(8)?)).ok()?),
        );
        if !self.is_code(back) {
            return None;
        }
        // Code without unwind tables may have saved the other registers anywhere.
        let registers = self.registers(Some(saved), Some(base.checked_add(16)?), back);
        let caller = State { registers, found: FoundBy::FramePointer, interrupted: false };
        Some((caller, base.checked_add(16)))
    }

    /// The next word that is the address behind a call.
    fn by_scan(&self, state: &State, sp: u64) -> Result<Option<(State, Option<u64>)>, MemoryError> {
        let start = sp.checked_next_multiple_of(8).ok_or(MemoryError::Unmapped(Address(sp)))?;
        let stack = self.memory.bytes_from(Address(start))?;
        let words = stack.chunks_exact(8).take(SCANNED_WORDS).enumerate();
        for (index, word) in words {
            let word = (self.unwinding().plain)(u64::from_le_bytes(word.try_into().unwrap_or_default()));
            if !self.is_return_address(word) {
                continue;
            }
            let slot = start + 8 * index as u64;
            // Whoever keeps frame pointers has saved the caller's right below the return address.
            let saved = slot
                .checked_sub(8)
                .filter(|at| *at >= sp)
                .and_then(|at| self.memory.read_u64(Address(at)).ok());
            let above = |base: &u64| *base > slot && base - slot < 1 << 20 && base.is_multiple_of(8);
            let base = saved.filter(above).or(self.fp(state).filter(above));
            let registers = self.registers(base, slot.checked_add(8), word);
            let caller = State { registers, found: FoundBy::Scan, interrupted: false };
            return Ok(Some((caller, None)));
        }
        Ok(None)
    }
}
