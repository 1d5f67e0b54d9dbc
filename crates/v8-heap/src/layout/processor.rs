//! What V8 lays out in another way on another processor.

use core_reader::{AARCH64, Architecture, X86_64};

/// The processor that a build of V8 is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessorLayout {
    architecture: &'static Architecture,
    /// `kCodeAlignment`: machine code begins at a multiple of it, in bytes (V8: `src/common/globals.h`,
    /// `src/codegen/constants-arch.h`).
    pub code_alignment: u64,
    /// Where in such a unit an `InstructionStream` without a size starts, so that its instructions are aligned.
    pub code_start: u64,
    /// Control bytes that a `SwissNameDictionary` reads at once: the empty one, the only one there ever is, has room for so many (V8:
    /// `src/objects/swiss-hash-table-helpers.h`, `Group::kWidth`).
    pub swiss_group: u64,
    /// `EntryFrameConstants::kNextExitFrameFPOffset`: distance of the older exit frame below the frame pointer, in bytes (V8:
    /// `src/execution/ARCHITECTURE/frame-constants-ARCHITECTURE.h`).
    pub older_exit: u64,
    /// `specific_1stblock` of glibc's `struct pthread`, from the thread pointer on, in bytes; nothing where it is not known.
    pub thread_specific: Option<u64>,
    /// The stack pointer is a multiple of this, in bytes: frames have padding where they would not be.
    pub stack_alignment: u64,
    /// By how much a `pthread_mutex_t` is larger than on x86-64, where it has 40 bytes: what is behind one is so much further away
    /// (glibc: `sysdeps/ARCHITECTURE/nptl/bits/struct_mutex.h`).
    pub mutex_growth: u64,
}

static PROCESSORS: [ProcessorLayout; 2] = [
    ProcessorLayout {
        architecture: &X86_64,
        code_alignment: 64,
        code_start: 48,
        swiss_group: 16,
        older_exit: 64,
        thread_specific: Some(0x310),
        stack_alignment: 8,
        mutex_growth: 0,
    },
    ProcessorLayout {
        architecture: &AARCH64,
        code_alignment: 32,
        code_start: 16,
        swiss_group: 8,
        older_exit: 24,
        thread_specific: None,
        stack_alignment: 16,
        mutex_growth: 8,
    },
];

impl ProcessorLayout {
    /// That of a processor.
    pub fn of(architecture: &Architecture) -> &'static ProcessorLayout {
        let found = PROCESSORS.iter().find(|processor| processor.architecture == architecture);
        found.unwrap_or(&PROCESSORS[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_processor_is_described() {
        for architecture in core_reader::ARCHITECTURES {
            assert_eq!(ProcessorLayout::of(architecture).architecture, *architecture);
        }
    }
}
