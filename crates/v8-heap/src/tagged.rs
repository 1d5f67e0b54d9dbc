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
//!
//! Where pointers are compressed, a word of the heap has four bytes: the low half of the same, whose high half is that of the
//! *cage*, 4 GiB at a multiple of their size in which all objects are; and a Smi is the number times two
//! (`src/common/ptr-compr-inl.h`, `SmiTagging<4>`). [`Encoding`] says which it is, and makes of either the same [`Tagged`]: nothing
//! else asks.

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

/// How the tagged words of a page lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Whole, in eight bytes.
    Whole,
    /// The low half, in four bytes; the high half is that of the address where the cage begins.
    Caged(u64),
}

impl Encoding {
    /// Bytes of a word.
    pub const fn size(self) -> u64 {
        match self {
            Encoding::Whole => Whole::SIZE as u64,
            Encoding::Caged(_) => Caged::SIZE as u64,
        }
    }

    /// Where the addresses begin that words count from.
    pub const fn base(self) -> u64 {
        match self {
            Encoding::Whole => 0,
            Encoding::Caged(base) => base,
        }
    }

    /// The word that `bytes` begin with; `None` if they are too few.
    pub fn first(self, bytes: &[u8]) -> Option<Tagged> {
        match self {
            Encoding::Whole => Whole.first(bytes),
            Encoding::Caged(base) => Caged(base).first(bytes),
        }
    }

    /// The words of `bytes`, up to the last that is complete.
    pub fn each(self, bytes: &[u8]) -> impl ExactSizeIterator<Item = Tagged> + '_ {
        bytes.chunks_exact(self.size() as usize).map(move |word| match self {
            Encoding::Whole => Whole.word(word),
            Encoding::Caged(base) => Caged(base).word(word),
        })
    }

    /// What a word of eight bytes outside of the pages is, as handles and stacks have them: a pointer is whole there, a Smi is as large
    /// as the word but otherwise encoded as in the heap.
    pub const fn outside(self, word: u64) -> Tagged {
        match self {
            Encoding::Caged(_) if word & 1 == 0 => Caged::smi(word as u32),
            _ => Tagged(word),
        }
    }
}

/// One encoding, for loops over whole pages, which are compiled for each.
pub(crate) trait TaggedWords: Copy {
    /// Bytes of a word.
    const SIZE: usize;

    /// The word in these bytes, of which there are [`Self::SIZE`].
    fn word(self, bytes: &[u8]) -> Tagged;

    /// The word that `bytes` begin with; `None` if they are too few.
    #[inline]
    fn first(self, bytes: &[u8]) -> Option<Tagged> {
        Some(self.word(bytes.get(..Self::SIZE)?))
    }
}

/// [`Encoding::Whole`]
#[derive(Clone, Copy)]
pub(crate) struct Whole;

impl TaggedWords for Whole {
    const SIZE: usize = 8;

    #[inline]
    fn word(self, bytes: &[u8]) -> Tagged {
        Tagged(u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
    }
}

/// [`Encoding::Caged`], with where the cage begins.
#[derive(Clone, Copy)]
pub(crate) struct Caged(pub u64);

impl Caged {
    const fn smi(word: u32) -> Tagged {
        Tagged::from_smi(word as i32 >> 1)
    }
}

impl TaggedWords for Caged {
    const SIZE: usize = 4;

    #[inline]
    fn word(self, bytes: &[u8]) -> Tagged {
        let word = u32::from_le_bytes(bytes.try_into().expect("four bytes"));
        match word & 1 {
            0 => Caged::smi(word),
            // What was weak and is cleared leads nowhere.
            _ if word == CLEARED => Tagged(word as u64),
            _ => Tagged(self.0 | word as u64),
        }
    }
}

/// `kClearedWeakHeapObjectLower32`
const CLEARED: u32 = 3;

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
    fn compressed_words_are_the_same_values() {
        let cage = 0x2b1e_0000_0000;
        let each = |words: &[u32]| -> Vec<Tagged> {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            Encoding::Caged(cage).each(&bytes).collect()
        };
        let read = each(&[84, -14_i32 as u32, 0x7fff_fffe, 0x8000_0000, 0x00c0_ffe9, 0x00c0_ffeb, 3]);
        let smis: Vec<Option<i32>> = read.iter().map(|word| word.smi()).collect();
        assert_eq!(smis[..4], [Some(42), Some(-7), Some(1_073_741_823), Some(-1_073_741_824)]);
        assert_eq!(read[4].strong(), Some(0x2b1e_00c0_ffe8));
        assert_eq!((read[5].strong(), read[5].object()), (None, Some(0x2b1e_00c0_ffe8)));
        assert_eq!(read[6].object(), None, "cleared");
        assert_eq!(Encoding::Caged(cage).first(&[1, 2, 3]), None);
        assert_eq!(Encoding::Caged(cage).outside(84).smi(), Some(42));
        assert_eq!(Encoding::Caged(cage).outside(0x2b1e_00c0_ffe9).strong(), Some(0x2b1e_00c0_ffe8));
        assert_eq!(Encoding::Whole.outside(7 << 32).smi(), Some(7));
    }

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
