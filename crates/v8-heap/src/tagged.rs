//! Tagged words: how V8 stores any JavaScript value in one machine word.
//!
//! ```text
//!   63            32 31                           1  0
//!  +----------------+--------------------------------+
//!  | Smi, signed    | 0                              |   bit 0 = 0: small integer
//!  +----------------+--------------------------------+
//!  | address of a heap object + 1                    |   bits 1-0 = 01: strong pointer
//!  +-------------------------------------------------+
//!  | address of a heap object + 3                    |   bits 1-0 = 11: weak pointer
//!  +-------------------------------------------------+
//! ```
//!
//! This is the layout of 64-bit builds without pointer compression, which all official Node.js binaries are
//! (V8: `include/v8-internal.h`, `kHeapObjectTag`, `kWeakHeapObjectTag`, `SmiTagging<8>`). A weak pointer whose
//! target died has 3 in its low 32 bits (`kClearedWeakHeapObjectLower32`).

use std::fmt;

/// No object has a higher address: user space ends below it even with five-level page tables. A word beyond is no
/// pointer, so that the address of an object plus the offset of anything in it never overflows.
pub const ADDRESS_LIMIT: u64 = 1 << 57;

/// A word as V8 stores it: a Smi, or a pointer to a heap object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Tagged(pub u64);

impl Tagged {
    /// The strong pointer to the heap object at the untagged `address`.
    pub const fn pointer(address: u64) -> Tagged {
        Tagged(address | 1)
    }

    /// The Smi with this value.
    pub const fn from_smi(value: i32) -> Tagged {
        Tagged((value as u32 as u64) << 32)
    }

    /// The value if this is a well-formed Smi.
    pub const fn smi(self) -> Option<i32> {
        if self.0 as u32 == 0 { Some((self.0 >> 32) as i32) } else { None }
    }

    /// Untagged address of the object, for a strong pointer; always below 2^57 (`ADDRESS_LIMIT`).
    pub const fn strong(self) -> Option<u64> {
        if self.0 & 3 == 1 && self.0 < ADDRESS_LIMIT { Some(self.0 - 1) } else { None }
    }

    /// Untagged address of the object, for a strong pointer or a weak one that is not cleared; always below
    /// 2^57 (`ADDRESS_LIMIT`).
    pub const fn object(self) -> Option<u64> {
        match self.0 & 3 {
            1 | 3 if self.0 >= ADDRESS_LIMIT => None,
            1 => Some(self.0 - 1),
            3 if self.0 as u32 != 3 => Some(self.0 & !3),
            _ => None,
        }
    }
}

impl fmt::Debug for Tagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// Prints as MDB prints addresses: bare lower-case hexadecimal.
impl fmt::Display for Tagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decode_by_their_low_bits() {
        assert_eq!(Tagged(0x7_0000_0000).smi(), Some(7));
        assert_eq!(Tagged(0xffff_fff9_0000_0000).smi(), Some(-7));
        assert_eq!(Tagged::from_smi(i32::MIN).smi(), Some(i32::MIN));
        assert_eq!(Tagged(0x2b1e_00c0_ffe9).strong(), Some(0x2b1e_00c0_ffe8));
        assert_eq!(Tagged(0x2b1e_00c0_ffe9).smi(), None);
        assert_eq!(Tagged(0x2b1e_00c0_ffeb).strong(), None, "weak pointers are not strong");
        assert_eq!(Tagged(0x2b1e_00c0_ffeb).object(), Some(0x2b1e_00c0_ffe8));
        assert_eq!(Tagged(0x7_0000_0003).object(), None, "a cleared weak pointer has no target");
        assert_eq!(Tagged(u64::MAX - 2).strong(), None, "no user space there");
        assert_eq!(Tagged(u64::MAX).object(), None, "no user space there");
    }
}
