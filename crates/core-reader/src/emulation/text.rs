//! Bytes in a row, as functions of the C library see them.

use super::nowhere;
use crate::architecture::{Halt, PrivateMemory};

/// Bytes that are looked at together.
const PIECE: u64 = 64;

/// How many bytes there are before a zero, but no more than `most`.
///
/// # Errors
/// Why one cannot be read.
pub(super) fn length(memory: &mut PrivateMemory<'_>, at: u64, most: u64) -> Result<u64, Halt> {
    let found = find(memory, at, 0, most)?;
    Ok(found.map_or(most, |found| found - at))
}

/// Where a byte is.
///
/// # Errors
/// Why one before it cannot be read.
pub(super) fn find(
    memory: &mut PrivateMemory<'_>,
    at: u64,
    byte: u8,
    most: u64,
) -> Result<Option<u64>, Halt> {
    let end = at.checked_add(most).ok_or(nowhere(at))?;
    let mut from = at;
    let mut piece = [0; PIECE as usize];
    while from < end {
        // Up to a border of pieces: what lies behind a zero need not be there.
        let take = (PIECE - from % PIECE).min(end - from);
        let bytes = &mut piece[..take as usize];
        memory.read(from, bytes)?;
        if let Some(place) = memchr::memchr(byte, bytes) {
            return Ok(Some(from + place as u64));
        }
        from += take;
    }
    Ok(None)
}

/// Copies bytes, which may overlap.
///
/// # Errors
/// Why one cannot be read or written.
pub(super) fn copy(memory: &mut PrivateMemory<'_>, to: u64, from: u64, count: u64) -> Result<(), Halt> {
    let mut piece = [0; PIECE as usize];
    let mut done = 0;
    let backwards = to > from && to - from < count;
    while done < count {
        let take = PIECE.min(count - done);
        let at = if backwards { count - done - take } else { done };
        let (source, target) =
            (from.checked_add(at).ok_or(nowhere(from))?, to.checked_add(at).ok_or(nowhere(to))?);
        let bytes = &mut piece[..take as usize];
        memory.read(source, bytes)?;
        memory.write(target, bytes)?;
        done += take;
    }
    Ok(())
}

/// Sets bytes.
///
/// # Errors
/// Why one cannot be written.
pub(super) fn fill(memory: &mut PrivateMemory<'_>, to: u64, byte: u8, count: u64) -> Result<(), Halt> {
    let piece = [byte; PIECE as usize];
    for done in (0..count).step_by(PIECE as usize) {
        let take = PIECE.min(count - done) as usize;
        memory.write(to.checked_add(done).ok_or(nowhere(to))?, &piece[..take])?;
    }
    Ok(())
}

/// The order of two rows of bytes; up to a zero, if they are texts.
///
/// # Errors
/// Why a byte cannot be read.
pub(super) fn compare(
    memory: &mut PrivateMemory<'_>,
    one: u64,
    other: u64,
    count: u64,
    are_texts: bool,
) -> Result<i32, Halt> {
    for done in 0..count {
        let mut byte = |from: u64| memory.number(from.checked_add(done).ok_or(nowhere(from))?, 1);
        let (one, other) = (byte(one)?, byte(other)?);
        if one != other {
            return Ok(if one < other { -1 } else { 1 });
        }
        if are_texts && one == 0 {
            break;
        }
    }
    Ok(0)
}
