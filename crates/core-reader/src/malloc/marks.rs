//! Bits, one for each block.

/// A set of blocks: a bit for each, by number.
#[derive(Clone, Debug, Default)]
pub struct BlockMarks(Vec<u64>);

impl BlockMarks {
    /// None of so many blocks.
    pub fn new(count: usize) -> BlockMarks {
        BlockMarks(vec![0; count.div_ceil(64)])
    }

    /// Whether a block is marked; one that there is no room for is not.
    pub fn has(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Marks a block. Whether it is new.
    pub fn set(&mut self, index: usize) -> bool {
        let Some(word) = self.0.get_mut(index / 64) else { return false };
        let before = *word;
        *word |= 1 << (index % 64);
        *word != before
    }

    /// Takes the mark of a block away.
    pub fn clear(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    /// What is in one of several sets of as many blocks.
    pub(super) fn all(some: Vec<BlockMarks>) -> BlockMarks {
        let together = some.into_iter().reduce(|mut all, other| {
            all.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
            all
        });
        together.unwrap_or_default()
    }
}
