//! `::fpregs`: print the floating point and vector registers of a thread.
//!
//! Of the current thread, or of the one whose id stands in front: the x87 registers, the SSE registers, and the AVX registers
//! if the core has them. An x87 register is shown as the core holds it, and as a number rounded to a double; `empty` if
//! nothing is in it.
//!
//! On arm64: `v0` to `v31`, status and control.
//!
//! The places of the AVX-512 registers differ between processors, and a core does not say which it is from: they are not
//! shown.

use std::io::Write;

use core_reader::{Arm64FloatingPoint, FloatingPoint, X86FloatingPoint};
use serde_json::{Value, json};

use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each};
use crate::error::DcmdError;
use crate::output::hex;
use crate::stage::Out;
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
    options: &[Opt::JSON],
    operands: Operands::NONE,
    needs: &[Capability::Core],
    manual: include_str!("fpregs.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        Ok(for_each(move |context, item, out| {
            let thread = context.thread_of(item)?;
            let core = context.target()?.core();
            let index = core.thread_with_id(thread.id);
            let registers = index.and_then(|index| core.floating_point(index));
            let registers = registers.ok_or_else(|| {
                DcmdError::failed(format!("no floating point registers available for thread {:x}", thread.id))
            })?;
            match (as_json, registers) {
                (true, FloatingPoint::X86(registers)) => out.json(&line_of(thread.id, &registers)),
                (true, FloatingPoint::Arm64(registers)) => out.json(&json!({
                    "thread": thread.id,
                    "fpsr": hex(registers.fpsr.into()),
                    "fpcr": hex(registers.fpcr.into()),
                    "vectors": wide(&registers.vectors),
                })),
                (false, FloatingPoint::X86(registers)) => print_x86(&registers, out),
                (false, FloatingPoint::Arm64(registers)) => print_arm64(&registers, out),
            }
        }))
    },
};

fn print_arm64(registers: &Arm64FloatingPoint, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut text = out.text();
    writeln!(text, "%fpsr {:#010x}  %fpcr {:#010x}", registers.fpsr, registers.fpcr)?;
    for (index, vector) in registers.vectors.iter().enumerate() {
        writeln!(text, "%v{index:<2} 0x{vector:032x}")?;
    }
    Ok(())
}

fn print_x86(registers: &X86FloatingPoint, out: &mut Out<'_>) -> Result<(), DcmdError> {
    let mut text = out.text();
    writeln!(
        text,
        "control {:#06x}  status {:#06x}  tags {:#04x}  opcode {:#06x}",
        registers.control, registers.status, registers.tags, registers.opcode
    )?;
    writeln!(text, "instruction {:#018x}  operand {:#018x}", registers.instruction, registers.operand)?;
    for (index, bytes) in registers.stack.iter().enumerate() {
        let hex: String = bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect();
        let value = match is_empty(registers, index) {
            true => "empty".to_owned(),
            false => extended(*bytes).to_string(),
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
}

fn wide(values: &[u128]) -> Vec<String> {
    values.iter().map(|value| format!("0x{value:032x}")).collect()
}

/// Whether nothing is in an x87 register, counted from the top of their stack.
fn is_empty(registers: &X86FloatingPoint, index: usize) -> bool {
    let top = registers.status >> 11 & 7;
    // The tags are by physical number.
    let physical = (usize::from(top) + index) % 8;
    registers.tags >> physical & 1 == 0
}

/// All registers as one line.
fn line_of(thread: u32, registers: &X86FloatingPoint) -> Value {
    let x87 = registers.stack.iter().enumerate().map(|(index, bytes)| {
        let digits: String = bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect();
        let value = (!is_empty(registers, index)).then(|| extended(*bytes).to_string());
        json!({ "bits": format!("0x{digits}"), "value": value })
    });
    json!({
        "thread": thread,
        "control": hex(registers.control.into()),
        "status": hex(registers.status.into()),
        "tags": hex(registers.tags.into()),
        "opcode": hex(registers.opcode.into()),
        "instruction": hex(registers.instruction),
        "operand": hex(registers.operand),
        "x87": x87.collect::<Vec<_>>(),
        "mxcsr": hex(registers.mxcsr.into()),
        "xmm": wide(&registers.xmm),
        "ymmHigh": registers.ymm_high.as_ref().map(|values| wide(values)),
    })
}

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
