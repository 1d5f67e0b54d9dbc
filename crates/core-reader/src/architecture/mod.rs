//! Processors: what differs between the machines that cores come from, each as a value.
//!
//! Nothing else in this crate, and nothing above it, asks which machine it is: it asks the value for what it needs.

mod aarch64;
mod halt;
mod private_memory;
mod processor;
mod x86_64;

use std::fmt;

pub use aarch64::AARCH64;
pub use halt::{CallFrame, Halt};
pub(crate) use private_memory::PrivateMemory;
pub(crate) use processor::{Processor, Stops};
pub use x86_64::X86_64;

use crate::floating_point::FloatingPoint;
use crate::{Address, Memory};

/// The processors whose cores are read.
pub const ARCHITECTURES: &[&Architecture] = &[&X86_64, &AARCH64];

/// Registers that unwinding follows at most, by DWARF number.
pub(crate) const MOST_UNWOUND: usize = 33;
/// Words of [`Registers`] at most.
const MOST: usize = 36;

/// The registers of a frame, by DWARF number, as far as they are known.
pub(crate) type Unwound = [Option<u64>; MOST_UNWOUND];

/// A processor, and how Linux and the System V ABI use it.
pub struct Architecture {
    /// `e_machine` of its ELF files.
    pub machine: u16,
    /// As people call it.
    pub name: &'static str,
    /// The names of its registers: first those of `NT_PRSTATUS`, in its order, then those of notes of their own.
    pub registers: &'static [&'static str],
    /// Those that a list of registers shows, in the order in which people expect them.
    pub listed: &'static [&'static str],
    /// Other names of registers, and of parts of them, as debuggers know them.
    pub(crate) part: fn(&Registers, &str) -> Option<u64>,
    /// How many of them are in `NT_PRSTATUS` (`elf_gregset_t`).
    pub(crate) in_prstatus: usize,
    /// A note that holds the thread pointer alone, and which register that is.
    pub(crate) thread_pointer_note: Option<u32>,
    /// Numbers of registers, as in [`Architecture::registers`].
    pub(crate) roles: Roles,
    /// How its stacks are walked.
    pub(crate) unwinding: Unwinding,
    /// Where its thread-local variables are.
    pub(crate) thread_locals: ThreadLocals,
    /// Decodes `NT_FPREGSET`, with a note of more registers if there is one.
    pub(crate) floating_point: fn(&[u8], Option<&[u8]>) -> Option<FloatingPoint>,
    /// What a function returns that does nothing else, by its code and where that is.
    pub(crate) constant: fn(&[u8], u64) -> Option<u64>,
    /// One that runs code of a thread with this thread pointer, if its instructions are known.
    pub(crate) processor: Option<fn(u64) -> Box<dyn Processor>>,
    /// Types of relocations of words through which functions of other modules are called.
    pub(crate) import_relocations: [u64; 2],
    /// What a leaf function may use below the stack pointer, in bytes.
    pub red_zone: u64,
}

/// Which register does what: numbers in the order of [`Architecture::registers`].
pub(crate) struct Roles {
    pub instruction_pointer: usize,
    pub stack_pointer: usize,
    pub frame_pointer: usize,
    pub thread_pointer: usize,
    /// Those that may hold addresses of data.
    pub general: &'static [usize],
    /// Those that a function gives back to its caller as they were.
    pub preserved: &'static [usize],
}

/// What walking a stack takes. DWARF numbers are those of the ABI.
pub(crate) struct Unwinding {
    /// The register of each DWARF number, in the order of [`Architecture::registers`].
    pub dwarf: &'static [usize],
    /// DWARF numbers.
    pub instruction_pointer: usize,
    pub stack_pointer: usize,
    pub frame_pointer: usize,
    /// Where a call leaves the return address, if that is a register: a function that calls none may keep it there.
    pub link: Option<usize>,
    /// DWARF numbers that a function gives back to its caller as they were.
    pub preserved: &'static [usize],
    /// Every function with a frame saves the frame pointer of its caller, the return address above it, and points its own to that.
    pub has_frame_records: bool,
    /// A return address without what the processor has put into its upper bits to protect it.
    pub plain: fn(u64) -> u64,
    /// Bytes that the longest call has.
    pub longest_call: usize,
    /// Whether the code ends with a call, of which there are as many bytes before an address as the longest has.
    pub ends_with_call: fn(&[u8], u64) -> bool,
    /// Where the return address is, in code that keeps frame pointers, where the frame pointer is not that of the function: at its
    /// start and its end. It is given the code from the next instruction on.
    pub return_address: fn(&[u8]) -> Option<ReturnAddress>,
    /// The caller of a function, told by its instructions.
    pub by_instructions: Option<ByInstructions>,
    /// What the kernel saves when it calls a signal handler.
    pub signal_frame: SignalFrame,
}

/// The registers of the caller of a function that has these; with where the function begins, if that is known, and what tells whether an
/// address is behind a call.
pub(crate) type ByInstructions =
    fn(&dyn Memory, &Unwound, Option<u64>, &dyn Fn(u64) -> bool) -> Option<Unwound>;

/// The registers that the kernel saved when it called a signal handler. For C libraries without unwind tables for that place.
pub(crate) struct SignalFrame {
    /// The code to which the handler returns (`rt_sigreturn`).
    pub code: &'static [u8],
    /// Where they are, above the stack pointer there.
    pub saved: u64,
    /// Their DWARF numbers, in the order in which they are saved.
    pub order: &'static [usize],
}

/// Where a function that has no frame yet, or no more, has its return address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReturnAddress {
    /// So many words above the stack pointer; the frame pointer of the caller is below it.
    Stack(u64),
    /// In the register of this DWARF number.
    Register(usize),
}

/// Where a module's thread-local variables are (Ulrich Drepper, *ELF Handling For Thread-Local Storage*, section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadLocals {
    pub variant: Variant,
    /// Bytes below the thread pointer that `struct pthread` takes at most (glibc: `TLS_DTV_AT_TP`; musl: `TLS_ABOVE_TP`).
    pub descriptor: u64,
    /// Where from the thread pointer on the dynamic thread vector is named.
    pub vector: u64,
    /// Types of relocations: the number of a module, and a distance from the thread pointer.
    pub module_relocation: u64,
    pub offset_relocation: u64,
}

/// On which side of the thread pointer the blocks of thread-local variables lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Above it, behind a head of so many bytes.
    Above(u64),
    /// Below it.
    Below,
}

impl Architecture {
    /// What the function at an address returns, if all that it does is to return a number or an address that stands in its code.
    pub fn constant_of(&self, memory: &dyn Memory, function: u64) -> Option<u64> {
        /// No such function is longer, in bytes.
        const LONGEST: usize = 64;
        let code = memory.bytes_from(Address(function)).ok()?;
        (self.constant)(&code[..code.len().min(LONGEST)], function)
    }

    /// The one whose ELF files have this `e_machine`.
    pub(crate) fn of_machine(machine: u16) -> Option<&'static Architecture> {
        ARCHITECTURES.iter().copied().find(|one| one.machine == machine)
    }

    /// Registers with these values, and 0 in all others.
    pub fn registers_of(&'static self, values: &[(&str, u64)]) -> Registers {
        let mut registers = Registers { architecture: self, words: [0; MOST] };
        for (name, value) in values {
            if let Some(index) = self.registers.iter().position(|own| own == name) {
                registers.words[index] = *value;
            }
        }
        registers
    }
}

impl fmt::Debug for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Architecture {
    fn eq(&self, other: &Architecture) -> bool {
        self.machine == other.machine
    }
}

impl Eq for Architecture {}

/// General registers of a thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Registers {
    architecture: &'static Architecture,
    /// In the order of [`Architecture::registers`].
    words: [u64; MOST],
}

impl Registers {
    /// From the words of `NT_PRSTATUS`; `None` if there are too few.
    pub(crate) fn decode(
        architecture: &'static Architecture,
        word: impl Fn(usize) -> Option<u64>,
    ) -> Option<Registers> {
        let mut words = [0; MOST];
        for (index, place) in words.iter_mut().enumerate().take(architecture.in_prstatus) {
            *place = word(index)?;
        }
        Some(Registers { architecture, words })
    }

    /// The processor that they are of.
    pub fn architecture(&self) -> &'static Architecture {
        self.architecture
    }

    /// All of them with their names.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.architecture.registers.iter().copied().zip(self.words)
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.named().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// The one of this name, or the part of one (`eax`, `w0`), or what else it is called (`lr`).
    pub fn called(&self, name: &str) -> Option<u64> {
        self.get(name).or_else(|| (self.architecture.part)(self, name))
    }

    /// The instruction that runs next.
    pub fn instruction_pointer(&self) -> u64 {
        self.words[self.architecture.roles.instruction_pointer]
    }

    /// Where the stack ends.
    pub fn stack_pointer(&self) -> u64 {
        self.words[self.architecture.roles.stack_pointer]
    }

    /// The register that code with frame pointers keeps them in.
    pub fn frame_pointer(&self) -> u64 {
        self.words[self.architecture.roles.frame_pointer]
    }

    /// What the thread library keeps of a thread is there; 0 if the core does not tell.
    pub fn thread_pointer(&self) -> u64 {
        self.words[self.architecture.roles.thread_pointer]
    }

    pub(crate) fn set_thread_pointer(&mut self, value: u64) {
        self.words[self.architecture.roles.thread_pointer] = value;
    }

    /// Whether a thread library's number of a thread (`pthread_t`) is that of this one: it is the address of what the library keeps of
    /// a thread, at the thread pointer or right below it.
    pub fn are_of_thread(&self, number: u64) -> bool {
        let distance = self.thread_pointer().checked_sub(number);
        number != 0 && distance.is_some_and(|distance| distance <= self.architecture.thread_locals.descriptor)
    }

    /// Those that may hold addresses of data.
    pub fn general(&self) -> impl Iterator<Item = u64> {
        self.architecture.roles.general.iter().map(|index| self.words[*index])
    }

    /// Those that a function gives back to its caller as they were.
    pub fn preserved(&self) -> impl Iterator<Item = u64> {
        self.architecture.roles.preserved.iter().map(|index| self.words[*index])
    }

    /// By DWARF number.
    pub(crate) fn unwound(&self) -> Unwound {
        let mut unwound = [None; MOST_UNWOUND];
        for (place, index) in unwound.iter_mut().zip(self.architecture.unwinding.dwarf) {
            *place = Some(self.words[*index]);
        }
        unwound
    }

    /// Neither instruction nor stack pointer: see [`crate::Thread::has_user_stack`].
    pub(crate) fn are_of_kernel_worker(&self) -> bool {
        (self.instruction_pointer(), self.stack_pointer()) == (0, 0)
    }
}

impl fmt::Debug for Registers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.named()).finish()
    }
}

/// A function need not give these back to its caller.
pub(crate) fn forget_scratch(architecture: &Architecture, registers: &mut Unwound) {
    for (number, register) in registers.iter_mut().enumerate() {
        if !architecture.unwinding.preserved.contains(&number) {
            *register = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_of_a_register() {
        for architecture in ARCHITECTURES {
            let count = architecture.registers.len();
            assert!(architecture.listed.iter().all(|name| architecture.registers.contains(name)));
            assert!(count <= MOST && architecture.in_prstatus <= count, "{architecture:?}");
            let (roles, unwinding) = (&architecture.roles, &architecture.unwinding);
            let alone =
                [roles.instruction_pointer, roles.stack_pointer, roles.frame_pointer, roles.thread_pointer];
            let all = alone.iter().chain(roles.general).chain(roles.preserved).chain(unwinding.dwarf);
            assert!(all.copied().all(|index| index < count), "{architecture:?}");
            assert!(unwinding.dwarf.len() <= MOST_UNWOUND, "{architecture:?}");
            // Roles and DWARF numbers agree.
            for (number, index) in [
                (unwinding.instruction_pointer, roles.instruction_pointer),
                (unwinding.stack_pointer, roles.stack_pointer),
                (unwinding.frame_pointer, roles.frame_pointer),
            ] {
                assert_eq!(unwinding.dwarf[number], index, "{architecture:?}");
            }
            let kept = |index: &usize| roles.preserved.contains(index) || *index == roles.stack_pointer;
            let by_number = (0..unwinding.dwarf.len()).filter(|number| unwinding.preserved.contains(number));
            assert!(by_number.map(|number| unwinding.dwarf[number]).all(|index| kept(&index)));
        }
    }

    #[test]
    fn the_number_of_a_thread_is_at_its_thread_pointer_or_below() {
        let on_x86 = X86_64.registers_of(&[("fsbase", 0x5000)]);
        assert!(on_x86.are_of_thread(0x5000));
        assert!(!on_x86.are_of_thread(0x4ff8) && !on_x86.are_of_thread(0));
        let on_arm64 = AARCH64.registers_of(&[("tpidr_el0", 0x5000)]);
        assert!(on_arm64.are_of_thread(0x5000 - 0x740));
        assert!(!on_arm64.are_of_thread(0x5008) && !on_arm64.are_of_thread(0x3000));
    }

    #[test]
    fn registers_have_names() {
        let registers = AARCH64.registers_of(&[("x29", 1), ("sp", 2), ("pc", 3), ("none", 4)]);
        assert_eq!(
            (registers.frame_pointer(), registers.stack_pointer(), registers.instruction_pointer()),
            (1, 2, 3)
        );
        assert_eq!(
            (registers.get("x29"), registers.get("x0"), registers.get("none")),
            (Some(1), Some(0), None)
        );
        assert_eq!(registers.unwound()[29..33], [Some(1), Some(0), Some(2), Some(3)]);
    }
}
