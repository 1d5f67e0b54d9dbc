//! Machine code as text: instructions in the syntax of the GNU tools, with x86-64 as AT&T writes it.
//!
//! Numbers are hexadecimal with `0x`. The target of a branch, and what an operand relative to the instruction refers to, is followed by
//! its symbol in angle brackets: `call 0x7ef4d0 <_start>`.

mod aarch64;
mod x86_64;

use core_reader::{Address, Architecture, Memory, MemoryError, Registers};

use crate::context::Context;
use crate::error::DcmdError;
use crate::output::escape;

/// No instruction is longer, in bytes.
pub const LONGEST: usize = 15;

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// `mov    %rsp,%rbp`; `(bad)` for bytes that are no instruction. Escaped.
    pub text: String,
    /// Its length in bytes; that of the shortest there is for what is no instruction.
    pub length: usize,
}

/// What a decoder makes of an instruction.
struct Decoded {
    text: String,
    length: usize,
    /// Where it branches to; the text ends with that.
    target: Option<u64>,
    /// What memory it refers to relative to itself.
    refers: Option<u64>,
}

/// Who knows the instructions of a processor.
struct Decoder {
    of: &'static Architecture,
    /// Length of the shortest instruction; all begin at a multiple of it.
    shortest: usize,
    /// The instruction that calls the kernel.
    kernel_call: &'static [u8],
    /// The instruction in front of these bytes, at an address.
    decode: fn(&[u8], u64) -> Option<Decoded>,
    /// Its length.
    length: fn(&[u8], u64) -> Option<usize>,
    /// The address that it accesses by its one operand in memory.
    accessed: fn(&[u8], &Registers) -> Option<u64>,
}

static DECODERS: [&Decoder; 2] = [&x86_64::DECODER, &aarch64::DECODER];

fn decoder(context: &Context) -> Result<&'static Decoder, DcmdError> {
    let architecture = context.target()?.core().architecture();
    let decoder = DECODERS.iter().copied().find(|decoder| decoder.of == architecture);
    decoder.ok_or_else(|| {
        DcmdError::failed(format!("nothing here reads the instructions of {}", architecture.name))
    })
}

/// The instruction at `address`.
///
/// # Errors
/// The memory cannot be read.
pub fn instruction(context: &Context, address: u64) -> Result<Instruction, DcmdError> {
    let decoder = decoder(context)?;
    let (bytes, count) = code(context, address)?;
    let Some(decoded) = (decoder.decode)(&bytes[..count], address) else {
        return Ok(Instruction { text: "(bad)".to_owned(), length: decoder.shortest });
    };
    let mut text = decoded.text;
    let symbol = |at: u64| context.symbolic(at).map(|symbol| format!(" <{}>", escape(&symbol)));
    if let Some(target) = decoded.target {
        text.push_str(&symbol(target).unwrap_or_default());
    } else if let Some(place) = decoded.refers {
        text.push_str(&format!("        # {place:#x}{}", symbol(place).unwrap_or_default()));
    }
    Ok(Instruction { text, length: decoded.length })
}

/// The length of the instruction at `address`, as [`instruction`] has it.
///
/// # Errors
/// The memory cannot be read.
pub fn length(context: &Context, address: u64) -> Result<usize, DcmdError> {
    let decoder = decoder(context)?;
    let (bytes, count) = code(context, address)?;
    Ok((decoder.length)(&bytes[..count], address).unwrap_or(decoder.shortest))
}

/// The address that the next instruction of a thread accesses by its one operand in memory, with the registers as they are; nothing if it has
/// none, or cannot be read. Behind a call of the kernel it has not been executed yet: nothing either.
pub fn accessed(context: &Context, registers: &Registers) -> Option<u64> {
    let decoder = decoder(context).ok()?;
    let at = registers.instruction_pointer();
    let mut before = vec![0; decoder.kernel_call.len()];
    let behind = at.checked_sub(before.len() as u64)?;
    if context.memory().ok()?.read_into(Address(behind), &mut before).is_ok() && before == decoder.kernel_call
    {
        return None;
    }
    let (bytes, count) = code(context, at).ok()?;
    (decoder.accessed)(&bytes[..count], registers)
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
    let shortest = decoder(context)?.shortest;
    let mut best = Vec::new();
    let first = address.saturating_sub(reach).next_multiple_of(shortest as u64);
    for start in (first..address).step_by(shortest) {
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
