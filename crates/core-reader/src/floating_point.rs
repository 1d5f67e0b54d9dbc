//! The floating point and vector registers of a thread.
//!
//! Source, for x86-64: `NT_FPREGSET` holds `struct user_i387_struct` (`sys/user.h`), which is the 512 bytes of the `FXSAVE`
//! instruction; `NT_X86_XSTATE` holds the area of `XSAVE` in its standard form (Intel SDM, volume 1, sections 10.5 and
//! 13.4): those 512 bytes, a header whose first word (`XSTATE_BV`) says which parts are not in their initial state, and
//! at 576 the upper halves of the sixteen `ymm` registers.
//!
//! The places of what comes behind (`AVX-512`) differ between processors, and a core does not say which one it is from.

use crate::fields::Fields;

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
pub enum FloatingPoint {
    /// Of x86-64.
    X86(Box<X86FloatingPoint>),
    /// Of arm64.
    Arm64(Box<Arm64FloatingPoint>),
}

impl FloatingPoint {
    /// From the notes of x86-64.
    pub(crate) fn of_x86(legacy: &[u8], extended: Option<&[u8]>) -> Option<FloatingPoint> {
        X86FloatingPoint::decode(legacy, extended).map(|registers| FloatingPoint::X86(Box::new(registers)))
    }

    /// From `NT_FPREGSET` of arm64.
    pub(crate) fn of_arm64(set: &[u8], _: Option<&[u8]>) -> Option<FloatingPoint> {
        Arm64FloatingPoint::decode(set).map(|registers| FloatingPoint::Arm64(Box::new(registers)))
    }
}

/// Those of arm64 (`struct user_fpsimd_state`, `arch/arm64/include/uapi/asm/ptrace.h`): 528 bytes. Scalable vectors (SVE), of which these
/// are the lower parts, are in notes of their own, which are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm64FloatingPoint {
    /// `v0` to `v31`.
    pub vectors: [u128; 32],
    /// Status.
    pub fpsr: u32,
    /// Control.
    pub fpcr: u32,
}

impl Arm64FloatingPoint {
    fn decode(set: &[u8]) -> Option<Arm64FloatingPoint> {
        let fields = Fields(set);
        let mut vectors = [0; 32];
        for (index, vector) in vectors.iter_mut().enumerate() {
            *vector = u128::from_le_bytes(fields.bytes(16 * index, 16)?.try_into().ok()?);
        }
        Some(Arm64FloatingPoint { vectors, fpsr: fields.u32(512)?, fpcr: fields.u32(516)? })
    }
}

/// Those of x86-64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct X86FloatingPoint {
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

impl X86FloatingPoint {
    fn decode(legacy: &[u8], extended: Option<&[u8]>) -> Option<X86FloatingPoint> {
        let area = extended.filter(|area| area.len() >= YMM_HIGH).unwrap_or(legacy);
        let fields = Fields(area.get(..FXSAVE_SIZE)?);
        let header = extended.map(Fields);
        let changed = header.and_then(|header| header.u64(XSTATE_BV)).unwrap_or(u64::MAX);
        let wide = |at: usize| Some(u128::from_le_bytes(fields.bytes(at, 16)?.try_into().ok()?));
        let mut registers = X86FloatingPoint {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_in_their_initial_state_are_zero_whatever_the_area_holds() {
        let mut area = vec![0xaa; 832];
        area[ENABLED..ENABLED + 8].copy_from_slice(&7_u64.to_le_bytes());
        area[XSTATE_BV..XSTATE_BV + 8].copy_from_slice(&SSE.to_le_bytes());
        let registers = X86FloatingPoint::decode(&area[..512], Some(&area)).unwrap();
        assert_eq!((registers.control, registers.status), (0x37f, 0));
        assert_eq!(registers.xmm[3], u128::from_le_bytes([0xaa; 16]));
        assert_eq!(registers.ymm_high, Some([0; 16]));
        for len in 0..area.len() {
            let decoded = X86FloatingPoint::decode(&area[..len.min(512)], Some(&area[..len]));
            assert_eq!(decoded.is_some(), len >= 512, "{len} bytes");
        }
    }

    #[test]
    fn vectors_of_arm64_come_before_status_and_control() {
        let mut set = vec![0; 528];
        set[16 * 31] = 7;
        set[512..520].copy_from_slice(&[1, 0, 0, 0, 2, 0, 0, 0]);
        let registers = Arm64FloatingPoint::decode(&set).unwrap();
        assert_eq!((registers.vectors[31], registers.fpsr, registers.fpcr), (7, 1, 2));
        assert_eq!(Arm64FloatingPoint::decode(&set[..519]), None);
    }
}
