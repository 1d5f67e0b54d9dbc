//! Instructions that go through memory: copy, fill, compare.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use super::operands::mask;
use super::{Flow, RAX, RCX, RDI, RSI, X86Processor};
use crate::architecture::halt::Halt;
use crate::architecture::private_memory::PrivateMemory;

impl X86Processor {
    /// One element; says whether there are more.
    pub(super) fn string(
        &mut self,
        instruction: &Instruction,
        memory: &mut PrivateMemory<'_>,
    ) -> Result<Flow, Halt> {
        let repeats = instruction.has_rep_prefix() || instruction.has_repne_prefix();
        if repeats && self.general[RCX] == 0 {
            return Ok(Flow::Next);
        }
        let kinds = [instruction.op0_kind(), instruction.op1_kind()];
        let is_long = |kind: &OpKind| matches!(kind, OpKind::MemorySegRSI | OpKind::MemoryESRDI);
        if !kinds.iter().any(is_long) || instruction.memory_segment() == Register::FS {
            return self.unknown();
        }
        let size = instruction.memory_size().size();
        let step = if self.flags.direction { (size as u64).wrapping_neg() } else { size as u64 };
        let (from, to) = (self.general[RSI], self.general[RDI]);
        let (mut reads, mut writes) = (false, false);
        let mut compares = None;
        match instruction.mnemonic() {
            Mnemonic::Movsb | Mnemonic::Movsw | Mnemonic::Movsd | Mnemonic::Movsq => {
                let value = memory.number(from, size)?;
                memory.set_number(to, size, value)?;
                (reads, writes) = (true, true);
            }
            Mnemonic::Stosb | Mnemonic::Stosw | Mnemonic::Stosd | Mnemonic::Stosq => {
                memory.set_number(to, size, self.general[RAX])?;
                writes = true;
            }
            Mnemonic::Lodsb | Mnemonic::Lodsw | Mnemonic::Lodsd | Mnemonic::Lodsq => {
                let value = memory.number(from, size)?;
                self.set_register(instruction.op0_register(), value);
                reads = true;
            }
            Mnemonic::Cmpsb | Mnemonic::Cmpsw | Mnemonic::Cmpsd | Mnemonic::Cmpsq => {
                compares = Some((memory.number(from, size)?, memory.number(to, size)?));
                (reads, writes) = (true, true);
            }
            Mnemonic::Scasb | Mnemonic::Scasw | Mnemonic::Scasd | Mnemonic::Scasq => {
                compares = Some((self.general[RAX] & mask(size), memory.number(to, size)?));
                writes = true;
            }
            _ => return self.unknown(),
        }
        if reads {
            self.general[RSI] = from.wrapping_add(step);
        }
        if writes {
            self.general[RDI] = to.wrapping_add(step);
        }
        if let Some((one, other)) = compares {
            self.difference(one, other, false, size);
        }
        if !repeats {
            return Ok(Flow::Next);
        }
        self.general[RCX] -= 1;
        let goes_on = compares.is_none() || self.flags.zero == instruction.has_rep_prefix();
        Ok(if goes_on && self.general[RCX] > 0 { Flow::Again } else { Flow::Next })
    }
}
