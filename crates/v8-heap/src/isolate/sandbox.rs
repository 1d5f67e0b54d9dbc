//! The tables of a sandbox, by which objects in it lead to what is outside: addresses of the process, and trusted objects.
//!
//! ```text
//!   Isolate   external pointer table | ... | C++ heap pointer table | trusted cage | trusted pointer table | ... | code pointer table
//! ```
//!
//! (V8: `ISOLATE_DATA_FIELDS_SANDBOX`, `src/execution/isolate-data.h`.) Where the trusted cage is is known from its pages: the
//! word that says so is the place in the isolate from which the tables are counted.

use core_reader::{Address, Memory};

use super::readable_words;
use crate::Tagged;
use crate::layout::SandboxLayout;
use crate::tagged::ADDRESS_LIMIT;

/// What tables are aligned to at least, as they are mapped, in bytes.
const ALIGNMENT: u64 = 0x1000;

/// The tables of one isolate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sandbox {
    layout: SandboxLayout,
    /// Where the sandbox begins, and the cage in it.
    cage: u64,
    external: u64,
    shared: Option<u64>,
    trusted: u64,
    code: u64,
}

impl Sandbox {
    /// The tables of the isolate in `[isolate, heap)`; nothing if they are not there.
    pub fn find(
        memory: &dyn Memory,
        layout: SandboxLayout,
        (isolate, heap): (u64, u64),
        cage: u64,
        trusted_cage: u64,
    ) -> Option<Sandbox> {
        let mut words = readable_words(memory, isolate, heap).into_iter();
        words.find_map(|(at, word)| {
            let table = |distance: i64| {
                let base = memory.read_u64(Address(at.checked_add_signed(distance)?)).ok()?;
                (base != 0 && base.is_multiple_of(ALIGNMENT) && base < ADDRESS_LIMIT).then_some(base)
            };
            if word != trusted_cage {
                return None;
            }
            Some(Sandbox {
                layout,
                cage,
                external: table(layout.external_table)?,
                shared: at
                    .checked_add_signed(layout.shared_external_table)
                    .and_then(|at| memory.read_u64(Address(at)).ok())
                    .and_then(|table| memory.read_u64(Address(table)).ok())
                    .filter(|base| *base != 0 && base.is_multiple_of(ALIGNMENT) && *base < ADDRESS_LIMIT),
                trusted: table(layout.trusted_table)?,
                code: table(layout.code_table)?,
            })
        })
    }

    /// The trusted object that a handle stands for; a Smi of nothing for the handle of none.
    pub fn trusted_object(&self, memory: &dyn Memory, handle: u32) -> Option<Tagged> {
        if handle == 0 {
            return Some(Tagged::from_smi(0));
        }
        let layout = &self.layout;
        let address = if handle & layout.code_handle_marker != 0 {
            let (size, object) = layout.code_entry;
            let number = u64::from(handle >> layout.code_handle_shift);
            memory.read_u64(Address(self.code.checked_add(number * size + object)?)).ok()? & !1
        } else {
            let word = self.entry(memory, self.trusted, handle >> layout.trusted_handle_shift)?;
            if word & layout.trusted_free != 0 {
                return None;
            }
            word & layout.trusted_payload & !1
        };
        (address != 0 && address < ADDRESS_LIMIT).then_some(Tagged::pointer(address))
    }

    /// Where the instructions begin of the code that a handle stands for.
    pub fn entry_point(&self, memory: &dyn Memory, handle: u32) -> Option<u64> {
        let layout = &self.layout;
        let number = u64::from(handle >> layout.code_handle_shift);
        let word = memory.read_u64(Address(self.code.checked_add(number * layout.code_entry.0)?)).ok()?;
        Some(word & layout.trusted_payload).filter(|start| *start != 0)
    }

    /// The address that a handle stands for; 0 for the handle of none.
    pub fn external(&self, memory: &dyn Memory, handle: u32) -> Option<u64> {
        self.in_table(memory, Some(self.external), handle)
    }

    /// The address that a handle stands for in the table that all isolates share; 0 for the handle of none.
    pub fn shared_external(&self, memory: &dyn Memory, handle: u32) -> Option<u64> {
        self.in_table(memory, self.shared, handle)
    }

    fn in_table(&self, memory: &dyn Memory, table: Option<u64>, handle: u32) -> Option<u64> {
        if handle == 0 {
            return Some(0);
        }
        let word = self.entry(memory, table?, handle >> self.layout.external_handle_shift)?;
        Some(word & self.layout.external_payload)
    }

    /// An entry of a table of addresses or of trusted objects.
    fn entry(&self, memory: &dyn Memory, table: u64, number: u32) -> Option<u64> {
        let at = table.checked_add(self.layout.pointer_entry * u64::from(number))?;
        memory.read_u64(Address(at)).ok()
    }

    /// The address that a word stands for which counts from where the sandbox begins.
    pub fn address(&self, word: u64) -> u64 {
        self.cage.wrapping_add(word >> self.layout.sandboxed_pointer_shift)
    }

    /// The length that a word stands for which cannot be larger than what the sandbox has room for.
    pub fn length(&self, word: u64) -> u64 {
        word >> self.layout.bounded_size_shift
    }
}
