//! Machine code as text: the instructions of x86-64 in the syntax of the GNU tools (AT&T), decoded by the `iced-x86` crate.
//!
//! Numbers are hexadecimal with `0x`. The target of a branch, and what an operand relative to `rip` refers to, is followed by
//! its symbol in angle brackets: `call 0x7ef4d0 <_start>`.

use core_reader::{Address, Memory, MemoryError, Registers};
use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter, OpKind, Register};

use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;

/// No instruction is longer, in bytes.
pub const LONGEST: usize = 15;
/// Columns of a mnemonic.
const MNEMONIC: u32 = 7;

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// `mov    %rsp,%rbp`; `(bad)` for bytes that are no instruction. Escaped.
    pub text: String,
    /// Its length in bytes; 1 for what is no instruction.
    pub length: usize,
}

/// The instruction at `address`.
///
/// # Errors
/// The memory cannot be read.
pub fn instruction(context: &Context, address: u64) -> Result<Instruction, DcmdError> {
    let (bytes, count) = code(context, address)?;
    let mut decoder = Decoder::with_ip(64, &bytes[..count], address, DecoderOptions::NONE);
    let decoded = decoder.decode();
    if decoded.is_invalid() {
        return Ok(Instruction { text: "(bad)".to_owned(), length: 1 });
    }
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
    let branch = (0..decoded.op_count()).find_map(|operand| match decoded.op_kind(operand) {
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
            Some(decoded.near_branch_target())
        }
        _ => None,
    });
    if let Some(target) = branch {
        if let Some(symbol) = context.symbolic(target) {
            text.push_str(&format!(" <{}>", escape(&symbol)));
        }
    } else if decoded.is_ip_rel_memory_operand() {
        let target = decoded.ip_rel_memory_address();
        let symbol = context.symbolic(target).map(|symbol| format!(" <{}>", escape(&symbol)));
        text.push_str(&format!("        # {target:#x}{}", symbol.unwrap_or_default()));
    }
    Ok(Instruction { text, length: decoded.len() })
}

/// The length of the instruction at `address`, as [`instruction`] has it.
///
/// # Errors
/// The memory cannot be read.
pub fn length(context: &Context, address: u64) -> Result<usize, DcmdError> {
    let (bytes, count) = code(context, address)?;
    let decoded = Decoder::with_ip(64, &bytes[..count], address, DecoderOptions::NONE).decode();
    Ok(if decoded.is_invalid() { 1 } else { decoded.len() })
}

/// The address that the next instruction of a thread accesses by its one operand in memory, with the registers as they are; nothing if it has
/// none, or cannot be read. Behind a call of the kernel it has not been executed yet: nothing either.
pub fn accessed(context: &Context, registers: &Registers) -> Option<u64> {
    const SYSCALL: [u8; 2] = [0x0f, 0x05];
    let mut before = [0; SYSCALL.len()];
    let behind = registers.rip.checked_sub(SYSCALL.len() as u64)?;
    if context.memory().ok()?.read_into(Address(behind), &mut before).is_ok() && before == SYSCALL {
        return None;
    }
    let (bytes, count) = code(context, registers.rip).ok()?;
    let decoded = Decoder::with_ip(64, &bytes[..count], registers.rip, DecoderOptions::NONE).decode();
    let mut operands = (0..decoded.op_count()).filter(|operand| decoded.op_kind(*operand) == OpKind::Memory);
    let operand = operands.next().filter(|_| !decoded.is_invalid())?;
    decoded.virtual_address(operand, 0, |register, _, _| {
        Some(match register {
            Register::RAX => registers.rax,
            Register::RBX => registers.rbx,
            Register::RCX => registers.rcx,
            Register::RDX => registers.rdx,
            Register::RSI => registers.rsi,
            Register::RDI => registers.rdi,
            Register::RBP => registers.rbp,
            Register::RSP => registers.rsp,
            Register::R8 => registers.r8,
            Register::R9 => registers.r9,
            Register::R10 => registers.r10,
            Register::R11 => registers.r11,
            Register::R12 => registers.r12,
            Register::R13 => registers.r13,
            Register::R14 => registers.r14,
            Register::R15 => registers.r15,
            Register::FS => registers.fs_base,
            Register::GS => registers.gs_base,
            // Their base is zero.
            Register::CS | Register::DS | Register::ES | Register::SS => 0,
            _ => return None,
        })
    })
}

/// Where up to `wanted` instructions before `address` begin, the first of them first; and whether that is known. It is if the
/// instructions from the start of the function on lead to `address`: without a function, the bytes before may be read in
/// several ways, and this is one of them.
///
/// # Errors
/// There is no target.
pub fn before(context: &Context, address: u64, wanted: usize) -> Result<(Vec<u64>, bool), DcmdError> {
    let found = context.target()?.symbols().nearest(Address(address), 0);
    if let Some(start) = found.map(|found| found.symbol.address.0)
        && let Some(starts) = path(context, start, address)
    {
        let skipped = starts.len().saturating_sub(wanted);
        return Ok((starts[skipped..].to_vec(), true));
    }
    let reach = (wanted.min(1 << 10) * LONGEST) as u64;
    let mut best = Vec::new();
    for start in address.saturating_sub(reach)..address {
        context.check_interrupt()?;
        let Some(starts) = path(context, start, address) else { continue };
        if starts.len() >= wanted {
            return Ok((starts[starts.len() - wanted..].to_vec(), false));
        }
        if starts.len() > best.len() {
            best = starts;
        }
    }
    Ok((best, false))
}

/// Bytes of a function before an address in it that are looked at.
const FUNCTION_LIMIT: u64 = 1 << 20;

/// The starts of the instructions from `start` on that lead to `end` exactly; nothing if none do.
pub fn path(context: &Context, start: u64, end: u64) -> Option<Vec<u64>> {
    if end.checked_sub(start)? > FUNCTION_LIMIT {
        return None;
    }
    let mut starts = Vec::new();
    let mut at = start;
    while at < end {
        starts.push(at);
        at = at.checked_add(length(context, at).ok()? as u64)?;
    }
    (at == end).then_some(starts)
}

/// The bytes at `address`, as many as an instruction can have, or as there are.
fn code(context: &Context, address: u64) -> Result<([u8; LONGEST], usize), DcmdError> {
    let memory = context.memory()?;
    let mut bytes = [0; LONGEST];
    let mut count = 0;
    while count < LONGEST {
        let at = Address(address.wrapping_add(count as u64));
        match memory.bytes_from(at) {
            Ok(piece) => {
                let take = piece.len().min(LONGEST - count);
                bytes[count..count + take].copy_from_slice(&piece[..take]);
                count += take;
            }
            Err(MemoryError::Unmapped(_)) if count == 0 => {
                return Err(DcmdError::failed("failed to read data from target: no mapping for address"));
            }
            Err(error) if count == 0 => {
                return Err(DcmdError::failed(format!("failed to read data from target: {error}")));
            }
            Err(_) => break,
        }
    }
    Ok((bytes, count))
}
