//! The instructions of x86-64, decoded by the `iced-x86` crate.

use core_reader::{Registers, X86_64};
use iced_x86::{DecoderOptions, Formatter, GasFormatter, OpKind, Register};

use super::{Decoded, Decoder};

/// Columns of a mnemonic.
const MNEMONIC: u32 = 7;

pub(super) static DECODER: Decoder = Decoder {
    of: &X86_64,
    shortest: 1,
    kernel_call: &[0x0f, 0x05],
    decode,
    length: |bytes, address| Some(decoded(bytes, address)?.len()),
    accessed,
};

fn decoded(bytes: &[u8], address: u64) -> Option<iced_x86::Instruction> {
    let decoded = iced_x86::Decoder::with_ip(64, bytes, address, DecoderOptions::NONE).decode();
    (!decoded.is_invalid()).then_some(decoded)
}

fn decode(bytes: &[u8], address: u64) -> Option<Decoded> {
    let decoded = decoded(bytes, address)?;
    let mut formatter = GasFormatter::new();
    let options = formatter.options_mut();
    options.set_uppercase_hex(false);
    options.set_small_hex_numbers_in_decimal(false);
    options.set_branch_leading_zeros(false);
    options.set_rip_relative_addresses(true);
    // Without an index the formatter would write a comma for it all the same.
    options.set_always_show_scale(decoded.memory_index() != Register::None);
    options.set_first_operand_char_index(MNEMONIC);
    let mut text = String::new();
    formatter.format(&decoded, &mut text);
    let target = (0..decoded.op_count()).find_map(|operand| match decoded.op_kind(operand) {
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
            Some(decoded.near_branch_target())
        }
        _ => None,
    });
    let refers = decoded.is_ip_rel_memory_operand().then(|| decoded.ip_rel_memory_address());
    Some(Decoded { text, length: decoded.len(), target, refers })
}

fn accessed(bytes: &[u8], registers: &Registers) -> Option<u64> {
    let decoded = decoded(bytes, registers.instruction_pointer())?;
    let mut operands = (0..decoded.op_count()).filter(|operand| decoded.op_kind(*operand) == OpKind::Memory);
    let operand = operands.next()?;
    decoded.virtual_address(operand, 0, |register, _, _| {
        Some(match register {
            Register::RAX => registers.get("rax")?,
            Register::RBX => registers.get("rbx")?,
            Register::RCX => registers.get("rcx")?,
            Register::RDX => registers.get("rdx")?,
            Register::RSI => registers.get("rsi")?,
            Register::RDI => registers.get("rdi")?,
            Register::RBP => registers.get("rbp")?,
            Register::RSP => registers.get("rsp")?,
            Register::R8 => registers.get("r8")?,
            Register::R9 => registers.get("r9")?,
            Register::R10 => registers.get("r10")?,
            Register::R11 => registers.get("r11")?,
            Register::R12 => registers.get("r12")?,
            Register::R13 => registers.get("r13")?,
            Register::R14 => registers.get("r14")?,
            Register::R15 => registers.get("r15")?,
            Register::FS => registers.get("fsbase")?,
            Register::GS => registers.get("gsbase")?,
            // Their base is zero.
            Register::CS | Register::DS | Register::ES | Register::SS => 0,
            _ => return None,
        })
    })
}
