//! `::fpregs`: print the floating point and vector registers of a thread.
//!
//! Of the current thread, or of the one whose id stands in front: the x87 registers, the SSE registers, and the AVX registers
//! if the core has them. An x87 register is shown as the core holds it, and as a number rounded to a double; `empty` if
//! nothing is in it.
//!
//! The places of the AVX-512 registers differ between processors, and a core does not say which it is from: they are not
//! shown.

use std::io::Write;

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::value::Kind;

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[Example::on(
    "leak-24",
    "$x",
    r#"
v8mdb: no floating point registers available for thread 3007
"#,
)];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "fpregs",
    aliases: &["$x", "$X", "$y", "$Y"],
    summary: "print the floating point and vector registers of a thread",
    family: Family::Process,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Thread]),
    yields: Yields::Text,
    options: &[],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("fpregs.rs"),
    examples: EXAMPLES,
    start: |_, _| {
        Ok(for_each(|context, item, out| {
            let thread = context.thread_of(item)?;
            let core = context.target()?.core();
            let index = core.thread_with_id(thread.id);
            let registers = index.and_then(|index| core.floating_point(index));
            let registers = registers.ok_or_else(|| {
                DcmdError::failed(format!("no floating point registers available for thread {:x}", thread.id))
            })?;
            let mut text = out.text();
            writeln!(
                text,
                "control {:#06x}  status {:#06x}  tags {:#04x}  opcode {:#06x}",
                registers.control, registers.status, registers.tags, registers.opcode
            )?;
            writeln!(
                text,
                "instruction {:#018x}  operand {:#018x}",
                registers.instruction, registers.operand
            )?;
            let top = registers.status >> 11 & 7;
            for (index, bytes) in registers.stack.iter().enumerate() {
                let hex: String = bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect();
                // The tags are by physical number, the registers by their distance from the top.
                let physical = (usize::from(top) + index) % 8;
                let value = match registers.tags >> physical & 1 {
                    0 => "empty".to_owned(),
                    _ => extended(*bytes).to_string(),
                };
                writeln!(text, "%st{index}  0x{hex} {value}")?;
            }
            writeln!(text, "%mxcsr {:#010x}", registers.mxcsr)?;
            for (index, low) in registers.xmm.iter().enumerate() {
                match registers.ymm_high {
                    Some(high) => writeln!(text, "%ymm{index:<2} 0x{:032x} {low:032x}", high[index])?,
                    None => writeln!(text, "%xmm{index:<2} 0x{low:032x}")?,
                }
            }
            Ok(())
        }))
    },
};

/// An 80-bit number: sign, 15 bits of exponent, 64 bits of significand with its leading 1.
fn extended(bytes: [u8; 10]) -> f64 {
    let mut significand = [0; 8];
    significand.copy_from_slice(&bytes[..8]);
    let significand = u64::from_le_bytes(significand);
    let high = u16::from_le_bytes([bytes[8], bytes[9]]);
    let sign = if high >> 15 == 1 { -1.0 } else { 1.0 };
    match (i32::from(high & 0x7fff), significand << 1) {
        (0x7fff, 0) => sign * f64::INFINITY,
        (0x7fff, _) => f64::NAN,
        // In two steps: a very small power of two alone would round to 0.
        (exponent, _) => {
            let scale = exponent - 16383 - 63;
            sign * significand as f64 * 2_f64.powi(scale / 2) * 2_f64.powi(scale - scale / 2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::extended;

    #[test]
    fn numbers_of_eighty_bits() {
        let number = |high: u16, significand: u64| {
            let mut bytes = [0; 10];
            bytes[..8].copy_from_slice(&significand.to_le_bytes());
            bytes[8..].copy_from_slice(&high.to_le_bytes());
            extended(bytes)
        };
        assert_eq!(number(0x3fff, 1 << 63), 1.0);
        assert_eq!(number(0xc000, 0xc000_0000_0000_0000), -3.0);
        assert_eq!(number(0x4000, 0xc90f_daa2_2168_c235), std::f64::consts::PI);
        assert_eq!(number(0x7fff, 1 << 63), f64::INFINITY);
        assert!(number(0x7fff, 3 << 62).is_nan());
        assert_eq!(number(0, 0), 0.0);
    }
}
