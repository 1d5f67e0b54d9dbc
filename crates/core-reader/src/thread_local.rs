//! Where a module's thread-local variables are in a thread.
//!
//! Source: Ulrich Drepper, *ELF Handling For Thread-Local Storage*, section 3.4 (variant II of x86-64, variant I of arm64), and glibc's
//! `_dl_determine_tlsoffset`, `elf/dl-tls.c`. The thread pointer is the base of the `fs` segment, or `tpidr_el0`.
//!
//! ```text
//!   x86-64   executable's block: memsz rounded up to align       thread control block (tcbhead_t)
//!           |------------- .tdata | .tbss ----------------------|  tcb | dtv | ...
//!                                                               ^ fs_base     dtv[n].pointer: block of module n
//!
//!   arm64    tcbhead_t       executable's block
//!           |  dtv | private | (to align)  .tdata | .tbss ...
//!           ^ tpidr_el0
//! ```
//!
//! The block of a library is found through the dynamic thread vector, indexed by the module's number. That number is
//! in a private field of glibc's `link_map`, but the library itself holds it too: the dynamic linker has stored it
//! wherever the library has a relocation `R_X86_64_DTPMOD64` (`R_AARCH64_TLS_DTPMOD64`), and a library built with the initial-exec model has the
//! distance from the thread pointer wherever it has `R_X86_64_TPOFF64` (`R_AARCH64_TLS_TPREL64`).

use crate::address_space::AddressSpace;
use crate::architecture::{ThreadLocals, Variant};
use crate::elf::Segment;
use crate::fields::Fields;
use crate::modules::Module;
use crate::{Address, Memory};

/// Relocations looked at for a library's TLS module number. A large library has some 10^5.
const RELOCATIONS_LIMIT: u64 = 1 << 22;
/// A DTV with more modules than this is not believed.
const DTV_LIMIT: u64 = 1 << 20;

const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;

/// How to get from a thread to the TLS block of one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsBlock {
    /// At a fixed distance from the thread pointer; the number is what to add, wrapping.
    Static(u64),
    /// By module number through the dynamic thread vector.
    Dynamic(u64),
}

impl TlsBlock {
    /// Of the executable: its block is the first beside the thread pointer.
    pub fn of_executable(places: &ThreadLocals, segments: &[Segment]) -> Option<TlsBlock> {
        let tls = segments.iter().find(|segment| segment.kind == Segment::TLS)?;
        let align = tls.align.max(1);
        if !align.is_power_of_two() {
            return None;
        }
        if let Variant::Above(head) = places.variant {
            // As far behind a border of the alignment as the segment is in the file.
            let start = head.checked_next_multiple_of(align)?;
            return Some(TlsBlock::Static(start.checked_add(tls.vaddr & (align - 1))?));
        }
        // The block begins at the same place within the alignment as the segment does in the file.
        let first = tls.vaddr.wrapping_neg() & (align - 1);
        let below =
            tls.memory_size.checked_sub(first).map_or(0, |size| size).checked_next_multiple_of(align)?;
        Some(TlsBlock::Static(below.checked_add(first)?.wrapping_neg()))
    }

    /// Of a library, from its relocations. `dynamic` is its dynamic section; `relocations` gives the bytes at an
    /// address in the file, `symbol_value` the value of a symbol by number.
    pub fn of_library<'a>(
        places: &ThreadLocals,
        memory: &AddressSpace,
        module: &Module,
        dynamic: &[u8],
        relocations: impl Fn(u64, u64) -> Option<&'a [u8]>,
        symbol_value: impl Fn(u32) -> Option<u64>,
    ) -> Option<TlsBlock> {
        let entry = |wanted: u64| {
            dynamic
                .chunks_exact(16)
                .find(|entry| Fields(entry).u64(0) == Some(wanted))
                .and_then(|entry| Fields(entry).u64(8))
        };
        let size = entry(DT_RELASZ)?.min(RELOCATIONS_LIMIT * 24);
        let table = relocations(entry(DT_RELA)?, size)?;
        table.chunks_exact(24).find_map(|relocation| {
            let fields = Fields(relocation);
            let (place, info, addend) = (fields.u64(0)?, fields.u64(8)?, fields.u64(16)?);
            let slot = || memory.read_u64(Address(place.wrapping_add(module.bias))).ok();
            match info & 0xffff_ffff {
                kind if kind == places.module_relocation
                    && (info >> 32 == 0 || defined(&symbol_value, info)) =>
                {
                    slot().filter(|number| (1..DTV_LIMIT).contains(number)).map(TlsBlock::Dynamic)
                }
                kind if kind == places.offset_relocation => {
                    let symbol = (info >> 32) as u32;
                    let value = if symbol == 0 { 0 } else { symbol_value(symbol)? };
                    slot().map(|slot| TlsBlock::Static(slot.wrapping_sub(value).wrapping_sub(addend)))
                }
                _ => None,
            }
        })
    }

    /// The address of the variable at `offset` in the block, in the thread whose thread pointer is `pointer`.
    pub fn address(
        self,
        places: &ThreadLocals,
        memory: &AddressSpace,
        pointer: u64,
        offset: u64,
    ) -> Option<Address> {
        if pointer == 0 {
            return None;
        }
        let block = match self {
            TlsBlock::Static(distance) => pointer.wrapping_add(distance),
            TlsBlock::Dynamic(number) => {
                // dtv_t is 16 bytes; dtv[-1] holds the number of entries.
                let vector = memory.read_u64(Address(pointer.checked_add(places.vector)?)).ok()?;
                let entries = memory.read_u64(Address(vector.checked_sub(16)?)).ok()?;
                if number > entries {
                    return None;
                }
                let block = memory.read_u64(Address(vector.checked_add(number.checked_mul(16)?)?)).ok()?;
                // TLS_DTV_UNALLOCATED: this thread has not touched the module's variables yet.
                if block == u64::MAX || block == 0 {
                    return None;
                }
                block
            }
        };
        Some(Address(block.wrapping_add(offset)))
    }
}

/// The relocation's symbol is defined by the library itself, so the module number is the library's own.
fn defined(symbol_value: &impl Fn(u32) -> Option<u64>, info: u64) -> bool {
    symbol_value((info >> 32) as u32).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Permissions;
    use crate::architecture::{AARCH64, X86_64};

    fn tls(vaddr: u64, memory_size: u64, align: u64) -> Vec<Segment> {
        let permissions = Permissions::default();
        vec![Segment { kind: 7, permissions, offset: 0, vaddr, file_size: 0, memory_size, align }]
    }

    #[test]
    fn the_block_ends_at_the_thread_pointer_rounded_to_its_alignment() {
        let block =
            |vaddr, size, align| TlsBlock::of_executable(&X86_64.thread_locals, &tls(vaddr, size, align));
        assert_eq!(block(0x6b5_25d8, 0x1a8, 8), Some(TlsBlock::Static(0x1a8_u64.wrapping_neg())));
        assert_eq!(block(0x1000, 0x1a9, 16), Some(TlsBlock::Static(0x1b0_u64.wrapping_neg())));
        // A segment that begins 8 bytes before a 16-byte border.
        assert_eq!(block(0x1008, 0x18, 16), Some(TlsBlock::Static(0x18_u64.wrapping_neg())));
        assert_eq!(block(0x1000, 8, 3), None);
    }

    #[test]
    fn on_arm64_the_block_begins_behind_two_words_rounded_to_its_alignment() {
        let block = |vaddr, align| TlsBlock::of_executable(&AARCH64.thread_locals, &tls(vaddr, 0x18, align));
        assert_eq!(block(0x1000, 8), Some(TlsBlock::Static(16)));
        assert_eq!(block(0x1040, 64), Some(TlsBlock::Static(64)));
        assert_eq!(block(0x1008, 32), Some(TlsBlock::Static(40)));
    }
}
