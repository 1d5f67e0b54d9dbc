//! The floating point and vector registers of a thread.
//!
//! Source: `NT_FPREGSET` holds `struct user_i387_struct` (`sys/user.h`), which is the 512 bytes of the `FXSAVE`
//! instruction; `NT_X86_XSTATE` holds the area of `XSAVE` in its standard form (Intel SDM, volume 1, sections 10.5 and
//! 13.4): those 512 bytes, a header whose first word (`XSTATE_BV`) says which parts are not in their initial state, and
//! at 576 the upper halves of the sixteen `ymm` registers.
//!
//! The places of what comes behind (`AVX-512`) differ between processors, and a core does not say which one it is from.

use crate::Core;
use crate::fields::Fields;
use crate::notes::{FPREGSET, PRSTATUS, X86_XSTATE};

const FXSAVE_SIZE: usize = 512;
const STACK: usize = 32;
const XMM: usize = 160;
/// `xcr0`, which the kernel leaves in the bytes that `FXSAVE` does not use: the parts that the processor was told to save.
const ENABLED: usize = 464;
const XSTATE_BV: usize = 512;
const YMM_HIGH: usize = 576;

const X87: u64 = 1;
const SSE: u64 = 2;
const AVX: u64 = 4;

/// The floating point and vector registers of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloatingPoint {
    /// x87 control word.
    pub control: u16,
    /// x87 status word; bits 11 to 13 are the number of the register on top of the stack.
    pub status: u16,
    /// Which of the eight x87 registers hold a value, a bit each by physical number.
    pub tags: u8,
    /// Last x87 opcode.
    pub opcode: u16,
    /// Last x87 instruction.
    pub instruction: u64,
    /// Last x87 operand.
    pub operand: u64,
    /// SSE control and status.
    pub mxcsr: u32,
    /// `st0` to `st7`: 80 bits each.
    pub stack: [[u8; 10]; 8],
    /// `xmm0` to `xmm15`.
    pub xmm: [u128; 16],
    /// The upper halves of `ymm0` to `ymm15`, if the core has them.
    pub ymm_high: Option<[u128; 16]>,
}

impl FloatingPoint {
    fn decode(legacy: &[u8], extended: Option<&[u8]>) -> Option<FloatingPoint> {
        let area = extended.filter(|area| area.len() >= YMM_HIGH).unwrap_or(legacy);
        let fields = Fields(area.get(..FXSAVE_SIZE)?);
        let header = extended.map(Fields);
        let changed = header.and_then(|header| header.u64(XSTATE_BV)).unwrap_or(u64::MAX);
        let wide = |at: usize| Some(u128::from_le_bytes(fields.bytes(at, 16)?.try_into().ok()?));
        let mut registers = FloatingPoint {
            control: 0x37f,
            status: 0,
            tags: 0,
            opcode: 0,
            instruction: 0,
            operand: 0,
            mxcsr: fields.u32(24)?,
            stack: [[0; 10]; 8],
            xmm: [0; 16],
            ymm_high: None,
        };
        if changed & X87 != 0 {
            registers.control = fields.u16(0)?;
            registers.status = fields.u16(2)?;
            registers.tags = *area.get(4)?;
            registers.opcode = fields.u16(6)?;
            registers.instruction = fields.u64(8)?;
            registers.operand = fields.u64(16)?;
            for (index, register) in registers.stack.iter_mut().enumerate() {
                *register = fields.bytes(STACK + 16 * index, 10)?.try_into().ok()?;
            }
        }
        if changed & SSE != 0 {
            for (index, register) in registers.xmm.iter_mut().enumerate() {
                *register = wide(XMM + 16 * index)?;
            }
        }
        let enabled = fields.u64(ENABLED).unwrap_or(0);
        if let Some(header) = header
            && enabled & AVX != 0
            && let Some(high) = header.bytes(YMM_HIGH, 256)
        {
            let mut halves = [0; 16];
            if changed & AVX != 0 {
                for (half, bytes) in halves.iter_mut().zip(high.chunks_exact(16)) {
                    *half = u128::from_le_bytes(bytes.try_into().ok()?);
                }
            }
            registers.ymm_high = Some(halves);
        }
        Some(registers)
    }
}

impl Core {
    /// The floating point and vector registers of the thread with this index in [`Core::threads`]. `None` if the core does
    /// not hold them.
    pub fn floating_point(&self, thread: usize) -> Option<FloatingPoint> {
        // The register sets of a thread follow its NT_PRSTATUS.
        let (mut legacy, mut extended) = (None, None);
        for note in self.notes_of_thread(thread) {
            match (note.owner, note.kind) {
                (b"CORE", PRSTATUS)
                    if crate::notes::prstatus::decode(self.architecture(), note.data).is_some() =>
                {
                    break;
                }
                (b"CORE", FPREGSET) => legacy = Some(note.data),
                (b"LINUX", X86_XSTATE) => extended = Some(note.data),
                _ => {}
            }
        }
        let is_known = *self.architecture() == crate::X86_64;
        is_known.then(|| FloatingPoint::decode(legacy.or(extended)?, extended)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_in_their_initial_state_are_zero_whatever_the_area_holds() {
        let mut area = vec![0xaa; 832];
        area[ENABLED..ENABLED + 8].copy_from_slice(&7_u64.to_le_bytes());
        area[XSTATE_BV..XSTATE_BV + 8].copy_from_slice(&SSE.to_le_bytes());
        let registers = FloatingPoint::decode(&area[..512], Some(&area)).unwrap();
        assert_eq!((registers.control, registers.status), (0x37f, 0));
        assert_eq!(registers.xmm[3], u128::from_le_bytes([0xaa; 16]));
        assert_eq!(registers.ymm_high, Some([0; 16]));
        for len in 0..area.len() {
            let decoded = FloatingPoint::decode(&area[..len.min(512)], Some(&area[..len]));
            assert_eq!(decoded.is_some(), len >= 512, "{len} bytes");
        }
    }
}
